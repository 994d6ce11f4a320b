"""Who cannot be one person, whatever they look like: overlap in time, travel times, corrections, positions.

Every rule is a function of pairs, so it is checked between all members of two groups before these become one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.ground import Grounds, Positions
from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.topology import Topology
from mdpr.trackers.crosscamera.types import Correction, CorrectionKind, TrackletKey

NONE, SAME_CAMERA, APART, TRAVEL, CORRECTION, POSITION, PIECES = range(7)
CONSTRAINTS = (
    "",
    "overlap in one camera",
    "in two cameras at once that see different places",
    "travel time too short",
    "cannot-link",
    "at different positions at the same time",
    "pieces of one track that held two people",
)
"""What forbids a pair, by code."""


@dataclass(frozen=True)
class Knowledge:
    """What is known beside the tracklets.

    Attributes:
        corrections: by people; they come before everything except overlap in time in one camera.
        topology: travel times, and which cameras see the same place.
        grounds: the ground plane of calibrated cameras.
        cameras: that exist, so that topology and grounds may name them although nobody was seen there.
        whole: tracks that are not looked at for two people: they were, when they were first linked.
    """

    corrections: Sequence[Correction] = ()
    topology: Topology = field(default_factory=Topology)
    grounds: Grounds = field(default_factory=Grounds)
    cameras: Sequence[str] = ()
    whole: frozenset[TrackletKey] = frozenset()


class Constraints:
    """The rules for one scene; see `forbidding`.

    Raises:
        ConfigError: knowledge about cameras or tracklets that are not there, or that contradicts itself.
    """

    def __init__(self, scene: Scene, knowledge: Knowledge, positions: Positions | None = None) -> None:
        self._scene = scene
        self._positions = positions
        count = len(scene.cameras)
        place = {name: number for number, name in enumerate(scene.cameras)}
        exist = {*scene.cameras, *knowledge.cameras}
        _check_cameras(knowledge.topology.cameras, exist, "the topology")
        _check_cameras(frozenset(knowledge.grounds.homography), exist, "the ground plane")
        topology = knowledge.topology.among(scene.cameras)
        self.least_s: Times = np.full((count, count), -np.inf)  # [from, to]; -inf: may be in both at once
        self.is_apart: Flags = np.zeros((count, count), np.bool_)
        for a, b in topology.apart | set(topology.travel_s):
            self.is_apart[place[a], place[b]] = self.is_apart[place[b], place[a]] = True
        for (a, b), (low, _) in topology.travel_s.items():
            self.least_s[place[a], place[b]] = low
        self._rules_by_camera = bool(self.is_apart.any())
        row = {key: number for number, key in enumerate(scene.keys)}
        self.groups = _together(row, knowledge.corrections)
        """(N,) number of the group that must-link corrections make; a tracklet alone is a group."""
        self._cannot = _pair_codes(row, knowledge.corrections, CorrectionKind.CANNOT_LINK)
        self._check_groups()

    def forbidding(self, a: Integers, b: Integers) -> NDArray[np.int8]:
        """(P,) code of what forbids each pair of rows, NONE where nothing does; the first rule that does.

        Args:
            a, b: (P,) rows of the scene.
        """
        scene = self._scene
        code = np.zeros(len(a), np.int8)
        if self._positions is not None:
            code[self._positions.disagree(a, b)] = POSITION
        if self._rules_by_camera:
            one, two = scene.camera[a], scene.camera[b]
            is_apart = self.is_apart[one, two]
            gap = np.where(
                scene.start_s[a] <= scene.start_s[b],
                scene.start_s[b] - scene.end_s[a] - np.maximum(self.least_s[one, two], 0),
                scene.start_s[a] - scene.end_s[b] - np.maximum(self.least_s[two, one], 0),
            )
            is_comparable = scene.clock[a] == scene.clock[b]
            code[is_apart & (gap < 0) & is_comparable] = TRAVEL
            code[is_apart & scene.at_once(a, b)] = APART
        if len(self._cannot):
            code[np.isin(np.minimum(a, b) * len(scene) + np.maximum(a, b), self._cannot)] = CORRECTION
        code[(scene.track[a] == scene.track[b]) & (a != b)] = PIECES
        code[self.overlapping(a, b)] = SAME_CAMERA
        return code

    def overlapping(self, a: Integers, b: Integers) -> Flags:
        """(P,) whether two tracklets share a frame, or a moment, of one camera of one run; parts of one track: a frame.

        Where a track was cut, one part may end at the moment at which the next begins, as far as times of day tell.
        """
        scene = self._scene
        frames = (scene.start_frame[a] <= scene.end_frame[b]) & (scene.start_frame[b] <= scene.end_frame[a])
        moments = scene.at_once(a, b) & (scene.track[a] != scene.track[b])
        return (scene.lane[a] == scene.lane[b]) & (frames | moments) & (a != b)

    def between(self, a: Integers, b: Integers) -> int:
        """What forbids two groups to be one: the code of any pair between them, NONE when they may."""
        code = self.forbidding(np.repeat(a, len(b)), np.tile(b, len(a)))
        return int(code.max(initial=NONE))

    def _check_groups(self) -> None:
        for members in members_of(self.groups):
            if len(members) < 2:
                continue
            one, two = np.triu_indices(len(members), 1)
            code = self.forbidding(members[one], members[two])
            is_wrong = np.isin(code, (SAME_CAMERA, CORRECTION))
            if is_wrong.any():
                first = int(np.argmax(is_wrong))
                a, b = self._scene.keys[members[one[first]]], self._scene.keys[members[two[first]]]
                raise ConfigError(
                    f"corrections make {a} and {b} one person, but {CONSTRAINTS[code[first]]} forbids it: "
                    "withdraw one of them"
                )


def members_of(group: Integers) -> list[Integers]:
    """Rows of each group number, in order of number.

    >>> [rows.tolist() for rows in members_of(np.array([1, 0, 1]))]
    [[1], [0, 2]]
    """
    order = np.argsort(group, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(group) else []


def _together(row: Mapping[TrackletKey, int], corrections: Sequence[Correction]) -> Integers:
    pairs = _pairs(row, corrections, CorrectionKind.MUST_LINK)
    ones = np.ones(len(pairs))
    graph = coo_array((ones, (pairs[:, 0], pairs[:, 1])), shape=(len(row), len(row)))
    number: Integers = connected_components(graph, directed=False)[1].astype(np.int64) if row else np.empty(0, np.int64)
    return number


def _pair_codes(row: Mapping[TrackletKey, int], corrections: Sequence[Correction], kind: CorrectionKind) -> Integers:
    pairs = np.sort(_pairs(row, corrections, kind), axis=1)
    return pairs[:, 0] * len(row) + pairs[:, 1]


def _pairs(row: Mapping[TrackletKey, int], corrections: Sequence[Correction], kind: CorrectionKind) -> Integers:
    for one in corrections:
        for key in (one.a, one.b):
            if key not in row:
                raise ConfigError(f"a {one.kind} correction names {key}, which is not among the tracklets")
    found = [(row[one.a], row[one.b]) for one in corrections if one.kind is kind]
    return np.array(found, np.int64).reshape(-1, 2)


def _check_cameras(named: frozenset[str], exist: set[str], what: str) -> None:
    unknown = sorted(named - exist)
    if unknown and exist:
        raise ConfigError(
            f"{what} names cameras that do not exist: {', '.join(unknown)}. There are: {', '.join(sorted(exist))}"
        )
