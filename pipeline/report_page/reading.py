"""A run of mdpr-track as its report shows it: cameras, visits, who is who, and the links with their reasons."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats import identities
from mdpr.pipeline.formats.textfile import read_text
from mdpr.pipeline.store.tracklet_files import read_tracklets
from mdpr.pipeline.store.values import TrackletKey
from mdpr.trackers.crosscamera import Verdict
from mdpr.types import Tracklet

LINKS_FILE = "links.jsonl"
TRACKLETS_FILE = "tracklets.parquet"


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
    """

    key: TrackletKey
    tracklet: Tracklet
    start_s: float
    end_s: float
    identity: int | None = None


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
        crops: JPEGs that were kept for the views of a visit, b"" where there is none.
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
    crops: dict[TrackletKey, tuple[bytes, ...]] = field(default_factory=dict)


def read_run(folder: Path) -> RunContent:
    """What lies in the folder of a run; it need not have been linked.

    Raises:
        ConfigError: no CAMERA/tracklets.parquet in it.
        SourceError, FormatError: a file that cannot be read, is damaged, or does not fit the others.
    """
    files = sorted(folder.glob(f"*/{TRACKLETS_FILE}"))
    if not files:
        raise ConfigError(f"{folder}: found no CAMERA/{TRACKLETS_FILE}: expected the folder of a run of mdpr-track")
    info = _read_info(folder / "run.json")
    name = folder.resolve().name
    tracklets = {}
    for file in files:
        for tracklet in read_tracklets(file)[1]:
            if tracklet.camera != file.parent.name:
                raise FormatError(f"{file}: holds camera {tracklet.camera!r}, expected that of its folder")
            tracklets[tracklet.camera, tracklet.track_id] = tracklet
    cameras, started_s = _cameras(info, {file.parent.name for file in files})
    path = folder / identities.FILE
    if not path.is_file():
        alone = [Visit(TrackletKey(name, *key), one, one.start_s, one.end_s) for key, one in tracklets.items()]
        return RunContent(folder, name, info, cameras, in_order(alone), started_s=started_s)
    content = read_json(path)
    name = _text(content, "run", path) or name
    links, notes = [], []
    if (folder / LINKS_FILE).is_file():
        links = list(_read_links(folder / LINKS_FILE))
        name = _name_in(links, name, folder / LINKS_FILE)
    else:
        notes.append(f"There is no {LINKS_FILE} beside {identities.FILE}, so why people were joined cannot be shown.")
    visits = in_order(_linked_visits(path, name, tracklets))
    _check_keys(links, visits, name, folder / LINKS_FILE)
    return RunContent(
        folder, name, info, cameras, visits, tuple(links), True, _names(content, path), started_s, tuple(notes)
    )


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    info = read_json(path)
    if not isinstance(info, dict) or not isinstance(info.get("cameras", {}), dict):
        raise FormatError(f"{path}: expected an object with the object 'cameras', as mdpr-track writes it")
    return info


def _cameras(info: dict[str, Any], found: set[str]) -> tuple[tuple[RunCamera, ...], float | None]:
    """The cameras, and the wall time of second 0 of the first of them, which is None when the run does not say."""
    listed = {name: entry for name, entry in info.get("cameras", {}).items() if isinstance(entry, dict)}
    begin = {name: entry["started_s"] for name, entry in listed.items() if _is_number(entry.get("started_s"))}
    first_s = min((time_s for name, time_s in begin.items() if name in found), default=None)
    cameras = []
    for name in sorted(found | set(listed)):
        entry = listed.get(name, {})
        notes = [f"failed: {entry['error']}"] if entry.get("error") else []
        if name not in found:
            notes.append(f"no {TRACKLETS_FILE}: nobody of this camera is in the report")
        elif first_s is not None and name not in begin:
            notes.append("when it began is not known; it is shown as if it had begun with the first camera")
        after_s = begin.get(name, first_s) - first_s if first_s is not None and name in found else 0.0
        cameras.append(RunCamera(name, str(entry.get("source", "")), tuple(notes), float(after_s)))
    return tuple(cameras), first_s


def in_order(visits: list[Visit]) -> tuple[Visit, ...]:
    """Sorted by key."""
    return tuple(sorted(visits, key=lambda visit: visit.key))


