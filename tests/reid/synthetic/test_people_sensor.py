"""What sensors do to pictures: always the same for the same seed, never broken, nothing where nothing is set."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mdpr.reid.synthetic.sensor import auto_exposure, compress, expose, sample_sensor, tone_curve
from synthetic_people import NEUTRAL


def _picture(seed: int = 0) -> np.ndarray:
    """Soft blotches between 20 and 200 in colour."""
    noise = np.random.default_rng(seed).normal(0, 1, (96, 48, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 6)
    return np.clip(110 + soft * 500, 20, 200).astype(np.uint8)


def _expose(image: np.ndarray, seed: int = 0, **changes: object) -> np.ndarray:
    sensor = replace(NEUTRAL, **changes)  # type: ignore[arg-type]
    return expose(image, sensor, np.random.default_rng(seed), drift=0.0)


def test_the_same_seed_gives_the_same_bytes_and_another_one_does_not() -> None:
    for number in range(10):
        sensor = sample_sensor(np.random.default_rng(number))
        assert sensor == sample_sensor(np.random.default_rng(number))
        one, same, other = (expose(_picture(), sensor, np.random.default_rng(seed)) for seed in (1, 1, 2))
        assert compress(one, sensor.quality) == compress(same, sensor.quality)
        assert not np.array_equal(one, other)


@pytest.mark.parametrize("filling", [0, 128, 255, "noise"])
def test_no_sensor_breaks_a_picture(filling: int | str) -> None:
    rng = np.random.default_rng(0)
    for number in range(150):
        size = (int(rng.integers(16, 60)), int(rng.integers(8, 40)), 3)
        image = rng.integers(0, 256, size).astype(np.uint8) if filling == "noise" else np.full(size, filling, np.uint8)
        with np.errstate(all="raise", under="ignore"):
            seen = expose(image, sample_sensor(rng), np.random.default_rng(number), scale=float(rng.uniform(0.3, 4)))
        assert seen.shape == size
        assert seen.dtype == np.uint8
        if filling == 0:
            assert seen.mean() < 60
        if filling == 255:
            assert seen.mean() > 70


def test_a_neutral_sensor_changes_only_the_brightest_lights() -> None:
    image = _picture()
    assert np.abs(_expose(image).astype(int) - image).max() <= 1
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    seen = _expose(ramp)[0, :, 0].astype(int)
    assert (np.diff(seen) >= 0).all()
    assert np.abs(seen[:217] - np.arange(217)).max() <= 1
    assert 235 < seen[255] < 250  # rolled off, not clipped


def test_every_setting_does_what_it_is_called() -> None:
    image = _picture()
    mean = image.mean((0, 1))
    assert _expose(image, exposure=1.3).mean() > image.mean() + 15
    assert _expose(image, white=(1.2, 1.0, 0.8)).mean((0, 1)) == pytest.approx(mean * [1.2, 1, 0.8], rel=0.03)
    assert _expose(image, black=0.1).min() > image.min() + 15
    grey = _expose(image, saturation=0.0)
    assert np.ptp(grey.astype(int), axis=2).max() <= 1
    assert _expose(image, contrast=1.5).mean() < image.mean() - 15
    mixed = _expose(image, mixing=((0, 1, 0), (0, 0, 1), (1, 0, 0)))
    assert np.abs(mixed.astype(int) - image[..., [1, 2, 0]]).max() <= 1

    def edges(picture: np.ndarray) -> float:
        return float(np.abs(np.diff(picture.astype(float), axis=0)).mean())

    assert edges(_expose(image, blur_px=4.0)) < edges(image) < edges(_expose(image, sharpening=1.0))
    small = expose(image, replace(NEUTRAL, blur_px=4.0), np.random.default_rng(0), 0.0, scale=4.0)
    assert edges(small) > edges(_expose(image, blur_px=4.0))  # a smaller picture is blurred by fewer pixels


def test_noise_is_as_strong_as_said_and_weaker_in_the_light() -> None:
    def deviation(level: int, **changes: float) -> float:
        image = np.full((200, 200, 3), level, np.uint8)
        return float(_expose(image, **changes).astype(float).std() / 255)

    dark, bright = deviation(60, noise=0.02), deviation(200, noise=0.02)
    share = np.sqrt(1 + 0.25)  # of all colours together, and half of it of each
    assert dark == pytest.approx(0.02 * (1.3 - 60 / 255) * share, rel=0.1)
    assert bright == pytest.approx(0.02 * (1.3 - 200 / 255) * share, rel=0.1)
    assert deviation(120, chroma_noise=0.02) == pytest.approx(0.013, abs=0.006)  # blotches, smoothed
    assert deviation(120) == 0


def test_automatic_exposure_brings_pictures_to_the_middle() -> None:
    for level in (60, 107, 130):
        sensor = auto_exposure(NEUTRAL, np.full((9, 9, 3), level, np.uint8))
        assert _expose(np.full((9, 9, 3), level, np.uint8), exposure=sensor.exposure).mean() == pytest.approx(
            107, abs=2
        )
    assert auto_exposure(NEUTRAL, np.zeros((9, 9, 3), np.uint8)).exposure == 2.8  # but no further than that
    assert auto_exposure(NEUTRAL, np.full((9, 9, 3), 255, np.uint8)).exposure == 0.75


def test_the_tone_curve_rises_and_ends_below_white() -> None:
    for number in range(30):
        curve = tone_curve(np.linspace(-0.2, 3, 400, dtype=np.float32), sample_sensor(np.random.default_rng(number)))
        assert (np.diff(curve) >= 0).all()
        assert curve.min() >= 0
        assert curve.max() <= 1


def test_jpeg_keeps_size_and_order_of_colours() -> None:
    image = np.zeros((40, 24, 3), np.uint8)
    image[..., 0] = 200  # red in RGB
    data = cv2.imdecode(np.frombuffer(compress(image, 90), np.uint8), cv2.IMREAD_COLOR)
    assert data.shape == image.shape
    assert data[..., 2].mean() == pytest.approx(200, abs=4)  # red in OpenCV's BGR
    assert len(compress(_picture(), 40)) < len(compress(_picture(), 90))
