"""From appearance, times and positions to the log-odds of pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mdpr.trackers.crosscamera import groupodds
from mdpr.trackers.crosscamera.appearance import Centred
from mdpr.trackers.crosscamera.calibration import DIFFERENT, UNKNOWN, Samples, fit
from mdpr.trackers.crosscamera.config import LinkConfig
from mdpr.trackers.crosscamera.constraints import NONE, POSITION, SAME_CAMERA, Constraints
from mdpr.trackers.crosscamera.ground import Positions
from mdpr.trackers.crosscamera.groupodds import GAP, RATIO, STANDARD, WIDTH, Evidence
from mdpr.trackers.crosscamera.journeys import Journeys
from mdpr.trackers.crosscamera.likelihood import Fit
from mdpr.trackers.crosscamera.overlap import Floors
from mdpr.trackers.crosscamera.reasons import Pairs
from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.sharing import DEFAULT_CORRELATION, Sharing, sharing_of
from mdpr.trackers.crosscamera.similarity import (
    candidate_pairs,
    piece_similarity,
    reliabilities,
    sampled_pairs,
    set_similarity,
)
from mdpr.trackers.crosscamera.topology import Topology
from mdpr.trackers.crosscamera.travel import PairSample, declared_times, learned_times

MOST_NEGATIVE = -4.0
LEFT_ACROSS = 0.8
"""How much of what tells two people from pieces of one tracklet is left between two tracklets of one person in two
cameras: 0.70 was measured in a laboratory, 0.80 and 0.82 in two scenes of SynthPlaza."""
_BACKGROUND = 20_000
_MOST_SHARE = 0.3  # of pairs that are one person: of two or three people the lower half of all pairs is not two people
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
        apart: pairs of cameras that were taken to show different places.
    """

    pairs: Pairs
    evidence: Evidence
    fit: Fit
    known_different: int
    known_same: int
    background: tuple[Integers, Integers]
    different_odds: tuple[Times, Times]
    apart: frozenset[tuple[int, int]]

    @property
    def expected_partners(self) -> float:
        """How many other tracklets of its person a tracklet has, in the mean; 0 where the fit is not believed."""
        if not self.fit.samples.any():
            return 0.0
        share = float(np.average(self.fit.share, weights=self.fit.samples))
        return share * (self.evidence.count - 1) if share <= _MOST_SHARE else 0.0


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
    returns = np.eye(len(scene.cameras), dtype=np.int64).ravel()  # pairs of cameras that are one camera, and others

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
        LEFT_ACROSS,
    )
    found = fit(samples, returns, config.different_similarity, config.same_similarity)

    is_free, back_free = code == NONE, back_code == NONE
    prior = found.prior(kind)
    total = float(is_free.sum() + back_weight[back_free].sum())
    back_prior = found.prior(back_kind)
    common = _mean(prior[is_free], back_prior[back_free], back_weight[back_free], total)
    reliable = reliabilities(appearance, scene.has_view)
    is_across, back_across = scene.camera[a] != scene.camera[b], scene.camera[back_a] != scene.camera[back_b]
    other = prior - common
    terms = pair_terms(found, kind, is_across, similarity, reliable[a] * reliable[b], other, position_term)
    reliability = reliable[back_a] * reliable[back_b]
    nowhere = np.zeros(len(back_a))
    back = pair_terms(found, back_kind, back_across, back_similarity, reliability, back_prior - common, nowhere)
    ratio = terms[:, RATIO]
    travel = declared_times(scene, topology)
    if group is not None:
        looked, sampled = is_free & seen, back_free & np.isfinite(back_similarity)
        sample = PairSample(
            np.concatenate([a[looked], back_a[sampled]]),
            np.concatenate([b[looked], back_b[sampled]]),
            np.concatenate([np.ones(int(looked.sum())), back_weight[sampled]]),
            np.concatenate(
                [(ratio - other - position_term)[looked], (back[:, RATIO] - back[:, groupodds.OTHER])[sampled]]
            ),
            np.concatenate([prior[looked], back_prior[sampled]]),
        )
        travel = learned_times(scene, topology, group, sample)
    journeys = Journeys.of_scene(scene, travel)
    time_term = journeys.pair(a, b)
    sharing = Sharing.of_correlation(config.correlation or DEFAULT_CORRELATION)
    if config.correlation is None and group is not None:
        sharing = sharing_of(appearance.mean, group)
    elsewhere = _elsewhere(back, back_weight, terms)
    freedom = float(found.freedom[0])
    evidence = Evidence(
        scene.camera, scene.has_appearance, a[is_free], b[is_free], terms[is_free], elsewhere, common, sharing,
        freedom, journeys,
    )  # fmt: skip
    known, back_known = usable & (code == SAME_CAMERA), back_code == SAME_CAMERA
    return Weighed(
        Pairs(a, b, similarity, time_term, position_term, ratio + time_term + common, code),
        evidence,
        found,
        int(known.sum() + back_known.sum()),
        len(pieces),
        (back_a[back_free], back_b[back_free]),
        (
            np.concatenate([(ratio + common)[known], (back[:, RATIO] + common)[back_known]]),
            np.concatenate([np.ones(int(known.sum())), back_weight[back_known]]),
        ),
        travel.apart,
    )


