"""Linking when all tracklets are there; the answer does not depend on the order in which they came."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from mdpr.trackers.crosscamera.appearance import Centred, centred, first_offset, offset_of_groups
from mdpr.trackers.crosscamera.clustering import agglomerate
from mdpr.trackers.crosscamera.config import LinkConfig
from mdpr.trackers.crosscamera.constraints import Constraints, Knowledge, members_of
from mdpr.trackers.crosscamera.evidence import Weighed, weigh
from mdpr.trackers.crosscamera.explaining import explain
from mdpr.trackers.crosscamera.ground import Positions
from mdpr.trackers.crosscamera.groupodds import PairTable
from mdpr.trackers.crosscamera.overlap import Floors, learn_floors
from mdpr.trackers.crosscamera.purify import purify, to_compare
from mdpr.trackers.crosscamera.reasons import GroupTrees, cut_doubtful
from mdpr.trackers.crosscamera.refinement import Refinement
from mdpr.trackers.crosscamera.scene import Flags, Floats, Integers, Scene, check_sightings, make_scene
from mdpr.trackers.crosscamera.types import Calibration, Identity, Linking, Sighting, TrackletKey
from mdpr.trackers.crosscamera.visits import visits_of

ALIKE = 0.8  # cosine from which on two tracklets of a camera count as one person when the camera's mean is taken

LARGE = 2000
"""Tracklets from which on the first round, which only learns about cameras and travel times, looks at fewer pairs."""

ENOUGH = 0.6
MOST_CANDIDATES = 300
"""Where people are seen so often that a tracklet has more of its person than pairs are looked at, those that are not
would speak against it: this part of what the fit expects is looked at, up to so many."""


@dataclass(frozen=True, eq=False)
class Learned:
    """What an answer rests on: tracklets, their views without the (C, D) offsets of their cameras, rules, evidence."""

    scene: Scene
    constraints: Constraints
    appearance: Centred
    offset: Floats
    weighed: Weighed

    @cached_property
    def row(self) -> dict[TrackletKey, int]:
        """Row of each tracklet."""
        return {key: row for row, key in enumerate(self.scene.keys)}

    @cached_property
    def pairs(self) -> PairTable:
        """The pairs of the evidence, by their rows."""
        return PairTable(self.weighed.evidence)


class OfflineLinker:
    """Constrained agglomerative clustering of calibrated pair evidence, with refinement; a `Linker`."""

    Config = LinkConfig

    def __init__(self, config: LinkConfig | None = None) -> None:
        self._config = config or LinkConfig()

    def link(self, sightings: Sequence[Sighting], knowledge: Knowledge | None = None) -> Linking:
        """See `Linker.link`."""
        return self.link_and_learn(sightings, knowledge)[0]

    def link_and_learn(
        self, sightings: Sequence[Sighting], knowledge: Knowledge | None = None
    ) -> tuple[Linking, Learned | None]:
        """The answer, and what was learned about cameras and similarities on the way; None from no sightings."""
        knowledge = knowledge or Knowledge()
        check_sightings(sightings)
        scene, split, dropped = self._purified(sightings, knowledge)
        positions = Positions(scene, knowledge.grounds) if knowledge.grounds.homography else None
        constraints = Constraints(scene, knowledge, positions)
        if not len(scene):
            return Linking((), (), Calibration(0, 0, None, 0.0)), None
        appearance = centred(scene, first_offset(scene, ALIKE))
        candidates = self._config.candidates
        first = -(-candidates // 3) if len(scene) > LARGE else candidates
        group, weighed = self._group(scene, appearance, constraints, positions, knowledge, first, None)
        candidates = max(candidates, min(MOST_CANDIDATES, math.ceil(ENOUGH * weighed.expected_partners)))
        floors = _floors(scene, weighed, group)
        offset = offset_of_groups(scene, group)
        appearance = centred(scene, offset)
        group, weighed = self._group(scene, appearance, constraints, positions, knowledge, candidates, group, floors)
        if floors.relates_cameras:  # who is in two cameras at once is known better now, and with it where they stand
            floors = _floors(scene, weighed, group)
            group, weighed = self._group(
                scene, appearance, constraints, positions, knowledge, candidates, group, floors
            )
        trees = GroupTrees(weighed.evidence, constraints.groups, constraints.forbidding)
        before = None
        while before is None or not np.array_equal(group, before):
            links = trees.links(group)
            rate, all_right = self._config.false_link_rate, self._config.all_right
            before, group = group, cut_doubtful(group, links, rate, all_right)
        decisions, calibration = explain(scene, weighed, group, links)
        linking = Linking(number_identities(scene, group), decisions, calibration, split, dropped)
        return linking, Learned(scene, constraints, appearance, offset, weighed)

    def _group(
        self,
        scene: Scene,
        appearance: Centred,
        constraints: Constraints,
        positions: Positions | None,
        knowledge: Knowledge,
        candidates: int,
        known: Integers | None,
        floors: Floors | None = None,
    ) -> tuple[Integers, Weighed]:
        config = replace(self._config, candidates=candidates)
        weighed = weigh(scene, appearance, constraints, positions, knowledge.topology, config, known, floors)
        group = agglomerate(weighed.evidence, constraints.groups, constraints.between)
        refinement = Refinement(weighed.evidence, group, constraints.groups, constraints.between)
        return refinement.run(config.refine_rounds), weighed

    def _purified(
        self, sightings: Sequence[Sighting], knowledge: Knowledge
    ) -> tuple[Scene, dict[TrackletKey, tuple[Sighting, ...]], dict[TrackletKey, tuple[int, ...]]]:
        """The scene without misleading views and with tracks of two people cut; what was cut and left out."""
        config = self._config
        there = {one.key for one in sightings}
        named = {key for one in knowledge.corrections for key in (one.a, one.b)}
        whole = frozenset(named | knowledge.whole if config.split_tracks else there)
        sightings = [part for one in sightings for part in ([one] if one.key in whole else visits_of(one))]
        kept = {one.key: to_compare(one, config.min_view_quality) for one in sightings}
        scene = make_scene(sightings, kept)
        appearance = centred(scene, first_offset(scene, ALIKE))
        pure, good = purify(scene, appearance, kept, whole)
        split: dict[TrackletKey, tuple[Sighting, ...]] = {}
        for one in pure:
            if one.key not in there:
                track = TrackletKey(*one.key[:3])
                split[track] = (*split.get(track, ()), one)
        return make_scene(pure, good), split, _dropped(pure, good)


def _floors(scene: Scene, weighed: Weighed, group: Integers) -> Floors:
    """Learned from the pairs that are in two cameras at once, of which `group` tells whether they are one person.

    Those who look more alike than either looks like anybody else in the other camera are a guess.
    """
    a, b = weighed.pairs.a, weighed.pairs.b
    at_once = np.flatnonzero(scene.at_once(a, b) & (scene.camera[a] != scene.camera[b]))
    a, b = a[at_once], b[at_once]
    alike = np.nan_to_num(weighed.pairs.similarity[at_once], nan=-1.0)
    best = np.full((len(scene), len(scene.cameras)), -np.inf)
    for one, two in ((a, b), (b, a)):
        np.maximum.at(best, (one, scene.camera[two]), alike)
    is_guess = (alike > 0) & (alike >= best[a, scene.camera[b]]) & (alike >= best[b, scene.camera[a]])
    return learn_floors(scene, a, b, group[a] == group[b], is_guess)


def _dropped(sightings: Sequence[Sighting], good: dict[TrackletKey, Flags]) -> dict[TrackletKey, tuple[int, ...]]:
    found = {}
    for one in sightings:
        out = np.flatnonzero(~good[one.key])
        if len(out):
            found[one.key] = tuple(out.tolist())
    return found


def number_identities(scene: Scene, group: Integers) -> tuple[Identity, ...]:
    """Identities numbered from 1 in order of first sight, ties by key."""
    groups = members_of(group)
    groups.sort(key=lambda rows: (float(scene.start_s[rows].min()), scene.keys[rows[0]]))
    return tuple(Identity(number, tuple(scene.keys[row] for row in rows)) for number, rows in enumerate(groups, 1))
