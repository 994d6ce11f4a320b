"""Answers of an HTTP server, packets for an RTSP one, and a stand-in for a webcam."""

from __future__ import annotations

import time
from pathlib import Path

import av
import numpy as np


def send(handler, data: bytes, content_type: str = "video/mp4", stated: int | None = None) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", content_type)
    if stated != 0:
        handler.send_header("Content-Length", str(stated or len(data)))
    handler.end_headers()
    handler.wfile.write(data)


def elementary(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


class FakeCapture:
    """A webcam that gives `count` pictures, one grey level each."""

    def __init__(self, count: int) -> None:
        self.count, self.grabbed, self.converted, self.is_released = count, 0, 0, False

    def isOpened(self) -> bool:
        return True

    def grab(self) -> bool:
        self.grabbed += 1
        time.sleep(0.01)
        return self.grabbed <= self.count

    def retrieve(self) -> tuple[bool, np.ndarray]:
        self.converted += 1
        return True, np.full((4, 6, 3), self.grabbed - 1, np.uint8)

    def release(self) -> None:
        self.is_released = True
