"""Where to start reading: the exact position of a time in a file, without decoding what comes before it."""

from __future__ import annotations

from dataclasses import dataclass

import av
from av.container import InputContainer

from mdpr.pipeline.sources.decoding import Clock

# One packet is one shown frame. Not so in VP8 (invisible reference frames) or packed MPEG-4 in AVI, for example.
# fmt: off
_COUNTABLE_CODECS = frozenset({
    "h264", "hevc", "av1", "vp9", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "gif", "png", "apng", "prores", "dnxhd",
    "ffv1", "huffyuv", "rawvideo",
})
# fmt: on


@dataclass(frozen=True)
class Position:
    """A frame: its index in the source and its timestamp."""

    index: int
    pts: int


def find_position(container: InputContainer, stream: av.VideoStream, clock: Clock, start_s: float) -> Position | None:
    """The first frame at or after `start_s`, found by counting packets.

    Args:
        container: at its beginning; it is left somewhere behind.
        stream: the video stream.
        clock: converts timestamps.
        start_s: seconds.

    Returns:
        None when packets do not tell: missing or doubled timestamps, damage, or a codec whose packets are not frames.
        Then only decoding from the beginning is exact. None, too, when no frame is that late.
    """
    if stream.codec_context.name not in _COUNTABLE_CODECS or container.format.name == "avi":
        return None
    seen: set[int] = set()
    index = 0
    first: int | None = None
    try:
        for packet in container.demux(stream):
            if packet.size == 0 or packet.is_discard:
                continue
            if packet.pts is None or packet.pts in seen or packet.is_corrupt:
                return None
            if first is not None and packet.dts is not None and packet.dts >= first:
                break  # decoding order: all later packets are shown later
            seen.add(packet.pts)
            if clock.seconds(packet.pts) < start_s:
                index += 1
            elif first is None or packet.pts < first:
                first = packet.pts
    except av.error.FFmpegError:
        return None
    return None if first is None else Position(index, first)
