"""tracks.parquet as trajectories, and trajectories as tracks.parquet: what refining reads and writes."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.files import finish, part_path, write_errors
from mdpr.pipeline.sinks.parquet import TRACKS_SCHEMA
from mdpr.trackers.crosscamera import Boxes
from mdpr.trackers.merging import merge_tracklets
from mdpr.trackers.refine.trajectory import Trajectory
from mdpr.types import Frame, Tracklet, Tracks

INTERPOLATED = "is_interpolated"
"""The column that only refined tracks have: whether no detection stands behind the box."""

REFINED_SCHEMA = TRACKS_SCHEMA.append(pa.field(INTERPOLATED, pa.bool_()))


def read_trajectories(path: Path, tracklets: Iterable[Tracklet], views: int) -> tuple[list[Trajectory], list[Tracklet]]:
    """The tracks of a camera, and the tracklets of which no box was shown.

    Args:
        path: tracks.parquet.
        tracklets: of the same camera; those with the same id become one.
        views: most views of a visit of those.

    Raises:
        FormatError: boxes of a track that has no tracklet, or columns that are not there.
    """
    column = _read_columns(path)
    by_id: dict[int, list[Tracklet]] = {}
    for one in tracklets:
        by_id.setdefault(one.track_id, []).append(one)
    xyxy = np.stack([column[side] for side in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float64)
    order = np.argsort(column["track_id"], kind="stable")
    ids, starts = np.unique(column["track_id"][order], return_index=True)
    found = []
    for track_id, rows in zip(ids.tolist(), np.split(order, starts[1:]) if len(ids) else [], strict=True):
        if track_id not in by_id:
            raise FormatError(f"{path}: has boxes of track {track_id}, which the tracklets beside it do not know")
        tracklet = merge_tracklets(by_id.pop(track_id), views)
        found.append(
            Trajectory.of(
                tracklet, column["frame"][rows], column["time_s"][rows], xyxy[rows], column["confidence"][rows]
            )
        )
    return found, [merge_tracklets(rows, views) for rows in by_id.values()]


def read_boxes(path: Path, spacing_s: float) -> dict[int, Boxes]:
    """Where each track of a camera was detected, in order of time, about once in `spacing_s`.

    Raises:
        FormatError: a file that cannot be read as Parquet, or columns that are not there.
    """
    column = _read_columns(path)
    slot = np.floor(column["time_s"] / spacing_s).astype(np.int64)
    order = np.lexsort((column["time_s"], column["track_id"]))
    order = order[column["confidence"][order] > 0]  # where somebody hidden is expected is a guess
    ids, slot = column["track_id"][order], slot[order]
    order = order[(np.diff(ids, prepend=-1) != 0) | (np.diff(slot, prepend=-1) != 0)]
    xyxy = np.stack([column[side][order] for side in ("x1", "y1", "x2", "y2")], axis=1).astype(np.float32)
    ids, starts = np.unique(column["track_id"][order], return_index=True)
    ends = np.append(starts[1:], len(order))
    time_s, frame = column["time_s"][order].astype(np.float64), column["frame"][order].astype(np.int64)
    return {
        track_id: Boxes(time_s[start:end], xyxy[start:end], frame[start:end], spacing_s)
        for track_id, start, end in zip(ids.tolist(), starts.tolist(), ends.tolist(), strict=True)
    }


def _read_columns(path: Path) -> dict[str, NDArray[Any]]:
    """Of all boxes, without the camera's name.

    Raises:
        FormatError: see `read_boxes`.
    """
    try:
        table = pq.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise FormatError(f"{path} is damaged or cut off ({error}): track again, or restore a copy") from error
    missing = sorted(set(TRACKS_SCHEMA.names) - set(table.schema.names))
    if missing:
        raise FormatError(f"{path} is not a tracks.parquet: expected a column {missing[0]}")
    return {name: table[name].to_numpy() for name in TRACKS_SCHEMA.names if name != "camera"}


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
        INTERPOLATED: np.concatenate([one.is_interpolated for one in trajectories])[order],
    }


def write_trajectories(path: Path, trajectories: list[Trajectory]) -> None:
    """Write tracks.parquet with the column of interpolated boxes, in order of frame and id."""
    if trajectories:
        columns = _columns(trajectories)
        columns["camera"] = [trajectories[0].tracklet.camera] * len(columns["frame"])
        table = pa.table({name: columns[name] for name in REFINED_SCHEMA.names}, schema=REFINED_SCHEMA)
    else:
        table = REFINED_SCHEMA.empty_table()
    with write_errors(path):
        pq.write_table(table, part_path(path), compression="zstd")
    finish(path)
