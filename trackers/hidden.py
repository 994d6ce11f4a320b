"""Who is hidden: people without a detection whom somebody nearer explains."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.geometry import areas, intersections
from mdpr.trackers.track_table import LOST, SEEN, TrackTable

LEAST_COVERED = 0.3
"""Part of an expected box that a single nearer person must cover to be why nobody was found there. Detectors begin
to miss people at about this: on MOT16-02, 3 of 100 who are nine tenths visible, and 45 of 100 who are half visible."""

LEAST_DETECTIONS = 10
"""A track with fewer is not shown while it is hidden: its way is not known, and it may be a mistake of the detector."""


def hidden_tracks(table: TrackTable, is_over: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Rows of the lost tracks that are hidden behind a seen one.

    Nearer to the camera means lower in the picture, as in `views`: the nearer box ends at least as low.
    """
    lost = ((table.state == LOST) > is_over).nonzero()[0]
    if len(lost) == 0:
        return lost
    seen = ((table.state == SEEN) > is_over).nonzero()[0]
    if len(seen) == 0:
        return seen
    boxes = table.boxes()
    behind, before = boxes.take(lost, axis=1), boxes.take(seen, axis=1)
    shared = intersections(behind, before)
    shared *= before[3] >= behind[3][:, None]
    hidden: NDArray[np.intp] = lost[shared.max(axis=1) >= LEAST_COVERED * areas(behind)]
    return hidden