def pair_terms(
    found: Fit, kind: Integers, is_across: Flags, similarity: Times, reliability: Times, other: Times, place: Times
) -> Times:
    """(P, TERMS) of pairs; see `mdpr.trackers.crosscamera.groupodds`.

    Args:
        found: what similarities tell.
        kind: (P,) number of the pair of cameras.
        is_across: (P,) whether these are two cameras.
        similarity: (P,); NaN without appearance.
        reliability: (P,) of both tracklets together, see `reliabilities`.
        other: (P,) what the two cameras say, as a log ratio.
        place: (P,) what places say, as a log ratio.
    """
    seen = np.isfinite(similarity)
    similarity = np.where(seen, similarity, 0.0)
    spread = found.different_spread[kind]
    terms = np.empty((len(kind), groupodds.TERMS))
    terms[:, groupodds.PLACE] = place
    terms[:, RATIO] = np.where(seen, found.log_ratio(similarity, kind, reliability), 0.0) + other + place
    terms[:, groupodds.SEEN] = seen
    terms[:, STANDARD] = seen * (similarity - found.different[kind]) / spread
    terms[:, GAP] = seen * reliability * (found.same[kind] - found.different[kind]) / spread
    terms[:, WIDTH] = seen * (found.same_spread[kind] / spread) ** 2
    terms[:, groupodds.OTHER] = other
    terms[:, groupodds.ACROSS] = seen & is_across
    terms[:, groupodds.ABOVE] = is_across * (terms[:, STANDARD] - terms[:, GAP])
    terms[:, groupodds.ACROSS_WIDTH] = is_across * terms[:, WIDTH]
    terms[:, groupodds.PLACE_SIZE], terms[:, groupodds.PLACE_SQUARE] = np.abs(place), np.square(place)
    return terms


def _elsewhere(back: Times, weight: Times, terms: Times) -> Times:
    """(TERMS,) what a pair that was not looked at counts as: the mean of those that were sampled.

    Args:
        back: (Q, TERMS) of sampled pairs, and (Q,) `weight`, how many each stands for.
        terms: (P, TERMS) of pairs that were looked at, for where there are no others.
    """
    if len(back):
        found = np.average(back, axis=0, weights=weight)
        found[RATIO] = min(found[RATIO], 0.0)
    else:
        seen = terms[:, groupodds.SEEN] > 0
        found = np.zeros(groupodds.TERMS)
        found[[RATIO, groupodds.SEEN, WIDTH]] = MOST_NEGATIVE, 1.0, 1.0
        found[GAP] = terms[seen, GAP].mean() if seen.any() else 0.0
    found[groupodds.OTHER] = 0
    found[[groupodds.PLACE, groupodds.PLACE_SIZE, groupodds.PLACE_SQUARE]] = 0
    found[groupodds.WITHIN] = found[groupodds.SEEN], found[STANDARD] - found[GAP], found[WIDTH]  # where it is across
    return found


def _mean(one: Times, two: Times, weight: Times, total: float) -> float:
    return float((one.sum() + two @ weight) / total) if total else float(np.log(0.1 / 0.9))


def _background(scene: Scene, a: Integers, b: Integers) -> tuple[Integers, Integers, Times]:
    """A sample of the pairs with appearance that were not looked at, and how many each stands for."""
    rows = np.flatnonzero(scene.has_appearance)
    one, two = sampled_pairs(len(rows), _BACKGROUND)
    one, two = rows[one], rows[two]
    fresh = ~np.isin(one * len(scene) + two, a * len(scene) + b)
    one, two = one[fresh], two[fresh]
    looked = int((scene.has_appearance[a] & scene.has_appearance[b]).sum())
    left = len(rows) * (len(rows) - 1) // 2 - looked
    weight = np.full(len(one), left / max(len(one), 1))
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
