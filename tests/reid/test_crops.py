"""Crops: the same pixels as a naive bilinear sampler, on the CPU and with torch, and safe for every box."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mdpr.reid.crops import crop_people, crop_people_torch, normalise


def smooth_image(width: int = 200, height: int = 150) -> np.ndarray:
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 3)


def naive_crop(image: np.ndarray, box: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear sampling, pixel by pixel, edges repeated."""
    x1, y1, x2, y2 = np.clip(box, 0, [image.shape[1], image.shape[0]] * 2)
    out = np.empty((height, width, 3))
    for row in range(height):
        for column in range(width):
            x = np.clip(x1 + (x2 - x1) * (column + 0.5) / width - 0.5, 0, image.shape[1] - 1)
            y = np.clip(y1 + (y2 - y1) * (row + 0.5) / height - 0.5, 0, image.shape[0] - 1)
            left, top = int(x), int(y)
            right, bottom = min(left + 1, image.shape[1] - 1), min(top + 1, image.shape[0] - 1)
            fx, fy = x - left, y - top
            upper = image[top, left] * (1 - fx) + image[top, right] * fx
            lower = image[bottom, left] * (1 - fx) + image[bottom, right] * fx
            out[row, column] = upper * (1 - fy) + lower * fy
    return out


BOXES = np.array(
    [[20, 30, 60, 110], [-15, -10, 30, 70], [170, 100, 260, 190], [50.3, 20.7, 51.3, 21.7]], np.float32
)  # inside, over the upper left corner, over the lower right, one pixel


def test_equals_the_naive_sampler() -> None:
    image = smooth_image()
    crops, is_visible = crop_people([image], [BOXES], 64, 32)
    assert is_visible.all()
    for crop, box in zip(crops, BOXES, strict=True):
        np.testing.assert_allclose(crop, naive_crop(image, box, 64, 32), atol=3)  # cv2 samples at 1/32 pixel


def test_torch_equals_the_cpu() -> None:
    images = [smooth_image(), smooth_image(500, 400)]
    boxes = [BOXES, np.array([[0, 0, 480, 390], [10, 10, 90, 200]], np.float32)]
    crops, is_visible = crop_people(images, boxes, 64, 32)
    planes, is_visible_torch = crop_people_torch(images, boxes, 64, 32, "cpu")
    np.testing.assert_array_equal(is_visible, is_visible_torch)
    np.testing.assert_allclose(planes.permute(0, 2, 3, 1).numpy(), crops, atol=3)


def test_many_and_no_boxes() -> None:
    image = smooth_image()
    many = np.repeat(BOXES[:1], 150, axis=0)  # more than fit into one call
    crops, is_visible = crop_people([image, image], [many, np.empty((0, 4), np.float32)], 256, 128)
    assert is_visible.all()
    assert (crops == crops[0]).all()
    assert crop_people([image], [np.empty((0, 4), np.float32)], 64, 32)[0].shape == (0, 64, 32, 3)
    assert crop_people([], [], 64, 32)[0].shape == (0, 64, 32, 3)


@pytest.mark.parametrize("box", [[500, 10, 600, 60], [-50, -50, -10, -10], [30, 30, 30, 90], [30, 30, 30, 30]])
def test_boxes_without_pixels_are_not_visible(box: list[float]) -> None:
    boxes = np.array([box, [20, 30, 60, 110]], np.float32)
    for crops, is_visible in (
        crop_people([smooth_image()], [boxes], 64, 32),
        crop_people_torch([smooth_image()], [boxes], 64, 32, "cpu"),
    ):
        assert is_visible.tolist() == [False, True]
        assert not crops[0].any()


def test_shrinking_does_not_alias() -> None:
    """Noise shrunk by 4 is the mean of 16 pixels, a quarter as strong; bilinear sampling alone would leave a half."""
    image = np.random.default_rng(0).integers(0, 255, (512, 256, 3)).astype(np.uint8)
    box = [np.array([[0, 0, 256, 512]], np.float32)]
    assert crop_people([image], box, 128, 64)[0].std() < 0.3 * image.std()
    assert crop_people_torch([image], box, 128, 64, "cpu")[0].std() < 0.3 * image.std()


def test_normalise_restates_the_formula() -> None:
    crops = np.random.default_rng(1).integers(0, 255, (2, 4, 3, 3)).astype(np.uint8)
    mean, std = (10.0, 20.0, 30.0), (2.0, 4.0, 5.0)
    for color, order in (("rgb", (2, 1, 0)), ("bgr", (0, 1, 2))):
        planes = normalise(crops, mean, std, color)
        for channel in range(3):
            expected = (crops[..., order[channel]].astype(np.float64) - mean[channel]) / std[channel]
            np.testing.assert_allclose(planes[:, channel], expected, rtol=1e-5, atol=1e-4)


def test_a_crop_does_not_depend_on_the_other_boxes() -> None:
    """Bit for bit, though together they are cut from another part of the image than alone."""
    rng = np.random.default_rng(5)
    image = rng.integers(0, 255, (431, 567, 3)).astype(np.uint8)  # odd sizes
    corners = rng.uniform([-20, -20], [500, 380], (40, 2))
    sizes = rng.uniform(2, 400, (40, 2))
    boxes = np.concatenate([corners, corners + sizes], axis=1).astype(np.float32)
    together, _ = crop_people([image], [boxes], 48, 24)
    for crop, box in zip(together, boxes, strict=True):
        np.testing.assert_array_equal(crop, crop_people([image], [box[None]], 48, 24)[0][0])


@pytest.mark.parametrize("size", [(1, 1), (2, 3), (5, 400)])
def test_tiny_images(size: tuple[int, int]) -> None:
    image = np.full((*size, 3), 77, np.uint8)
    crops, is_visible = crop_people([image], [np.array([[-1, -1, 500, 500]], np.float32)], 16, 8)
    assert is_visible.all()
    assert (crops == 77).all()
