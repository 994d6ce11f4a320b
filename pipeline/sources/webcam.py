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
from mdpr.pipeline.sources.reconnecting import Reconnecting
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig, select
from mdpr.types import Frame

log = logging.getLogger("mdpr")


def open_webcam(spec: CameraSpec, config: SourceConfig) -> FrameReader:
    """Webcam number `spec.location`; time is that of arrival, from 0 at the first picture.

    Args:
        spec: a number as text; 0 is the first camera of the machine.
        config: what to keep.

    Returns:
        The source, live. Losses: `interruptions` when it stopped giving pictures, as when it is unplugged,
        `stream_error` when it did not come back in time.

    Raises:
        SourceError: no such camera, or it gives no picture.
    """
    webcam = _Webcam(int(spec.location))
    health = Health(spec.camera)
    health.is_sought = config.reconnect_s > 0
    frames = _read_frames(spec, config, webcam, health)
    return FrameReader(spec.camera, frames, webcam.release, health, is_live=True)


class _Webcam:
    """A camera by its number, opened, with its first picture grabbed; it may be opened again."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.open()

    def open(self) -> None:
        self._capture = _open_capture(self._number)
        if not self._capture.isOpened() or not self._capture.grab():
            self._capture.release()
            raise SourceError(
                f"webcam {self._number}: expected a camera of that number that gives pictures, found none; check that "
                f"it is plugged in and that no other program uses it, or name a file as ./{self._number}"
            )

    def release(self) -> None:
        self._capture.release()

    def grab(self) -> bool:
        return bool(self._capture.grab())

    def retrieve(self) -> tuple[bool, Any]:
        is_read, image = self._capture.retrieve()
        return bool(is_read), image


def _read_frames(spec: CameraSpec, config: SourceConfig, webcam: _Webcam, health: Health) -> Iterator[Frame]:
    for index, time_s, _ in select(_grab(webcam, config, health), config):
        is_read, image = webcam.retrieve()  # only what is kept is converted
        if is_read:
            yield Frame(spec.camera, index, time_s, np.ascontiguousarray(image, dtype=np.uint8))
        else:
            health.losses["packets_skipped"] += 1


def _grab(webcam: _Webcam, config: SourceConfig, health: Health) -> Iterator[tuple[int, float, None]]:
    """Index and time of each picture; the first one was grabbed when the camera was opened."""
    reconnecting = Reconnecting(health, config)
    start_s = time.monotonic()
    last_s = -1.0
    for index in itertools.count():
        if health.is_closed.is_set():
            return
        if index and not webcam.grab():
            why = "the webcam gives no more pictures"
            webcam.release()
            if not health.is_sought:
                health.broken(why)
                return
            if not reconnecting.is_back(why, time.monotonic() - start_s, webcam.open):
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
