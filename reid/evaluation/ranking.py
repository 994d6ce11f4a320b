"""mAP, mINP and CMC by counting: no sort of the gallery, no matrix that is whole.

The rank of a right answer is its place among the right answers plus the number of wrong answers that score at least as
high. A wrong answer that ties therefore comes first: the result is the worst that any order of the tied items can give,
it does not depend on the order of the gallery, and a model that gives everything one score earns nothing by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.reid.evaluation.truth import GroundTruth, Integers, Pairs

CMC_RANKS = (1, 5, 10)
_MASK_BYTES = 256 << 10  # of the comparisons made at once: they must stay in the cache


@dataclass(frozen=True, eq=False)
class Ranking:
    """How well each query was answered.

    Attributes:
        first_rank: (Q,) rank of the best right answer, from 1; 0 for a query without an admissible right answer.
        average_precision: (Q,) float64 in (0, 1]; NaN for those.
        inverse_negative_penalty: (Q,) float64 in (0, 1]: right answers over the rank of the last one; NaN for those.
        positives: (Q,) number of admissible right answers.

    The averages raise a FormatError when there is no query with one.
    """

    first_rank: Integers
    average_precision: NDArray[np.float64]
    inverse_negative_penalty: NDArray[np.float64]
    positives: Integers

    @property
    def is_valid(self) -> NDArray[np.bool_]:
        """(Q,) queries that the averages are taken over."""
        return self.positives > 0

    def cmc(self, rank: int) -> float:
        """Share of the valid queries with a right answer among the first `rank`."""
        return self._mean(self.first_rank <= rank)

    @property
    def mean_average_precision(self) -> float:
        """mAP over the valid queries."""
        return self._mean(self.average_precision)

    @property
    def mean_inverse_negative_penalty(self) -> float:
        """mINP over the valid queries.

        Reference: Ye et al., Deep Learning for Person Re-Identification: A Survey and Outlook (2001.04193), eq. 3.
        """
        return self._mean(self.inverse_negative_penalty)

    def _mean(self, values: NDArray[Any]) -> float:
        if not self.is_valid.any():
            raise FormatError(
                f"none of the {len(self.positives)} queries has an admissible right answer in the gallery"
            )
        return float(np.mean(values[self.is_valid]))


def measures_of(ranks: Integers, offsets: Integers) -> tuple[Integers, NDArray[np.float64], NDArray[np.float64]]:
    """First rank, average precision and inverse negative penalty of each query, from the ranks of its right answers.

    Average precision is the mean of i / rank of the i-th right answer: the area under steps, not under trapezoids.

    Args:
        ranks: (P,) from 1, rising within a query, one query after the other.
        offsets: (Q + 1,) ranks offsets[q] to offsets[q + 1] belong to query q.

    Returns:
        (Q,) each; 0, NaN and NaN for a query without right answers.

    >>> [values.tolist() for values in measures_of(np.array([2, 4]), np.array([0, 2, 2]))]
    [[2, 0], [0.5, nan], [0.5, nan]]
    """
    positives = np.diff(offsets)
    has_some = positives > 0
    begin, end, count = offsets[:-1][has_some], offsets[1:][has_some], positives[has_some]
    place = np.arange(len(ranks)) - np.repeat(begin, count) + 1
    first = np.zeros(len(positives), np.int64)
    precision, penalty = np.full(len(positives), np.nan), np.full(len(positives), np.nan)
    if len(ranks):
        first[has_some] = ranks[begin]
        precision[has_some] = np.add.reduceat(place / ranks, begin) / count
        penalty[has_some] = count / ranks[end - 1]
    return first, precision, penalty


Observer = Callable[[int, NDArray[np.floating], Pairs, Pairs], None]
"""Takes the first query of a block, its scores, the right answers and the excluded pairs; changes nothing."""


def rank(
    blocks: Iterable[tuple[int, NDArray[np.floating]]], truth: GroundTruth, observers: Sequence[Observer] = ()
) -> Ranking:
    """Rank all queries.

    Args:
        blocks: first query and (B, G) scores, the higher the better, which are overwritten; each query once.
        truth: right answers and exclusions.
        observers: see each block as it comes, so that what else is wanted of the scores needs no second pass.

    Raises:
        FormatError: blocks of the wrong shape, NaN in the scores of a right answer, or a query that no block had.
    """
    count = len(truth.query)
    result = Ranking(np.zeros(count, np.int64), np.full(count, np.nan), np.full(count, np.nan), np.full(count, -1))
    for first, scores in blocks:
        if scores.ndim != 2 or scores.shape[1] != len(truth.gallery) or first + len(scores) > count:
            raise FormatError(
                f"scores of shape {scores.shape} from query {first} on: expected (B, {len(truth.gallery)})"
            )
        positives, excluded = truth.block(first, len(scores))
        for observe in observers:
            observe(first, scores, positives, excluded)
        _rank_block(scores, positives, excluded, first, result)
    if np.any(result.positives < 0):
        raise FormatError(f"query {int(np.argmin(result.positives))} is in no block of scores")
    return result


def _rank_block(scores: NDArray[np.floating], positives: Pairs, excluded: Pairs, first: int, result: Ranking) -> None:
    """Fill in the rows of `result` for a block."""
    thresholds = scores[positives.rows, positives.columns]
    if np.isnan(thresholds).any():
        raise FormatError(f"scores: NaN for query {first + int(positives.rows[np.isnan(thresholds)][0])}")
    thresholds = thresholds[np.lexsort((-thresholds, positives.rows))]  # falling within each query
    for left_out in (positives, excluded):  # what stays are the wrong answers
        scores[left_out.rows, left_out.columns] = -np.inf
    wrong = np.zeros(len(thresholds), np.int64)
    scratch = np.empty((max(1, _MASK_BYTES // max(scores.shape[1], 1)), scores.shape[1]), bool)
    for row, begin, end in zip(scores, positives.offsets[:-1].tolist(), positives.offsets[1:].tolist(), strict=True):
        if begin < end:
            wrong[begin:end] = _count_at_least(row, thresholds[begin:end], scratch)
    place = np.arange(len(wrong)) - positives.offsets[positives.rows] + 1
    rows = slice(first, first + len(scores))
    result.positives[rows] = np.diff(positives.offsets)
    (
        result.first_rank[rows],
        result.average_precision[rows],
        result.inverse_negative_penalty[rows],
    ) = measures_of(wrong + place, positives.offsets)


def _count_at_least(
    row: NDArray[np.floating], thresholds: NDArray[np.floating], scratch: NDArray[np.bool_]
) -> Integers:
    """(P,) number of scores of a row of G that reach each of P >= 1 falling thresholds.

    OpenCV counts and sums bytes 3 times as fast as numpy. `scratch` is (some, G) memory that need not be mapped anew.
    """
    is_reached = np.greater_equal(row, thresholds[-1], out=scratch[0])
    count = cv2.countNonZero(is_reached.view(np.uint8))
    if len(thresholds) == 1 or count == 0:
        return np.full(len(thresholds), count, np.int64)
    if 4 * count < len(row):  # a good model: few wrong answers come before the last right one
        row = row[np.flatnonzero(is_reached)]
        scratch = np.empty((max(1, scratch.size // count), count), bool)
    sums = []
    for start in range(0, len(thresholds), len(scratch)):
        some = thresholds[start : start + len(scratch), None]
        reached = np.greater_equal(row, some, out=scratch[: len(some)])
        sums.append(cv2.reduce(reached.view(np.uint8), 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S))
    return np.concatenate(sums).ravel().astype(np.int64)
