"""Stand-ins for the slow parts, so that the loop and the writers are tested on their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from mdpr.errors import FormatError
from mdpr.types import Detections, Frame, Tracklet, Tracks


class FakeSource:
    """Frames without meaning: `count` of them, or endless when it is 0."""

    def __init__(self, camera: str, count: int, is_live: bool = False, pause_s: float = 0.0) -> None:
        self.camera = camera
        self.is_live = is_live
        self.has_images = True
        self.started_s = None
        self.losses: dict[str, int] = {}
        self._count = count
        self._pause_s = pause_s
        self._is_closed = threading.Event()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while not self._is_closed.is_set() and (not self._count or index < self._count):
            time.sleep(self._pause_s)
            yield Frame(self.camera, index, index / 10, np.full((40, 60, 3), index % 256, np.uint8))
            index += 1

    def close(self) -> None:
        self._is_closed.set()


class FakeDetector:
    """One box a frame at x = frame index; remembers who came together; fails at a frame when told to."""

    description = "fake"

    def __init__(self, batch_size: int = 1, fails_at: int = -1) -> None:
        self.batch_size = batch_size
        self.calls: list[list[tuple[str, int]]] = []
        self._fails_at = fails_at

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        self.calls.append([(frame.camera, frame.index) for frame in frames])
        if any(frame.index == self._fails_at for frame in frames):
            raise FormatError(f"frame {self._fails_at}: box with a value that is not finite")
        return [
            Detections(np.array([[frame.index, 5, frame.index + 8, 25]]), np.array([0.9]), np.array([0]))
            for frame in frames
        ]


class FakeEmbedder:
    """One number: the brightness of the image."""

    description, fingerprint, dimension, crop_s = "fake", "fake-1", 1, 0.0

    def embed(self, images: Sequence[Any], boxes: Sequence[Any]) -> Any:
        return np.concatenate(
            [np.full((len(b), 1), image[0, 0, 0], np.float32) for image, b in zip(images, boxes, strict=True)]
        )


class FakeTracker:
    """Every detection is person 1; remembers what it was given."""

    def __init__(self, embedding_conf: float = 0.0) -> None:
        self.embedding_conf = embedding_conf
        self.seen: list[tuple[int, float]] = []

    def update(self, detections: Detections, frame: Frame, embeddings: Any = None) -> Tracks:
        self.seen.append((frame.index, float(embeddings[0, 0])))
        return Tracks(np.array([1]), detections.xyxy, detections.confidence, detections.class_id, np.array([0]), ())

    def flush(self) -> list[Tracklet]:
        return [make_tracklet("cam", len(self.seen))] if self.seen else []

    def reset(self) -> None:
        self.seen.clear()


def make_tracklet(camera: str, detections: int, track_id: int = 1, dimension: int = 4) -> Tracklet:
    """A tracklet with two views."""
    return Tracklet(
        camera, track_id, 0, 0, detections, 0.0, detections / 10, detections, 0.75,
        np.array([0, 3]), np.array([0.0, 0.3]), np.array([[0, 1, 2, 3], [4, 5, 6, 7]]), np.array([0.5, 1.0]),
        np.array([2.0, 3.0]), np.eye(2, dimension),
    )  # fmt: skip


def make_tracks(*ids: int, x: float = 10.0) -> Tracks:
    """A box for each id, side by side."""
    boxes = np.array([[x + 20 * i, 5.5, x + 20 * i + 12, 45.25] for i in range(len(ids))]).reshape(-1, 4)
    count = len(ids)
    return Tracks(np.array(ids), boxes, np.full(count, 0.8), np.zeros(count), np.arange(count))
