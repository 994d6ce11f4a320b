"""The one class behind every source: it hands out frames and can be closed from another thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Self

from mdpr.pipeline.sources.health import Health
from mdpr.types import Frame


class FrameReader:
    """A `Source` over an iterator of frames.

    It can be gone through once; after the end and after `close` it gives nothing. A frame given is not kept.

    Args:
        camera: name of the camera.
        frames: the frames; `next` on it is only ever called by one thread at a time.
        release: frees the file or device; called once, never while `frames` is at work.
        health: what `frames` counts as lost; closing sets its `is_closed`, and `frames` ends soon after.
        is_live: whether the source goes on without waiting for its reader.
        has_images: whether the frames have pixels.
        started_s: wall time of second 0 as the file tells it; None when nothing does.
    """

    def __init__(
        self,
        camera: str,
        frames: Iterator[Frame],
        release: Callable[[], None],
        health: Health,
        is_live: bool = False,
        has_images: bool = True,
        started_s: float | None = None,
    ) -> None:
        self.camera = camera
        self.is_live = is_live
        self.has_images = has_images
        self.started_s = started_s
        self._frames = frames
        self._release = release
        self._losses = health.losses
        self._is_closed = health.is_closed
        self._is_released = False
        self._pending: Frame | None = None
        self._at_work = threading.Lock()  # held while `frames` or `release` runs

    def prefetch(self) -> bool:
        """Read the first frame ahead; False, and closed, when there is none."""
        self._pending = next(self, None)
        return self._pending is not None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Frame:
        frame, self._pending = self._pending, None
        try:
            with self._at_work:
                if frame is None and not self._is_closed.is_set():
                    frame = next(self._frames, None)
        finally:
            if frame is None or self._is_closed.is_set():
                self.close()
        if frame is None or self._is_closed.is_set():
            raise StopIteration
        return frame

    @property
    def losses(self) -> dict[str, int]:
        """What could not be used so far, by kind."""
        return {kind: count for kind, count in self._losses.copy().items() if count}

    def close(self) -> None:
        """Release the file or device; while another thread reads a frame, that thread does it, right after."""
        self._is_closed.set()
        if self._at_work.acquire(blocking=False):
            try:
                if not self._is_released:
                    self._is_released = True
                    self._pending = None
                    self._release()
            finally:
                self._at_work.release()
