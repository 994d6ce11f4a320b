"""mAP, mINP and CMC by counting: no sort of the gallery, no matrix that is whole.

The rank of a right answer is its place among the right answers plus the number of wrong answers that score at least as
high. A wrong answer that ties therefore comes first: the result is the worst that any order of the tied items can give,
it does not depend on the order of the gallery, and a model that gives everything one score earns nothing by it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

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


def ranks_of(thresholds: NDArray[np.floating], at_least: Integers) -> Integers:
    """Ranks of the right answers of one query.

    Args:
        thresholds: (P,) their scores, falling.
        at_least: (P,) admissible gallery items, right or wrong, that score as high or higher.

    Returns:
        (P,) ranks from 1, rising; a tied wrong answer counts as better.

    Right answers at 0.9 and 0.5; wrong ones at 0.9 (a tie), 0.7 and 0.1:

    >>> ranks_of(np.array([0.9, 0.5]), np.array([2, 4])).tolist()
    [2, 4]
    """
    count = len(thresholds)
    right = count - np.searchsorted(thresholds[::-1], thresholds, "left")  # right answers that score at least as high
    return at_least - right + np.arange(1, count + 1)


def average_precision(ranks: Integers) -> float:
    """Mean of i / rank of the i-th right answer: the area under the steps, not under trapezoids.

    >>> average_precision(np.array([2, 4]))
    0.5
    """
    return float(np.mean(np.arange(1, len(ranks) + 1) / ranks))


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
    scores[excluded.rows, excluded.columns] = -np.inf
    group = max(1, _MASK_BYTES // max(scores.shape[1], 1))
    mask = np.empty((group, scores.shape[1]), bool)
    for query, (begin, end) in enumerate(zip(positives.offsets[:-1], positives.offsets[1:], strict=True)):
        own = thresholds[begin:end]
        result.positives[first + query] = len(own)
        if len(own):
            ranks = ranks_of(own, _count_at_least(scores[query], own, mask))
            result.first_rank[first + query] = ranks[0]
            result.average_precision[first + query] = average_precision(ranks)
            result.inverse_negative_penalty[first + query] = len(ranks) / ranks[-1]


def _count_at_least(row: NDArray[np.floating], thresholds: NDArray[np.floating], mask: NDArray[np.bool_]) -> Integers:
    """(P,) number of scores of the row that reach each threshold; `mask` is scratch memory (some, G)."""
    counts: list[int] = []
    for begin in range(0, len(thresholds), len(mask)):
        some = thresholds[begin : begin + len(mask), None]
        reached = np.greater_equal(row, some, out=mask[: len(some)])
        counts.extend(map(np.count_nonzero, reached))
    return np.array(counts, np.int64)
