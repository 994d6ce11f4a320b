"""Images as a camera: a folder, a glob, one file, or a MOTChallenge sequence, with or without its images."""

from __future__ import annotations

import functools
import glob
import logging
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.errors import SourceError
from mdpr.pipeline.sources.expand import IMAGE_SUFFIXES, SEQUENCE_FILE, has_suffix, has_wildcard, natural_key
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.motsequence import SequenceInfo, read_sequence_info
from mdpr.pipeline.sources.reader import FrameReader
from mdpr.pipeline.sources.spec import DEFAULT_FPS, CameraSpec, SourceConfig, select
from mdpr.types import NO_IMAGE, Frame

log = logging.getLogger("mdpr")


def open_images(spec: CameraSpec, config: SourceConfig) -> FrameReader:
    """The images of a folder or glob, in natural order of their names (2 before 10), as one camera.

    Images become 8 bit BGR as cv2.imread does it, turned as their EXIF data says; sizes may differ. Frame i is at
    i / rate seconds; the rate is that of seqinfo.ini, else `config.fps`, else 25. In a MOTChallenge sequence the frame
    index is the number in the file name minus 1. A sequence whose images are not there gives its frames without pixels.

    Args:
        spec: a folder, glob or image file.
        config: what to keep, and the rate.

    Returns:
        The source. Losses: `images_skipped`, images that could not be read.

    Raises:
        SourceError: no image, none that can be read, none in the chosen time, or a broken seqinfo.ini.
    """
    folder = Path(spec.location)
    info = read_sequence_info(folder / SEQUENCE_FILE) if (folder / SEQUENCE_FILE).exists() else None
    numbered = _number_images(spec.location, info)
    has_images = bool(numbered)
    if info and not has_images:
        numbered = [(index, None) for index in range(info.length or 0)]
    if not numbered:
        raise SourceError(_nothing_found(spec.location, info))
    rate = (info.frame_rate if info else None) or config.fps
    if rate is None:
        rate = DEFAULT_FPS
        log.info("%s: images do not state a frame rate; assuming %g frames a second (see --fps)", spec.camera, rate)

    health = Health(spec.camera)
    timed = ((index, index / rate, path) for index, path in numbered)
    load = functools.partial(_load, spec.camera, info, health)
    frames = filter(None, map(load, select(timed, config)))  # a generator would hold on to the frame it gave
    reader = FrameReader(spec.camera, frames, lambda: None, health, has_images=has_images)
    if not reader.prefetch():
        skipped = health.losses["images_skipped"]
        raise SourceError(
            f"{spec.location}: none of the {skipped} images can be read; expected pictures that OpenCV knows"
            if skipped
            else f"{spec.location}: {len(numbered)} frames end at {numbered[-1][0] / rate:.2f} s, "
            f"none from start_s = {config.start_s:g} s on; choose an earlier start"
        )
    return reader


def _load(
    camera: str, info: SequenceInfo | None, health: Health, chosen: tuple[int, float, Path | None]
) -> Frame | None:
    """The frame of one image; None when it cannot be read or the source is closed."""
    index, time_s, path = chosen
    if health.is_closed.is_set():
        return None
    if path is None:
        return Frame(camera, index, time_s, NO_IMAGE, info.size if info else (0, 0))
    image = _read_image(path)
    if image is None:
        health.losses["images_skipped"] += 1
        log.warning("%s: %s cannot be read as an image; skipped", camera, path)
        return None
    return Frame(camera, index, time_s, image)


def _read_image(path: Path) -> NDArray[np.uint8] | None:
    """(height, width, 3) BGR, or None when it is not readable; unlike cv2.imread takes any path and says nothing."""
    try:
        data = np.fromfile(path, dtype=np.uint8)
        image = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except (OSError, cv2.error):
        return None
    return None if image is None else np.ascontiguousarray(image, dtype=np.uint8)


def _number_images(location: str, info: SequenceInfo | None) -> list[tuple[int, Path | None]]:
    """(frame index, path) in order; the index is the position, or in a sequence the number in the name minus 1."""
    folder = Path(location) / info.image_folder if info else Path(location)
    if has_wildcard(location):
        found = [Path(match) for match in glob.glob(location, recursive=True)]
    elif folder.is_dir():
        try:
            found = [path for path in folder.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise SourceError(f"{folder}: cannot list the folder: {error.strerror}") from error
    else:
        found = [] if info else [folder]
    paths = sorted((path for path in found if has_suffix(path, IMAGE_SUFFIXES) and path.is_file()), key=natural_key)
    numbers = [int(path.stem) if path.stem.isdecimal() else 0 for path in paths]
    if info and all(numbers) and len(set(numbers)) == len(numbers):
        return [(number - 1, path) for number, path in zip(numbers, paths, strict=True)]
    return list(enumerate(paths))


def _nothing_found(location: str, info: SequenceInfo | None) -> str:
    if info:
        return (
            f"{location}: expected images in {info.image_folder}/ or a seqLength in {SEQUENCE_FILE}, found neither; "
            f"add one of them"
        )
    if has_wildcard(location):
        return f"{location}: no file matches; check the spelling, and quote a glob so that the shell leaves it alone"
    return f"{location}: expected images or videos, found none directly in the folder; name the folder that holds them"
