"""One frame's matches, filled round by round: each round offers what the earlier ones left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import iou_matrix
from mdpr.trackers.assignment import assign
from mdpr.trackers.lifecycle import Scene
from mdpr.trackers.track_table import TrackTable


class Matching:
    """Which detection each track has so far.

    Attributes:
        column: (T,) detection of each track, -1 for none.
        is_free: (N,) detections that may still be matched.
    """

    def __init__(self, tracks: int, is_usable: NDArray[np.bool_]) -> None:
        self.column = np.full(tracks, -1, dtype=np.intp)
        self.is_free = is_usable.copy()

    def open_rows(self, is_candidate: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Those of the (T,) candidates without a detection."""
        return np.flatnonzero(is_candidate & (self.column < 0))

    def open_columns(self, is_offered: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Those of the (N,) offered detections without a track."""
        return np.flatnonzero(is_offered & self.is_free)

    def take(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
        """Match `rows[i]` with `columns[i]`."""
        self.column[rows] = columns
        self.is_free[columns] = False


def match_by_overlap(
    matching: Matching,
    table: TrackTable,
    scene: Scene,
    is_candidate: NDArray[np.bool_],
    is_offered: NDArray[np.bool_],
    min_iou: float,
    solver: str,
) -> None:
    """A round by overlap alone: cost 1 - IoU, pairs of one class with an IoU of at least `min_iou` > 0."""
    rows, columns = matching.open_rows(is_candidate), matching.open_columns(is_offered)
    if len(rows) == 0 or len(columns) == 0:
        return
    overlap = iou_matrix(scene.boxes[rows], scene.detections.xyxy[columns])
    admissible = (overlap >= min_iou) & same_class(table, scene, rows, columns)
    found_rows, found_columns = assign(1 - overlap, admissible, solver)
    matching.take(rows[found_rows], columns[found_columns])


def same_class(table: TrackTable, scene: Scene, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(R, C) whether track and detection are of one class."""
    is_same: NDArray[np.bool_] = table.class_id[rows][:, None] == scene.detections.class_id[columns]
    return is_same
