"""What linking takes and gives: sightings, corrections, and identities with a reason for every link."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.trackers.merging import VIEW_ARRAYS
from mdpr.types import Tracklet

VISIT = 10
"""Parts of a track are numbered VISIT, 2 VISIT, ... by visit; what is added to that tells two people apart."""


def some_views(tracklet: Tracklet, which: slice | NDArray[np.bool_]) -> dict[str, Any]:
    """The arrays of a tracklet that have a row a view, by name, with some of their rows."""
    return {name: getattr(tracklet, name)[which] for name in VIEW_ARRAYS}


class TrackletKey(NamedTuple):
    """Key of a tracklet across cameras and runs; equal to a tuple of the same four values.

    Attributes:
        run: name of the run, unique among those that are linked.
        camera: name of the camera; the same name in two runs means the same camera.
        track_id: of the tracker, local to run and camera.
        part: 0, or the number of a piece, in order of time: 10, 20, ... where the track was lost for long in between,
            and 1 and 2 more where it held two people.
    """

    run: str
    camera: str
    track_id: int
    part: int = 0

    def __str__(self) -> str:
        return f"{self.run}/{self.camera}/{self.track_id}" + (f".{self.part}" if self.part else "")


Pair = tuple[TrackletKey, TrackletKey]


class Boxes(NamedTuple):
    """Where a track was detected, in order of time.

    Attributes:
        time_s: (B,) float64 seconds of its camera.
        xyxy: (B, 4) float32 pixels.
        frame: (B,) int64 indices of the frames.
        spacing_s: two boxes may be so far apart although the person was there in between.
    """

    time_s: NDArray[np.float64]
    xyxy: NDArray[np.float32]
    frame: NDArray[np.int64]
    spacing_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Sighting:
    """A tracklet with what linking must know beyond it.

    Attributes:
        key: its key; camera and track id are those of `tracklet`.
        tracklet: as the tracker gave it.
        started_s: wall time of second 0 of its camera, so that `started_s + tracklet.start_s` is comparable between
            cameras and runs. 0 everywhere means that all cameras started together.
        model: fingerprint of the embedding model; "" when unknown.
        clock: times of two clocks are not compared; "" is the wall clock, a run whose start is not known has its own.
        boxes: of the whole track, for positions on the ground and gaps; None leaves the positions to the views.
    """

    key: TrackletKey
    tracklet: Tracklet
    started_s: float = 0.0
    model: str = ""
    clock: str = ""
    boxes: Boxes | None = None

    @classmethod
    def of(
        cls, run: str, tracklet: Tracklet, started_s: float = 0.0, model: str = "", part: int = 0, clock: str = ""
    ) -> Sighting:
        """The sighting of a tracklet of `run`."""
        return cls(TrackletKey(run, tracklet.camera, tracklet.track_id, part), tracklet, started_s, model, clock)

    def boxes_within(self) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """The boxes from its first to its last detection (a piece has a part of its track's), or those of its views."""
        if self.boxes is None:
            return self.tracklet.view_time_s, self.tracklet.view_xyxy
        times, xyxy = self.boxes.time_s, self.boxes.xyxy
        here = slice(*np.searchsorted(times, [self.tracklet.start_s - 1e-3, self.tracklet.end_s + 1e-3]))
        return times[here], xyxy[here]

    @property
    def start_s(self) -> float:
        """Wall time of the first detection."""
        return self.started_s + self.tracklet.start_s

    @property
    def end_s(self) -> float:
        """Wall time of the last detection."""
        return self.started_s + self.tracklet.end_s


class CorrectionKind(StrEnum):
    """What a person has said about two tracklets."""

    MUST_LINK = "must-link"
    CANNOT_LINK = "cannot-link"


@dataclass(frozen=True)
class Correction:
    """What a person knows about two tracklets; linking never contradicts it."""

    kind: CorrectionKind
    a: TrackletKey
    b: TrackletKey

    def __post_init__(self) -> None:
        first, second = ordered(self.a, self.b)
        object.__setattr__(self, "a", first)
        object.__setattr__(self, "b", second)
        object.__setattr__(self, "kind", CorrectionKind(self.kind))


class Verdict(StrEnum):
    """How sure a decision about a pair is."""

    CERTAIN = "certain"
    PROBABLE = "probable"
    AMBIGUOUS = "ambiguous"


@dataclass(frozen=True)
class Reasons:
    """Why a pair was joined or kept apart.

    Attributes:
        similarity: of the views, cameras evened out, in [-1, 1]; None when one of the two has no appearance.
        runner_up: highest similarity of either tracklet to one that another identity holds; None without any.
        margin: similarity - runner_up; None when one of them is.
        time_term: what travel times add to the log-odds, as if one directly followed the other; 0 when nothing is
            known about them.
        position_term: what positions on the ground add to the log-odds; 0 when nothing is known about them.
        log_odds: of being the same person, from everything above and how rare true pairs are.
        constraint: what forbade the pair or made it necessary ("cannot-link", "overlap in one camera", ...); "" when
            nothing did.
        forbidden: how many better candidates of either tracklet a constraint ruled out, by constraint.
        group_log_odds: of the two parts of the identity that this link holds together, from all their pairs; None when
            apart.
        group_time_term: what the order of visits of these parts adds to that; None when apart.
        group_position_term: what positions of all pairs between these parts add to that; None when apart.
        gap_s: seconds from the end of the earlier to the beginning of the later; below 0 when at once, None when their
            clocks cannot be compared.
        group_rival_term: what other identities take from `group_log_odds` that either part could belong to, 0 or less;
            None when apart.
        group_rival: key of the first tracklet of the identity that takes most; None when none does.
    """

    similarity: float | None
    runner_up: float | None
    margin: float | None
    time_term: float
    position_term: float
    log_odds: float
    constraint: str = ""
    forbidden: dict[str, int] = field(default_factory=dict)
    group_log_odds: float | None = None
    group_time_term: float | None = None
    group_position_term: float | None = None
    gap_s: float | None = None
    group_rival_term: float | None = None
    group_rival: str | None = None

    def values(self) -> dict[str, Any]:
        """The same as a dictionary that JSON can hold."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


@dataclass(frozen=True)
class Link:
    """A decision about two tracklets.

    The joined links of an identity of n tracklets are n - 1 and connect them all; links that are not joined record
    pairs that were close to being joined.

    Attributes:
        a, b: keys, a < b.
        verdict: how sure the decision is.
        probability: that the two are one person.
        is_joined: whether they were taken for one person.
        reasons: why.
    """

    a: TrackletKey
    b: TrackletKey
    verdict: Verdict
    probability: float
    is_joined: bool
    reasons: Reasons

    @property
    def pair(self) -> Pair:
        """(a, b)."""
        return self.a, self.b


@dataclass(frozen=True)
class Identity:
    """One person: a number from 1 in order of first sight, and the sorted keys of the tracklets."""

    number: int
    members: tuple[TrackletKey, ...]


@dataclass(frozen=True)
class CameraPairFit:
    """How similarity was read for one pair of cameras.

    Attributes:
        cameras: names, sorted; twice the same for returns to one camera.
        different, same: mean similarity of two people and of one.
        different_spread, same_spread: their standard deviations.
        share: part of the pairs that are one person.
        samples, same_samples: pairs, and expected true pairs among them, that spoke for this pair of cameras; the less
            they are, the more of the fit is borrowed from all cameras.
    """

    cameras: tuple[str, str]
    different: float
    same: float
    different_spread: float
    same_spread: float
    share: float
    samples: int
    same_samples: float


@dataclass(frozen=True)
class Calibration:
    """How far the links can be trusted.

    Attributes:
        known_different: pairs that must be two people (same time, same camera).
        known_same: pairs of pieces of one tracklet.
        passed: share of the known different pairs whose own log-odds are above 0; None without such pairs.
        expected_false_links: mean over the joined links of the probability that they are wrong, each weighing as many
            pairs of tracklets as it joins; 0 without links.
        pairs: fits, by cameras.
        apart: pairs of cameras that were taken to show different places, since nobody seems to be in both at once.
    """

    known_different: int
    known_same: int
    passed: float | None
    expected_false_links: float
    pairs: tuple[CameraPairFit, ...] = ()
    apart: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, eq=False)
class Linking:
    """The answer: every sighting is in exactly one identity.

    Attributes:
        identities: by number.
        links: sorted by pair; see `Link`.
        calibration: how far to trust them.
        split: pieces of the tracks that held two people, by the key of the track.
        dropped_views: for each tracklet with views that were left out, their positions in it.
    """

    identities: tuple[Identity, ...]
    links: tuple[Link, ...]
    calibration: Calibration
    split: dict[TrackletKey, tuple[Sighting, ...]] = field(default_factory=dict)
    dropped_views: dict[TrackletKey, tuple[int, ...]] = field(default_factory=dict)

    @property
    def number(self) -> dict[TrackletKey, int]:
        """Identity of each tracklet."""
        return {key: identity.number for identity in self.identities for key in identity.members}


def ordered(a: TrackletKey, b: TrackletKey) -> Pair:
    """The pair with the smaller key first.

    Raises:
        ConfigError: both are the same tracklet.
    """
    a, b = TrackletKey(*a), TrackletKey(*b)
    if a == b:
        raise ConfigError(f"{a}: a pair needs two different tracklets")
    return (a, b) if a < b else (b, a)


def by_key(sightings: Sequence[Sighting]) -> list[Sighting]:
    """In order of key, which no order of arrival changes."""
    return sorted(sightings, key=lambda sighting: sighting.key)
