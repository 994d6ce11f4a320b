"""From appearance, times and positions to the log-odds of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdpr.trackers.crosscamera.appearance import Centred
from mdpr.trackers.crosscamera.calibration import DIFFERENT, UNKNOWN, Samples, fit
from mdpr.trackers.crosscamera.clustering import Evidence
from mdpr.trackers.crosscamera.config import LinkConfig
from mdpr.trackers.crosscamera.constraints import NONE, POSITION, SAME_CAMERA, Constraints
from mdpr.trackers.crosscamera.ground import Positions
from mdpr.trackers.crosscamera.likelihood import Fit
from mdpr.trackers.crosscamera.overlap import Floors
from mdpr.trackers.crosscamera.reasons import Pairs
from mdpr.trackers.crosscamera.scene import Integers, Scene, Times
from mdpr.trackers.crosscamera.sharing import DEFAULT_CORRELATION, Sharing, sharing_of
from mdpr.trackers.crosscamera.similarity import (
    candidate_pairs,
    piece_similarity,
    reliabilities,
    sampled_pairs,
    set_similarity,
)
from mdpr.trackers.crosscamera.topology import Topology
from mdpr.trackers.crosscamera.travel import given_term, learned_term

MOST_NEGATIVE = -4.0
ACROSS = 0.8
"""How much of what tells two people from pieces of one tracklet is left between two tracklets of one person in two
cameras: 0.70 was measured in a laboratory, 0.80 and 0.82 in two scenes of SynthPlaza."""
_BACKGROUND = 20_000
_LEAST_PIECE = 2
_TWO_PEOPLE = (SAME_CAMERA, POSITION)  # what forbids a pair because it is two people, whatever people say


@dataclass(frozen=True, eq=False)
class Weighed:
    """What is known about all pairs that were looked at.

    Attributes:
        pairs: for explanations.
        evidence: for grouping; without forbidden pairs.
        fit: similarity to log-odds, by pair of cameras.
        known_different, known_same: samples without doubt.
        background: (Q,) and (Q,) rows of sampled admissible pairs.
        different_odds: (K,) log-odds of the known different pairs, and (K,) how many each stands for.
    """

    pairs: Pairs
    evidence: Evidence
    fit: Fit
    known_different: int
    known_same: int
    background: tuple[Integers, Integers]
    different_odds: tuple[Times, Times]


def camera_pair(scene: Scene, a: Integers, b: Integers) -> Integers:
    """(P,) number of the pair of cameras, whichever is first."""
    one, two = scene.camera[a], scene.camera[b]
    return np.minimum(one, two) * len(scene.cameras) + np.maximum(one, two)


def weigh(
    scene: Scene,
    appearance: Centred,
    constraints: Constraints,
    positions: Positions | None,
    topology: Topology,
    config: LinkConfig,
    group: Integers | None,
    floors: Floors | None = None,
) -> Weighed:
    """Look at the pairs of a scene.

    Args:
        scene: the tracklets.
        appearance: their views, cameras evened out.
        constraints: what forbids pairs.
        positions: on the ground; None when no camera is calibrated.
        topology: declared travel times.
        config: options.
        group: (N,) who is who as far as known, to learn travel times from; None at first.
        floors: what relates cameras that see the same place, as far as it was learned.
    """
    a, b = candidate_pairs(appearance.mean, scene.has_appearance, config.candidates)
    if positions is not None or (floors and floors.relates_cameras):
        a, b = _with_pairs_at_once(scene, a, b)
    code = constraints.forbidding(a, b).astype(np.int64)
    seen = scene.has_appearance[a] & scene.has_appearance[b]
    similarity = np.where(seen, set_similarity(appearance, scene.has_view, a, b).astype(np.float64), np.nan)
    kind = camera_pair(scene, a, b)
    back_a, back_b, back_weight = _background(scene, a, b)
    back_similarity = set_similarity(appearance, scene.has_view, back_a, back_b).astype(np.float64)
    back_code = constraints.forbidding(back_a, back_b)
    back_kind = camera_pair(scene, back_a, back_b)
    pieces = _pieces(scene, appearance)
    kinds = len(scene.cameras) ** 2

    position_term = positions.log_ratio(a, b) if positions is not None else np.zeros(len(a))
    if floors:
        learned = floors.log_ratio(a, b)  # knows how exact places are here
        position_term = np.where(learned == 0, position_term, learned)
    usable = seen & np.isin(code, (NONE, *_TWO_PEOPLE))
    back_usable = np.isin(back_code, (NONE, *_TWO_PEOPLE))
    samples = Samples(
        np.concatenate([similarity[usable], back_similarity[back_usable]]),
        np.concatenate([kind[usable], back_kind[back_usable]]),
        np.concatenate([np.ones(int(usable.sum())), back_weight[back_usable]]),
        np.where(np.concatenate([code[usable], back_code[back_usable]]) == NONE, UNKNOWN, DIFFERENT),
        pieces,
        np.concatenate([position_term[usable], np.zeros(int(back_usable.sum()))]),
        1 / (1 + scene.most_at_once()),
        ACROSS,
    )
    found = fit(samples, kinds, config.different_similarity, config.same_similarity)
    time_term = given_term(scene, topology, a, b)
    if group is not None:
        admissible = back_code == NONE
        everything = (
            np.concatenate([a[code == NONE], back_a[admissible]]),
            np.concatenate([b[code == NONE], back_b[admissible]]),
        )
        time_term += learned_term(scene, topology, group, a, b, everything)

    is_free = code == NONE
    prior = found.prior(kind)
    total = float(is_free.sum() + back_weight[back_code == NONE].sum())
    back_prior = found.prior(back_kind)
    common = _mean(prior[is_free], back_prior[back_code == NONE], back_weight[back_code == NONE], total)
    reliable = reliabilities(appearance, scene.has_view)
    appearance_term = np.where(seen, found.log_ratio(np.nan_to_num(similarity), kind, reliable[a] * reliable[b]), 0.0)
    ratio = appearance_term + time_term + position_term + prior - common
    back_ratio = found.log_ratio(back_similarity, back_kind, reliable[back_a] * reliable[back_b])
    back_ratio += back_prior - common
    elsewhere = MOST_NEGATIVE
    if len(back_ratio):
        elsewhere = min(float(np.average(back_ratio, weights=back_weight)), 0.0)
    sharing = Sharing.of_correlation(config.correlation or DEFAULT_CORRELATION)
    if config.correlation is None and group is not None:
        sharing = sharing_of(appearance.mean, group)
    evidence = Evidence(len(scene), a[is_free], b[is_free], ratio[is_free], elsewhere, common, sharing)
    known, back_known = usable & (code == SAME_CAMERA), back_code == SAME_CAMERA
    return Weighed(
        Pairs(a, b, similarity, time_term, position_term, ratio + common, code),
        evidence,
        found,
        int(known.sum() + back_known.sum()),
        len(pieces),
        (back_a[back_code == NONE], back_b[back_code == NONE]),
        (
            np.concatenate([(ratio + common)[known], (back_ratio + common)[back_known]]),
            np.concatenate([np.ones(int(known.sum())), back_weight[back_known]]),
        ),
    )


def _mean(one: Times, two: Times, weight: Times, total: float) -> float:
    return float((one.sum() + two @ weight) / total) if total else float(np.log(0.1 / 0.9))


def _background(scene: Scene, a: Integers, b: Integers) -> tuple[Integers, Integers, Times]:
    """A sample of the pairs with appearance that were not looked at, and how many each stands for."""
    rows = np.flatnonzero(scene.has_appearance)
    one, two = sampled_pairs(len(rows), _BACKGROUND)
    one, two = rows[one], rows[two]
    fresh = ~np.isin(one * len(scene) + two, a * len(scene) + b)
    one, two = one[fresh], two[fresh]
    left = len(rows) * (len(rows) - 1) // 2 - len(a)
    weight = np.full(len(one), max(left, 0) / max(len(one), 1))
    return one.astype(np.int64), two.astype(np.int64), weight


def _pieces(scene: Scene, appearance: Centred) -> Times:
    """(Q,) similarity of the early and the late views of each tracklet with at least four."""
    rows = np.flatnonzero(scene.has_view.sum(axis=1) >= 2 * _LEAST_PIECE)
    return np.array([piece_similarity(appearance.views[row][scene.has_view[row]]) for row in rows], np.float64)


def _with_pairs_at_once(scene: Scene, a: Integers, b: Integers) -> tuple[Integers, Integers]:
    """The pairs, and all pairs of tracklets of different cameras that overlap in time."""
    order = np.argsort(scene.start_s, kind="stable")
    last = np.searchsorted(scene.start_s[order], scene.end_s[order], side="right")
    count = np.maximum(last - np.arange(len(order)) - 1, 0)
    one = np.repeat(np.arange(len(order)), count)
    two = one + 1 + np.arange(len(one)) - np.repeat(np.cumsum(count) - count, count)
    one, two = order[one], order[two]
    other = scene.camera[one] != scene.camera[two]
    one, two = one[other], two[other]
    size = len(scene)
    code = np.unique(np.concatenate([a * size + b, np.minimum(one, two) * size + np.maximum(one, two)]))
    return code // size, code % size
