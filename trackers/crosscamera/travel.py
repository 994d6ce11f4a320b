"""What the time between two sightings says about their being one person, given or learned.

The term is a log ratio: how much likelier the gap is for one person than for two. It is 0 for cameras about which
nothing is known, and what is impossible (faster than anybody walks) is not a matter of terms but of constraints.
"""

from __future__ import annotations

import numpy as np

from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.topology import Topology

DIRECT = 0.5  # of the pairs of sightings of a person in two cameras, those that follow each other directly
MOST_TERM = 3.0
_LEAST_LEARNED = 25  # pairs of one person, for each direction between two cameras
_STRENGTH = 25.0  # how many of them the absence of a pattern counts as
_EDGES_S = np.concatenate([[-np.inf, 0.0], np.geomspace(2, 4096, 12), [np.inf]])


def directed(scene: Scene, a: Integers, b: Integers) -> tuple[Integers, Integers, Times]:
    """For each pair the camera that is first, the one that follows, and the seconds between; below 0 when at once."""
    is_first = (scene.start_s[a] < scene.start_s[b]) | ((scene.start_s[a] == scene.start_s[b]) & (a < b))
    early, late = np.where(is_first, a, b), np.where(is_first, b, a)
    return scene.camera[early], scene.camera[late], scene.start_s[late] - scene.end_s[early]


def given_term(scene: Scene, topology: Topology, a: Integers, b: Integers) -> Times:
    """(P,) term of the declared travel times.

    Half of the sightings of a person in two cameras are taken to follow each other directly, evenly within the window;
    the other half, and those of two people, to lie anywhere in the time of the scene.
    """
    term = np.zeros(len(a))
    topology = topology.among(scene.cameras)
    if not topology.travel_s:
        return term
    early, late, gap = directed(scene, a, b)
    span = max(float(scene.end_s.max() - scene.start_s.min()), 1.0)
    for (one, two), (low, high) in topology.travel_s.items():
        here = (early == scene.cameras.index(one)) & (late == scene.cameras.index(two))
        here &= scene.clock[a] == scene.clock[b]
        width = max(high - low, 1.0)
        inside = np.log(DIRECT * max(span / width, 1.0) + 1 - DIRECT)
        is_inside = (gap >= low) & (gap <= high)
        term[here] = np.where(is_inside, min(inside, MOST_TERM), np.log(1 - DIRECT))[here]
    return term


def learned_term(
    scene: Scene, topology: Topology, group: Integers, a: Integers, b: Integers, all_pairs: tuple[Integers, Integers]
) -> Times:
    """(P,) term of the gaps within known groups against those of all pairs, for each direction between two cameras.

    Args:
        scene: the tracklets.
        topology: camera pairs with a declared travel time are left at 0.
        group: (N,) who is who, from appearance alone.
        a, b: (P,) pairs.
        all_pairs: a sample of all admissible pairs.
    """
    count = len(scene.cameras)
    early, late, gap = directed(scene, a, b)
    kind, slot = early * count + late, _slot(gap)
    back_early, back_late, back_gap = directed(scene, *all_pairs)
    back_kind, back_slot = back_early * count + back_late, _slot(back_gap)
    back_kind[scene.clock[all_pairs[0]] != scene.clock[all_pairs[1]]] = -1
    is_same: Flags = group[a] == group[b]
    slots = len(_EDGES_S) - 1
    term = np.zeros(len(a))
    skip = {scene.cameras.index(x) * count + scene.cameras.index(y) for x, y in topology.among(scene.cameras).travel_s}
    for number in np.unique(kind).tolist():
        here = (kind == number) & (scene.clock[a] == scene.clock[b])
        same = np.bincount(slot[here & is_same], minlength=slots).astype(np.float64)
        back = np.bincount(back_slot[back_kind == number], minlength=slots) + 0.5
        if number in skip or same.sum() < _LEAST_LEARNED:
            continue
        base = back / back.sum()
        own = (same + _STRENGTH * base) / (same.sum() + _STRENGTH)
        term[here] = np.clip(np.log(own / base), -MOST_TERM, MOST_TERM)[slot[here]]
    return term


def _slot(gap_s: Times) -> Integers:
    return np.searchsorted(_EDGES_S, gap_s, side="right") - 1
