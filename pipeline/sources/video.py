"""Video files, animated GIFs and network streams, read with PyAV."""

from __future__ import annotations

import errno
import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from mdpr.errors import AbsentError, SourceError
from mdpr.pipeline.sources.clock import creation_time_s
from mdpr.pipeline.sources.decoding import Clock, check_complete, decode_frames, describe, to_bgr
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.reader import FrameReader
from mdpr.pipeline.sources.reconnecting import Reconnecting
from mdpr.pipeline.sources.seek import Position, find_position
from mdpr.pipeline.sources.spec import CameraSpec, SourceConfig, is_url, select
from mdpr.types import Frame

# Formats that carry no time: each picture counts as 1/25 s, whatever the camera does.
_FORMATS_WITHOUT_TIME = frozenset({"mpjpeg", "mjpeg"})

_NOBODY_THERE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN, errno.ETIMEDOUT})

# Over HTTP these have no end; others may be recordings of unstated length, which would begin anew if asked again.
_CAMERAS_OVER_HTTP = frozenset({"mpjpeg", "mjpeg", "hls"})


def open_video(spec: CameraSpec, config: SourceConfig) -> FrameReader:
    """A video file or stream as a camera; its first frame is decoded here, so that what cannot be read fails here.

    Time 0 is the start that the stream states, or its first frame where it states none or a later one. A stream that
    has no timestamps (MJPEG over HTTP) gets the time of arrival. A camera that breaks off is looked for again, see
    `reconnecting`; its time goes on with that of the wall meanwhile.

    Args:
        spec: a path or URL.
        config: what to keep, and the timeout of streams.

    Returns:
        The source; `is_live` for RTSP and for streams without a known duration. Losses: `packets_skipped`,
        `frames_corrupt` (given all the same), `timestamps_repaired`, `interruptions`, `stream_error` (ended by an
        error, or not back in time).

    Raises:
        AbsentError: a stream that nobody answers for now.
        SourceError: missing, unreadable, not a video, without pictures, or without a frame in the chosen time.
    """
    health = Health(spec.camera)
    video = _Video(spec, config, health)
    try:
        frames = video.frames(config)
        reader = FrameReader(spec.camera, frames, video.close, health, video.is_live, started_s=video.started_s)
        if not video.is_live and not reader.prefetch():
            end = "" if config.end_s is None else f" and before end_s = {config.end_s:g} s"
            raise SourceError(
                f"{spec.display}: expected a frame from start_s = {config.start_s:g} s on{end}, "
                f"but the last one is at {video.clock.last_s or 0.0:.2f} s; choose an earlier start"
            )
    except BaseException:
        video.close()
        raise
    return reader


class _Video:
    """An open container with its first frame decoded."""

    def __init__(self, spec: CameraSpec, config: SourceConfig, health: Health) -> None:
        self._spec = spec
        self._timeout_s = config.timeout_s
        self._health = health
        self.is_live = self._goes_on = self._is_classified = False
        self._connect()
        self._reconnecting = Reconnecting(health, config)
        health.is_sought = self._goes_on and config.reconnect_s > 0

    def _connect(self) -> None:
        """Open the container and decode its first frame.

        Raises:
            SourceError: that cannot be done.
        """
        self._health.why_broken = ""
        self._container, self._stream = _open(self._spec, self._timeout_s)
        try:
            if not self._is_classified:
                self._classify()
            # Frame threads hold back a frame for each thread: right for files, a delay for cameras.
            self._stream.thread_type = "SLICE" if self.is_live else "AUTO"
            self._decoded = decode_frames(self._container, self._stream, self._health)
            first = next(self._decoded, None)
            if first is None:
                raise SourceError(_no_frame(self._spec))
            self._decoded = itertools.chain([first], self._decoded)
            self._first_pts = first.pts
            self.clock = self._new_clock()
        except BaseException:
            self.close()
            raise

    def _classify(self) -> None:
        """Whether it is live, whether it goes on for ever, and when it began."""
        location = self._spec.location.lower()
        has_duration = bool(self._container.duration or self._stream.duration)
        self.is_live = is_url(location) and (location.startswith(("rtsp", "satip")) or not has_duration)
        is_download = location.startswith("http") and self._container.format.name not in _CAMERAS_OVER_HTTP
        self._goes_on = self.is_live and not has_duration and not is_download
        told = self._container.metadata.get("creation_time") or self._stream.metadata.get("creation_time")
        self.started_s = None if self.is_live else creation_time_s(told)
        self._is_classified = True

    def close(self) -> None:
        self._container.close()

    def frames(self, config: SourceConfig) -> Iterator[Frame]:
        """The frames that `config` keeps; skipped ones are not converted."""
        can_seek = not self.is_live and config.start_s > 0 and self._first_pts is not None
        position = self._seek(config.start_s) if can_seek else None
        reformatter = VideoReformatter()
        for index, time_s, frame in select(self._timed(position), config):
            yield Frame(self._spec.camera, index, time_s, to_bgr(frame, reformatter))

    def _timed(self, position: Position | None) -> Iterator[tuple[int, float, av.VideoFrame]]:
        index = position.index if position else 0
        last_duration: int | None = None
        begin_s = time.monotonic()
        before_s = last_s = 0.0  # seconds when this connection began, and those of the last frame
        while True:
            for frame in self._decoded:
                if position and (frame.pts is None or frame.pts < position.pts):
                    continue  # between the keyframe and the start
                last_duration = frame.duration
                last_s = before_s + self.clock.read(frame.pts)
                yield index, last_s, frame
                index += 1
            if not self._is_back(time.monotonic() - begin_s):
                break
            before_s = max(time.monotonic() - begin_s, last_s + self.clock.interval_s)
        if not self.is_live:
            check_complete(self._stream, self.clock, last_duration, self._health)

    def _is_back(self, time_s: float) -> bool:
        """Whether a camera that was there until `time_s` is there again, when it is looked for."""
        if not self._health.is_sought or self._health.is_closed.is_set():
            return False
        why = self._health.why_broken or "the stream ended"
        self._container.close()  # many cameras talk to few at a time
        return self._reconnecting.is_back(why, time_s, self._connect)

    def _seek(self, start_s: float) -> Position | None:
        """Go to the keyframe before `start_s`; None when the file must be decoded from its beginning instead."""
        counting, stream = _open(self._spec, self._timeout_s)
        try:
            position = find_position(counting, stream, self.clock, start_s)
        finally:
            counting.close()
        if position is None or any(self._health.losses.values()):
            return None
        try:
            self._container.seek(position.pts, stream=self._stream)
            decoded = decode_frames(self._container, self._stream, self._health)
            first = next(decoded, None)
        except av.error.FFmpegError:
            first = None
        if first is None or first.pts is None or first.pts > position.pts:  # the file's index is wrong
            self._reopen()
            return None
        self._decoded = itertools.chain([first], decoded)
        return position

    def _reopen(self) -> None:
        self._container.close()
        self._health.losses.clear()
        self._container, self._stream = _open(self._spec, self._timeout_s)
        self._stream.thread_type = "AUTO"
        self._decoded = decode_frames(self._container, self._stream, self._health)
        self.clock = self._new_clock()

    def _new_clock(self) -> Clock:
        origin = self._first_pts
        if origin is not None and self._stream.start_time is not None:
            origin = min(origin, self._stream.start_time)
        is_untimed = self.is_live and self._container.format.name in _FORMATS_WITHOUT_TIME
        return Clock(self._stream, origin, self._health, is_untimed)