def _names(content: Any, path: Path) -> dict[int, str]:
    """Names of identities; who has none is left out."""
    return {entry["id"]: name for entry in content["identities"] if (name := _text(entry, "name", path))}


def _text(entry: Any, key: str, path: Path) -> str:
    value = entry.get(key) or ""
    if not isinstance(value, str):
        raise FormatError(f"{path}: {key}: expected a text, got {value!r}")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _linked_visits(path: Path, run: str, tracklets: dict[tuple[str, int], Tracklet]) -> list[Visit]:
    """Visits with their identities; a track that was cut is replaced by its pieces."""
    owner = identities.read_identities(path)
    pieces = _read_pieces(path)
    for camera, track_id in [*owner, *((piece["camera"], piece["track_id"]) for piece in pieces)]:
        if (camera, track_id) not in tracklets:
            raise FormatError(
                f"{path}: names track {track_id} of camera {camera}, which its {TRACKLETS_FILE} does not have: "
                f"the run was tracked again after it was linked; run mdpr-link once more"
            )
    visits = []
    for piece in pieces:
        key = TrackletKey(run, piece["camera"], piece["track_id"], piece["part"])
        visits.append(Visit(key, tracklets[key.camera, key.track_id], piece["start_s"], piece["end_s"], piece["id"]))
    cut = {(visit.key.camera, visit.key.track_id) for visit in visits}
    for place, one in tracklets.items():
        if place not in cut:
            visits.append(Visit(TrackletKey(run, *place), one, one.start_s, one.end_s, owner.get(place)))
    return visits


def _read_pieces(path: Path) -> list[dict[str, Any]]:
    pieces = read_json(path).get("pieces", [])
    kinds = {"camera": str, "track_id": int, "part": int, "id": int, "start_s": (int, float), "end_s": (int, float)}
    for place, piece in enumerate(pieces if isinstance(pieces, list) else [None]):
        for key, kind in kinds.items():
            value = piece.get(key) if isinstance(piece, dict) else None
            if not isinstance(value, kind) or isinstance(value, bool):  # type: ignore[arg-type]
                raise FormatError(f"{path}: pieces[{place}]: {key}: expected what mdpr-link writes, got {value!r}")
    return list(pieces)


def _read_links(path: Path) -> Iterator[LinkLine]:
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {number}"
        entry = _json(line, where)
        try:
            a, b = (TrackletKey.parse(entry[side]) for side in ("a", "b"))
            verdict = Verdict(entry["verdict"])
            probability, joined, reasons = entry.get("probability"), entry["is_joined"], entry["reasons"]
            first, second = entry.get("ids", (None, None))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"{where}: expected a link as mdpr-link writes it: {error!r}") from error
        is_probability = probability is None or (_is_number(probability) and 0 <= probability <= 1)
        are_people = all(one is None or isinstance(one, int) for one in (first, second))
        if not (is_probability and are_people and isinstance(joined, bool) and isinstance(reasons, dict)):
            raise FormatError(f"{where}: expected ids, is_joined, reasons and a probability in [0, 1]: {line[:200]}")
        yield LinkLine(a, b, joined, verdict, probability, reasons, (first, second))


def _name_in(links: list[LinkLine], name: str, path: Path) -> str:
    """The name of the run in its links: that of its folder, unless the folder was renamed since."""
    if not links or any(name in (link.a.run, link.b.run) for link in links):
        return name
    common = set.intersection(*({link.a.run, link.b.run} for link in links))
    if len(common) != 1:
        raise FormatError(
            f"{path}: expected links of the run {name}, got links of {', '.join(sorted(common)) or 'other runs'}: "
            f"the folder was renamed, or the file is another run's; run mdpr-link once more"
        )
    return common.pop()


def _check_keys(links: list[LinkLine], visits: tuple[Visit, ...], run: str, path: Path) -> None:
    known = {visit.key for visit in visits}
    for number, link in enumerate(links, start=1):
        for key in (link.a, link.b):
            if key.run == run and key not in known:
                raise FormatError(f"{path}, line {number}: {key} is not in this run; run mdpr-link once more")


def read_json(path: Path) -> Any:
    """Content of a JSON file; numbers that are not finite are refused.

    Raises:
        FormatError: no JSON.
    """
    return _json(read_text(path), str(path))


def _json(text: str, where: str) -> Any:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=_finite)
    except ValueError as error:
        raise FormatError(f"{where}: no JSON: {error}") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value
