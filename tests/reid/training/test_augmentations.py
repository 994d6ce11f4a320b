"""Augmentations: what they change, how often, and that nothing else moves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.reid.data.images import resize_image
from mdpr.reid.training.augmentations import (
    AugmentConfig,
    augment,
    cut_legs,
    erase,
    lose_detail,
    pad_and_crop,
    paste_patch,
    random_rectangle,
    sample_generator,
    vary_colours,
    warp,
)

SIZE = (48, 24)
FILL = (123.675, 116.28, 103.53)
NONE = AugmentConfig(padding=0, flip=0, erase=0, patch=0)


def picture(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def bounds(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return int(rows[0]), int(columns[0]), int(rows[-1]) + 1, int(columns[-1]) + 1


def test_nothing_asked_for_is_only_resizing() -> None:
    image = picture()[:30, :20]
    np.testing.assert_array_equal(
        augment(image, SIZE, NONE, FILL, sample_generator(0, 0, 0)), resize_image(image, SIZE)
    )


def test_flip() -> None:
    image = picture()
    config = AugmentConfig(padding=0, flip=1, erase=0, patch=0)
    np.testing.assert_array_equal(augment(image, SIZE, config, FILL, sample_generator(0, 0, 0)), image[:, ::-1])


def test_pad_and_crop_is_a_shift_with_black_behind() -> None:
    image, shifts = picture(), set()
    for seed in range(200):
        moved = pad_and_crop(image, 2, np.random.default_rng(seed))
        found = [
            (dy, dx)
            for dy in range(-2, 3)
            for dx in range(-2, 3)
            if np.array_equal(moved, np.pad(image, ((2, 2), (2, 2), (0, 0)))[2 + dy : 50 + dy, 2 + dx : 26 + dx])
        ]
        assert len(found) == 1
        shifts.add(found[0])
    assert len(shifts) == 25


def test_erased_rectangle() -> None:
    image, shares = picture(), []
    for seed in range(200):
        result = erase(image, FILL, np.random.default_rng(seed))
        changed = (result != image).any(axis=2)
        top, left, bottom, right = bounds(changed)
        assert (result[top:bottom, left:right] == np.array([124, 116, 104])).all()
        np.testing.assert_array_equal(result[~changed], image[~changed])
        shares.append((bottom - top) * (right - left) / (SIZE[0] * SIZE[1]))
    assert 0.01 < min(shares) < 0.05
    assert 0.3 < max(shares) < 0.42


def test_patch_is_a_copy_from_the_other_picture() -> None:
    image, donor, mirrored = picture(0), picture(1), 0
    kept = donor.copy()
    for seed in range(60):
        result = paste_patch(image, donor, np.random.default_rng(seed))
        assert not np.shares_memory(result, donor)
        assert not np.shares_memory(result, image)
        changed = (result != image).any(axis=2)
        top, left, bottom, right = bounds(changed)
        pasted = result[top:bottom, left:right]
        for candidate in (donor, donor[:, ::-1]):
            windows = np.lib.stride_tricks.sliding_window_view(candidate, pasted.shape)
            if (windows == pasted).all(axis=(-1, -2, -3)).any():
                mirrored += candidate is not donor
                break
        else:
            pytest.fail("the patch is not from the donor")
    assert 15 <= mirrored <= 45
    result[:] = 0
    np.testing.assert_array_equal(donor, kept)


@pytest.mark.parametrize("name", ["flip", "erase", "patch", "cut"])
def test_each_happens_half_of_the_time(name: str) -> None:
    config = AugmentConfig(padding=0, flip=0, erase=0, patch=0)
    config = AugmentConfig(**{**vars(config), name: 0.5})
    image, donor, calls = picture(), picture(1), []

    def give() -> np.ndarray:
        calls.append(1)
        return donor

    changed = 0
    for place in range(400):
        result = augment(image, SIZE, config, FILL, sample_generator(0, 0, place), give)
        changed += not np.array_equal(result, image)
    assert 150 < changed < 250
    assert len(calls) == (changed if name == "patch" else 0), "pictures are read only when needed"


def test_the_result_follows_from_seed_epoch_and_place() -> None:
    def result(*key: int) -> np.ndarray:
        return augment(picture(), SIZE, AugmentConfig(), FILL, sample_generator(*key), lambda: picture(1))

    np.testing.assert_array_equal(result(1, 2, 3), result(1, 2, 3))
    for other in ((0, 2, 3), (1, 3, 3), (1, 2, 4)):
        assert not np.array_equal(result(1, 2, 3), result(*other))


def test_rectangles_fit_even_where_there_is_no_room() -> None:
    rng = np.random.default_rng(0)
    for shape in ((1, 1), (1, 50), (3, 2), (40, 20)):
        for _ in range(50):
            top, left, height, width = random_rectangle(shape, (0.01, 0.5), 0.1, rng)
            assert 0 <= top <= top + height <= shape[0]
            assert 0 <= left <= left + width <= shape[1]
            assert min(height, width) >= 1


def test_options() -> None:
    with pytest.raises(ConfigError, match=r"augment\.padding"):
        AugmentConfig(padding=-1)
    with pytest.raises(ConfigError, match=r"augment\.erase"):
        AugmentConfig(erase=1.5)


def test_colours_vary_as_restated() -> None:
    image = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    drawn = np.random.default_rng(3)
    gain = np.exp(0.5 * (0.3 * drawn.standard_normal() + 0.12 * drawn.standard_normal(3)))
    saturation, contrast = np.exp(0.5 * 0.4 * drawn.standard_normal(2))
    gamma = np.exp(0.5 * 0.3 * drawn.standard_normal())
    expected = np.zeros((6, 5, 3))
    greys = []
    for row, column in np.ndindex(6, 5):
        pixel = [(value / 255) ** gamma * gain[channel] for channel, value in enumerate(image[row, column])]
        grey = sum(pixel) / 3
        greys.append(grey)
        expected[row, column] = [grey + (value - grey) * saturation for value in pixel]
    middle = sum(greys) / len(greys)
    expected = np.rint(np.clip(middle + (expected - middle) * contrast, 0, 1) * 255)
    found = vary_colours(image, 0.5, np.random.default_rng(3))
    assert np.abs(found - expected).max() <= 1  # single precision
    np.testing.assert_array_equal(vary_colours(image, 0.0, np.random.default_rng(3)), image)


@pytest.mark.parametrize("seed", range(6))
def test_detail_is_lost_but_not_brightness(seed: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 32, 3), dtype=np.uint8)
    found = lose_detail(image, np.random.default_rng(seed))
    assert found.shape == image.shape
    assert found.std() < 0.8 * image.std()
    assert abs(float(found.mean()) - float(image.mean())) < 4


def test_colours_and_blur_are_off_by_default() -> None:
    image = np.random.default_rng(0).integers(0, 256, (16, 8, 3), dtype=np.uint8)
    plain = AugmentConfig(padding=0, flip=0, erase=0, patch=0)
    same = augment(image, (16, 8), plain, (0, 0, 0), np.random.default_rng(1))
    np.testing.assert_array_equal(same, image)
    other = augment(image, (16, 8), replace(plain, colours=0.5, blur=1.0), (0, 0, 0), np.random.default_rng(1))
    assert (other != image).any()


def test_what_is_cut_off_is_the_lower_part() -> None:
    image, heights = picture(), set()
    for seed in range(200):
        left = cut_legs(image, np.random.default_rng(seed), least=0.5)
        np.testing.assert_array_equal(left, image[: len(left)])
        heights.add(len(left))
    assert min(heights) == 24
    assert max(heights) == 48


def test_a_cut_picture_fills_the_whole_input() -> None:
    image, drawn = picture(), sample_generator(0, 0, 0)
    assert drawn.random() < 1
    expected = resize_image(cut_legs(image, drawn), SIZE)
    np.testing.assert_array_equal(
        augment(image, SIZE, replace(NONE, cut=1.0), FILL, sample_generator(0, 0, 0)), expected
    )


def test_warp_moves_a_point_where_the_formula_says() -> None:
    image = np.zeros((64, 32, 3), np.uint8)
    image[20:23, 9:12] = 255
    drawn = np.random.default_rng(5)
    turn, slant = 0.5 * np.radians(14) * drawn.standard_normal(), 0.5 * 0.2 * drawn.standard_normal()
    x_scale, y_scale = np.exp(0.5 * 0.2 * drawn.standard_normal(2))
    right, down = 0.5 * 0.06 * drawn.standard_normal(2) * [32, 64]
    x, y = (10 - 16) * x_scale, (21 - 32) * y_scale  # stretched about the middle, slanted, turned, moved
    x += slant * y
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    found = warp(image, 0.5, np.random.default_rng(5))[..., 0].astype(float)
    rows, columns = np.indices(found.shape)
    centre = (found * columns).sum() / found.sum(), (found * rows).sum() / found.sum()
    np.testing.assert_allclose(centre, (x + 16 + right, y + 32 + down), atol=0.3)
