"""Embedding only where it decides something: who is asked, in which order, what trackers get, what is counted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fakes import FakeDetector, FakeEmbedder, FakeSource, FakeTracker
from mdpr.errors import ConfigError
from mdpr.pipeline.embedding import EmbeddingConfig, every_of
from mdpr.pipeline.loop import FrameResult, TrackingLoop
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Detections, Frame, Tracks


class TwoBoxes(FakeDetector):
    """Three boxes a frame; the last one is too weak to be embedded."""

    def detect(self, frames: Any) -> Any:
        boxes = np.array([[0, 0, 9, 9], [5, 5, 9, 9], [20, 20, 30, 30]])
        return [Detections(boxes, np.array([0.9, 0.6, 0.2]), np.zeros(3)) for _ in frames]


class CountingEmbedder(FakeEmbedder):
    """Remembers how many boxes each call had."""

    def __init__(self) -> None:
        self.calls: list[int] = []

    def embed(self, images: Any, boxes: Any) -> Any:
        self.calls.append(sum(map(len, boxes)))
        return super().embed(images, boxes)


class Picky(FakeTracker):
    """Needs the first box of every third frame; keeps what it got, and in which order it was called."""

    def __init__(self) -> None:
        super().__init__(embedding_conf=0.5)
        self.given: list[list[float]] = []
        self.order: list[tuple[str, int]] = []

    def embedding_needed(self, detections: Detections, frame: Frame) -> Any:
        self.order.append(("needed", frame.index))
        return np.array([frame.index % 3 == 0, False, True])

    def move_camera(self, transform: Any) -> None:
        self.order.append(("moved", int(transform[0, 2])))

    def update(self, detections: Detections, frame: Frame, embeddings: Any = None) -> Tracks:
        self.order.append(("update", frame.index))
        self.given.append(embeddings.ravel().tolist())
        return Tracks.empty()


def run(trackers: dict[str, Any], is_sparse: bool, batch_size: int = 3, **parts: Any) -> tuple[TrackingLoop, Any]:
    embedder = CountingEmbedder()
    sources = [FakeSource(camera, 7) for camera in trackers]
    loop = TrackingLoop(sources, TwoBoxes(batch_size), embedder, trackers, StageTimes(), is_sparse, **parts)
    assert sum(isinstance(result, FrameResult) for result in loop) == 7 * len(trackers)
    return loop, embedder


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("cameras", ["a", "ab"])
def test_only_what_is_needed_is_embedded_and_the_rest_is_nan(batch_size: int, cameras: str) -> None:
    trackers = {camera: Picky() for camera in cameras}
    loop, embedder = run(trackers, True, batch_size)
    for tracker in trackers.values():
        for index, row in enumerate(tracker.given):
            np.testing.assert_array_equal(row, [index if index % 3 == 0 else np.nan, np.nan, 0])
        # each frame's question comes after the answer to the one before it
        assert tracker.order == [(what, index) for index in range(7) for what in ("needed", "update")]
    assert embedder.calls == [len(cameras)] * 3  # all cameras in one call, and none where nobody needs anything
    assert loop.embeddings.values() == {
        "made": 3 * len(cameras), "saved": 11 * len(cameras), "saved_share": round(11 / 14, 4)
    }  # fmt: skip


def test_without_it_everybody_is_embedded() -> None:
    tracker = Picky()
    loop, embedder = run({"a": tracker}, False)
    assert [row[:2] for row in tracker.given] == [[i, i] for i in range(7)]
    assert sum(embedder.calls) == 14
    assert loop.embeddings.values() == {"made": 14, "saved": 0, "saved_share": 0.0}
    assert "needed" not in dict(tracker.order)


@pytest.mark.parametrize("is_sparse", [True, False])
def test_the_tracker_hears_of_the_camera_before_the_frame(is_sparse: bool) -> None:
    class Motion:
        """Says the index of the frame as its shift; nothing at odd frames."""

        state, measured = "moving", 0

        def update(self, frame: Frame, boxes: Any) -> Any:
            assert boxes.shape == (3, 4)
            return None if frame.index % 2 else np.array([[1, 0, frame.index], [0, 1, 0.0]])

    tracker = Picky()
    loop, _ = run({"a": tracker}, is_sparse, motions={"a": Motion()})
    steps = ("moved", "needed", "update") if is_sparse else ("moved", "update")
    assert tracker.order == [(what, i) for i in range(7) for what in steps if what != "moved" or i % 2 == 0]
    assert loop.camera_states == {"a": "moving"}


def test_a_tracker_that_cannot_say_what_it_needs() -> None:
    with pytest.raises(ConfigError, match="embedding_needed"):
        TrackingLoop([FakeSource("a", 1)], TwoBoxes(), FakeEmbedder(), {"a": FakeTracker()}, StageTimes(), True)


def test_how_often() -> None:
    assert not EmbeddingConfig().is_sparse
    assert EmbeddingConfig(every_of("auto")).is_sparse
    assert EmbeddingConfig(every_of("2")).every == 2
    for bad in ("often", -1.0, float("nan")):
        with pytest.raises(ConfigError, match="expected auto or"):
            EmbeddingConfig(bad)
    with pytest.raises(ValueError, match="often"):
        every_of("often")
