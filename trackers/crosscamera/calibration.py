"""From similarity to the odds of being one person, without labels.

Pairs that overlap in time in one camera are known to be two people, pieces of one tracklet are known to be one. All
other pairs are a mixture of both, to which distributions are fitted by expectation maximisation: for all pairs
together, then for returns to one camera and for pairs of two cameras, then for each pair of cameras. Each time the fit
before counts like a number of samples. So a pair of cameras with few samples borrows, and one with many has its own.

Reference: Dempster, Laird, Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977; shrinkage as
posterior means under conjugate priors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.crosscamera.likelihood import Fit
from mdpr.trackers.crosscamera.scene import Integers, Times
from mdpr.trackers.crosscamera.sharing import DEFAULT_CORRELATION

UNKNOWN, DIFFERENT = -1, 0
_ROUNDS, _ROUNDS_BY_CLASS, _ROUNDS_BY_KIND = 40, 20, 5
_LEAST_KNOWN = 50
_DEFAULT_WEIGHT = 5.0  # samples that the defaults of the configuration count as
_SHARE_WEIGHT = 10.0  # pairs that the expected share counts as
_LEAST_FREEDOM = 3.0  # the least with a finite variance
_PIECES_SHARE = 0.02  # of the pairs: as so many samples pieces of tracklets count, about as many as are of one person
_PIECES_WEIGHT = 100.0  # and at most as so many: they show a person in one camera only
_COMMON_DIFFERENT, _COMMON_SAME, _COMMON_SHARE = 100.0, 30.0, 100.0  # samples that the common fit counts as
_LEAST_SPREAD = 0.02
_SKEW_WEIGHT = 200.0  # known pairs that symmetry counts as
_MANY = 1000.0  # pairs from which on quantiles tell what two people look like, and classes are told apart
_FEW_KNOWN = 0.5  # known pairs from which on they count for more than quantiles of few pairs
_KNOWN_WEIGHT = 20.0  # pairs without label that a known one counts as where there are few
_APART = -2.5  # log ratio of places from which on a pair counts as two people
_LEAST_WIDTH = 0.5  # of one person's standard deviation against that of two: what is fitted first are the clear ones
_LEAST_GAP = 1.5  # standard deviations between the means, below which appearance tells nothing


@dataclass(frozen=True, eq=False)
class Samples:
    """Pairs to fit to.

    Attributes:
        similarity: (P,).
        kind: (P,) number of the pair of cameras.
        weight: (P,) how many pairs each stands for.
        label: (P,) UNKNOWN or DIFFERENT.
        pieces: (Q,) similarities of pieces of one tracklet.
        hint: (P,) log ratio for one person against two that places give, where these are known: so they teach what one
            person looks like in two cameras.
        share: part of the pairs without label that one expects to be one person; counts as much as 10 pairs.
        across: part of the distance between two people and pieces that is expected between two people and one person
            in two tracklets; pieces have the same light and mostly the same side.
    """

    similarity: Times
    kind: Integers
    weight: Times
    label: Integers
    pieces: Times
    hint: Times | None = None
    share: float = 0.05
    across: float = 1.0

    @property
    def is_different(self) -> NDArray[np.bool_]:
        """(P,) pairs that are two people: known, or too far apart at the same time."""
        known: NDArray[np.bool_] = self.label == DIFFERENT
        return known if self.hint is None else known | (self.hint <= _APART)

    @cached_property
    def skew(self) -> float:
        """How much wider similarities of two people lie above their median than below it, 1 or more.

        People dress alike, so some pairs of two people are more alike than their lower half tells. That is seen on
        those who are known to be two, and holds for cameras that nobody is in at once, too.
        """
        values, weight = self.similarity[self.is_different], self.weight[self.is_different]
        if not len(values):
            return 1.0
        far = values - weighted_quantiles(values, weight, (0.5,))[0]
        sides = far > 0, far < 0
        above, below = (float(weight[side] @ far[side] ** 2 / max(weight[side].sum(), 1e-9)) for side in sides)
        count = float(weight.sum() ** 2 / (weight**2).sum())
        found = np.sqrt(above / below) if above and below else 1.0
        return float(max(1.0, (count * found + _SKEW_WEIGHT) / (count + _SKEW_WEIGHT)))


def fit(samples: Samples, classes: Integers, different: float, same: float) -> Fit:
    """Fit all kinds.

    Two people are read off the lower half of all pairs and the known ones, which one person hardly touches; only then
    is one person fitted to what is left. A mixture that is free in both would explain a person who looks different in
    two cameras by two people who look alike.

    Args:
        samples: pairs; none at all gives the defaults.
        classes: (G,) number from 0 of the class of each kind; kinds of one class borrow from each other first.
        different, same: default means.
    """
    kinds = len(classes)
    first = result = _spread_out(_first(samples, different, same, _freedom(samples, kinds)), kinds)
    zero = np.zeros_like(samples.kind)
    for _ in range(_ROUNDS):
        likely = _expected(result, samples, zero)
        after = _common(samples, likely, first)
        change = max(abs(float(getattr(after, name)[0] - getattr(result, name)[0])) for name in ("different", "same"))
        result = _spread_out(after, kinds)
        if change < 1e-4:
            break
    is_enough = float(samples.weight[samples.label == UNKNOWN].sum()) >= _MANY
    if is_enough and len(np.unique(classes)) > 1:
        by_class = replace(samples, kind=classes[samples.kind])
        of_class = _settled(by_class, _spread_out(result, int(classes.max()) + 1), _ROUNDS_BY_CLASS)
        result = Fit(*(getattr(of_class, name)[classes] for name in Fit.__dataclass_fields__))
    return _settled(samples, result, _ROUNDS_BY_KIND)


def _settled(samples: Samples, prior: Fit, rounds: int) -> Fit:
    """Each kind by itself, with the fit of its name in `prior` as a number of samples."""
    result = prior
    for _ in range(rounds):
        result = _by_kind(samples, _expected(result, samples, samples.kind), prior)
    return result


def _freedom(samples: Samples, kinds: int) -> float:
    """Degrees of freedom: how many pairs tell, independently of each other, how wide the distributions are.

    The same two people are in about as many pairs of tracklets as there are pairs of cameras, and these are correlated.
    """
    return _LEAST_FREEDOM + float(samples.weight.sum()) / (1 + (kinds - 1) * DEFAULT_CORRELATION)


def _first(samples: Samples, different: float, same: float, freedom: float) -> Fit:
    """Before the mixture is looked at: the lower half of all pairs, and pieces of tracklets."""
    unknown = float(samples.weight[samples.label == UNKNOWN].sum())
    share = 0.1 if unknown < 1000 else 0.02
    m0, s0 = _two_people(samples, np.ones(len(samples.kind), np.bool_), share, different, 0.15, _DEFAULT_WEIGHT)
    pieces = m0 + samples.across * (samples.pieces - m0)
    m1, s1 = _posterior(pieces, np.ones(len(pieces)), max(same, m0 + 2 * s0), 0.15, _DEFAULT_WEIGHT)
    return _fit_of(m0, max(m1, m0 + _LEAST_GAP * s0), s0, s1, share, unknown, 0.0, freedom)


def _common(samples: Samples, likely: Times, first: Fit) -> Fit:
    is_unknown = samples.label == UNKNOWN
    total, right = float(samples.weight[is_unknown].sum()), float((samples.weight * likely)[is_unknown].sum())
    share = min((right + _SHARE_WEIGHT * samples.share) / (total + _SHARE_WEIGHT), 0.9)
    every = np.ones(len(samples.kind), np.bool_)
    m0, s0 = _two_people(
        samples, every, share, float(first.different[0]), float(first.different_spread[0]), _DEFAULT_WEIGHT
    )
    strength = min(_PIECES_WEIGHT, _PIECES_SHARE * total + _DEFAULT_WEIGHT)
    m1, s1 = _posterior(
        samples.similarity, samples.weight * likely, float(first.same[0]), float(first.same_spread[0]), strength
    )
    s1, freedom = max(s1, _LEAST_WIDTH * s0), float(first.freedom[0])
    return _fit_of(m0, max(m1, m0 + _LEAST_GAP * s0), s0, s1, share, total, right, freedom)


def _by_kind(samples: Samples, likely: Times, common: Fit) -> Fit:
    """The same for each kind, with the common fit of that kind as prior."""
    result = {name: getattr(common, name).copy() for name in Fit.__dataclass_fields__}
    result["samples"][:] = result["same_samples"][:] = 0
    for kind in np.unique(samples.kind).tolist():
        here = samples.kind == kind
        is_unknown = here & (samples.label == UNKNOWN)
        total, right = float(samples.weight[is_unknown].sum()), float((samples.weight * likely)[is_unknown].sum())
        share = (right + _COMMON_SHARE * float(common.share[kind])) / (total + _COMMON_SHARE)
        m0, s0 = _two_people(
            samples, here, share, float(common.different[kind]), float(common.different_spread[kind]), _COMMON_DIFFERENT
        )
        m1, s1 = _posterior(
            samples.similarity[here], (samples.weight * likely)[here], float(common.same[kind]),
            float(common.same_spread[kind]), _COMMON_SAME,
        )  # fmt: skip
        s1 = max(s1, _LEAST_WIDTH * s0)
        found = (m0, max(m1, m0 + _LEAST_GAP * s0), s0, s1, float(np.clip(share, 1e-6, 0.9)), total, right)
        for name, value in zip(Fit.__dataclass_fields__, found, strict=False):  # the freedom is that of all cameras
            result[name][kind] = value
    return Fit(**result)


def _two_people(
    samples: Samples, here: NDArray[np.bool_], share: float, mean: float, spread: float, strength: float
) -> tuple[float, float]:
    """Mean and standard deviation of pairs of two people, drawn to `mean` and `spread` by `strength` samples.

    The lowest 1 - share of the pairs are taken for two people: their median, and the width of their lower half, by
    `Samples.skew`. The upper side is checked on those that are known: where these reach higher, the distribution is as
    wide as that.
    """
    values, weight = samples.similarity[here], samples.weight[here]
    is_known = samples.is_different[here]
    total = float(weight.sum())
    if not total:
        return mean, spread
    part = 1 - share * float(weight[~is_known].sum()) / total
    middle, low = weighted_quantiles(values, weight, (0.5 * part, 0.1587 * part))
    wide = (middle - low) * samples.skew
    if is_known.sum() >= _LEAST_KNOWN:
        centre, high = weighted_quantiles(values[is_known], weight[is_known], (0.5, 0.9772))
        wide = max(wide, (high - centre) / 2)
    # Which part of few pairs is one person is not known well enough for quantiles: those known to be two decide there.
    count = float(is_known.sum())
    doubt = (1 - min(1.0, total / _MANY)) * count / (count + _FEW_KNOWN)
    parts = [(total * (1 - doubt), middle, wide), (strength, mean, spread)]
    if count:
        known, known_weight = values[is_known], weight[is_known]
        about = float(np.average(known, weights=known_weight))
        square = float(np.average((known - about) ** 2, weights=known_weight))
        apart = float(np.sqrt((count * square + _FEW_KNOWN * spread**2) / (count + _FEW_KNOWN)))
        parts.append((_KNOWN_WEIGHT * float(known_weight.sum()) * doubt, about, apart))
    sizes = np.array([size for size, _, _ in parts])
    centre = float(sizes @ [value for _, value, _ in parts]) / float(sizes.sum())
    square = float(sizes @ [value**2 for _, _, value in parts]) / float(sizes.sum())
    return centre, max(float(np.sqrt(square)), _LEAST_SPREAD)


def weighted_quantiles(values: Times, weight: Times, parts: tuple[float, ...]) -> tuple[float, ...]:
    """The values below which these parts of the weight lie.

    >>> weighted_quantiles(np.array([3.0, 1, 2]), np.array([1.0, 1, 2]), (0.5, 0.9))
    (2.0, 3.0)
    """
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    places = np.searchsorted(reached, np.array(parts) * reached[-1])
    return tuple(values[order[np.minimum(places, len(order) - 1)]].tolist())


def _fit_of(*values: float) -> Fit:
    return Fit(*(np.array([value], np.float64) for value in values))


def _expected(now: Fit, samples: Samples, kind: Integers) -> Times:
    """(P,) probability of each pair to be one person."""
    odds = now.log_ratio(samples.similarity, kind) + now.prior(kind)
    if samples.hint is not None:
        odds = odds + samples.hint
    likely: Times = 1 / (1 + np.exp(-odds))
    likely[samples.label == DIFFERENT] = 0
    return likely


def _posterior(values: Times, weight: Times, mean: float, spread: float, strength: float) -> tuple[float, float]:
    """Mean and standard deviation of weighted values, and of `strength` values with that `mean` and `spread`."""
    total = float(weight.sum()) + strength
    centre = (float(weight @ values) + strength * mean) / total
    square = (float(weight @ (values - centre) ** 2) + strength * (spread**2 + (mean - centre) ** 2)) / total
    return centre, max(float(np.sqrt(square)), _LEAST_SPREAD)


def _spread_out(one: Fit, kinds: int) -> Fit:
    return Fit(*(np.repeat(getattr(one, name)[:1], kinds) for name in one.__dataclass_fields__))
