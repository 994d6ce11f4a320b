"""What goes into a store and comes out: runs, tracklets with their crops, filters and matches.

A tracklet is known everywhere by its `TrackletKey`. Times are seconds: those of a tracklet count from the start of its
camera's source, those called wall times are seconds since 1970 (UTC) and add `RunCamera.started_s`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from mdpr.errors import ConfigError, FormatError
from mdpr.types import Tracklet

Group = Literal["view", "tracklet", "identity"]


class TrackletKey(NamedTuple):
    """Key of a tracklet across cameras and runs; keys sort by run, camera, track id, part.

    Attributes:
        run: name of the run, unique within a store; has no slash.
        camera: name of the camera; the same name in two runs means the same camera.
        track_id: of the tracker, local to run and camera.
        part: 0, or the number of a piece when a track that held two people was cut.
    """

    run: str
    camera: str
    track_id: int
    part: int = 0

    def __str__(self) -> str:
        return f"{self.run}/{self.camera}/{self.track_id}" + (f".{self.part}" if self.part else "")

    @classmethod
    def parse(cls, text: str) -> TrackletKey:
        """The key that `str` has written.

        Raises:
            ConfigError: anything else.

        >>> TrackletKey.parse("monday/hall/12.1")
        TrackletKey(run='monday', camera='hall', track_id=12, part=1)
        """
        run, _, rest = text.partition("/")
        camera, _, number = rest.rpartition("/")
        track_id, _, part = number.partition(".")
        if not (run and camera and track_id.isdecimal() and (part.isdecimal() or "." not in number)):
            raise ConfigError(f"{text!r} is not a tracklet: expected RUN/CAMERA/TRACK, for example monday/hall/12")
        return cls(run, camera, int(track_id), int(part or 0))


@dataclass(frozen=True)
class EmbeddingModel:
    """What made the embeddings of a run; `dimension` is 0 when appearance was off."""

    fingerprint: str
    dimension: int


@dataclass(frozen=True)
class RunCamera:
    """One camera of a run: what was read, without passwords, and the wall time of its second 0."""

    source: str
    started_s: float


@dataclass(frozen=True)
class Run:
    """One run of the tracker.

    Attributes:
        name: unique within a store, no slash.
        started_s: wall time when it began.
        model: of its embeddings.
        cameras: by name.
        config: the resolved configuration, anything that JSON can hold.
    """

    name: str
    started_s: float
    model: EmbeddingModel
    cameras: Mapping[str, RunCamera]
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class TrackletRecord:
    """A tracklet as a store holds it.

    Attributes:
        key: its key; camera and track id are those of `tracklet`.
        tracklet: as the tracker gave it.
        crops: () or a JPEG for each view, b"" where there is none. A crop shows exactly the box of its view.
        identity: whom the store takes it for; None when undecided. `put` ignores it.
    """

    key: TrackletKey
    tracklet: Tracklet
    crops: tuple[bytes, ...] = ()
    identity: int | None = None

    def __post_init__(self) -> None:
        if (self.key.camera, self.key.track_id) != (self.tracklet.camera, self.tracklet.track_id):
            raise FormatError(f"{self.key} holds tracklet {self.tracklet.track_id} of {self.tracklet.camera!r}")
        if self.crops and len(self.crops) != len(self.tracklet.view_frame):
            raise FormatError(
                f"tracklet {self.key}: expected a crop for each of its {len(self.tracklet.view_frame)} views "
                f"(b'' for none), got {len(self.crops)}"
            )

    @classmethod
    def of(cls, run: str, tracklet: Tracklet, crops: Sequence[bytes] = (), part: int = 0) -> TrackletRecord:
        """The record of a tracklet of `run`."""
        return cls(TrackletKey(run, tracklet.camera, tracklet.track_id, part), tracklet, tuple(crops))


@dataclass(frozen=True)
class Filters:
    """Which tracklets; None does not restrict.

    Attributes:
        runs, cameras: names.
        identities: numbers; leaves out tracklets without an identity.
        since_s, until_s: wall times; a tracklet counts when any of it lies between them, bounds included.
        without: keys to leave out.
    """

    runs: tuple[str, ...] | None = None
    cameras: tuple[str, ...] | None = None
    identities: tuple[int, ...] | None = None
    since_s: float | None = None
    until_s: float | None = None
    without: tuple[TrackletKey, ...] = ()


EVERYTHING = Filters()


@dataclass(frozen=True)
class Match:
    """One answer of `Store.nearest`: the view, its tracklet and identity, and its cosine similarity in [-1, 1]."""

    key: TrackletKey
    view: int
    identity: int | None
    similarity: float
