"""Refining the tracks of a run where they lie: read, refine camera by camera, rewrite; the originals can be restored.

The files that `mdpr-track` wrote go to CAMERA/unrefined/ before anything is replaced. tracks.parquet is replaced first
and restored last, and says by a column of its own that it is refined: so a kill at any moment leaves a state from which
refining or restoring again gives the right result.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from mdpr.errors import ConfigError
from mdpr.files import finish, make_folder, part_path, write_errors, write_text
from mdpr.pipeline.formats import identities
from mdpr.pipeline.sinks import MotSink, TrackletSink
from mdpr.pipeline.store.tracklet_files import read_still, read_tracklets
from mdpr.pipeline.trajectory_files import INTERPOLATED, frames_of, read_trajectories, write_trajectories
from mdpr.trackers.refine.config import RefineConfig
from mdpr.trackers.refine.refining import Refined, refine

ORIGINALS = "unrefined"
TRACKS, TRACKLETS, TEXT = "tracks.parquet", "tracklets.parquet", "tracks.txt"
_STALE = (identities.FILE, "links.jsonl")  # made from the tracks before


@dataclass(frozen=True)
class CameraChange:
    """What refining did to one camera; pairs of track ids as in `Refined`."""

    tracks_before: int
    tracks: int
    filled_boxes: int
    split: list[tuple[int, int]]
    connected: list[tuple[int, int]]

    def as_text(self, where: str) -> str:
        """One line.

        >>> CameraChange(9, 8, 40, [], [(3, 7)]).as_text("run/cam")
        'run/cam: 9 tracks are 8 now: 0 split, 1 connected (3+7), 40 boxes put into gaps'
        """
        pairs = ", ".join(f"{one}+{two}" for one, two in self.connected[:8])
        more = ", ..." if len(self.connected) > 8 else ""
        listed = f" ({pairs}{more})" if pairs else ""
        return (
            f"{where}: {self.tracks_before} tracks are {self.tracks} now: {len(self.split)} split, "
            f"{len(self.connected)} connected{listed}, {self.filled_boxes} boxes put into gaps"
        )


@dataclass(frozen=True)
class RunChange:
    """What refining did to a run, camera by camera, and with which options."""

    config: RefineConfig
    cameras: dict[str, CameraChange]

    def values(self) -> dict[str, Any]:
        """As run.json has it under `refined`."""
        return {"config": asdict(self.config), "cameras": {name: asdict(one) for name, one in self.cameras.items()}}


def refine_run(folder: Path, config: RefineConfig) -> RunChange:
    """Refine all cameras of a run, from the tracks that `mdpr-track` wrote, however often it was refined before.

    Raises:
        ConfigError: not the folder of a run, or one without tracks.parquet and tracklets.parquet.
        FormatError, SourceError: a file that is damaged.
        OutputError: a file that cannot be written.
    """
    cameras = cameras_of(folder)
    restore_run(folder)
    change = RunChange(config, {camera.name: _refine_camera(camera, config) for camera in cameras})
    for name in _STALE:
        if (folder / name).exists():
            with write_errors(folder / name):
                os.replace(folder / name, folder / f"{name}.before-refine")
    _note(folder, change.values())
    return change


def restore_run(folder: Path) -> list[str]:
    """Put the originals back; returns the names of the cameras that were refined.

    Raises:
        ConfigError, OutputError: see `refine_run`; also when originals are missing.
    """
    restored = [camera.name for camera in cameras_of(folder) if _restore_camera(camera)]
    if restored:
        _note(folder, None)
    return restored


def cameras_of(folder: Path) -> list[Path]:
    """The folders of the cameras of a run."""
    cameras = sorted(path.parent for path in folder.glob(f"*/{TRACKS}"))
    if not cameras:
        raise ConfigError(
            f"{folder}: found no CAMERA/{TRACKS}: expected the folder of a run of mdpr-track, "
            "which was not told --no-save-parquet"
        )
    return cameras


def is_refined(camera: Path) -> bool:
    """Whether the tracks of this camera were refined."""
    return INTERPOLATED in pq.read_schema(camera / TRACKS).names


def _restore_camera(camera: Path) -> bool:
    if not is_refined(camera):
        return False
    kept = camera / ORIGINALS
    if not (kept / TRACKS).exists() or not (kept / TRACKLETS).exists():
        raise ConfigError(f"{camera}: its tracks are refined, but {kept} with the originals is gone: track again")
    for crop in kept.glob("crops/*.jpg"):
        _copy(crop, camera / "crops" / crop.name)
    for name in (TEXT, TRACKLETS, TRACKS):
        if (kept / name).exists():
            _copy(kept / name, camera / name)
    shutil.rmtree(kept)
    return True


def _refine_camera(camera: Path, config: RefineConfig) -> CameraChange:
    model, tracklets = read_tracklets(camera / TRACKLETS)
    still = set(read_still(camera / TRACKLETS))
    trajectories, alone = read_trajectories(camera / TRACKS, tracklets, config.views)
    refined = refine(trajectories, config)
    kept = camera / ORIGINALS
    make_folder(kept)
    for name in (TRACKS, TRACKLETS, TEXT):
        if (camera / name).exists():
            _copy(camera / name, kept / name)
    write_trajectories(camera / TRACKS, refined.trajectories)
    rows = [*alone, *(one.tracklet for one in refined.trajectories)]
    while mixed := [pair for pair in refined.connected if len(still.intersection(pair)) == 1]:
        still.difference_update(*mixed)  # one part of the track moved, so it did
    with TrackletSink(camera / TRACKLETS, model.dimension, model.fingerprint, still.__contains__) as sink:
        sink.end(sorted(rows, key=lambda one: (one.end_frame, one.track_id)))
    if (camera / TEXT).exists():
        with MotSink(camera / TEXT) as text:
            for frame, tracks in frames_of(refined.trajectories):
                text.write(frame, tracks)
    _set_crops_aside(camera, refined)
    return CameraChange(len(trajectories) + len(alone), len(rows), refined.filled, refined.split, refined.connected)


def _set_crops_aside(camera: Path, refined: Refined) -> None:
    """Pictures of tracks that are part of another one now."""
    gone = {number for pair in refined.connected for number in pair} - {one.track_id for one in refined.trajectories}
    for number in sorted(gone):
        crop = camera / "crops" / f"{number:06d}.jpg"
        if crop.exists():
            make_folder(camera / ORIGINALS / "crops")
            _copy(crop, camera / ORIGINALS / "crops" / crop.name)
            crop.unlink()


def _copy(source: Path, target: Path) -> None:
    with write_errors(target):
        shutil.copyfile(source, part_path(target))
    finish(target)


def _note(folder: Path, refined: dict[str, Any] | None) -> None:
    """Say in run.json how the tracks were refined; None takes it out."""
    path = folder / "run.json"
    if not path.exists():
        return
    values = json.loads(path.read_text(encoding="utf-8"))
    values.pop("refined", None)
    if refined is not None:
        values["refined"] = refined
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")
