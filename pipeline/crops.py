"""Crops for training, cut from a video by a tracking ground truth: pictures and a manifest."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import clip_boxes
from mdpr.errors import ConfigError, FormatError, OutputError
from mdpr.files import finish, make_folder, part_path, write_errors
from mdpr.pipeline.sources import SourceConfig, expand_sources, open_source
from mdpr.pipeline.sources.expand import IMAGE_SUFFIXES, SEQUENCE_FILE, has_suffix
from mdpr.pipeline.sources.motsequence import read_sequence_info
from mdpr.pipeline.sources.spec import safe_name
from mdpr.reid.data.counts import SPLITS
from mdpr.reid.data.labels import concatenate, select
from mdpr.reid.data.manifest import read_manifest, write_manifest
from mdpr.reid.data.motcrops import CropOptions, GroundTruth, due, read_ground_truth, usable
from mdpr.reid.data.records import UNKNOWN, ReidDataset, ReidImages
from mdpr.reid.data.splits import check_hold_out, split_images
from mdpr.types import Frame

log = logging.getLogger("mdpr")

MANIFEST = "manifest.csv"
_JPEG_QUALITY = 95


@dataclass(frozen=True)
class CutConfig:
    """What is cut and where it goes.

    Attributes:
        name: of the sequence: the folder of its crops; "" takes that of the ground truth.
        crops: which boxes.
        camid: camera of the sequence; None leaves it unknown, so that pictures of one camera may be compared.
        pid_offset: added to the identities; None continues after those that the manifest already has.
        hold_out, queries, seed: people held out of training, see `mdpr.reid.data.splits`.
        fps: rate of image folders that do not state one.
        exist_ok: replace the crops of a sequence of the same name.
    """

    name: str = ""
    crops: CropOptions = field(default_factory=CropOptions)
    camid: int | None = None
    pid_offset: int | None = None
    hold_out: float = 0.0
    queries: int = 1
    seed: int = 0
    fps: float | None = None
    exist_ok: bool = False

    def __post_init__(self) -> None:
        check_hold_out(self.hold_out, self.queries)
        if min(self.camid or 0, self.pid_offset or 0) < 0:
            raise ConfigError("camid and pid_offset: expected 0 or more")


def cut_crops(truth_path: Path, video: str, out: Path, config: CutConfig) -> ReidDataset:
    """Write `out`/NAME/*.jpg and add them to `out`/manifest.csv, which is replaced last, in one step.

    Pictures without a row in the manifest, left by an interrupted run, are written again by the next one.

    Returns:
        The new images only; paths are those of the files.

    Raises:
        ConfigError, FormatError, SourceError, OutputError: named files, and nothing added to the manifest.
    """
    truth = read_ground_truth(truth_path)
    name = config.name or _name_of(truth_path)
    if safe_name(name) != name:
        raise ConfigError(f"--name {name}: expected letters, digits, _, - and ., for instance {safe_name(name)}")
    before, replaced = _others(out / MANIFEST, name, config.exist_ok)
    offset = config.pid_offset if config.pid_offset is not None else _highest_pid(before)
    rows = np.flatnonzero(usable(truth, config.crops))
    if len(rows) == 0:
        raise FormatError(
            f"{truth_path}: none of its {len(truth)} boxes of pedestrians is at least "
            f"{config.crops.min_height_px:g} pixels high and {config.crops.min_visibility:g} visible"
        )
    folder = out / name
    make_folder(folder)
    paths: list[str] = []
    pids: list[int] = []
    last_s: dict[int, float] = {}
    done = -1
    for frame in _frames(video, int(truth.frames[rows[-1]]), config.fps):
        done = frame.index
        here = rows[slice(*np.searchsorted(truth.frames[rows], [frame.index, frame.index + 1]))]
        here = here[due(truth.people[here], frame.time_s, last_s, config.crops.every_s)]
        for person, crop in _cut(frame, truth, here):
            path = folder / f"{person + offset:05d}{_camera(config.camid)}_{frame.index + 1:06d}.jpg"
            _write_jpeg(path, crop)
            last_s[person] = frame.time_s
            paths.append(str(path))
            pids.append(person + offset)
    missed = int(np.count_nonzero(truth.frames[rows] > done))
    if not paths:
        raise FormatError(f"{video}: no frame shows one of the {len(rows)} boxes of {truth_path} that could be cut")
    if missed:
        log.warning("%s: ends before the ground truth does; %d of %d boxes are later", video, missed, len(rows))
    camids = [UNKNOWN if config.camid is None else config.camid] * len(paths)
    images = ReidImages.of(paths, pids, camids)
    new = split_images(name, images, config.hold_out, config.queries, config.seed, "", ())
    train, query, gallery = (concatenate([getattr(before, split), getattr(new, split)]) for split in SPLITS)
    write_manifest(ReidDataset(name, train, query, gallery), out / MANIFEST)
    for path in set(map(Path, replaced)) - set(map(Path, paths)):
        path.unlink(missing_ok=True)
    return new


def _cut(frame: Frame, truth: GroundTruth, rows: NDArray[np.int64]) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Identity and pixels of each box that lies in the picture."""
    boxes = clip_boxes(truth.boxes[rows], frame.size).round().astype(int)
    for person, (left, top, right, bottom) in zip(truth.people[rows].tolist(), boxes.tolist(), strict=True):
        if right > left and bottom > top:
            yield person, frame.image[top:bottom, left:right]


def _frames(video: str, last: int, fps: float | None) -> Iterator[Frame]:
    """Frames of the one camera that `video` names, up to the last one that is needed."""
    specs = expand_sources([_sequence_of(video)])
    if len(specs) != 1:
        raise ConfigError(f"{video}: expected one video or image folder, found {len(specs)} sources")
    source = open_source(specs[0], SourceConfig(fps=fps))
    with closing(source):
        if not source.has_images:
            raise FormatError(f"{video}: the sequence has no images to cut from")
        for frame in source:
            yield frame
            if frame.index >= last:
                break


def _sequence_of(video: str) -> str:
    """The sequence folder when its image folder was named: its seqinfo.ini has the rate and the numbering.

    Frames of a folder without one are counted from its first image, so numbers in the names must not say otherwise.
    """
    path = Path(video)
    info = path.parent / SEQUENCE_FILE
    if not path.is_dir() or (path / SEQUENCE_FILE).is_file():
        return video
    if info.is_file() and read_sequence_info(info).image_folder == path.name:
        return str(path.parent)
    stems = [one.stem for one in path.iterdir() if has_suffix(one, IMAGE_SUFFIXES) and not one.name.startswith(".")]
    if stems and all(stem.isdecimal() for stem in stems):
        numbers = sorted(map(int, stems))
        if numbers[0] > 1 or numbers[-1] - numbers[0] + 1 != len(numbers):
            raise FormatError(
                f"{video}: {len(numbers)} images numbered {numbers[0]} to {numbers[-1]} do not say which frame is the "
                f"first; put a {SEQUENCE_FILE} beside the folder, as MOTChallenge does"
            )
    return video


def _others(path: Path, name: str, exist_ok: bool) -> tuple[ReidDataset, list[str]]:
    """What earlier runs put into the manifest, without the sequence `name`; and the crops that it had."""
    if not path.exists():
        empty = ReidImages.of([], [])
        return ReidDataset(name, empty, empty, empty), []
    before = read_manifest(path)
    if before.notes:
        raise OutputError(f"{path}: was not written by mdpr data crops ({before.notes[0]}); give another --out")
    own = str(path.parent / name)
    others: list[ReidImages] = []
    replaced: list[str] = []
    for split in SPLITS:
        images = getattr(before, split)
        is_other = np.array([str(Path(one).parent) != own for one in images.paths], bool)
        if not is_other.all() and not exist_ok:
            raise OutputError(
                f"{path}: already has crops of {name}; give another --name or --out, or replace them with --exist-ok"
            )
        others.append(select(images, is_other))
        replaced += select(images, ~is_other).paths
    train, query, gallery = others
    return ReidDataset(name, train, query, gallery), replaced


def _highest_pid(dataset: ReidDataset) -> int:
    return max(int(getattr(dataset, split).pids.max(initial=0)) for split in SPLITS)


def _name_of(truth_path: Path) -> str:
    """The sequence of a ground truth: SEQUENCE/gt/gt.txt, else the name of the file."""
    folder = truth_path.resolve().parent
    return safe_name(folder.parent.name if folder.name == "gt" else truth_path.stem)


def _camera(camid: int | None) -> str:
    return "" if camid is None else f"_c{camid}"


def _write_jpeg(path: Path, crop: NDArray[np.uint8]) -> None:
    is_done, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not is_done:
        raise OutputError(f"cannot write {path}: OpenCV could not encode a crop of shape {crop.shape}")
    with write_errors(path):
        part_path(path).write_bytes(jpeg.tobytes())
    finish(path)
