"""The fallback finds what walks, and nothing where nobody does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdpr.boxes import iou_matrix
from mdpr.detectors.motion import Motion, find_people, merge_fragments
from mdpr.errors import ConfigError
from mdpr.types import Frame


def scene(count: int, walkers: int, camera: str = "cam", fps: float = 25.0) -> list[tuple[Frame, np.ndarray]]:
    """Noise, and after a second rectangles that walk over it, each with its true box."""
    noise = np.random.default_rng(0)
    ground = noise.normal(150, 6, (240, 320, 3))
    frames = []
    for index in range(count):
        picture = ground + noise.normal(0, 3, ground.shape)
        boxes = []
        for walker in range(walkers if index >= fps else 0):
            step = 5 * (index - int(fps))
            left = 10 + step if walker % 2 == 0 else 280 - step
            top = 20 + 100 * (walker % 2)
            picture[top : top + 80, left : left + 30] = (40 + 60 * walker, 30, 90 - 30 * walker)
            boxes.append([left, top, left + 30, top + 80])
        image = np.clip(picture, 0, 255).astype(np.uint8)
        frames.append((Frame(camera, index, index / fps, image), np.array(boxes, np.float64).reshape(-1, 4)))
    return frames


@pytest.mark.parametrize("walkers", [0, 1, 2])
def test_finds_walkers_and_nothing_else(walkers: int) -> None:
    detector = Motion(Motion.Config())
    hits = wrong = total = 0
    for frame, boxes in scene(70, walkers):
        found = detector.detect([frame])[0]
        good = iou_matrix(boxes, found.xyxy) > 0.7
        hits += int(good.any(axis=1).sum()) if len(found) else 0
        wrong += len(found) - (int(good.any(axis=0).sum()) if len(boxes) else 0)
        total += len(boxes)
    assert total == 45 * walkers
    assert hits >= 0.95 * total
    assert wrong <= 2
    assert "fallback" in detector.description


def test_cameras_do_not_disturb_each_other() -> None:
    first, second = ([frame for frame, _ in scene(40, walkers, name)] for walkers, name in ((1, "a"), (2, "b")))
    mixed = Motion(Motion.Config()).detect([frame for pair in zip(first, second, strict=True) for frame in pair])
    for frames, found in ((first, mixed[::2]), (second, mixed[1::2])):
        for alone, together in zip(Motion(Motion.Config()).detect(frames), found, strict=True):
            np.testing.assert_array_equal(alone.xyxy, together.xyxy)


def test_who_stands_still_is_absorbed_in_seconds_not_frames() -> None:
    for fps in (5.0, 20.0):
        noise = np.random.default_rng(0)
        last_seen_s = 0.0
        detector = Motion(Motion.Config(absorb_s=4.0))
        for index in range(int(12 * fps)):
            image = np.clip(noise.normal(150, 4, (120, 160, 3)), 0, 255).astype(np.uint8)
            if index >= 3 * fps:
                image[20:90, 60:90] = 30
            if len(detector.detect([Frame("cam", index, index / fps, image)])[0]):
                last_seen_s = index / fps
        assert 6 <= last_seen_s <= 8.5, fps  # came at 3 s, and 4 s later is background


def test_a_clock_that_goes_back_starts_anew() -> None:
    frames = [frame for frame, _ in scene(40, 1)]
    detector = Motion(Motion.Config())
    once = detector.detect(frames)
    for first, second in zip(once, detector.detect(frames), strict=True):
        np.testing.assert_array_equal(first.xyxy, second.xyxy)


def test_light_switched_on_is_nobody() -> None:
    detector = Motion(Motion.Config())
    noise = np.random.default_rng(0)
    for index in range(60):
        level = 60 if index < 40 else 200
        image = np.clip(noise.normal(level, 3, (120, 160, 3)), 0, 255).astype(np.uint8)
        assert len(detector.detect([Frame("cam", index, index / 25, image)])[0]) == 0


def test_head_and_trunk_become_one() -> None:
    mask = np.zeros((100, 100), np.uint8)
    mask[10:20, 42:52] = 1
    mask[22:70, 38:58] = 1
    mask[90:95, 5:95] = 1  # far too wide for a person
    boxes, filled = find_people(mask, 0.15)
    assert boxes.tolist() == [[38, 10, 58, 70]]
    np.testing.assert_allclose(filled, mask[10:70, 38:58].mean())


def test_people_side_by_side_stay_two() -> None:
    boxes = np.array([[0, 0, 20, 60], [25, 0, 45, 60]], np.float64)
    assert sorted(merge_fragments(boxes, 30).tolist()) == boxes.tolist()
    assert merge_fragments(np.empty((0, 4)), 3).shape == (0, 4)


@pytest.mark.parametrize(
    ("key", "value"), [("absorb_s", 0.0), ("absorb_s", -1.0), ("min_height", 0.0), ("min_height", 1.0)]
)
def test_wrong_options(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=key):
        Motion.Config(**{key: value})


@pytest.mark.shared
@pytest.mark.slow
def test_one_by_one(shared: Path) -> None:
    """Tolerable, no more: of the boxes that a network is sure of, over half are found."""
    cv2 = pytest.importorskip("cv2")
    pytest.importorskip("openvino")
    from mdpr.detectors.yolo import Yolo

    sure = Yolo(Yolo.Config(str(shared / "models" / "yolo11n_int8_openvino_model"), conf=0.6, device="cpu"))
    detector = Motion(Motion.Config())
    capture = cv2.VideoCapture(str(shared / "data" / "video" / "one-by-one.mp4"))
    wanted = hits = 0
    for index in range(700):
        frame = Frame("cam", index, index / 10, capture.read()[1])
        found = detector.detect([frame])[0]
        if index % 14 == 0:
            people = sure.detect([frame])[0]
            wanted += len(people)
            hits += int((iou_matrix(people.xyxy, found.xyxy) > 0.4).any(axis=1).sum()) if len(found) else 0
    capture.release()
    assert wanted > 20
    assert hits >= 0.5 * wanted
