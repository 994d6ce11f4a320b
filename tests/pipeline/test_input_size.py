"""Pictures are shown to the detector larger where people are small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from fakes import FakeDetector
from mdpr.pipeline.input_size import SIZES, InputSizes, largest_size, with_input_sizes
from mdpr.types import Detections, Frame

PICTURE = (1920, 1080)


class Eyes:
    """Sees people who are at least 40 pixels high in its input, and breaks up those above 400 into nothing."""

    description, batch_size, confidence = "eyes", 4, 0.9

    def __init__(self, heights: dict[str, Sequence[float]], takes_any_size: bool = True) -> None:
        self.takes_any_size = takes_any_size
        self.heights = heights
        self.shown: list[tuple[str, int, int]] = []

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        sizes = [640] * len(frames) if sizes is None else sizes
        self.shown += [(frame.camera, frame.index, size) for frame, size in zip(frames, sizes, strict=True)]
        return [self._detect(frame, size) for frame, size in zip(frames, sizes, strict=True)]

    def _detect(self, frame: Frame, size: int) -> Detections:
        scale = size / max(frame.size)
        heights = [height for height in self.heights[frame.camera] if 40 <= height * scale <= 400]
        boxes = np.array([[20 * row, 0, 20 * row + 10, height] for row, height in enumerate(heights)], np.float32)
        count = len(heights)
        return Detections(boxes.reshape(-1, 4), np.full(count, self.confidence, np.float32), np.zeros(count, np.int64))


def frames_of(camera: str, seconds: float, fps: float = 10.0, size: tuple[int, int] = PICTURE) -> list[Frame]:
    return [Frame(camera, index, index / fps, size=size) for index in range(round(seconds * fps))]


def settle(heights: Sequence[float], seconds: float = 30.0, size: tuple[int, int] = PICTURE) -> tuple[Eyes, InputSizes]:
    eyes = Eyes({"a": heights})
    detector = InputSizes(eyes)
    for frame in frames_of("a", seconds, size=size):
        detector.detect([frame])
    return eyes, detector


@pytest.mark.parametrize(
    ("heights", "expected"),
    [
        ([250] * 6, 640),  # 83 pixels at 640
        ([180] * 6, 960),  # 60
        ([180] * 6 + [110] * 2, 960),  # a quarter is found only closer, and most need 960
        ([170] * 3 + [100] * 5, 1280),
        ([250] * 20 + [70] * 4, 640),  # few are small
        ([1000] * 8 + [100] * 2, 640),  # large people fall apart in the large input: fewer are found there
        ([], 640),
    ],
)
def test_size_follows_from_heights(heights: list[float], expected: int) -> None:
    _, detector = settle(heights)
    assert detector.sizes == {"a": expected}


def test_what_is_found_later_is_found_at_the_new_size(caplog: pytest.LogCaptureFixture) -> None:
    detector = InputSizes(Eyes({"a": [100] * 6}))
    frames = frames_of("a", 1)
    with caplog.at_level("INFO", "mdpr"):
        found = detector.detect(frames)
    assert [len(one) for one in found] == [0] + [6] * 9  # the first one, with its close look, decides on the others
    message = "a: people are small, so its pictures are shown to the detector at 1280 pixels instead of 640 from 0.0 s"
    assert message in caplog.text


def test_nothing_is_decided_by_four_people() -> None:
    eyes, detector = settle([100] * 2, seconds=1.9)  # two close looks
    assert detector.sizes == {"a": 640}
    assert [index for _, index, size in eyes.shown if size == SIZES[-1]] == [0, 10]
    for frame in frames_of("a", 2.1)[19:]:
        detector.detect([frame])
    assert detector.sizes == {"a": 1280}


def test_close_looks_are_few_and_end() -> None:
    eyes, _ = settle([300] * 6, seconds=60)
    assert [index for _, index, size in eyes.shown if size == SIZES[-1]] == [0, 10, 20, 40, 80, 180, 280, 380, 480, 580]
    assert len(eyes.shown) == 600 + 10
    eyes, _ = settle([100] * 6, seconds=60)
    assert len(eyes.shown) == 600 + 1  # the largest size needs no more looks


def test_frames_that_come_late_are_looked_at_once() -> None:
    eyes = Eyes({"a": [300] * 6})
    detector = InputSizes(eyes)
    for index, time_s in enumerate((5.0, 5.1, 100.0, 100.1, 102.9, 103.1)):
        detector.detect([Frame("a", index, time_s, size=PICTURE)])
    assert [index for _, index, size in eyes.shown if size == SIZES[-1]] == [0, 2, 5]


@pytest.mark.parametrize(
    ("size", "expected"),
    [((1920, 1080), 1280), ((960, 540), 1280), ((704, 576), 960), ((640, 360), 960), ((320, 240), 640)],
)
def test_pictures_are_not_blown_up(size: tuple[int, int], expected: int) -> None:
    assert largest_size(size) == expected
    eyes, detector = settle([0.06 * max(size)] * 6, size=size)
    assert detector.sizes == {"a": expected}
    assert max(shown for *_, shown in eyes.shown) == expected
    assert len(eyes.shown) == 300 + (expected > 640)  # it has the largest that it can have after one look at most


def test_a_few_small_people_may_be_chance() -> None:
    heights = [250.0] * 3 + [110.0] * 2
    assert settle(heights, seconds=0.5)[1].sizes == {"a": 640}
    assert settle(heights, seconds=1.5)[1].sizes == {"a": 1280}  # four of ten are not


def test_a_size_is_kept() -> None:
    eyes, detector = settle([170] * 6)
    assert detector.sizes == {"a": 960}
    eyes.heights["a"] = [300] * 6
    for frame in frames_of("a", 90)[300:]:
        detector.detect([frame])
    assert detector.sizes == {"a": 960}
    eyes.heights["a"] = [100] * 20
    for frame in frames_of("a", 200)[900:]:
        detector.detect([frame])
    assert detector.sizes == {"a": 1280}


def test_who_is_hardly_seen_does_not_count() -> None:
    eyes = Eyes({"a": [100] * 6})
    eyes.confidence = 0.4
    detector = InputSizes(eyes)
    for frame in frames_of("a", 30):
        detector.detect([frame])
    assert detector.sizes == {"a": 640}


def test_batches_do_not_matter() -> None:
    heights = {"a": [100] * 2, "b": [110] * 3, "c": [300] * 6}
    cameras = [frames_of("a", 12), frames_of("b", 12, fps=7), frames_of("c", 12, fps=25)]
    frames = sorted((frame for camera in cameras for frame in camera), key=lambda frame: (frame.time_s, frame.camera))

    def run(lengths: Sequence[int]) -> tuple[list[int], dict[str, int], list[tuple[str, int, int]]]:
        eyes = Eyes(heights)
        detector = InputSizes(eyes)
        counts, start = [], 0
        for length in lengths:
            counts += [len(found) for found in detector.detect(frames[start : start + length])]
            start += length
        assert start >= len(frames)
        return counts, detector.sizes, sorted(eyes.shown)

    alone = run([1] * len(frames))
    assert alone[1] == {"a": 1280, "b": 1280, "c": 640}
    random = np.random.default_rng(0)
    for lengths in ([len(frames)], [8] * len(frames), random.integers(0, 60, len(frames)).tolist()):
        assert run(lengths) == alone


def test_a_place_may_change_after_hours() -> None:
    eyes = Eyes({"a": [300] * 10})
    detector = InputSizes(eyes)
    for frame in frames_of("a", 3600, fps=1):
        detector.detect([frame])
    assert detector.sizes == {"a": 640}
    eyes.heights["a"] = [300] * 4 + [100] * 8
    for frame in frames_of("a", 3720, fps=1)[3600:]:
        detector.detect([frame])
    assert detector.sizes == {"a": 1280}


def test_a_size_that_is_given_stays() -> None:
    eyes = Eyes({"a": [100] * 6})
    assert with_input_sizes(eyes, 640) is eyes
    assert isinstance(with_input_sizes(eyes, None), InputSizes)
    fixed = Eyes({}, takes_any_size=False)
    assert with_input_sizes(fixed, None) is fixed
    other = FakeDetector()
    assert with_input_sizes(other, None) is other
    assert "up to 1280" in with_input_sizes(eyes, None).description
