"""A detector for single pictures: dark blobs on a light ground; finds the walkers of `make_walk`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from mdpr.types import Detections, Frame


class Blobs:
    """Boxes of what is dark and large."""

    @dataclass(frozen=True)
    class Config:
        """Options: darkness below which a pixel counts."""

        dark: int = 110

    description, batch_size = "blobs", 1

    def __init__(self, config: Config | None = None) -> None:
        self._dark = (config or self.Config()).dark

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> Detections:
        is_dark = (cv2.medianBlur(frame.image, 5).mean(axis=2) < self._dark).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(is_dark)
        boxes = [[x, y, x + w, y + h] for x, y, w, h, area in stats[1:].tolist() if area > 500]
        rows = np.array(boxes, np.float32).reshape(-1, 4)
        return Detections(rows, np.full(len(rows), 0.9), np.zeros(len(rows)))


class ResizableBlobs(Blobs):
    """The same, as a network that takes any size; what it finds does not depend on that."""

    @dataclass(frozen=True)
    class Config(Blobs.Config):
        """Options: also the longer side of the input, None = chosen by camera."""

        imgsz: int | None = None

    takes_any_size = True

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        return super().detect(frames)
