"""IDF1: how many boxes carry the right identity when each person is given one identity for the whole sequence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mdpr.pipeline.metrics.comparison import Comparison, Counted, counted
from mdpr.pipeline.metrics.overlaps import Integers


@dataclass(frozen=True)
class Identity:
    """Boxes with the right identity (`tp`), truth without (`fn`), predictions without (`fp`)."""

    tp: int
    fn: int
    fp: int

    def values(self) -> dict[str, float]:
        """IDF1, IDP, IDR in [0, 1]; 0 where there is nothing to divide by.

        >>> Identity(6, 2, 2).values()
        {'IDF1': 0.75, 'IDP': 0.75, 'IDR': 0.75}
        """
        return {
            "IDF1": self.tp / max(1.0, self.tp + 0.5 * self.fp + 0.5 * self.fn),
            "IDP": self.tp / max(1.0, self.tp + self.fp),
            "IDR": self.tp / max(1.0, self.tp + self.fn),
        }


def identity(comparison: Comparison, iou_threshold: float = 0.5) -> Identity:
    """Counts with the one-to-one assignment of predicted to true identities that gets most boxes right.

    Reference: Ristani et al., "Performance Measures and a Data Set for Multi-Target, Multi-Camera Tracking",
    ECCV 2016 workshops, equations 1 to 10.
    """
    ids = counted(comparison)
    close = comparison.iou >= iou_threshold
    boxes = np.bincount(ids.pair[close], minlength=len(ids.pair_truth))
    tp = _most_boxes(ids, boxes)
    return Identity(tp, len(comparison.truth_id) - tp, len(comparison.predicted_id) - tp)


def combined_identity(scores: Sequence[Identity]) -> Identity:
    """Over several sequences: counts add up."""
    return Identity(sum(one.tp for one in scores), sum(one.fn for one in scores), sum(one.fp for one in scores))


def _most_boxes(ids: Counted, boxes: Integers) -> int:
    """The most boxes that a one-to-one assignment gets; solved for each group of ids that meet, which are small."""
    met = np.flatnonzero(boxes)
    people, predictions = len(ids.truth_boxes), len(ids.predicted_boxes)
    row, column, weight = ids.pair_truth[met], ids.pair_predicted[met], boxes[met]
    size = people + predictions
    _, group = connected_components(coo_array((weight, (row, column + people)), shape=(size, size)), directed=False)
    order = np.argsort(group[row], kind="stable")
    total = 0
    for here in np.split(order, np.flatnonzero(np.diff(group[row][order])) + 1):
        rows, i = np.unique(row[here], return_inverse=True)
        columns, j = np.unique(column[here], return_inverse=True)
        matrix = np.zeros((len(rows), len(columns)))
        matrix[i, j] = weight[here]
        total += int(matrix[linear_sum_assignment(matrix, maximize=True)].sum())
    return total