def _open(spec: CameraSpec, timeout_s: float) -> tuple[InputContainer, av.VideoStream]:
    """The container and its main video stream, not yet decoding."""
    is_remote = is_url(spec.location)
    # An absolute path cannot be taken for a protocol, as `a:b.mp4` would be.
    address = spec.location if is_remote else str(_checked_file(spec).absolute())
    options = {"rtsp_transport": "tcp"} if spec.location.lower().startswith("rtsp") else {}
    timeout = (timeout_s, timeout_s) if is_remote else None
    start_s = time.monotonic()
    try:
        container = av.open(address, options=options, timeout=timeout, metadata_errors="replace")
    except av.error.FFmpegError as error:  # not chained: its text holds the address, and that the password
        has_timed_out = is_remote and time.monotonic() - start_s >= timeout_s  # FFmpeg may call it invalid data
        kind = AbsentError if has_timed_out or _is_absent(error) else SourceError
        raise kind(_cannot_open(spec, error, timeout_s if has_timed_out else None)) from None
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if container.format.name == "tty":  # FFmpeg draws any .txt file as a terminal
        streams = []
    if not streams:
        found = ", ".join(sorted({stream.type for stream in container.streams})) or "nothing"
        container.close()
        raise SourceError(f"{spec.display}: expected a video stream, found only {found}; name a file with pictures")
    return container, streams[0]


def _checked_file(spec: CameraSpec) -> Path:
    path = Path(spec.location)
    try:
        if not path.exists():
            raise SourceError(f"{spec.location}: no such file; check the spelling and the folder it is looked for in")
        if path.is_file() and path.stat().st_size == 0:
            raise SourceError(f"{spec.location}: the file is empty (0 bytes); expected a video")
    except (OSError, ValueError) as error:
        raise SourceError(f"{spec.location}: cannot be opened: {error}") from error
    return path


def _is_absent(error: av.error.FFmpegError) -> bool:
    """Whether nobody is there now; a wrong address, path or password is something else."""
    return isinstance(error, ConnectionError | av.error.HTTPServerError) or error.errno in _NOBODY_THERE


def _cannot_open(spec: CameraSpec, error: av.error.FFmpegError, timed_out_s: float | None) -> str:
    if timed_out_s is not None:
        hint = "check the address and the network, or raise timeout_s"
        return f"{spec.display}: no answer within {timed_out_s:g} s; {hint}"
    if isinstance(error, av.error.InvalidDataError):
        return (
            f"{spec.display}: expected a video that FFmpeg can read, got something else, or a video cut off before "
            f"its index was written; try to play it, and record or copy it again"
        )
    hint = "check the address, the network and the password" if is_url(spec.location) else "check the file"
    return f"{spec.display}: cannot be opened: {describe(error)}; {hint}"


def _no_frame(spec: CameraSpec) -> str:
    hint = "it is empty, cut off or damaged; record or copy it again"
    return f"{spec.display}: expected a video, but not a single frame of it could be decoded: {hint}"
