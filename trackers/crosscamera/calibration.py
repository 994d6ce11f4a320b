"""From similarity to the odds of being one person, without labels.

Pairs that overlap in time in one camera are known to be two people, pieces of one tracklet are known to be one. All
other pairs are a mixture of both. Two normal distributions are fitted to it by expectation maximisation, for all
cameras together and then for each pair of cameras, where the fit to all counts like a number of samples of its own.
So a pair of cameras with few samples has the common fit, and one with many has its own.

Reference: Dempster, Laird, Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977; shrinkage as
posterior means under conjugate priors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera.scene import Integers, Times

UNKNOWN, DIFFERENT = -1, 0
MOST_LOG_RATIO = 10.0
_ROUNDS = 40
_DEFAULT_WEIGHT = 5.0  # samples that the defaults of the configuration count as
_PIECES_WEIGHT = 20.0  # most samples that pieces of tracklets count as: they show a person in one camera only
_COMMON_DIFFERENT, _COMMON_SAME, _COMMON_SHARE = 100.0, 30.0, 100.0  # samples that the common fit counts as
_LEAST_SPREAD = 0.02
_LEAST_GAP = 1.5  # standard deviations between the means, below which appearance tells nothing
_LEAST_VARIANCE_WEIGHT = 1e-9


@dataclass(frozen=True, eq=False)
class Fit:
    """Normal distributions of similarity by kind of pair; G kinds (pairs of cameras).

    Attributes:
        different, same: (G,) means.
        different_spread, same_spread: (G,) standard deviations.
        share: (G,) part of the pairs that are one person.
        samples, same_samples: (G,) pairs, and expected true pairs among them.
    """

    different: Times
    same: Times
    different_spread: Times
    same_spread: Times
    share: Times
    samples: Times
    same_samples: Times

    def log_ratio(self, similarity: NDArray[np.floating], kind: Integers) -> Times:
        """(P,) log of how much likelier a similarity is for one person than for two; rises with the similarity."""
        m0, m1 = self.different[kind], self.same[kind]
        v0, v1 = self.different_spread[kind] ** 2, self.same_spread[kind] ** 2
        value = np.asarray(similarity, np.float64)
        # The ratio of two normals of different width falls again beyond its extremum: there it is held.
        with np.errstate(divide="ignore", invalid="ignore"):
            extremum = (m1 * v0 - m0 * v1) / (v0 - v1)
        value = np.where(v1 > v0, np.maximum(value, extremum), value)
        value = np.where(v1 < v0, np.minimum(value, extremum), value)
        ratio = -0.5 * np.log(v1 / v0) - (value - m1) ** 2 / (2 * v1) + (value - m0) ** 2 / (2 * v0)
        return np.clip(ratio, -MOST_LOG_RATIO, MOST_LOG_RATIO)

    def prior(self, kind: Integers) -> Times:
        """(P,) log-odds of a pair before it is looked at."""
        share = self.share[kind]
        return np.log(share) - np.log1p(-share)


@dataclass(frozen=True, eq=False)
class Samples:
    """Pairs to fit to.

    Attributes:
        similarity: (P,).
        kind: (P,) number of the pair of cameras.
        weight: (P,) how many pairs each stands for.
        label: (P,) UNKNOWN or DIFFERENT.
        pieces: (Q,) similarities of pieces of one tracklet.
    """

    similarity: Times
    kind: Integers
    weight: Times
    label: Integers
    pieces: Times


def fit(samples: Samples, kinds: int, different: float, same: float, start: Times | None = None) -> Fit:
    """Fit all kinds.

    Args:
        samples: pairs; none at all gives the defaults.
        kinds: G.
        different, same: default means.
        start: (P,) probability of each pair to be one person, to begin with; None takes the pieces.
    """
    first = _first(samples, different, same)
    common = first
    likely = start
    for _ in range(_ROUNDS):
        likely = _expected(common, samples, np.zeros_like(samples.kind)) if likely is None else likely
        after = _common(samples, likely, first)
        is_settled = all(
            abs(float(getattr(after, name)[0] - getattr(common, name)[0])) < 1e-4
            for name in ("different", "same", "different_spread", "same_spread")
        )
        common, likely = after, None
        if is_settled:
            break
    result = _spread_out(common, kinds)
    for _ in range(5):
        likely = _expected(result, samples, samples.kind)
        result = _by_kind(samples, likely, common, kinds)
    return result


def _first(samples: Samples, different: float, same: float) -> Fit:
    """From what is known, and the bulk of the rest."""
    known = samples.similarity[samples.label == DIFFERENT]
    m0, s0 = _posterior(known, np.ones(len(known)), different, 0.15, _DEFAULT_WEIGHT)
    if len(known) < 30 and len(samples.similarity):  # most pairs are two people
        bulk = samples.similarity[samples.similarity <= np.median(samples.similarity)]
        middle = float(np.median(samples.similarity))
        half = float(np.sqrt(np.mean((bulk - middle) ** 2)))
        weight = min(30.0, len(samples.similarity) / 4)
        m0 = (m0 * (len(known) + _DEFAULT_WEIGHT) + middle * weight) / (len(known) + _DEFAULT_WEIGHT + weight)
        s0 = max(half, _LEAST_SPREAD) if len(samples.similarity) > 30 else max(s0, half)
    m1, s1 = _posterior(samples.pieces, np.ones(len(samples.pieces)), max(same, m0 + 2 * s0), 0.15, _DEFAULT_WEIGHT)
    m1 = max(m1, m0 + _LEAST_GAP * s0)
    unknown = float(samples.weight[samples.label == UNKNOWN].sum())
    share = 0.1 if unknown < 100 else 0.02
    one = lambda value: np.array([value], np.float64)  # noqa: E731
    return Fit(one(m0), one(m1), one(s0), one(s1), one(share), one(unknown), one(0.0))


def _common(samples: Samples, likely: Times, first: Fit) -> Fit:
    is_unknown = samples.label == UNKNOWN
    m0, s0 = _posterior(
        samples.similarity, samples.weight * (1 - likely), float(first.different[0]), float(first.different_spread[0]),
        _DEFAULT_WEIGHT,
    )  # fmt: skip
    weight = min(_PIECES_WEIGHT, len(samples.pieces) + _DEFAULT_WEIGHT)
    m1, s1 = _posterior(
        samples.similarity, samples.weight * likely, float(first.same[0]), float(first.same_spread[0]), weight
    )
    m1 = max(m1, m0 + _LEAST_GAP * s0)
    total, right = float(samples.weight[is_unknown].sum()), float((samples.weight * likely)[is_unknown].sum())
    share = (right + 0.5) / (total + 10)
    one = lambda value: np.array([value], np.float64)  # noqa: E731
    return Fit(one(m0), one(m1), one(s0), one(s1), one(min(share, 0.9)), one(total), one(right))


def _by_kind(samples: Samples, likely: Times, common: Fit, kinds: int) -> Fit:
    """Posterior means for each kind, with the common fit as prior."""

    def of(weight: Times, mean: float, spread: float, strength: float) -> tuple[Times, Times, Times]:
        total = np.bincount(samples.kind, weight, kinds)
        sums = np.bincount(samples.kind, weight * samples.similarity, kinds)
        centre = (sums + strength * mean) / (total + strength)
        squares = np.bincount(samples.kind, weight * (samples.similarity - centre[samples.kind]) ** 2, kinds)
        wide = np.sqrt((squares + strength * spread**2) / (total + strength))
        return centre, np.maximum(wide, _LEAST_SPREAD), total

    is_unknown = samples.label == UNKNOWN
    m0, s0, _ = of(
        samples.weight * (1 - likely), float(common.different[0]), float(common.different_spread[0]), _COMMON_DIFFERENT
    )
    m1, s1, _ = of(samples.weight * likely, float(common.same[0]), float(common.same_spread[0]), _COMMON_SAME)
    m1 = np.maximum(m1, m0 + _LEAST_GAP * s0)
    total = np.bincount(samples.kind, samples.weight * is_unknown, kinds)
    right = np.bincount(samples.kind, samples.weight * likely * is_unknown, kinds)
    share = (right + _COMMON_SHARE * float(common.share[0])) / (total + _COMMON_SHARE)
    return Fit(m0, m1, s0, s1, np.clip(share, 1e-6, 0.9), total, right)


def _expected(now: Fit, samples: Samples, kind: Integers) -> Times:
    """(P,) probability of each pair to be one person."""
    odds = now.log_ratio(samples.similarity, kind) + now.prior(kind)
    likely: Times = 1 / (1 + np.exp(-odds))
    likely[samples.label == DIFFERENT] = 0
    return likely


def _posterior(
    values: Times, weight: Times, mean: float, spread: float, strength: float
) -> tuple[float, float]:
    """Mean and standard deviation of weighted values, and of `strength` values with that `mean` and `spread`."""
    total = float(weight.sum()) + strength
    centre = (float(weight @ values) + strength * mean) / total
    square = (float(weight @ (values - centre) ** 2) + strength * (spread**2 + (mean - centre) ** 2)) / total
    return centre, max(float(np.sqrt(square)), _LEAST_SPREAD)


def _spread_out(one: Fit, kinds: int) -> Fit:
    return Fit(*(np.repeat(getattr(one, name), kinds) for name in one.__dataclass_fields__))
