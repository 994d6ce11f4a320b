"""Same person or not, by one threshold: true positives at a rate of false ones, and thresholds to start from.

Scores are counted in a histogram while the ranking sees them, so that a billion pairs need a few hundred kilobytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.evaluation.truth import GroundTruth, Integers, Pairs

FALSE_POSITIVE_RATES = (1e-4, 1e-3, 1e-2, 1e-1)
SUGGESTED_RATE = 1e-3
"""False positive rate of the suggested threshold."""
SURE_RATE = 1e-2
"""Two people fall below `sure_distance` in this share of pairs."""
MATCH_SHARE = 0.95
"""One person stays below `match_distance` in this share of pairs."""

BINS_A_UNIT = 16_000
"""The resolution: a threshold is exact to 1/16,000 of cosine."""
_BINS = 1 << 15  # cosines of -1 to 1, and room for rounding
_CHUNK = 1 << 17  # scores binned at once: larger ones leave the cache, smaller ones add up histograms too often
_MIN_PAIRS = 100  # of one person in one camera, below which pairs across cameras tell more


@dataclass(frozen=True)
class OperatingPoint:
    """What a threshold does.

    Attributes:
        false_positive_rate: the rate that was asked for.
        true_positive_rate: share of the pairs of one person that are accepted; None where there are too few pairs of
            different people to measure such a rate.
        distance: largest cosine distance that is accepted; None there too.
    """

    false_positive_rate: float
    true_positive_rate: float | None
    distance: float | None


@dataclass(frozen=True)
class Verification:
    """Pairs of query and gallery, judged by their cosine distance alone.

    Attributes:
        positives, negatives: admissible pairs of one person, and of two.
        points: an `OperatingPoint` for each rate of `FALSE_POSITIVE_RATES`.
        threshold: distance of the point at `SUGGESTED_RATE`, or at the next higher rate that can be measured.
        match_distance, sure_distance: suggestions for `mdpr.contracts.Embedder`; None without pairs.
        match_pairs: what `match_distance` was measured on.
    """

    positives: int
    negatives: int
    points: tuple[OperatingPoint, ...]
    threshold: float | None
    match_distance: float | None
    sure_distance: float | None
    match_pairs: str


class PairHistogram:
    """Counts cosine similarities of pairs; an observer of `mdpr.reid.evaluation.ranking.rank`."""

    def __init__(self, truth: GroundTruth) -> None:
        self._truth = truth
        self._all = np.zeros(_BINS, np.int64)
        self._positive = np.zeros(_BINS, np.int64)
        self._excluded = np.zeros(_BINS, np.int64)
        self._same_camera = np.zeros(_BINS, np.int64)

    def __call__(self, first: int, scores: NDArray[np.floating], positives: Pairs, excluded: Pairs) -> None:
        """Count a block of cosine similarities."""
        flat = scores.ravel()
        for begin in range(0, len(flat), _CHUNK):
            self._all += _histogram(flat[begin : begin + _CHUNK])
        self._positive += _histogram(scores[positives.rows, positives.columns])
        excluded_scores = scores[excluded.rows, excluded.columns]
        self._excluded += _histogram(excluded_scores)
        query, gallery = self._truth.query, self._truth.gallery
        rows, columns = first + excluded.rows, excluded.columns
        is_same_camera = (
            (query.pids[rows] == gallery.pids[columns])
            & (query.pids[rows] > 0)
            & (query.images[rows] != gallery.images[columns])
        )
        self._same_camera += _histogram(excluded_scores[is_same_camera])

    def densities(self, bars: int = 120) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Distance and density of admissible pairs of one person, then of two, where there are pairs at all."""
        both = [self._positive, self._all - self._positive - self._excluded]
        used = np.flatnonzero(both[0] + both[1])
        first, last = (int(used[0]), int(used[-1]) + 1) if len(used) else (0, 1)
        width = max(1, -(-(last - first) // bars))
        edges = np.arange(first - width, last + width, width)  # an empty bar at each end: curves begin and end at 0
        distance = 2 - (edges + width / 2) / BINS_A_UNIT
        padded = [np.pad(counts, 2 * width)[edges[0] + 2 * width :] for counts in both]
        joined = [counts[: len(edges) * width].reshape(-1, width).sum(axis=1) for counts in padded]
        return [(distance[::-1], bar[::-1] / max(int(bar.sum()), 1) * (BINS_A_UNIT / width)) for bar in joined]

    def result(self) -> Verification:
        """What the pairs seen so far say."""
        negative = self._all - self._positive - self._excluded
        points = operating_points(self._positive, negative, FALSE_POSITIVE_RATES)
        measured = [point.distance for point in points if point.false_positive_rate >= SUGGESTED_RATE]
        is_enough = self._same_camera.sum() >= _MIN_PAIRS
        same = self._same_camera if is_enough else self._positive
        match = _distance(_quantile_bin(same, MATCH_SHARE)) if same.any() else None
        sure = next(iter(operating_points(self._positive, negative, (SURE_RATE,)))).distance
        return Verification(
            positives=int(self._positive.sum()),
            negatives=int(negative.sum()),
            points=points,
            threshold=next((distance for distance in measured if distance is not None), None),
            match_distance=match,
            sure_distance=sure if sure is None or match is None else min(sure, match),
            match_pairs="one person in one camera" if is_enough else "one person, as ranked",
        )


def operating_points(positive: Integers, negative: Integers, rates: Sequence[float]) -> tuple[OperatingPoint, ...]:
    """True positive rate and distance at given false positive rates.

    Args:
        positive, negative: (bins,) counts of similarities, rising; see `BINS_A_UNIT`.
        rates: false positive rates in (0, 1).

    Returns:
        For each rate the largest distance at which it is not exceeded. Where one pair of different people would already
        exceed it, or there is no pair of one person, nothing is measured.
    """
    reached_negative = np.cumsum(negative[::-1])[::-1]  # pairs in this bin or above
    reached_positive = np.cumsum(positive[::-1])[::-1]
    points = []
    for rate in rates:
        allowed = rate * reached_negative[0]
        if allowed < 1 or not reached_positive[0]:
            points.append(OperatingPoint(rate, None, None))
            continue
        first = int(
            np.searchsorted(-reached_negative, -allowed)
        )  # lowest bin that lets at most `allowed` pairs through
        share = reached_positive[first] / reached_positive[0] if first < len(positive) else 0.0
        points.append(OperatingPoint(rate, float(share), _distance(first)))
    return tuple(points)


def _histogram(scores: NDArray[np.floating]) -> Integers:
    bins = scores * np.float32(BINS_A_UNIT)
    bins += np.float32(BINS_A_UNIT)
    return np.bincount(bins.astype(np.uint16), minlength=_BINS)


def _quantile_bin(counts: Integers, share: float) -> int:
    """The highest bin that `share` of the pairs reach."""
    reached = np.cumsum(counts[::-1])[::-1]
    return int(np.flatnonzero(reached >= share * reached[0])[-1])


def _distance(low_edge: int) -> float:
    """Cosine distance of the lower edge of a bin, at least 0."""
    return max(0.0, 2 - low_edge / BINS_A_UNIT)
