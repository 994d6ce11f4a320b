"""Crops of real people from the development data, cut where our own annotations say (tests/data/real_reid)."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.sources import SourceConfig, expand_sources, open_source

FOLDER = Path(__file__).resolve().parents[1] / "data" / "real_reid"
VIDEOS = {
    "lab": {camera: f"data/multicam/lab-4cam/cam{camera}.mp4" for camera in range(4)},
    "shop": {1: "data/video/retail-cctv-1080p.mp4"},
    "table": {1: "data/video/one-by-one.mp4"},
    "aisle": {1: "data/video/store-aisle.gif"},
}
"""Camera to video, below ../shared."""

SECOND_CAMERA = "shop-2cam"
"""The crops of the shop as if two cameras had taken them; see `as_two_cameras`."""
SETS = ("lab", "shop", SECOND_CAMERA, "table", "aisle")

_GAINS = (1.2, 1.0, 0.85)  # BGR: daylight where the shop has warm light
_GAMMA, _SCALE = 1.35, 0.4
_APART_S = 1.0
_CELL = 8  # patches begin on a grid of so many pixels, so that halving them is halving the frame; see mdpr.reid.crops
_FORMAT = 1  # of the cached file


@dataclass(frozen=True, eq=False)
class RealCrops:
    """N labelled boxes of one place, with the part of the frame around each.

    Attributes:
        name: of the set.
        pids, cameras, frames: (N,) int64; people count from 1 within the set.
        time_s: (N,) seconds within the recording.
        views: (N,) "front", "back", "side", or "" where it is not told.
        is_partial: (N,) a part of the person is hidden or outside the picture.
        patches: N parts of frames, (h, w, 3) uint8 BGR.
        boxes: N times (1, 4) float32 `xyxy` box within the patch.
    """

    name: str
    pids: NDArray[np.int64]
    cameras: NDArray[np.int64]
    frames: NDArray[np.int64]
    time_s: NDArray[np.float64]
    views: NDArray[np.str_]
    is_partial: NDArray[np.bool_]
    patches: list[NDArray[np.uint8]]
    boxes: list[NDArray[np.float32]]

    def __len__(self) -> int:
        return len(self.pids)


def read_annotations(name: str) -> list[dict[str, str]]:
    """The rows of a set: camera, frame, x1, y1, x2, y2, person, view, quality."""
    with (FOLDER / f"{name}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def load_real_crops(name: str, shared: Path, cache: Path | None = None) -> RealCrops:
    """The crops of a set; the videos are read once, and what was cut is kept in a folder of temporary files.

    Args:
        name: one of `SETS`.
        shared: the folder with the development data.
        cache: where to keep the crops; None = a folder of the system's temporary ones.

    Raises:
        SourceError: a video that is absent or cannot be read.
    """
    if name == SECOND_CAMERA:
        return as_two_cameras(load_real_crops("shop", shared, cache))
    rows = read_annotations(name)
    folder = cache or Path(tempfile.gettempdir()) / "mdpr-real-crops"
    file = folder / f"{name}-{_key(name, shared)}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        _write(file, *_cut(name, rows, shared))
        for older in set(folder.glob(f"{name}-????????????????.npz")) - {file}:
            older.unlink(missing_ok=True)
    with np.load(file) as kept:
        pixels, shapes, offsets, time_s = kept["pixels"], kept["shapes"], kept["offsets"], kept["time_s"]
    ends = np.cumsum(shapes[:, 0] * shapes[:, 1] * 3)
    parts = np.split(pixels, ends[:-1])
    boxes = np.array([[float(row[key]) for key in ("x1", "y1", "x2", "y2")] for row in rows], np.float32)
    boxes -= np.tile(offsets, 2).astype(np.float32)
    return RealCrops(
        name=name,
        pids=np.array([int(row["person"]) for row in rows]),
        cameras=np.array([int(row["camera"]) for row in rows]),
        frames=np.array([int(row["frame"]) for row in rows]),
        time_s=time_s,
        views=np.array([row["view"] for row in rows]),
        is_partial=np.array([row["quality"] == "partial" for row in rows]),
        patches=[part.reshape(height, width, 3) for part, (height, width) in zip(parts, shapes.tolist(), strict=True)],
        boxes=list(boxes[:, None]),
    )


def as_two_cameras(crops: RealCrops) -> RealCrops:
    """What each person did first as it is, what they did later darker, bluer and smaller: a second camera, pretended.

    The middle of a person's time, where the two would show the same moment, is left out.
    """
    middle = np.empty(len(crops))
    for pid in np.unique(crops.pids):
        time_s = crops.time_s[crops.pids == pid]
        middle[crops.pids == pid] = (time_s.min() + time_s.max()) / 2
    patches, boxes = list(crops.patches), list(crops.boxes)
    is_late = crops.time_s > middle
    for i in np.flatnonzero(is_late):
        patches[i], boxes[i] = _by_second_camera(patches[i], boxes[i])
    kept = np.flatnonzero(np.abs(crops.time_s - middle) > _APART_S)
    return RealCrops(
        name=SECOND_CAMERA,
        pids=crops.pids[kept],
        cameras=np.where(is_late, 2, 1)[kept],
        frames=crops.frames[kept],
        time_s=crops.time_s[kept],
        views=crops.views[kept],
        is_partial=crops.is_partial[kept],
        patches=[patches[i] for i in kept],
        boxes=[boxes[i] for i in kept],
    )


def _by_second_camera(
    patch: NDArray[np.uint8], box: NDArray[np.float32]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    small = cv2.resize(patch, None, fx=_SCALE, fy=_SCALE, interpolation=cv2.INTER_AREA)
    light = np.clip((small / 255.0) ** _GAMMA * np.array(_GAINS), 0, 1)
    scale = np.array([small.shape[1] / patch.shape[1], small.shape[0] / patch.shape[0]] * 2, np.float32)
    return np.round(light * 255).astype(np.uint8), box * scale


def _cut(
    name: str, rows: list[dict[str, str]], shared: Path
) -> tuple[list[NDArray[np.uint8]], list[tuple[int, int]], list[float]]:
    """Patch, its upper left corner (x, y) and its time for each row."""
    patches: list[NDArray[np.uint8]] = [np.empty((0, 0, 3), np.uint8)] * len(rows)
    corners, times = [(-1, -1)] * len(rows), [0.0] * len(rows)
    for camera, video in VIDEOS[name].items():
        wanted = defaultdict(list)
        for i, row in enumerate(rows):
            if int(row["camera"]) == camera:
                wanted[int(row["frame"])].append(i)
        (spec,) = expand_sources([str(shared / video)])
        for frame in open_source(spec, SourceConfig()):
            for i in wanted.pop(frame.index, ()):
                x1, y1, x2, y2 = (int(rows[i][key]) for key in ("x1", "y1", "x2", "y2"))
                left, top = max(x1 // _CELL - 1, 0) * _CELL, max(y1 // _CELL - 1, 0) * _CELL
                patches[i] = frame.image[top : (y2 // _CELL + 2) * _CELL, left : (x2 // _CELL + 2) * _CELL].copy()
                corners[i], times[i] = (left, top), frame.time_s
        assert not wanted, f"{video}: there are annotations for frames that it does not have: {sorted(wanted)}"
    assert min(patch.size for patch in patches) > 0
    return patches, corners, times


def _write(file: Path, patches: list[NDArray[np.uint8]], corners: list[tuple[int, int]], times: list[float]) -> None:
    arrays = {
        "pixels": np.concatenate([patch.ravel() for patch in patches]),
        "shapes": np.array([patch.shape[:2] for patch in patches]),
        "offsets": np.array(corners),
        "time_s": np.array(times),
    }
    with tempfile.NamedTemporaryFile(dir=file.parent, suffix=".npz", delete=False) as part:  # others may write it too
        np.savez(part, **arrays)
    os.replace(part.name, file)


def _key(name: str, shared: Path) -> str:
    """Changes with the annotations and the videos."""
    told = hashlib.sha256(f"{_FORMAT}".encode())
    told.update((FOLDER / f"{name}.csv").read_bytes())
    for video in VIDEOS[name].values():
        path = shared / video
        told.update(f"{path.stat().st_size if path.is_file() else 0}".encode())
    return told.hexdigest()[:16]
