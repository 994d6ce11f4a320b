"""The motion of the camera against pictures whose motion is known, and when it is looked for at all."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.trackers.camera_motion import CameraMotion, CameraMotionConfig
from mdpr.types import Frame

NOBODY = np.empty((0, 4))
FPS = 10


@pytest.fixture(scope="module")
def ground():
    """A picture with texture at all scales, larger than what the camera sees."""
    rng = np.random.default_rng(0)
    picture = np.zeros((900, 1400))
    for size in (4, 16, 64):
        picture += cv2.resize(rng.normal(0, 20, (900 // size + 1, 1400 // size + 1)), (1400, 900))
    return np.repeat(np.clip(128 + picture, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def seen(ground, affine, size=(640, 360)):
    """What a camera sees that maps the ground's pixels by a (2, 3) affine map to its own."""
    return cv2.warpAffine(ground, affine, size, flags=cv2.INTER_AREA)


def view(x, y, zoom=1.0, angle=0.0):
    turn = zoom * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.concatenate([turn, -turn @ np.array([[x], [y]])], axis=1)


def between(first, second):
    """The map of the first view's pixels to the second one's."""
    one, two = np.vstack([first, [0, 0, 1]]), np.vstack([second, [0, 0, 1]])
    return (two @ np.linalg.inv(one))[:2]


def frame(index, image, fps=FPS):
    return Frame("cam", index, index / fps, image)


def farthest(found, wanted, size=(640, 360)):
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size])
    return np.abs(corners @ (found - wanted)[:, :2].T + (found - wanted)[:, 2]).max()


@pytest.mark.parametrize(
    "moved", [view(412, 205), view(400, 200, zoom=1.03), view(405, 198, angle=0.02), view(380, 230, 0.98, -0.01)]
)
@pytest.mark.parametrize("width_px", [240, 640])
def test_shift_zoom_and_rotation(ground, moved, width_px):
    motion = CameraMotion(CameraMotionConfig(mode="on", width_px=width_px))
    first = view(400, 200)
    assert motion.update(frame(0, seen(ground, first)), NOBODY) is None
    found = motion.update(frame(1, seen(ground, moved)), NOBODY)
    assert found is not None
    assert farthest(found, between(first, moved)) < 0.6


def test_people_are_left_out(ground):
    """A person who fills most of the picture goes left while the camera goes right."""
    first, second = view(400, 200), view(408, 200)
    images = [seen(ground, first), seen(ground, second)]
    boxes = np.array([[150, 20, 560, 360]])
    person = seen(ground, view(100, 500), (410, 340))
    for image, left in zip(images, (150, 130), strict=True):
        image[20:360, left : left + 410] = person
    wanted = between(first, second)
    with_boxes = CameraMotion(CameraMotionConfig(mode="on"))
    with_boxes.update(frame(0, images[0]), boxes)
    found = with_boxes.update(frame(1, images[1]), boxes - [20, 0, 20, 0])
    assert found is not None
    assert farthest(found, wanted) < 0.6
    without = CameraMotion(CameraMotionConfig(mode="on"))
    without.update(frame(0, images[0]), NOBODY)
    found = without.update(frame(1, images[1]), NOBODY)
    assert found is None or farthest(found, wanted) > 5  # it is the boxes that make the difference


def test_a_fixed_camera_is_found_out_and_costs_nothing(ground):
    rng = np.random.default_rng(1)
    motion = CameraMotion(CameraMotionConfig(decide_s=2, recheck_s=5))
    image = seen(ground, view(400, 200), (320, 180)).astype(int)
    noisy = [np.clip(image + rng.normal(0, 4, image.shape), 0, 255).astype(np.uint8) for _ in range(7)]
    for index in range(200):
        motion.update(frame(index, noisy[index % 7]), NOBODY)
        assert motion.state == ("fixed" if index >= 20 else "deciding")
    assert motion.measured == 20 + 3  # 2 s, and looks at about 7, 13 and 18 s
    assert motion.failed == 0


def test_a_fixed_camera_that_begins_to_move_is_noticed_and_rests_again(ground):
    motion = CameraMotion(CameraMotionConfig(decide_s=1, recheck_s=2))
    states, x, places = [], 300.0, []
    for index in range(150):
        x += 4 if 50 <= index < 90 else 0
        places.append(view(x, 200))
        found = motion.update(frame(index, seen(ground, places[-1])), NOBODY)
        states.append(motion.state)
        if found is not None:
            assert farthest(found, between(*places[-2:])) < 0.6
    assert states[49] == "fixed"
    assert states[80] == "moving"
    assert states[-1] == "fixed"


@pytest.mark.parametrize("fps", [10, 30])
def test_a_slow_pan_is_no_fixed_camera(ground, fps):
    """Half a percent of the picture a second, which no two frames show."""
    motion = CameraMotion(CameraMotionConfig(decide_s=2))
    for index in range(3 * fps):
        x = 300 + 320 * 0.005 * index / fps
        motion.update(frame(index, seen(ground, view(x, 200), (320, 180)), fps), NOBODY)
    assert motion.state == "moving"


def test_what_cannot_be_measured_is_none_and_counted(ground):
    motion = CameraMotion(CameraMotionConfig(mode="on"))
    dark = np.zeros((360, 640, 3), np.uint8)
    for index in range(3):
        assert motion.update(frame(index, dark), NOBODY) is None
    assert (motion.measured, motion.failed) == (2, 2)
    full = np.array([[0, 0, 640, 360]])
    image = seen(ground, view(400, 200))
    motion.update(frame(3, image), full)
    assert motion.update(frame(4, image), full) is None
    assert motion.failed == 4
    assert motion.update(frame(5, image[:180, :320].copy()), NOBODY) is None  # another size: nothing to compare with
    assert motion.update(Frame("cam", 6, 0.6, size=(640, 360)), NOBODY) is None  # no picture
    assert motion.measured == 4


def test_modes(ground):
    images = [seen(ground, view(400, 200))] * 60
    for mode, measured, state in (("off", 0, "fixed"), ("on", 59, "moving"), ("auto", 30, "fixed")):
        motion = CameraMotion(CameraMotionConfig(mode=mode))
        for index, image in enumerate(images):
            motion.update(frame(index, image), NOBODY)
        assert (motion.measured, motion.state) == (measured, state)
        motion.reset()
        assert motion.measured == 0


@pytest.mark.parametrize("bad", [{"mode": "maybe"}, {"width_px": 10}, {"decide_s": 0.0}, {"recheck_s": 0.4}])
def test_wrong_options(bad):
    with pytest.raises(ConfigError, match=f"camera_motion.{next(iter(bad))}"):
        CameraMotionConfig(**bad)
