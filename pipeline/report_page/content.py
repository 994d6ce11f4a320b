"""From a run and its pictures to the values that the page shows: lists of numbers and texts, nothing else."""

from __future__ import annotations

import base64
import math
import os
from pathlib import Path, PurePath
from typing import Any
from urllib.parse import quote

from mdpr.pipeline.report_page.pictures import Pictures
from mdpr.pipeline.report_page.run_content import LinkLine, RunContent, Visit
from mdpr.pipeline.sources.spec import is_url
from mdpr.pipeline.store.values import TrackletKey

REPORT_FILE = "report.html"
_VIDEOS = ("identities.mp4", "video.mp4")
_DIGITS = 4


def page_values(run: RunContent, pictures: Pictures, page: Path, others: dict[str, Path]) -> dict[str, Any]:
    """What the page's script reads.

    Args:
        run: the run.
        pictures: its crops.
        page: where the page will lie; links to videos are relative to its folder.
        others: pages of other runs by name of run, for links that lead there.
    """
    place = {visit.key: number for number, visit in enumerate(run.visits)}
    begin = {camera.name: camera.started_s for camera in run.cameras}
    number = {camera.name: row for row, camera in enumerate(run.cameras)}
    named = {key.run for line in run.links for key in (line.a, line.b)} - {run.name}
    return {
        "run": run.name,
        "isLinked": run.is_linked,
        "startedS": run.started_s,
        "notes": [*run.notes, *(note for note in [_status(run)] if note)],
        "pictureNotes": pictures.notes,
        "about": _about(run),
        "cameras": [
            {
                "name": camera.name, "source": _source(camera.source), "notes": list(camera.notes),
                "beginS": camera.started_s, **_video(run, camera.name, page),
            }
            for camera in run.cameras
        ],
        "visits": [_visit(visit, number[visit.key.camera], begin[visit.key.camera], pictures) for visit in run.visits],
        "names": {str(identity): name for identity, name in sorted(run.names.items())},
        "links": [_link(line, place) for line in run.links],
        "otherRuns": {name: relative(others[name], page) if name in others else None for name in sorted(named)},
    }  # fmt: skip


def _visit(visit: Visit, camera: int, begin_s: float, pictures: Pictures) -> dict[str, Any]:
    return {
        "camera": camera, "track": visit.key.track_id, "part": visit.key.part, "person": visit.identity,
        "startS": round(begin_s + visit.start_s, 3), "endS": round(begin_s + visit.end_s, 3),
        "isStill": visit.is_still,
        "detections": visit.tracklet.detections, "confidence": _rounded(visit.tracklet.confidence),
        "pictures": [
            [
                "data:image/jpeg;base64," + base64.b64encode(picture.jpeg).decode(),
                None if picture.time_s is None else round(begin_s + picture.time_s, 3),
            ]
            for picture in pictures.of.get(visit.key, ())
        ],
    }  # fmt: skip


def _source(source: str) -> str:
    """A source for people: files by their name, since pages are passed on and folders tell about their owner."""
    return source if is_url(source) else PurePath(source).name


def _video(run: RunContent, camera: str, page: Path) -> dict[str, Any]:
    """Address of the annotated video, with the numbers of people where it was rendered, and where it begins."""
    folder = run.folder / camera
    path = next((folder / name for name in _VIDEOS if (folder / name).is_file()), None)
    return {"video": None if path is None else relative(path, page), "videoBeginS": run.start_s}


def _link(line: LinkLine, place: dict[TrackletKey, int]) -> dict[str, Any]:
    """The two sides are places in the list of visits, or the key of a visit in another run."""
    keys = zip((line.a, line.b), line.people, strict=True)
    sides = [place[key] if key in place else _far(key, person) for key, person in keys]
    return {
        "a": sides[0], "b": sides[1], "isJoined": line.is_joined, "verdict": str(line.verdict),
        "probability": _rounded(line.probability), "reasons": _rounded(line.reasons),
    }  # fmt: skip


def _far(key: TrackletKey, person: int | None) -> dict[str, Any]:
    return {"run": key.run, "camera": key.camera, "track": key.track_id, "part": key.part, "person": person}


def _about(run: RunContent) -> list[list[str]]:
    """Pairs of a word and a text for the table about the run."""
    words = {"detector": "Detector", "reid": "Appearance", "tracker": "Tracker", "embedding_model": "Embedding model"}
    rows = [[label, str(run.info[key])] for key, label in words.items() if run.info.get(key)]
    versions = run.info.get("versions")
    if isinstance(versions, dict) and "mdpr-track" in versions:
        rows.append(["Tracked by", f"mdpr-track {versions['mdpr-track']}"])
    return rows


def _status(run: RunContent) -> str:
    status = run.info.get("status", "complete")
    if status == "complete":
        return ""
    error = run.info.get("error")
    return f"The run is {status}, not complete{f': {error}' if error else ''}. People after that moment are not in it."


def relative(path: Path, page: Path) -> str:
    """A relative address from the page, in which a browser finds neither a scheme nor a query nor a fragment.

    >>> relative(Path("run/a#b:c/video.mp4"), Path("run/report.html"))
    'a%23b%3Ac/video.mp4'
    """
    try:
        way = os.path.relpath(path.resolve(), page.resolve().parent)
    except ValueError:  # another drive
        return path.resolve().as_uri()
    return quote(os.fsencode(way.replace(os.sep, "/")))


def _rounded(value: Any) -> Any:
    """Floats with as many digits as a person reads; what JSON cannot hold becomes None."""
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return value
