"""What a report knows about a run: cameras, visits, who is who, and the links with their reasons."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdpr.pipeline.store.values import TrackletKey
from mdpr.trackers.crosscamera import Verdict
from mdpr.types import Tracklet


def _no_crops(_: TrackletKey) -> tuple[bytes, ...]:
    return ()


@dataclass(frozen=True)
class RunCamera:
    """One camera of a run.

    Attributes:
        name: of the camera and of its folder.
        source: what was read, without passwords; "" when the run does not say.
        notes: what went wrong with it, for people.
        started_s: seconds of its second 0 after that of the first camera.
    """

    name: str
    source: str = ""
    notes: tuple[str, ...] = ()
    started_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Visit:
    """A tracklet, or the piece of one that held two people.

    Attributes:
        key: of the tracklet or piece.
        tracklet: the whole tracklet.
        start_s, end_s: of the visit, by the clock of its camera.
        identity: number of the person; None when nothing says who it is.
        is_still: whether the track never moved, see `mdpr.pipeline.stillness`.
    """

    key: TrackletKey
    tracklet: Tracklet
    start_s: float
    end_s: float
    identity: int | None = None
    is_still: bool = False


@dataclass(frozen=True)
class LinkLine:
    """A decision about two visits, at least one of which is of this run.

    Attributes:
        a, b: their keys.
        is_joined: whether they were taken for one person.
        verdict: how sure it is.
        probability: that they are one person; None when it was not kept.
        reasons: why; plain values, see `mdpr.trackers.crosscamera.Reasons`.
        people: identities of a and b; None when they were not kept.
    """

    a: TrackletKey
    b: TrackletKey
    is_joined: bool
    verdict: Verdict
    probability: float | None
    reasons: dict[str, Any]
    people: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, eq=False)
class RunContent:
    """Everything that a report says about a run.

    Attributes:
        folder: of the run.
        name: of the run, as the keys have it.
        info: content of run.json; empty without one.
        cameras: in order of name.
        visits: sorted by key.
        links: in the order of links.jsonl.
        is_linked: whether somebody decided who is who; else every visit stands for itself.
        names: of identities, where people gave them one.
        started_s: wall time of second 0; None when nothing says so.
        notes: what is missing, for people.
        start_s: `--start` of the run: what its annotated videos begin with.
        fps: `--fps` of the run, for image folders; None without.
        kept_crops: the JPEGs that a gallery keeps for the views of a visit, b"" where there is none.
    """

    folder: Path
    name: str
    info: dict[str, Any]
    cameras: tuple[RunCamera, ...]
    visits: tuple[Visit, ...]
    links: tuple[LinkLine, ...] = ()
    is_linked: bool = False
    names: dict[int, str] = field(default_factory=dict)
    started_s: float | None = None
    notes: tuple[str, ...] = ()
    start_s: float = 0.0
    fps: float | None = None
    kept_crops: Callable[[TrackletKey], tuple[bytes, ...]] = _no_crops
