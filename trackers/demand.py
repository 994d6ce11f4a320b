"""Which detections of a frame an embedding would decide something for; the rest need not be embedded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAFE_IOU = 0.5
"""Overlap from which a track is expected to go on with a detection that nothing else lies near."""

CROWDED_IOU = 0.1
"""Overlap from which a second track or detection makes a match doubtful."""


def embedding_demand(
    overlap: NDArray[np.float32],
    is_seen: NDArray[np.bool_],
    is_due: NDArray[np.bool_],
    is_clear: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    """Whether an embedding of each of N detections would decide something.

    It would not where one track that was seen in the last frame lies on the detection, and no other track or detection
    lies near either of them: motion alone decides that. Such a detection is wanted only every so often, to keep what
    the track looks like up to date, and then only if it shows its person clearly. Everything else is wanted: what may
    be new, what may be somebody recovered, and what is crowded.

    Args:
        overlap: (T, N) intersection over union of expected tracks and detections, 0 for pairs of different classes.
        is_seen: (T,) confirmed tracks that the last frame showed.
        is_due: (T,) tracks whose appearance is unknown or has not been looked at for long.
        is_clear: (N,) detections that show their person well.

    Returns:
        (N,) booleans.

    >>> overlap = np.array([[0.8, 0.0, 0.0], [0.0, 0.7, 0.0], [0.0, 0.2, 0.0]])
    >>> embedding_demand(overlap, np.ones(3, bool), np.zeros(3, bool), np.ones(3, bool))
    array([False,  True,  True])
    """
    if len(overlap) == 0 or overlap.shape[1] == 0:
        return np.ones(overlap.shape[1], dtype=np.bool_)
    is_near = overlap >= CROWDED_IOU
    is_alone = is_near.sum(axis=1) == 1  # (T,)
    owner = overlap.argmax(axis=0)  # (N,)
    is_safe = (is_near.sum(axis=0) == 1) & is_alone[owner] & is_seen[owner] & (overlap.max(axis=0) >= SAFE_IOU)
    needed: NDArray[np.bool_] = ~is_safe | (is_due[owner] & is_clear)
    return needed
