"""Who is hidden: people without a detection whom somebody nearer explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST_COVERED = 0.3
"""Part of an expected box that a single nearer person must cover to be why nobody was found there. Detectors begin
to miss people at about this: on MOT16-02, 3 of 100 who are nine tenths visible, and 45 of 100 who are half visible."""

LEAST_DETECTIONS = 10
"""A track with fewer is not shown while it is hidden: its way is not known, and it may be a mistake of the detector."""

LEAST_CLEAR = 5
"""Nor is one that was seen clearly less often: a box that always lay on somebody nearer is mostly a part of them."""


def hidden_behind(
    lower_edge_lost: NDArray[np.float32],
    area_lost: NDArray[np.float32],
    lower_edge_seen: NDArray[np.float32],
    shared: NDArray[np.float32],
) -> NDArray[np.bool_]:
    """Which of L lost tracks are hidden behind one of S seen ones.

    Nearer to the camera means lower in the picture, as in `views`: the nearer box ends at least as low.

    Args:
        lower_edge_lost, area_lost: (L,) y2 and area of the expected boxes.
        lower_edge_seen: (S,) y2 of the seen ones.
        shared: (S, L) areas of their intersections.

    >>> hidden_behind(np.array([100.0]), np.array([400.0]), np.array([110.0, 90.0]), np.array([[200.0], [300.0]]))
    array([ True])
    """
    covering = shared * (lower_edge_seen[:, None] >= lower_edge_lost)
    hidden: NDArray[np.bool_] = covering.max(axis=0, initial=0) >= LEAST_COVERED * area_lost
    return hidden
