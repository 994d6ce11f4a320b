"""Linking while tracklets arrive, in any order; early decisions are revised, and every revision is an event.

A new tracklet is compared with all others under what was learned last, and joins the identity that it most likely
belongs to, or becomes a new one. Whenever the number of tracklets has grown by a quarter, everything is linked anew as
if it had been there from the start, so over a run this costs about five times the offline answer. `finish` gives
exactly that answer.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.appearance import centred
from mdpr.trackers.crosscamera.config import LinkConfig
from mdpr.trackers.crosscamera.constraints import Constraints, Knowledge
from mdpr.trackers.crosscamera.events import LinkEvent, keep_numbers, number_before
from mdpr.trackers.crosscamera.evidence import pair_terms
from mdpr.trackers.crosscamera.ground import Grounds, Positions
from mdpr.trackers.crosscamera.groupodds import TERMS, Sides, all_sides, single_sides
from mdpr.trackers.crosscamera.journeys import Journeys
from mdpr.trackers.crosscamera.offline import Learned, OfflineLinker
from mdpr.trackers.crosscamera.purify import to_compare
from mdpr.trackers.crosscamera.scene import Floats, Times, check_sightings, make_scene
from mdpr.trackers.crosscamera.similarity import reliabilities, set_similarity
from mdpr.trackers.crosscamera.types import Linking, Sighting, TrackletKey

GROWTH = 1.25
_FIRST_REFITS = 8  # up to so many tracklets, each is a reason to link anew
_COMPARED = 50  # most similar tracklets that a new one is compared with in full


class OnlineLinker:
    """Takes tracklets one by one.

    Args:
        config: options.
        knowledge: as for `Linker.link`; it may name cameras and tracklets that are still to come.
    """

    def __init__(self, config: LinkConfig | None = None, knowledge: Knowledge | None = None) -> None:
        self._config = config or LinkConfig()
        self._knowledge = knowledge or Knowledge()
        self._sightings: dict[TrackletKey, Sighting] = {}  # as they came
        self._pieces: dict[TrackletKey, Sighting] = {}  # with pieces in place of tracks that were cut
        self._learned: Learned | None = None
        self._number: dict[TrackletKey, int] = {}
        self._fresh = 1
        self._events: list[LinkEvent] = []
        self._next_refit = 1

    @property
    def number(self) -> dict[TrackletKey, int]:
        """Identity of each tracklet as of now. Numbers stay; a number that nobody has any more is not given again."""
        return dict(self._number)

    @property
    def events(self) -> tuple[LinkEvent, ...]:
        """Everything that happened, in order."""
        return tuple(self._events)

    def add(self, sighting: Sighting) -> tuple[LinkEvent, ...]:
        """Take a tracklet; returns what it changed.

        Raises:
            ConfigError: its key was there already.
            FormatError: see `Linker.link`. The tracklet is not taken.
        """
        if sighting.key in self._sightings:
            raise ConfigError(f"tracklet {sighting.key} is given twice")
        check_sightings([*self._with_embeddings(), sighting])
        begin = len(self._events)
        self._sightings[sighting.key] = sighting
        if len(self._sightings) >= self._next_refit:
            self._link_anew(_known_part(self._knowledge, self._sightings))
        else:
            self._place(sighting)
        return tuple(self._events[begin:])

    def finish(self) -> Linking:
        """The answer of `OfflineLinker.link` to everything that came. More may be added afterwards.

        Its identities are numbered in order of first sight; `number` keeps the numbers of the events.
        """
        return self._link_anew(self._knowledge)

    def _with_embeddings(self) -> list[Sighting]:
        """One of those that came with an embedding: the model of all others."""
        return [one for one in self._sightings.values() if one.tracklet.embeddings.shape[1]][:1]

    def _link_anew(self, knowledge: Knowledge) -> Linking:
        linking, self._learned = OfflineLinker(self._config).link_and_learn(list(self._sightings.values()), knowledge)
        pieces = {one.key: one for parts in linking.split.values() for one in parts}
        self._pieces = {key: one for key, one in self._sightings.items() if key not in linking.split} | pieces
        groups = [identity.members for identity in linking.identities]
        number, self._fresh = keep_numbers(self._number, groups, self._fresh)
        before, self._number = self._number, number
        for key in sorted(set(before) - set(number)):
            self._record(key, None, before[key])
        for key in sorted(number):
            if before.get(key) != number[key]:
                self._record(key, number[key], number_before(before, key))
        self._next_refit = max(len(self._sightings) + 1, int(len(self._sightings) * GROWTH))
        if len(self._sightings) < _FIRST_REFITS:
            self._next_refit = len(self._sightings) + 1
        return linking

    def _place(self, sighting: Sighting) -> None:
        """Give a tracklet to the identity that it most likely belongs to, or to a new one."""
        identity = self._likeliest(sighting)
        if identity is None:
            identity, self._fresh = self._fresh, self._fresh + 1
        self._pieces[sighting.key] = sighting
        self._number[sighting.key] = identity
        self._record(sighting.key, identity, None)

    def _record(self, key: TrackletKey, identity: int | None, before: int | None) -> None:
        self._events.append(LinkEvent(len(self._events) + 1, key, identity, before))

    def _likeliest(self, sighting: Sighting) -> int | None:
        """The identity with the highest log-odds above 0 that nothing forbids."""
        learned = self._learned
        if learned is None:
            return None
        members: dict[int, list[TrackletKey]] = {}
        for key, number in self._number.items():
            members.setdefault(number, []).append(key)
        near = self._nearest(sighting, learned)
        rows = [sighting, *(self._pieces[key] for key in near)]
        kept = {one.key: to_compare(one, self._config.min_view_quality) for one in rows}
        scene = make_scene(rows, kept)
        appearance = centred(scene, _offsets(scene.cameras, learned))
        mine = scene.keys.index(sighting.key)
        others = np.array([row for row in range(len(scene)) if row != mine], np.int64)
        me = np.full(len(others), mine, np.int64)
        seen = scene.has_appearance[others] & scene.has_appearance[mine]
        similarity = np.where(seen, set_similarity(appearance, scene.has_view, me, others).astype(np.float64), np.nan)
        kind = np.array([self._kind(learned, scene.cameras[scene.camera[row]], sighting) for row in others], np.int64)
        found, evidence = learned.weighed.fit, learned.weighed.evidence
        other = found.prior(kind) - evidence.prior
        reliable = reliabilities(appearance, scene.has_view)
        is_across = scene.camera[others] != scene.camera[mine]
        reliability, nowhere = reliable[others] * reliable[mine], np.zeros(len(others))
        terms = pair_terms(found, kind, is_across, similarity, reliability, other, nowhere)
        names, place = np.unique([self._number[scene.keys[row]] for row in others], return_inverse=True)
        cross = np.zeros((len(names), TERMS))
        np.add.at(cross, place, terms)
        sides = all_sides([self._side(members[name], learned) for name in names.tolist()])
        times = self._times(sighting, [members[name] for name in names.tolist()], learned)
        value, gain = evidence.log_odds(
            cross, single_sides(np.repeat(scene.has_appearance[mine], len(names))), sides, times
        )
        value[gain <= 0] = -np.inf  # nothing but the size of a group speaks for it
        odds = dict(zip(names.tolist(), value.tolist(), strict=True))
        knowledge = _known_part(self._knowledge, self._sightings)
        must = self._must(sighting.key, knowledge)
        for number in sorted(odds, key=lambda number: (number != must, -odds[number], number)):
            if (odds[number] > 0 or number == must) and self._is_free(sighting, members[number], knowledge):
                return number
        return must if must is not None and self._is_free(sighting, members[must], knowledge) else None

    def _times(self, sighting: Sighting, groups: list[list[TrackletKey]], learned: Learned) -> Times:
        """(K,) what the order of visits says of each of K identities; nothing of cameras that are new."""
        cameras = learned.scene.cameras
        if sighting.key.camera not in cameras or learned.weighed.evidence.journeys is None:
            return np.zeros(len(groups))
        rows, owners = [sighting], []
        for group in groups:
            known = [self._pieces[key] for key in group if key.camera in cameras]
            owners.append(np.arange(len(rows), len(rows) + len(known)))
            rows += known
        clocks = sorted({one.clock for one in rows})
        journeys = Journeys(
            np.array([cameras.index(one.key.camera) for one in rows], np.int64),
            np.array([one.start_s for one in rows]),
            np.array([one.end_s for one in rows]),
            np.array([clocks.index(one.clock) for one in rows], np.int64),
            learned.weighed.evidence.journeys.travel,
        )
        return journeys.gains([np.zeros(1, np.int64)] * len(groups), owners)

    def _side(self, members: list[TrackletKey], learned: Learned) -> Sides:
        """An identity as one side of a comparison; what came since everything was linked has no pairs within it yet."""
        rows = np.array(sorted(learned.row[key] for key in members if key in learned.row), np.int64)
        seen = [key for key in members if self._pieces[key].tracklet.embeddings.any()]
        size, cameras = np.array([float(len(members))]), np.array([float(len({key.camera for key in seen}))])
        return replace(learned.pairs.side(rows), size=size, seen=np.array([float(len(seen))]), cameras=cameras)

    def _nearest(self, sighting: Sighting, learned: Learned) -> list[TrackletKey]:
        """Those whose mean is most similar, without evening out cameras that are new."""
        keys = sorted(self._pieces)
        if len(keys) <= _COMPARED:
            return keys
        place = learned.row
        offset = _offsets((sighting.key.camera,), learned)[0]
        mean = _mean_without(sighting, offset)
        known = learned.appearance.mean @ mean if len(mean) else np.zeros(len(learned.scene), np.float32)
        value = {key: float(known[place[key]]) for key in keys if key in place}
        late = [key for key in keys if key not in place]  # since the last time everything was linked
        for key in late:
            other = _mean_without(self._pieces[key], _offsets((key.camera,), learned)[0])
            value[key] = float(other @ mean) if len(other) and len(mean) else 0.0
        return sorted(keys, key=lambda key: (-value[key], key))[:_COMPARED]

    @staticmethod
    def _kind(learned: Learned, camera: str, sighting: Sighting) -> int:
        """Number of the pair of cameras in the fit; that of any pair without samples for a new camera."""
        cameras = learned.scene.cameras
        if camera not in cameras or sighting.key.camera not in cameras:
            return int(np.argmin(learned.weighed.fit.samples))
        one, two = sorted((cameras.index(camera), cameras.index(sighting.key.camera)))
        return one * len(cameras) + two

    def _must(self, key: TrackletKey, knowledge: Knowledge) -> int | None:
        for one in knowledge.corrections:
            other = one.b if one.a == key else one.a if one.b == key else None
            if one.kind == "must-link" and other is not None and other in self._number:
                return self._number[other]
        return None

    def _is_free(self, sighting: Sighting, members: list[TrackletKey], knowledge: Knowledge) -> bool:
        rows = [sighting, *(self._pieces[key] for key in members)]
        scene = make_scene(rows)
        known = _known_part(knowledge, {one.key: one for one in rows})
        positions = Positions(scene, known.grounds) if known.grounds.homography else None
        constraints = Constraints(scene, known, positions)
        mine = np.array([scene.keys.index(sighting.key)])
        others = np.delete(np.arange(len(scene)), mine)
        return constraints.between(mine, others) == 0


def _offsets(cameras: tuple[str, ...], learned: Learned) -> Floats:
    """(C, D) offsets; a new camera has the mean of all."""
    known = dict(zip(learned.scene.cameras, learned.offset, strict=True))
    mean = learned.offset.mean(axis=0)
    return np.array([known.get(camera, mean) for camera in cameras], np.float32)


def _mean_without(sighting: Sighting, offset: Floats) -> Floats:
    rows = sighting.tracklet.embeddings
    rows = rows[rows.any(axis=1)]
    if not rows.size or rows.shape[1] != len(offset):
        return np.empty(0, np.float32)
    mean = (rows - offset).mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-12), np.float32)


def _known_part(knowledge: Knowledge, sightings: dict[TrackletKey, Sighting]) -> Knowledge:
    """What is known about those that have come."""
    cameras = {key.camera for key in sightings}
    homography = {name: matrix for name, matrix in knowledge.grounds.homography.items() if name in cameras}
    grounds: Grounds = replace(knowledge.grounds, homography=homography)
    corrections = [one for one in knowledge.corrections if one.a in sightings and one.b in sightings]
    return Knowledge(corrections, knowledge.topology.among(cameras), grounds, whole=knowledge.whole)
