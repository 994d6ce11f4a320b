"""A camera of this machine, read with OpenCV."""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from mdpr.errors import SourceError
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.reader import FrameReader
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig, select
from mdpr.types import Frame

log = logging.getLogger("mdpr")


def open_webcam(spec: CameraSpec, config: SourceConfig) -> FrameReader:
    """Webcam number `spec.location`; time is that of arrival, from 0 at the first picture.

    Args:
        spec: a number as text; 0 is the first camera of the machine.
        config: what to keep.

    Returns:
        The source, live. Losses: `stream_error` when it stops giving pictures, as when it is unplugged.

    Raises:
        SourceError: no such camera, or it gives no picture.
    """
    capture = _open_capture(int(spec.location))
    if not capture.isOpened() or not capture.grab():
        capture.release()
        raise SourceError(
            f"webcam {spec.location}: expected a camera of that number that gives pictures, found none; check that it "
            f"is plugged in and that no other program uses it, or name a file as ./{spec.location}"
        )
    health = Health(spec.camera)
    frames = _read_frames(spec, config, capture, health)
    return FrameReader(spec.camera, frames, capture.release, health, is_live=True)


def _read_frames(spec: CameraSpec, config: SourceConfig, capture: Any, health: Health) -> Iterator[Frame]:
    for index, time_s, _ in select(_grab(capture, health), config):
        is_read, image = capture.retrieve()  # only what is kept is converted
        if is_read:
            yield Frame(spec.camera, index, time_s, np.ascontiguousarray(image, dtype=np.uint8))
        else:
            health.losses["packets_skipped"] += 1


def _grab(capture: Any, health: Health) -> Iterator[tuple[int, float, None]]:
    """Index and time of each picture; the first one was grabbed when the camera was opened."""
    start_s = time.monotonic()
    last_s = -1.0
    for index in itertools.count():
        if health.is_closed.is_set():
            return
        if index and not capture.grab():
            health.broken("the webcam gives no more pictures")
            return
        last_s = max(time.monotonic() - start_s if index else 0.0, last_s + 1e-6)  # strictly increasing
        yield index, last_s, None


def _open_capture(number: int) -> Any:
    import cv2  # not needed by those who read files

    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # our error says it once
    try:
        return cv2.VideoCapture(number)
    finally:
        cv2.utils.logging.setLogLevel(level)
