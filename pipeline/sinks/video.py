"""The annotated video: H.264 in MP4 with the timestamps of the source."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from mdpr.errors import OutputError
from mdpr.files import finish, part_path, write_errors
from mdpr.pipeline.draw import Painter
from mdpr.types import Frame, Tracklet, Tracks

_TIME_BASE = Fraction(1, 90_000)
_BT601 = 6  # SMPTE 170M, the matrix that OpenCV converts with; written into the file so that players use it too
_LIMITED_RANGE = 1
_EMPTY_COLOUR = 32  # canvas of a source without pixels
_BROWSER_MAX = 4096  # H.264 level 5.1, what browsers decode


class VideoSink:
    """Draws boxes, ids and trails, and encodes them.

    The file is fragmented while it grows, so it plays up to the last second after a kill (as `.part`), and becomes a
    plain MP4 with a duration and an index when it is closed. Frames of another size than the first are fitted into it.
    """

    def __init__(self, path: Path, painter: Painter | None = None, crf: int = 23) -> None:
        self._path = path
        self._painter = painter or Painter()
        self._size = (0, 0)
        self._last_pts = -1
        self._stream: VideoStream | None = None
        options = {
            "movflags": "hybrid_fragmented+frag_keyframe+empty_moov+default_base_moof",
            "frag_duration": "1000000",
        }
        with write_errors(path):
            part_path(path).touch()  # av.open does not touch the disk before the first frame
            self._container = av.open(str(part_path(path)), "w", format="mp4", options=options)
        self._codec_options = {"preset": "ultrafast", "crf": str(crf)}

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Draw and encode one frame; a frame whose size is not known is left out."""
        if frame.size == (0, 0):
            return
        canvas = frame.image.copy() if frame.has_image else _empty_canvas(frame.size)
        self._painter.paint(canvas, frame, tracks)
        if self._stream is None:
            self._stream = self._open_stream(frame.size)
        picture = VideoFrame.from_ndarray(cv2.cvtColor(_fit(canvas, self._size), cv2.COLOR_BGR2YUV_I420), "yuv420p")
        picture.pts = self._last_pts = max(round(frame.time_s / _TIME_BASE), self._last_pts + 1)
        picture.time_base = _TIME_BASE
        picture.colorspace = _BT601
        picture.color_range = _LIMITED_RANGE
        self._mux(picture)

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Nothing: tracklets are not drawn."""

    def _open_stream(self, size: tuple[int, int]) -> VideoStream:
        scale = min(1.0, _BROWSER_MAX / max(size))
        self._size = (_even(size[0] * scale), _even(size[1] * scale))
        stream = self._container.add_stream("libx264", options=self._codec_options)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = _TIME_BASE
        stream.codec_context.gop_size = 60
        stream.codec_context.colorspace = _BT601
        stream.codec_context.color_range = _LIMITED_RANGE
        return stream

    def _mux(self, picture: VideoFrame | None) -> None:
        assert self._stream is not None  # for the type checker: callers open it first
        try:
            with write_errors(self._path):
                self._container.mux(self._stream.encode(picture))
        except av.error.FFmpegError as error:
            raise OutputError(f"cannot write {self._path}: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stream is None:  # not one frame: no video
            with write_errors(self._path):
                self._container.close()
                part_path(self._path).unlink(missing_ok=True)
            return
        try:
            self._mux(None)
        finally:
            with write_errors(self._path):
                self._container.close()
        if kind is None:
            finish(self._path)


def _empty_canvas(size: tuple[int, int]) -> NDArray[np.uint8]:
    return np.full((size[1], size[0], 3), _EMPTY_COLOUR, np.uint8)


def _even(length: float) -> int:
    """The even number of pixels not below `length`, as 4:2:0 colour needs it.

    >>> _even(5), _even(6)
    (6, 6)
    """
    return max(2, 2 * int(np.ceil(length / 2)))


def _fit(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`image` within `size` = (width, height): unchanged where it fits, else scaled, with borders."""
    height, width = image.shape[:2]
    if (width, height) == size:
        return image
    scale = min(size[0] / width, size[1] / height, 1.0)
    if scale < 1.0:
        new_size = (max(1, round(width * scale)), max(1, round(height * scale)))
        image = cv2.resize(image, new_size, interpolation=cv2.INTER_AREA).astype(np.uint8)
        height, width = image.shape[:2]
    is_odd_edge = size[0] - width <= 1 and size[1] - height <= 1
    border = cv2.BORDER_REPLICATE if is_odd_edge else cv2.BORDER_CONSTANT
    fitted = cv2.copyMakeBorder(image, 0, size[1] - height, 0, size[0] - width, border)
    return np.asarray(fitted, np.uint8)
