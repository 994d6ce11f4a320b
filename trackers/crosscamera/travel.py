"""How long people take from camera to camera, declared or learned: what a gap between two visits says.

The term of a gap is a log ratio: how much likelier it is for one person, whose visit directly follows the other, than
for any two. It is 0 for cameras about which nothing is known. What is impossible (faster than anybody walks) is not a
matter of terms but of constraints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mdpr.trackers.crosscamera.apart import apart_term
from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.topology import Topology

DIRECT = 0.5  # of the pairs of sightings of a person in two cameras, those that follow each other directly
MOST_TERM = 3.0
_EDGES_S = np.concatenate([[-np.inf, 0.0], np.geomspace(2, 4096, 12), [np.inf]])  # the first slot: at once
_ALL_STRENGTH = 25.0  # how many visits that follow each other the absence of a pattern counts as
_OWN_STRENGTH = 10.0  # the same for what all cameras have in common, where two of them are looked at


@dataclass(frozen=True, eq=False)
class PairSample:
    """Rows of (P,) pairs that may be one person, and how many pairs each stands for.

    Attributes:
        a, b: (P,) rows.
        weight: (P,).
        ratio: (P,) log ratio of the similarity, for one person against two.
        prior: (P,) log-odds of one person before looking.
    """

    a: Integers
    b: Integers
    weight: Times
    ratio: Times
    prior: Times


@dataclass(frozen=True, eq=False)
class TravelTimes:
    """Terms of the gaps between C cameras.

    Attributes:
        learned: (C, C, S) by the camera that was left, the one that was entered, and slot of the gap.
        declared: of two cameras the shortest and the usual longest gap, and the terms within and without.
        apart: pairs of cameras, first < second, that were taken to show different places although nobody said so.
    """

    learned: Times
    declared: Mapping[tuple[int, int], tuple[float, float, float, float]]
    apart: frozenset[tuple[int, int]] = frozenset()

    @property
    def says_nothing(self) -> bool:
        """Whether all terms are 0."""
        return not self.declared and not self.learned.any()

    def term(self, left: Integers, entered: Integers, gap_s: Times) -> Times:
        """(P,) terms.

        Args:
            left, entered: (P,) cameras.
            gap_s: (P,) seconds between; below 0 when at once.
        """
        term: Times = self.learned[left, entered, slot_of(gap_s)]
        for (one, two), (low, high, inside, outside) in self.declared.items():
            here = (left == one) & (entered == two)
            term = np.where(here, np.where((gap_s >= low) & (gap_s <= high), inside, outside), term)
        return term


def declared_times(scene: Scene, topology: Topology) -> TravelTimes:
    """What the topology says.

    Half of the sightings of a person in two cameras are taken to follow each other directly, evenly within the window;
    the other half, and those of two people, to lie anywhere in the time of the scene.
    """
    count = len(scene.cameras)
    topology = topology.among(scene.cameras)
    span = max(float(scene.end_s.max() - scene.start_s.min()), 1.0) if len(scene) else 1.0
    declared = {}
    for (one, two), (low, high) in topology.travel_s.items():
        inside = float(np.log(DIRECT * max(span / max(high - low, 1.0), 1.0) + 1 - DIRECT))
        pair = scene.cameras.index(one), scene.cameras.index(two)
        declared[pair] = low, high, min(inside, MOST_TERM), float(np.log(1 - DIRECT))
    return TravelTimes(np.zeros((count, count, len(_EDGES_S) - 1)), declared)


def learned_times(scene: Scene, topology: Topology, group: Integers, sample: PairSample) -> TravelTimes:
    """The declared, and for other cameras what the gaps of known people say.

    How often a gap lies between visits of one person that follow each other, against how often between any two that may
    be one. Few visits of two cameras tell little, so what all have in common counts too, returns to a camera by
    themselves. Cameras in which nobody seems to be at once show different places: then to be in both is against it,
    see `mdpr.trackers.crosscamera.apart`.

    Args:
        scene: the tracklets.
        topology: camera pairs with a declared travel time, and those that see the same place, keep what was declared.
        group: (N,) who is who as far as known.
        sample: of all pairs that may be one person.
    """
    count = len(scene.cameras)
    found = declared_times(scene, topology)
    one, two = _following(scene, group)
    same = _histogram(scene, one, two, np.ones(len(one)))
    any_two = _histogram(scene, *_in_order(scene, sample.a, sample.b), sample.weight) + 0.5
    is_return = np.eye(count, dtype=np.bool_)
    for kind in (is_return, ~is_return):
        if not same[kind].any():
            continue
        common = any_two[kind].sum(axis=0) / any_two[kind].sum()
        together = same[kind].sum(axis=0)
        excess = (together + _ALL_STRENGTH * common) / (together.sum() + _ALL_STRENGTH) / common
        base = any_two[kind] / any_two[kind].sum(axis=1, keepdims=True)
        expected = base * excess
        expected /= expected.sum(axis=1, keepdims=True)
        of_pair = same[kind]
        own = (of_pair + _OWN_STRENGTH * expected) / (of_pair.sum(axis=1, keepdims=True) + _OWN_STRENGTH)
        found.learned[kind] = np.clip(np.log(own / base), -MOST_TERM, MOST_TERM)
    at_once = apart_term(scene, sample.a, sample.b, sample.weight, sample.ratio, sample.prior)
    is_known = _is_known(scene, topology)
    seem_apart = (at_once < 0) & ~(is_known | is_known.T)
    found.learned[seem_apart, 0] = at_once[seem_apart]
    found.learned[is_known] = 0
    said = {frozenset(pair) for pair in topology.apart}
    pairs = [(one, two) for one, two in np.argwhere(seem_apart).tolist() if one < two]
    apart = frozenset(pair for pair in pairs if frozenset(scene.cameras[camera] for camera in pair) not in said)
    return TravelTimes(found.learned, found.declared, apart)


def _is_known(scene: Scene, topology: Topology) -> Flags:
    """(C, C) whether the topology says something of going from one camera to another."""
    known = topology.among(scene.cameras)
    both_ways = [*known.overlapping, *((two, one) for one, two in known.overlapping)]
    found = np.zeros((len(scene.cameras),) * 2, np.bool_)
    for left, entered in (*known.travel_s, *both_ways):
        found[scene.cameras.index(left), scene.cameras.index(entered)] = True
    return found


def slot_of(gap_s: Times) -> Integers:
    """(P,) slots of gaps."""
    return np.searchsorted(_EDGES_S, gap_s, side="right") - 1


def _in_order(scene: Scene, a: Integers, b: Integers) -> tuple[Integers, Integers]:
    """(P,) rows of each pair, the one that begins first before the other."""
    is_first = (scene.start_s[a] < scene.start_s[b]) | ((scene.start_s[a] == scene.start_s[b]) & (a < b))
    return np.where(is_first, a, b), np.where(is_first, b, a)


def _following(scene: Scene, group: Integers) -> tuple[Integers, Integers]:
    """Rows that follow each other within their group, by one clock."""
    order = np.lexsort((np.arange(len(scene)), scene.start_s, scene.clock, group))
    one, two = order[:-1], order[1:]
    inside: Flags = group[one] == group[two]
    return one[inside], two[inside]


def _histogram(scene: Scene, one: Integers, two: Integers, weight: Times) -> Times:
    """(C, C, S) weight of the pairs by cameras and slot of the gap; only of pairs with one clock."""
    count, slots = len(scene.cameras), len(_EDGES_S) - 1
    comparable: Flags = scene.clock[one] == scene.clock[two]
    one, two, weight = one[comparable], two[comparable], weight[comparable]
    slot = slot_of(scene.start_s[two] - scene.end_s[one])
    code = (scene.camera[one] * count + scene.camera[two]) * slots + slot
    found = np.asarray(np.bincount(code, weight, count * count * slots), np.float64)
    return found.reshape(count, count, slots)
