"""A window with the annotated picture, in a process of its own: PyAV and OpenCV's windows in one process hang."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

import cv2

from mdpr.errors import ConfigError
from mdpr.pipeline.draw import Painter
from mdpr.types import Frame, Tracklet, Tracks

_WIDEST = 1280


def require_display() -> None:
    """Nothing where a window can be opened.

    Raises:
        ConfigError: there is no display.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError("--show: there is no display (neither DISPLAY nor WAYLAND_DISPLAY is set); leave --show away")


class Viewer:
    """The process with the windows, one for each camera. Closing a window, or q or Esc in one, closes all of them."""

    def __init__(self) -> None:
        require_display()
        context = multiprocessing.get_context("spawn")
        self._pictures: Any = context.Queue(maxsize=4)
        self._is_closed = context.Event()
        self._process = context.Process(target=_show, args=(self._pictures, self._is_closed), daemon=True)
        self._process.start()

    @property
    def is_closed(self) -> bool:
        """Whether the user closed a window, or the process ended."""
        return self._is_closed.is_set() or not self._process.is_alive()

    def show(self, camera: str, picture: Any) -> None:
        """Show a BGR picture; it is skipped when the windows are behind."""
        with contextlib.suppress(queue.Full):
            self._pictures.put_nowait((camera, picture))

    def close(self) -> None:
        """End the process."""
        self._is_closed.set()
        self._pictures.cancel_join_thread()
        self._process.join(2)
        if self._process.is_alive():
            self._process.terminate()


class WindowSink:
    """Shows one camera in the viewer."""

    def __init__(self, viewer: Viewer, painter: Painter) -> None:
        self._viewer = viewer
        self._painter = painter

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw and show one frame."""
        if not frame.has_image:
            return
        canvas = frame.image.copy()
        self._painter.paint(canvas, frame, tracks)
        if canvas.shape[1] > _WIDEST:
            height = round(canvas.shape[0] * _WIDEST / canvas.shape[1])
            canvas = cv2.resize(canvas, (_WIDEST, height), interpolation=cv2.INTER_AREA)
        self._viewer.show(frame.camera, canvas)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Nothing: the window stays as it is."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing: the viewer is shared by all cameras."""


def _show(pictures: Any, is_closed: Any) -> None:
    """The process: show what comes until it is closed."""
    seen: set[str] = set()
    while not is_closed.is_set():
        try:
            camera, picture = pictures.get(timeout=0.05)
        except queue.Empty:
            pass
        except (KeyboardInterrupt, EOFError):
            return
        else:
            if camera not in seen:
                cv2.namedWindow(camera, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
                cv2.resizeWindow(camera, picture.shape[1], picture.shape[0])
                seen.add(camera)
            cv2.imshow(camera, picture)
        if seen and (
            cv2.waitKey(1) & 0xFF in (ord("q"), 27)
            or any(cv2.getWindowProperty(camera, cv2.WND_PROP_VISIBLE) < 1 for camera in seen)
        ):
            is_closed.set()
