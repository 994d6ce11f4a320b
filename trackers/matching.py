"""One frame's matches, filled round by round: each round offers what the earlier ones left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.assignment import assign_pairs
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import TrackTable

_FIRST, _ONE = np.array(0), np.array(1, np.float32)  # arrays, see `track_table`


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

    def open_rows(self, is_candidate: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(T,) those of the candidates without a detection."""
        return is_candidate & (self.column < _FIRST)

    def open_columns(self, is_offered: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(N,) those of the offered detections without a track."""
        return is_offered & self.is_free

    def assign(
        self,
        rows: NDArray[np.intp],
        columns: NDArray[np.intp],
        cost: NDArray[np.floating],
        solver: str,
        unmatched_cost: float = 1.0,
    ) -> None:
        """Match the best of the (P,) pairs of open tracks and detections, see `assign_pairs`."""
        self.match(*assign_pairs(rows, columns, cost, solver, unmatched_cost))

    def match(self, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> None:
        """Match open tracks and detections that have only each other."""
        self.column[rows] = columns
        self.is_free[columns] = False

    def release(self, rows: NDArray[np.intp]) -> None:
        """Take back the matches of some tracks."""
        self.is_free[self.column[rows]] = True
        self.column[rows] = -1


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
    is_open = matching.open_columns(is_offered)[scene.columns]
    is_open &= scene.overlap >= min_iou
    at = is_open.nonzero()[0]
    if len(at) == 0:
        return
    at = at[matching.open_rows(is_candidate)[scene.rows[at]]]
    rows, columns = scene.rows[at], scene.columns[at]  # (P,) each
    if not scene.is_one_class:
        is_same = same_class(table, scene, rows, columns)
        rows, columns, at = rows[is_same], columns[is_same], at[is_same]
    if len(at):
        matching.assign(rows, columns, _ONE - scene.overlap[at], solver)


def same_class(table: TrackTable, scene: Scene, rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.bool_]:
    """(P,) whether track `rows[i]` and detection `columns[i]` are of one class."""
    is_same: NDArray[np.bool_] = table.class_id[rows] == scene.detections.class_id[columns]
    return is_same
