"""A run of mdpr-track, linked or not, read from its folder."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats import identities
from mdpr.pipeline.formats.textfile import read_text
from mdpr.pipeline.report_page.link_files import (
    LINKS_FILE,
    check_keys,
    is_number,
    name_in,
    names_of,
    read_json,
    read_links,
    read_pieces,
    text_of,
)
from mdpr.pipeline.report_page.run_content import RunCamera, RunContent, Visit
from mdpr.pipeline.store.tracklet_files import read_still, read_tracklets
from mdpr.pipeline.store.values import TrackletKey
from mdpr.types import Tracklet

TRACKLETS_FILE = "tracklets.parquet"
UNKNOWN_START = "run"
"""What `started_from` says of a camera that is only taken to have begun with the run."""


def read_run(folder: Path, needs_tables: bool = True) -> RunContent:
    """What lies in the folder of a run; it need not have been linked.

    Args:
        folder: of the run.
        needs_tables: else a run that has no tables, or none yet, has no visits: a gallery may know them.

    Raises:
        ConfigError: no CAMERA/tracklets.parquet in it, nor, where it needs none, a run.json.
        SourceError, FormatError: a file that cannot be read, is damaged, or does not fit the others.
    """
    files = sorted(folder.glob(f"*/{TRACKLETS_FILE}"))
    if not files and (needs_tables or not (folder / "run.json").is_file()):
        raise ConfigError(f"{folder}: found no CAMERA/{TRACKLETS_FILE}: expected the folder of a run of mdpr-track")
    info = _read_info(folder / "run.json")
    name = folder.resolve().name
    tracklets = {}
    still: set[tuple[str, int]] = set()
    for file in files:
        still |= {(file.parent.name, track_id) for track_id in read_still(file)}
        for tracklet in read_tracklets(file)[1]:
            if tracklet.camera != file.parent.name:
                raise FormatError(f"{file}: holds camera {tracklet.camera!r}, expected that of its folder")
            tracklets[tracklet.camera, tracklet.track_id] = tracklet
    cameras, started_s = _cameras(info, {file.parent.name for file in files})
    start_s, fps = _read_options(folder / "config.yaml")
    path = folder / identities.FILE
    if not path.is_file():
        alone = [
            Visit(TrackletKey(name, *key), one, one.start_s, one.end_s, is_still=key in still)
            for key, one in tracklets.items()
        ]
        return RunContent(folder, name, info, cameras, in_order(alone), started_s=started_s, start_s=start_s, fps=fps)
    owner = identities.read_identities(path)
    content = read_json(path)
    name = text_of(content, "run", path) or name
    links, notes = [], []
    if (folder / LINKS_FILE).is_file():
        links = list(read_links(folder / LINKS_FILE))
        name = name_in(links, name, folder / LINKS_FILE)
    else:
        notes.append(f"There is no {LINKS_FILE} beside {identities.FILE}, so why people were joined cannot be shown.")
    linked = _linked_visits(path, name, owner, tracklets)
    visits = in_order([replace(one, is_still=(one.key.camera, one.key.track_id) in still) for one in linked])
    check_keys(links, visits, name, folder / LINKS_FILE)
    return RunContent(
        folder,
        name,
        info,
        cameras,
        visits,
        tuple(links),
        True,
        names_of(content, path),
        started_s,
        tuple(notes),
        start_s,
        fps,
    )


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    info = read_json(path)
    if not isinstance(info, dict) or not isinstance(info.get("cameras", {}), dict):
        raise FormatError(f"{path}: expected an object with the object 'cameras', as mdpr-track writes it")
    return info


def _read_options(path: Path) -> tuple[float, float | None]:
    """`--start` and `--fps` of a run; 0 and None when it left no configuration."""
    if not path.is_file():
        return 0.0, None
    try:
        config = yaml.safe_load(read_text(path))
        start_s, fps = config["source"]["start_s"], config["source"]["fps"]
    except (yaml.YAMLError, KeyError, TypeError) as error:
        raise FormatError(
            f"{path}: expected the configuration of a run with source.start_s and .fps: {error}"
        ) from error
    if not (is_number(start_s) and start_s >= 0 and (fps is None or (is_number(fps) and fps > 0))):
        raise FormatError(f"{path}: source: expected start_s and fps in numbers, got {start_s!r} and {fps!r}")
    return float(start_s), None if fps is None else float(fps)


def _cameras(info: dict[str, Any], found: set[str]) -> tuple[tuple[RunCamera, ...], float | None]:
    """The cameras, and the wall time of second 0 of the first of them, which is None when the run does not say."""
    listed = {name: entry for name, entry in info.get("cameras", {}).items() if isinstance(entry, dict)}
    begin = {
        name: float(entry["started_s"])
        for name, entry in listed.items()
        if name in found and is_number(entry.get("started_s")) and entry.get("started_from") != UNKNOWN_START
    }
    cameras = []
    for name in sorted(found | set(listed)):
        entry = listed.get(name, {})
        notes = [f"failed: {entry['error']}"] if entry.get("error") else []
        if name not in found:
            notes.append(f"no {TRACKLETS_FILE}: nobody of this camera is in the report")
        cameras.append(RunCamera(name, str(entry.get("source", "")), tuple(notes)))
    return with_starts(cameras, begin)


def with_starts(cameras: Iterable[RunCamera], begin: Mapping[str, float]) -> tuple[tuple[RunCamera, ...], float | None]:
    """The cameras on one clock, that of the first; and its wall time, None when no start is known.

    Args:
        cameras: of a run.
        begin: wall time of second 0 of those of which it is known.
    """
    first_s = min(begin.values(), default=None)
    started = []
    for camera in cameras:
        is_known = first_s is None or camera.name in begin
        note = () if is_known else ("when it began is not known; it is shown as if it had begun with the first camera",)
        after_s = begin[camera.name] - first_s if first_s is not None and camera.name in begin else 0.0
        started.append(replace(camera, notes=camera.notes + note, started_s=after_s))
    return tuple(started), first_s


def in_order(visits: list[Visit]) -> tuple[Visit, ...]:
    """Sorted by key."""
    return tuple(sorted(visits, key=lambda visit: visit.key))


def _linked_visits(
    path: Path, run: str, owner: identities.Identities, tracklets: dict[tuple[str, int], Tracklet]
) -> list[Visit]:
    """Visits with their identities; a track that was cut is replaced by its pieces."""
    pieces = read_pieces(path)
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
