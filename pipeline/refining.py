"""Refining the tracks of a run where they lie: read, refine camera by camera, rewrite; the originals can be restored.

The files that `mdpr-track` wrote go to CAMERA/unrefined/ before anything is replaced. tracks.parquet is replaced first
and restored last, and says by a column of its own that it is refined: so a kill at any moment leaves a state from which
refining or restoring again gives the right result.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mdpr.errors import ConfigError, FormatError
from mdpr.files import finish, make_folder, part_path, write_errors, write_text
from mdpr.pipeline.formats import identities
from mdpr.pipeline.sinks import MotSink, TrackletSink
from mdpr.pipeline.sinks.parquet import TRACKS_SCHEMA
from mdpr.pipeline.store.tracklet_files import read_tracklets
from mdpr.trackers.refine import RefineConfig, Refined, Trajectory, refine
from mdpr.trackers.refine.trajectory import merge_tracklets
from mdpr.types import Frame, Tracklet, Tracks

ORIGINALS = "unrefined"
TRACKS, TRACKLETS, TEXT = "tracks.parquet", "tracklets.parquet", "tracks.txt"
REFINED_SCHEMA = TRACKS_SCHEMA.append(pa.field("is_interpolated", pa.bool_()))
_STALE = (identities.FILE, "links.jsonl")  # made from the tracks before


@dataclass(frozen=True)
class CameraChange:
    """What refining did to one camera; pairs of track ids as in `Refined`."""

    tracks_before: int
    tracks: int
    filled_boxes: int
    split: list[tuple[int, int]]
    connected: list[tuple[int, int]]


def refine_run(folder: Path, config: RefineConfig) -> dict[str, CameraChange]:
    """Refine all cameras of a run, from the tracks that `mdpr-track` wrote, however often it was refined before.

    Raises:
        ConfigError: not the folder of a run, or one without tracks.parquet and tracklets.parquet.
        FormatError, SourceError: a file that is damaged.
        OutputError: a file that cannot be written.
    """
    cameras = cameras_of(folder)
    restore_run(folder)
    changes = {}
    for camera in cameras:
        changes[camera.name] = _refine_camera(camera, config)
    for name in _STALE:
        if (folder / name).exists():
            with write_errors(folder / name):
                os.replace(folder / name, folder / f"{name}.before-refine")
    _note(folder, {"config": asdict(config), "cameras": {name: asdict(one) for name, one in changes.items()}})
    return changes


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
    return "is_interpolated" in pq.read_schema(camera / TRACKS).names


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
    trajectories, alone = read_trajectories(camera / TRACKS, tracklets, config.views)
    refined = refine(trajectories, config)
    kept = camera / ORIGINALS
    make_folder(kept)
    for name in (TRACKS, TRACKLETS, TEXT):
        if (camera / name).exists():
            _copy(camera / name, kept / name)
    _write_tracks(camera / TRACKS, refined.trajectories)
    rows = [*alone, *(one.tracklet for one in refined.trajectories)]
    with TrackletSink(camera / TRACKLETS, model.dimension, model.fingerprint) as sink:
        sink.end(sorted(rows, key=lambda one: (one.end_frame, one.track_id)))
    if (camera / TEXT).exists():
        with MotSink(camera / TEXT) as text:
            for frame, tracks in frames_of(refined.trajectories):
                text.write(frame, tracks)
    _set_crops_aside(camera, refined)
    return CameraChange(len(trajectories) + len(alone), len(rows), refined.filled, refined.split, refined.connected)


def read_trajectories(path: Path, tracklets: Iterable[Tracklet], views: int) -> tuple[list[Trajectory], list[Tracklet]]:
    """The tracks of a camera, and the tracklets of which no box was shown.

    Args:
        path: tracks.parquet.
        tracklets: of the same camera; those with the same id become one.
        views: most views of those.

    Raises:
        FormatError: boxes of a track that has no tracklet, or columns that are not there.
    """
    table = pq.read_table(path)
    missing = sorted(set(TRACKS_SCHEMA.names) - set(table.schema.names))
    if missing:
        raise FormatError(f"{path} is not a tracks.parquet: expected a column {missing[0]}")
    column = {name: table[name].to_numpy() for name in TRACKS_SCHEMA.names if name != "camera"}
    by_id: dict[int, list[Tracklet]] = {}
    for one in tracklets:
        by_id.setdefault(one.track_id, []).append(one)
    xyxy = np.stack([column[side] for side in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float64)
    order = np.argsort(column["track_id"], kind="stable")
    ids, starts = np.unique(column["track_id"][order], return_index=True)
    found = []
    for track_id, rows in zip(ids.tolist(), np.split(order, starts[1:]) if len(ids) else [], strict=True):
        if track_id not in by_id:
            raise FormatError(f"{path}: has boxes of track {track_id}, which {TRACKLETS} beside it does not know")
        tracklet = merge_tracklets(by_id.pop(track_id), views)
        found.append(
            Trajectory.of(
                tracklet, column["frame"][rows], column["time_s"][rows], xyxy[rows], column["confidence"][rows]
            )
        )
    return found, [merge_tracklets(rows, views) for rows in by_id.values()]


def frames_of(trajectories: list[Trajectory]) -> Iterable[tuple[Frame, Tracks]]:
    """The boxes of all tracks, frame by frame, in order of id."""
    if not trajectories:
        return
    columns = _columns(trajectories)
    camera = trajectories[0].tracklet.camera
    starts = np.flatnonzero(np.diff(columns["frame"], prepend=-1))
    for rows in np.split(np.arange(len(columns["frame"])), starts[1:]):
        frame = Frame(camera, int(columns["frame"][rows[0]]), float(columns["time_s"][rows[0]]))
        boxes = np.stack([columns[side][rows] for side in ("x1", "y1", "x2", "y2")], axis=1)
        yield frame, Tracks(
            columns["track_id"][rows], boxes, columns["confidence"][rows], columns["class_id"][rows],
            np.full(len(rows), -1, np.int32),
        )  # fmt: skip


def _columns(trajectories: list[Trajectory]) -> dict[str, Any]:
    """All boxes, in order of frame and id."""
    count = [len(one) for one in trajectories]
    ids = np.repeat([one.track_id for one in trajectories], count)
    frame = np.concatenate([one.frame for one in trajectories])
    order = np.lexsort((ids, frame))
    xyxy = np.concatenate([one.xyxy for one in trajectories])[order].astype(np.float32)
    return {
        "frame": frame[order],
        "time_s": np.concatenate([one.time_s for one in trajectories])[order],
        "track_id": ids[order],
        **{side: xyxy[:, place] for place, side in enumerate(("x1", "y1", "x2", "y2"))},
        "confidence": np.concatenate([one.confidence for one in trajectories])[order].astype(np.float32),
        "class_id": np.repeat([one.tracklet.class_id for one in trajectories], count)[order].astype(np.int32),
        "is_interpolated": np.concatenate([one.is_interpolated for one in trajectories])[order],
    }


def _write_tracks(path: Path, trajectories: list[Trajectory]) -> None:
    if trajectories:
        columns = _columns(trajectories)
        columns["camera"] = [trajectories[0].tracklet.camera] * len(columns["frame"])
        table = pa.table({name: columns[name] for name in REFINED_SCHEMA.names}, schema=REFINED_SCHEMA)
    else:
        table = REFINED_SCHEMA.empty_table()
    with write_errors(path):
        pq.write_table(table, part_path(path), compression="zstd")
    finish(path)


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
