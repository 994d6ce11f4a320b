"""The loop: every frame once and in order, whatever the company; failures lose nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from fakes import FakeDetector, FakeEmbedder, FakeSource, FakeTracker
from mdpr.errors import FormatError
from mdpr.pipeline import loop as loop_module
from mdpr.pipeline.loop import CameraEnd, CameraSilent, FrameResult, TrackingLoop
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Detections, Frame, Tracks


def make_loop(sources: list[FakeSource], detector: FakeDetector | None = None, **parts: Any) -> TrackingLoop:
    trackers = parts.get("trackers") or {source.camera: FakeTracker() for source in sources}
    return TrackingLoop(sources, detector or FakeDetector(), FakeEmbedder(), trackers, parts.get("times", StageTimes()))


def test_every_frame_of_every_camera_in_order() -> None:
    trackers = {"a": FakeTracker(), "b": FakeTracker()}
    loop = make_loop([FakeSource("a", 30), FakeSource("b", 17)], trackers=trackers)
    results = list(loop)
    for camera, count in (("a", 30), ("b", 17)):
        frames = [r.frame.index for r in results if isinstance(r, FrameResult) and r.frame.camera == camera]
        assert frames == list(range(count))
        assert trackers[camera].seen == [(i, float(i)) for i in range(count)]  # its own embeddings, not its neighbour's
    ends = [r for r in results if isinstance(r, CameraEnd)]
    assert {end.camera: end.tracklets[0].detections for end in ends} == {"a": 30, "b": 17}


def test_only_what_the_tracker_asks_for_is_embedded() -> None:
    class CountingEmbedder(FakeEmbedder):
        embedded = 0

        def embed(self, images: Any, boxes: Any) -> Any:
            self.embedded += sum(map(len, boxes))
            return super().embed(images, boxes)

    class TwoBoxes(FakeDetector):
        def detect(self, frames: Any) -> Any:
            return [
                Detections(np.array([[0, 0, 9, 9], [5, 5, 9, 9]]), np.array([0.3, 0.6]), np.zeros(2)) for _ in frames
            ]

    class Recorder(FakeTracker):
        def update(self, detections: Detections, frame: Any, embeddings: Any = None) -> Any:
            self.seen.append(embeddings.ravel().tolist())
            return Tracks.empty()

    embedder, tracker = CountingEmbedder(), Recorder(embedding_conf=0.5)
    list(TrackingLoop([FakeSource("a", 3)], TwoBoxes(2), embedder, {"a": tracker}, StageTimes()))
    assert embedder.embedded == 3
    assert tracker.seen == [[0, 0], [0, 1], [0, 2]]  # the weak box has a row of zeros


@pytest.mark.parametrize("batch_size", [1, 2, 5])
def test_batches_hold_all_cameras(batch_size: int) -> None:
    detector = FakeDetector(batch_size)
    results = list(make_loop([FakeSource("a", 12), FakeSource("b", 12)], detector))
    assert sum(isinstance(r, FrameResult) for r in results) == 24
    a_camera = -(-batch_size // 2)  # frames of each of the two cameras fill the batch
    expected = [
        [(camera, index) for camera in "ab" for index in range(first, min(first + a_camera, 12))]
        for first in range(0, 12, a_camera)
    ]
    assert [call for call in detector.calls if call] == expected


def test_a_detector_that_fails_loses_nothing_before_it() -> None:
    loop = make_loop([FakeSource("a", 30), FakeSource("b", 30)], FakeDetector(fails_at=20))
    results = []
    with pytest.raises(FormatError, match="not finite"):
        for result in loop:
            results.append(result)
    assert sum(isinstance(r, FrameResult) for r in results) == 40
    assert sorted(r.camera for r in results if isinstance(r, CameraEnd)) == ["a", "b"]


def test_stop_ends_as_if_the_sources_had() -> None:
    loop = make_loop([FakeSource("a", 0), FakeSource("b", 0)])
    results = []
    for result in loop:
        results.append(result)
        if len(results) == 10:
            loop.stop()
    assert {r.camera for r in results if isinstance(r, CameraEnd)} == {"a", "b"}
    assert len(results) < 40


def test_live_sources_drop_frames_and_do_not_hold_each_other_up() -> None:
    class SlowDetector(FakeDetector):
        def detect(self, frames: Any) -> Any:
            time.sleep(0.02)
            return super().detect(frames)

    silent = FakeSource("silent", 2, is_live=True, pause_s=0.3)
    loop = make_loop([FakeSource("fast", 100, is_live=True, pause_s=0.002), silent], SlowDetector())
    results = list(loop)
    fast = [r.frame.index for r in results if isinstance(r, FrameResult) and r.frame.camera == "fast"]
    assert fast == sorted(fast)
    assert loop.dropped["fast"] == 100 - len(fast) > 20
    assert sum(isinstance(r, FrameResult) and r.frame.camera == "silent" for r in results) == 2
    assert len(fast) > 5  # the silent camera did not stop the fast one


@pytest.mark.parametrize("is_alone", [True, False])
def test_who_was_in_a_camera_that_falls_silent_is_handed_over(monkeypatch: pytest.MonkeyPatch, is_alone: bool) -> None:
    """After as long as its tracker waits for anybody; when it is back it goes on."""
    monkeypatch.setattr(loop_module, "_LOOK_AROUND_S", 0.02)

    class Interrupted(FakeSource):
        def __iter__(self) -> Iterator[Frame]:
            for frame in super().__iter__():
                time.sleep(1.0 if frame.index == 3 else 0.0)
                yield frame

    class Impatient(FakeTracker):
        patience_s = 0.3

    sources: list[FakeSource] = [Interrupted("a", 6, is_live=True, pause_s=0.03)]
    if not is_alone:
        sources.append(FakeSource("file", 60, pause_s=0.03))
    trackers: dict[str, FakeTracker] = {"a": Impatient(), "file": FakeTracker()}
    found: list[Any] = []
    for result in make_loop(sources, trackers=trackers):
        if isinstance(result, FrameResult):
            found += [result.frame.index] if result.frame.camera == "a" else []
        elif result.camera == "a":
            found.append((type(result), [one.detections for one in result.tracklets]))
    assert found == [0, 1, 2, (CameraSilent, [3]), 3, 4, 5, (CameraEnd, [6])]


def test_closing_the_generator_leaves_no_thread() -> None:
    before = threading.active_count()
    iterator = iter(make_loop([FakeSource("a", 0)]))
    next(iterator)
    iterator.close()
    assert threading.active_count() <= before
