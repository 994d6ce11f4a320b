"""Packets and frames of one opened container: damage is skipped and counted, time always moves on."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from numpy.typing import NDArray

from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.spec import DEFAULT_FPS, mask_secrets

_MOST_READ_ERRORS_IN_A_ROW = 100
_MOST_FRAMES_IN_DECODER = 64  # threads and reordering
_END_TOLERANCE_S = 1.0


def decode_frames(container: InputContainer, stream: av.VideoStream, health: Health) -> Iterator[av.VideoFrame]:
    """All frames from the current position on, in order of presentation.

    A packet that cannot be read or decoded is skipped and counted (`packets_skipped`), a frame that the decoder knows
    to be damaged is given and counted (`frames_corrupt`). An error that ends the stream counts as `stream_error`.

    Damage in the last few packets costs what comes after it, too: PyAV stops emptying the decoder at the first error.
    """
    sent: deque[int] = deque(maxlen=_MOST_FRAMES_IN_DECODER)  # timestamps
    shown = -math.inf
    is_interlaced = False  # two packets may make one frame
    for packet in _read_packets(container, stream, health):
        is_last = packet is None or packet.size == 0
        if packet is not None and packet.pts is not None and not packet.is_discard:
            sent.append(packet.pts)
        try:
            frames = stream.decode(packet)
        except EOFError:
            break
        except av.error.FFmpegError:
            health.losses["packets_skipped"] += not is_last
            continue
        frames.reverse()
        while frames:  # popped, so that no frame is held here while it is used
            is_interlaced |= frames[-1].interlaced_frame
            health.losses["frames_corrupt"] += frames[-1].is_corrupt
            shown = shown if frames[-1].pts is None else max(shown, frames[-1].pts)
            yield frames.pop()
    if not health.is_closed.is_set() and not is_interlaced and math.isfinite(shown):
        health.losses["packets_skipped"] += sum(pts > shown for pts in sent)


def _read_packets(
    container: InputContainer, stream: av.VideoStream, health: Health
) -> Iterator[av.Packet[av.VideoStream] | None]:
    """The packets of `stream`, then None or an empty packet, which makes the decoder give what it still holds."""
    errors_in_a_row = 0
    packets = container.demux(stream)
    while not health.is_closed.is_set():
        try:
            packet = next(packets, None)
        except av.error.InvalidDataError:
            health.losses["packets_skipped"] += 1
            errors_in_a_row += 1
            if errors_in_a_row > _MOST_READ_ERRORS_IN_A_ROW:
                health.broken("too much damaged data")
                break
            packets = container.demux(stream)  # reads on behind the damage
            continue
        except av.error.FFmpegError as error:
            health.broken(f"the stream broke off: {describe(error)}")
            break
        if packet is None:
            return
        errors_in_a_row = 0
        yield packet
    if not health.is_closed.is_set():
        yield None


class Clock:
    """Seconds of a frame from the container's timestamps, strictly increasing.

    A timestamp that is missing or does not increase is replaced by the previous time and one nominal interval, and
    counted (`timestamps_repaired`).

    Args:
        stream: states the time base and the nominal rate.
        origin: timestamp of time 0; None when the first frame has none: then the first one seen fits what came before.
        health: where repairs are counted.
        is_wall_clock: take the time of arrival: for streams that carry no timestamps of their own.
    """

    def __init__(self, stream: av.VideoStream, origin: int | None, health: Health, is_wall_clock: bool = False) -> None:
        rate = stream.average_rate or stream.guessed_rate
        self.interval_s = float(1 / rate) if rate else 1 / DEFAULT_FPS
        self.last_s: float | None = None
        self._time_base = stream.time_base or Fraction(1, av.time_base)
        self._origin = origin
        self._losses = health.losses
        self._start_s = time.monotonic() if is_wall_clock else None

    def seconds(self, pts: int) -> float:
        """Seconds at timestamp `pts`."""
        return float((pts - (self._origin or 0)) * self._time_base)

    def read(self, pts: int | None) -> float:
        """The time of the next frame, whose timestamp is `pts`."""
        if self._start_s is not None:
            time_s: float | None = time.monotonic() - self._start_s
        elif pts is None:
            time_s = None
        else:
            if self._origin is None:
                passed_s = 0.0 if self.last_s is None else self.last_s + self.interval_s
                self._origin = pts - round(Fraction(passed_s) / self._time_base)
            time_s = self.seconds(pts)
        if time_s is None or (self.last_s is not None and time_s <= self.last_s):
            time_s = 0.0 if self.last_s is None else self.last_s + self.interval_s
            self._losses["timestamps_repaired"] += self.last_s is not None  # RTSP may not time its first frame
        self.last_s = time_s
        return time_s


def check_complete(stream: av.VideoStream, clock: Clock, last_duration: int | None, health: Health) -> None:
    """At the end of a file: count a `stream_error` when it is shorter than it states, as a cut-off download is."""
    if health.is_closed.is_set() or health.losses["stream_error"] or not (stream.duration and stream.time_base):
        return
    end_s = (clock.last_s or 0.0) + float((last_duration or 0) * stream.time_base)
    stated_s = float(stream.duration * stream.time_base)
    if end_s < stated_s - _END_TOLERANCE_S - clock.interval_s:
        health.broken(f"the video ends at {end_s:.2f} s, though it states {stated_s:.2f} s: cut off or damaged")


def to_bgr(frame: av.VideoFrame, reformatter: VideoReformatter) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 BGR, contiguous, turned as the rotation of the video says. Transparency is dropped."""
    image = reformatter.reformat(frame, format="bgr24").to_ndarray()
    quarter_turns = round(frame.rotation / 90) % 4  # counter-clockwise, as np.rot90
    return np.ascontiguousarray(np.rot90(image, quarter_turns), dtype=np.uint8)


def describe(error: av.error.FFmpegError) -> str:
    """The reason without the address, which may hold a password."""
    if isinstance(error, (av.error.ExitError, av.error.TimeoutError)):
        return "no answer in time"
    return mask_secrets(error.strerror or type(error).__name__)
