"""One frame's matches, filled round by round: each round offers what the earlier ones left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.assignment import assign_pairs
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import TrackTable

_FIRST = np.array(0)  # an array, see `track_table`


class Matching:
    """Which detection each track has so far.

    Attributes:
        column: (T,) detection of each track, -1 for none.
        is_free: (N,) detections that may still be matched.
    """

    def __init__(self, tracks: int, scene: Scene, low_conf: float) -> None:
        """Nothing is matched; free are the detections with an area and a confidence of at least `low_conf`."""
        self.column = np.empty(tracks, dtype=np.intp)
        self.column.fill(-1)
        self.is_free = scene.has_area & (scene.detections.confidence >= low_conf)

    def open_rows(self, is_candidate: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Those of the (T,) candidates without a detection."""
        return (is_candidate & (self.column < _FIRST)).nonzero()[0]

    def open_columns(self, is_offered: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Those of the (N,) offered detections without a track."""
        return (is_offered & self.is_free).nonzero()[0]

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
    columns = matching.open_columns(is_offered)
    if len(columns) == 0:
        return
    rows = matching.open_rows(is_candidate)
    if len(rows) == 0:
        return
    overlap = scene.overlap.take(rows, axis=0).take(columns, axis=1)  # (R, C)
    at = (overlap >= min_iou).reshape(-1).nonzero()[0]
    if len(at) == 0:
        return
    at_row, at_column = divmod(at, len(columns))
    at_row, at_column, cost = rows[at_row], columns[at_column], 1 - overlap.reshape(-1)[at]  # (pairs,) each
    if not scene.is_one_class:
        is_same = same_class(table, scene, at_row, at_column)
        at_row, at_column, cost = at_row[is_same], at_column[is_same], cost[is_same]
    matching.take(*assign_pairs(at_row, at_column, cost, solver))


def same_class(table: TrackTable, scene: Scene, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(P,) whether track `rows[i]` and detection `columns[i]` are of one class."""
    is_same: NDArray[np.bool_] = table.class_id[rows] == scene.detections.class_id[columns]
    return is_same
