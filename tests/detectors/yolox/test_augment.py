"""Samples: boxes stay on their people, whatever is done to the picture."""

from __future__ import annotations

import dataclasses
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.detectors.yolox.augment import Picture, Sample, compose, make_sample, mix, sample_generator, through_a_lens
from mdpr.detectors.yolox.camera import (
    CameraConfig,
    add_noise,
    coarsen,
    compress,
    motion_blur,
    recolour,
    retone,
    soften,
    through_a_camera,
)
from mdpr.detectors.yolox.geometry import GREY, chain, cut_boxes, move_boxes, place, scale_about
from mdpr.detectors.yolox.lens import bend, bend_boxes
from mdpr.detectors.yolox.views import AugmentConfig
from mdpr.errors import ConfigError

SIZE = (224, 160)
UNFOCUSED = AugmentConfig(focus=0, scale=(0.5, 2.0), degrees=3, lens=0)
CLEAN = CameraConfig(*[0.0] * 11)
COLOURS = [(0, 0, 255), (0, 255, 0), (255, 0, 0), (255, 255, 0)]


def ellipse_picture(colour: tuple[int, int, int], size: tuple[int, int] = (320, 180), divisor: int = 1) -> Picture:
    """Black, with one ellipse, whose box is known; perhaps as it would be decoded at a smaller size."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    cv2.ellipse(image, (150, 90), (20, 50), 0, 0, 360, colour, -1)
    box = np.array([[130, 40, 171, 141]], np.float32)
    if divisor > 1:
        image = cv2.resize(image, (size[0] // divisor, size[1] // divisor), interpolation=cv2.INTER_AREA)
    return Picture(image, size, box, np.zeros(1, bool))


def extent(image: np.ndarray, colour: tuple[int, int, int]) -> list[int]:
    """xyxy of the pixels that are nearer to a colour than to black."""
    close = np.abs(image.astype(int) - colour).max(axis=2) < 128
    ys, xs = np.nonzero(close)
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


@settings(max_examples=40, deadline=None)
@given(
    st.floats(-30, 30), st.floats(0.4, 2.0), st.floats(0.4, 2.0), st.booleans(), st.sampled_from([1, 2]),
    st.tuples(st.floats(120, 180), st.floats(120, 180)),
)  # fmt: skip
def test_box_of_an_ellipse_is_that_of_its_pixels(
    degrees: float, across: float, down: float, is_mirrored: bool, divisor: int, to: tuple[float, float]
) -> None:
    picture = ellipse_picture((255, 255, 255), divisor=divisor)
    matrix = scale_about((150.5, 90.5), to, (-across if is_mirrored else across, down), degrees)
    canvas = np.zeros((300, 300, 3), np.uint8)
    place(picture.image, picture.size, matrix, canvas)
    box, _ = cut_boxes(move_boxes(picture.xyxy, matrix), (300, 300))
    np.testing.assert_allclose(extent(canvas, (255, 255, 255)), box[0], atol=1.6)


def test_scaling_is_exact_to_half_a_pixel() -> None:
    """A checkerboard of blocks at twice the size: every block lands where its box says."""
    image = np.kron(np.indices((6, 8)).sum(axis=0) % 2, np.ones((10, 10)))[..., None].repeat(3, axis=2).astype(np.uint8)
    canvas = np.full((140, 180, 3), 9, np.uint8)
    place(image * 200, (80, 60), scale_about((0, 0), (10, 16), (2, 2)), canvas)
    inner = canvas[16 + 20 : 16 + 100, 10 + 20 : 10 + 140, 0].reshape(4, 20, 6, 20)
    for row in range(4):
        for column in range(6):
            block = inner[row, 2:-2, column, 2:-2]  # edges are interpolated
            assert (block == 200 * ((row + column) % 2)).all()
    assert (canvas[:15] == 9).all()
    assert (canvas[:, :9] == 9).all()


def test_chain_is_one_after_the_other() -> None:
    first, second = scale_about((1, 2), (3, 4), (2, -1), 20), scale_about((5, 6), (7, 8), (0.5, 3), -70)
    point = np.array([11.0, -4.0])
    halfway = first[:, :2] @ point + first[:, 2]
    np.testing.assert_allclose(chain(first, second) @ [*point, 1], second[:, :2] @ halfway + second[:, 2])


def test_boxes_cut_and_ignored() -> None:
    rows = [[0, 0, 10, 40], [-8, 0, 2, 40], [-5, 0, 5, 40], [20, 0, 30, 7], [50, 0, 60, 40], [95, 0, 105, 40]]
    boxes = np.array(rows, np.float32)
    picture = Picture(np.zeros((50, 100, 3), np.uint8), (100, 50), boxes, np.array([0, 0, 0, 0, 1, 0], bool))
    sample = compose([(picture, scale_about((0, 0), (0, 0), (1, 1)))], (100, 50), min_height_px=8)
    assert sample.people.tolist() == [[0, 0, 10, 40], [0, 0, 5, 40], [95, 0, 100, 40]]
    assert sample.ignored.tolist() == [[0, 0, 2, 40], [20, 0, 30, 7], [50, 0, 60, 40]]
    away = compose([(picture, scale_about((0, 0), (500, 0), (1, 1)))], (100, 50), min_height_px=8)
    assert (len(away.people), len(away.ignored)) == (0, 0)
    assert (away.image == GREY).all()


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("is_closing", [False, True])
def test_boxes_of_a_mosaic_lie_on_their_people(seed: int, is_closing: bool) -> None:
    pictures = [ellipse_picture(colour, divisor=2) for colour in COLOURS]
    order = iter(pictures[1:])
    sample = make_sample(
        pictures[0],
        lambda _: next(order),
        4,
        SIZE,
        UNFOCUSED,
        CLEAN,
        sample_generator(0, 1, seed),
        is_closing,
    )
    assert sample.image.shape == (SIZE[1], SIZE[0], 3)
    shown = {}
    for number, colour in enumerate(COLOURS):
        is_there = np.abs(sample.image.astype(int) - colour).max(axis=2) < 128
        if is_there.sum() > 4:  # fewer are mixtures of other colours, at their edges
            shown[number] = extent(sample.image, colour)
    boxes = np.concatenate([sample.people, sample.ignored])
    assert len(boxes) >= 1 or not shown
    if is_closing:
        assert set(shown) <= {0}
    edges = (0, 0, *SIZE)
    for box in boxes:
        if all(side != edge for side, edge in zip(box.tolist(), edges, strict=True)):  # a cut ellipse is narrower
            assert min(np.abs(np.array(found) - box).max() for found in shown.values()) < 2
    for found in shown.values():
        if all(side != edge for side, edge in zip(found, edges, strict=True)):
            assert np.abs(boxes - found).max(axis=1).min() < 2


def test_mosaics_show_four_pictures() -> None:
    """Over a few samples, each of the four places is used; without mosaic, only the first picture is there."""
    seen, alone = set(), set()
    for seed in range(20):
        for is_closing, colours in ((False, seen), (True, alone)):
            order = iter([ellipse_picture(colour) for colour in COLOURS[1:]])
            rng = sample_generator(1, 0, seed)
            sample = make_sample(
                ellipse_picture(COLOURS[0]), lambda _, order=order: next(order), 4, SIZE, UNFOCUSED, CLEAN, rng,
                is_closing,
            )  # fmt: skip
            colours |= {c for c in COLOURS if (np.abs(sample.image.astype(int) - c).max(axis=2) < 60).any()}
    assert seen == set(COLOURS)
    assert alone == {COLOURS[0]}


@pytest.mark.parametrize("is_closing", [False, True])
def test_focus_is_on_the_people(is_closing: bool) -> None:
    """A person in a corner of a large picture is in nearly every sample, and anywhere in it."""
    image = np.full((400, 600, 3), 90, np.uint8)
    person = np.array([[560, 340, 570, 360]], np.float32)
    picture = Picture(image, (600, 400), person, np.zeros(1, bool))
    nobody = Picture(image, (600, 400), person[:0], np.zeros(0, bool))
    found: dict[float, list[float]] = {0.0: [], 1.0: []}
    for focus, middles in found.items():
        config = AugmentConfig(focus=focus, scale=(3.0, 3.0), closing_scale=(3.0, 3.0), min_height_px=1)
        for seed in range(60):
            rng = sample_generator(0, 0, seed)
            sample = make_sample(picture, lambda _: nobody, 2, SIZE, config, CLEAN, rng, is_closing)
            middles += sample.people[:, [0, 2]].mean(axis=1).tolist()
    assert len(found[1.0]) > 55
    assert len(found[0.0]) < 20
    assert np.ptp(found[1.0]) > 0.7 * SIZE[0]


def test_a_sample_follows_from_its_numbers() -> None:
    def make(*numbers: int) -> Any:
        picture = ellipse_picture((200, 100, 50))
        return make_sample(
            picture, lambda _: picture, 5, SIZE, AugmentConfig(mixup=0.5), CameraConfig(), sample_generator(*numbers)
        )

    first, again = make(3, 1, 2), make(3, 1, 2)
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.people, again.people)
    for other in ((3, 1, 3), (3, 2, 2), (4, 1, 2)):
        assert not np.array_equal(first.image, make(*other).image)


def test_mixup_is_the_mean() -> None:
    one = compose([(ellipse_picture((200, 0, 100)), scale_about((0, 0), (0, 0), (0.5, 0.5)))], SIZE, 0)
    other = compose([(ellipse_picture((101, 0, 0)), scale_about((0, 0), (40, 0), (0.5, 0.5)))], SIZE, 0)
    mixed = mix(one, other)
    expected = np.floor((one.image.astype(float) + other.image) / 2 + 0.5)
    np.testing.assert_array_equal(mixed.image, expected)
    assert mixed.people.tolist() == [*one.people.tolist(), *other.people.tolist()]


@pytest.mark.parametrize(
    "wrong", [{"mosaic": 1.5}, {"scale": (2.0, 1.0)}, {"scale": (1.0,)}, {"closing_scale": (0.0, 1.0)}, {"aspect": 0.5},
              {"degrees": -1.0}, {"flip": -0.1}],
)  # fmt: skip
def test_wrong_options(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        AugmentConfig(**wrong)


def test_colours() -> None:
    red = np.full((4, 4, 3), (0, 0, 200), np.uint8)
    assert recolour(red, 0.0, 1.0, 1.0).tolist() == red.tolist()
    assert recolour(red, 1 / 3, 1.0, 1.0)[0, 0].tolist() == [0, 200, 0]
    assert recolour(red, 0.0, 0.0, 0.5)[0, 0].tolist() == [100, 100, 100]
    assert recolour(red, 0.0, 1.0, 2.0)[0, 0].tolist() == [0, 0, 255]


def test_tone_is_a_curve_and_a_gain_a_channel() -> None:
    image = np.arange(0, 240, dtype=np.uint8).reshape(4, 20, 3)
    got = retone(image, np.array([0.8, 1.0, 1.2]), 1.5)
    expected = np.minimum(255 * (image / 255) ** 1.5 * [0.8, 1.0, 1.2], 255)
    np.testing.assert_allclose(got, expected, atol=0.51)
    assert np.array_equal(retone(image, np.ones(3), 1.0), image)


def test_coarse_pictures_keep_their_size_and_lose_detail() -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    got = coarsen(image, 2.5)
    assert got.shape == image.shape
    assert got.std() < 0.6 * image.std()
    assert abs(float(got.mean()) - float(image.mean())) < 3
    flat = np.full((40, 60, 3), 77, np.uint8)
    assert np.array_equal(coarsen(flat, 2.5), flat)


def test_dark_pictures_are_dark_and_noisy() -> None:
    image = np.full((64, 64, 3), 200, np.uint8)
    for seed in range(5):
        dark = through_a_camera(image, dataclasses.replace(CLEAN, dark=1.0), np.random.default_rng(seed))
        assert dark.mean() < 0.65 * 200
        assert 1 < dark.std() < 12
    assert np.array_equal(through_a_camera(image, CLEAN, np.random.default_rng(0)), image)


def test_noise_has_its_strength_and_keeps_the_mean() -> None:
    grey = np.full((200, 300, 3), 120, np.uint8)
    for sigma in (3.0, 10.0):
        difference = add_noise(grey, sigma, np.random.default_rng(0)).astype(float) - 120
        assert difference.std() == pytest.approx(sigma, rel=0.05)
        assert abs(difference.mean()) < 0.2
        assert np.corrcoef(difference[..., 0].ravel(), difference[..., 1].ravel())[0, 1] == pytest.approx(0, abs=0.03)
    one, other = (add_noise(grey, 5, np.random.default_rng(seed)) for seed in (1, 2))
    assert (one != other).mean() > 0.5


def test_blur_spreads_along_its_line() -> None:
    point = np.zeros((21, 21, 3), np.uint8)
    point[10, 10] = 250
    for angle, column in ((0.0, True), (np.pi / 2, False)):
        blurred = motion_blur(point, 5, angle)[..., 0]
        line = blurred[10] if column else blurred[:, 10]
        assert line[8:13].min() > 20
        assert int(blurred.sum()) - int(line.sum()) == 0
        assert int(blurred.sum()) == pytest.approx(250, abs=5)
    soft = soften(point, 1.0)[..., 0]
    assert soft[10, 10] < 60
    assert soft[10, 12] == soft[12, 10] > 0


def test_compression_costs_detail() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    errors = [np.abs(compress(noise, quality).astype(int) - noise).mean() for quality in (90, 50, 25)]
    assert 0 < errors[0] < errors[1] < errors[2]


@pytest.mark.parametrize("name", ["hue", "grey", "jpeg"])
def test_wrong_camera(name: str) -> None:
    with pytest.raises(ConfigError, match=f"camera.{name}"):
        CameraConfig(**{name: 1.5})


@settings(max_examples=40, deadline=None)
@given(st.floats(0.05, 0.9), st.integers(30, 290), st.integers(60, 120), st.integers(8, 25), st.integers(20, 55))
def test_box_of_an_ellipse_behind_a_lens_is_that_of_its_pixels(
    strength: float, x: int, y: int, across: int, down: int
) -> None:
    image = np.zeros((180, 320, 3), np.uint8)
    cv2.ellipse(image, (x, y), (across, down), 0, 0, 360, (255, 255, 255), -1)
    box = np.array([[x - across, y - down, x + across + 1, y + down + 1]], np.float32)
    moved, _ = cut_boxes(bend_boxes(box, (320, 180), strength), (320, 180))
    np.testing.assert_allclose(moved[0], extent(bend(image, strength), (255, 255, 255)), atol=3)


def test_a_lens_keeps_the_corners_and_lets_people_lean() -> None:
    image = np.zeros((180, 320, 3), np.uint8)
    cv2.rectangle(image, (0, 0), (319, 179), (255, 255, 255), 6)
    bent = bend(image, 0.5)
    assert all(bent[row, column, 0] == 255 for row in (0, -1) for column in (0, -1))
    assert bent[90, 0, 0] == bent[0, 160, 0] == 0  # the sides bulge out of the picture
    upright = np.zeros((180, 320, 3), np.uint8)
    cv2.line(upright, (60, 30), (60, 150), (255, 255, 255), 3)
    rows, columns = np.nonzero(bend(upright, 0.5)[..., 0] > 127)
    assert columns[rows < 40].mean() > columns[np.abs(rows - 90) < 10].mean() + 3
    np.testing.assert_array_equal(bend(image, 0.0), image)


def test_who_leaves_the_picture_behind_a_lens_does_not_count() -> None:
    boxes = np.array([[140, 60, 180, 120], [0, 70, 8, 110]], np.float32)
    sample = Sample(np.zeros((180, 320, 3), np.uint8), boxes, np.array([[200, 60, 220, 120]], np.float32))
    bent = through_a_lens(sample, 0.8, 8.0)
    assert len(bent.people) == 1
    assert len(bent.ignored) == 1
    assert bent.people[0, 2] - bent.people[0, 0] == pytest.approx(40 * 1.8, rel=0.1)  # the middle is enlarged
