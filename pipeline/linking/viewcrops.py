"""Pictures of the views of tracklets, cut from the sources of a run once it is over.

Each source is read once more from the first view to the last; what is gone by then gives no pictures, and live sources
only those that were taken as they went by (`viewpictures`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import clip_boxes
from mdpr.components import build_config
from mdpr.contracts import Source
from mdpr.errors import MdprError, SourceError
from mdpr.pipeline.linking.runs import RunFolder
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source
from mdpr.pipeline.sources.spec import is_url
from mdpr.trackers.crosscamera import Sighting, TrackletKey
from mdpr.types import Frame

log = logging.getLogger("mdpr")

_JPEG_QUALITY = 92


def cut_views(run: RunFolder, sightings: Sequence[Sighting]) -> dict[TrackletKey, tuple[bytes, ...]]:
    """A JPEG for each view of tracklets of a run, b"" where there is none.

    A source that cannot be read again is told in the log, and its tracklets are left out.
    """
    found: dict[TrackletKey, tuple[bytes, ...]] = {}
    for camera in sorted({one.key.camera for one in sightings}):
        here = [one for one in sightings if one.key.camera == camera]
        if was_live(run, camera):
            log.warning(
                "%s: no pictures of %d of its tracklets: it was live, and they are only taken as it goes by, by "
                "mdpr-track --gallery", camera, len(here),
            )  # fmt: skip
            continue
        try:
            found |= _of_camera(run, camera, here)
        except MdprError as error:
            log.warning("%s: no pictures of its %d tracklets: %s", camera, len(here), error)
    return found


def goes_by(location: str) -> bool:
    """Whether what a source shows cannot be read again: a stream, or a camera by its number.

    >>> goes_by("rtsp://door/1"), goes_by("0"), goes_by("door.mp4")
    (True, True, False)
    """
    return is_url(location) or location.isdecimal()


def was_live(run: RunFolder, camera: str) -> bool:
    """Whether the pictures of a camera went by and are gone."""
    return goes_by(run.cameras[camera].source)


def open_again(run: RunFolder, camera: str, **options: Any) -> Source:
    """The source of a camera, read as the run has read it.

    Args:
        run: the run.
        camera: its camera.
        options: of `SourceConfig`, instead of those of the run.

    Raises:
        SourceError: a live source, one that the run does not name, or one that is not there any more.
    """
    location = run.cameras[camera].source
    if not location:
        raise SourceError(f"{run.path}: no run.json there tells what {camera} was")
    if was_live(run, camera):
        raise SourceError(f"{location} was live, its pictures are gone")
    config = build_config(SourceConfig, {**run.config.get("source", {}), "started_at": []}, "source")
    return open_source(CameraSpec(camera, location), replace(config, **options))


def _of_camera(run: RunFolder, camera: str, sightings: Sequence[Sighting]) -> dict[TrackletKey, tuple[bytes, ...]]:
    wanted: dict[int, list[tuple[TrackletKey, int, NDArray[np.float32]]]] = {}
    pictures: dict[TrackletKey, list[bytes]] = {}
    first_s = np.inf
    for one in sightings:
        tracklet = one.tracklet
        pictures[one.key] = [b""] * len(tracklet.view_frame)
        for view, (frame, box) in enumerate(zip(tracklet.view_frame.tolist(), tracklet.view_xyxy, strict=True)):
            wanted.setdefault(frame, []).append((one.key, view, box))
        first_s = min(first_s, float(tracklet.view_time_s.min(initial=np.inf)))
    last = max(wanted, default=-1)
    begin_s = max(first_s - 0.5, 0.0) if np.isfinite(first_s) else 0.0
    with closing(open_again(run, camera, start_s=begin_s, end_s=None, vid_stride=1)) as source:
        if not source.has_images:
            return {}
        for frame in source:
            for key, view, box in wanted.pop(frame.index, ()):
                pictures[key][view] = jpeg_of(frame, box)
            if frame.index >= last:
                break
    if wanted:
        log.warning("%s: %d frames with views are not in %s any more", camera, len(wanted), run.cameras[camera].source)
    return {key: tuple(jpegs) for key, jpegs in pictures.items()}


def jpeg_of(frame: Frame, box: NDArray[np.float32]) -> bytes:
    """The pixels of a box as JPEG; b"" when it shows none."""
    left, top, right, bottom = clip_boxes(box[None], frame.size).round().astype(int)[0].tolist()
    crop = frame.image[top:bottom, left:right]
    if not crop.size:
        return b""
    is_done, jpeg = cv2.imencode(".jpg", crop, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return jpeg.tobytes() if is_done else b""
