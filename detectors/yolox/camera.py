"""What cameras do to pictures: colours, blur, noise, compression. Pure functions of a picture and random numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.yolox.geometry import Image
from mdpr.errors import ConfigError

_NOISE_TILE = 512


@dataclass(frozen=True)
class CameraConfig:
    """How strongly colours vary, and how often pictures suffer.

    Attributes:
        hue: largest shift, as a share of the colour circle.
        saturation: largest change, as a share.
        brightness: largest change, as a share.
        balance: largest change of a colour channel, as a share: white balance.
        contrast: largest change of the tone curve: its exponent goes up to 1 + contrast, and down to the inverse.
        grey: probability of a picture without colours, as cameras give at night.
        dark: probability of a picture with little light, and with the noise that comes with it.
        blur: probability of blur, out of focus or by motion.
        coarse: probability of a picture that was smaller once, as cheap cameras and zooms give it.
        noise: probability of noise.
        jpeg: probability of compression.
    """

    hue: float = 0.03
    saturation: float = 0.7
    brightness: float = 0.4
    balance: float = 0.15
    contrast: float = 0.6
    grey: float = 0.1
    dark: float = 0.1
    blur: float = 0.2
    coarse: float = 0.15
    noise: float = 0.3
    jpeg: float = 0.4

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value <= 1:
                raise ConfigError(f"camera.{name}: expected a value from 0 to 1, got {value}")


def through_a_camera(image: Image, config: CameraConfig, rng: np.random.Generator) -> Image:
    """A picture as some camera would have given it: (H, W, 3) BGR, a new array."""
    if rng.random() < config.grey:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)[..., None], 3, axis=2)
        shift, saturation = 0.0, 1.0
    else:
        shift = rng.uniform(-config.hue, config.hue)
        saturation = 1 + rng.uniform(-config.saturation, config.saturation)
    image = recolour(image, shift, saturation, 1 + rng.uniform(-config.brightness, config.brightness))
    gains, noise = 1 + rng.uniform(-config.balance, config.balance, 3), 0.0
    exponent = (1 + config.contrast) ** rng.uniform(-1, 1)
    if rng.random() < config.dark:
        gains, noise = gains * np.exp(rng.uniform(np.log(0.15), np.log(0.6))), rng.uniform(2, 10)
    image = retone(image, gains, exponent)
    if rng.random() < config.blur:
        length = int(rng.integers(2, 7))
        image = motion_blur(image, length, rng.uniform(0, np.pi)) if rng.random() < 0.5 else soften(image, length / 3)
    if rng.random() < config.coarse:
        image = coarsen(image, rng.uniform(1.3, 3))
    if rng.random() < config.noise:
        noise = max(noise, rng.uniform(2, 16))
    if noise:
        image = add_noise(image, noise, rng)
    if rng.random() < config.jpeg:
        image = compress(image, int(rng.integers(15, 91)))
    return image


def retone(image: Image, gains: NDArray[np.float64], exponent: float) -> Image:
    """The picture with its channels multiplied by (3,) `gains`, after a tone curve: brightness to the power `exponent`.

    >>> retone(np.full((1, 1, 3), 64, np.uint8), np.array([1.0, 0.5, 9.0]), 0.5)[0, 0].tolist()
    [128, 64, 255]
    """
    curve = 255 * (np.arange(256) / 255) ** exponent  # (256,)
    tables = np.clip(np.rint(curve[:, None] * gains), 0, 255)
    return np.asarray(cv2.LUT(image, tables.astype(np.uint8)[None]), np.uint8)


def coarsen(image: Image, factor: float) -> Image:
    """The picture made smaller by a factor, and as large as before again."""
    height, width = image.shape[:2]
    small = (max(round(width / factor), 1), max(round(height / factor), 1))
    shrunk = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def recolour(image: Image, hue: float, saturation: float, brightness: float) -> Image:
    """The picture with its hue turned by a share of the circle, its saturation and its brightness multiplied.

    >>> recolour(np.full((1, 1, 3), 100, np.uint8), 0.0, 2.0, 0.5)[0, 0].tolist()
    [50, 50, 50]
    """
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    steps = np.arange(256)
    tables = np.stack(
        [
            (steps + round(180 * hue)) % 180,
            np.clip(np.rint(steps * saturation), 0, 255),
            np.clip(np.rint(steps * brightness), 0, 255),
        ],
        axis=-1,
    )
    changed = cv2.LUT(hsv, tables.astype(np.uint8)[None])
    return np.asarray(cv2.cvtColor(changed, cv2.COLOR_HSV2BGR), np.uint8)


def soften(image: Image, sigma: float) -> Image:
    """Gaussian blur; `sigma` in pixels."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def motion_blur(image: Image, length: int, angle: float) -> Image:
    """Blur along a line of `length` pixels, at `angle` radians from the rows."""
    side = 2 * (length // 2) + 1
    kernel = np.zeros((side, side), np.float32)
    reach = np.linspace(-(length - 1) / 2, (length - 1) / 2, 4 * length)
    columns = np.rint(side // 2 + reach * np.cos(angle)).astype(int).clip(0, side - 1)
    rows = np.rint(side // 2 + reach * np.sin(angle)).astype(int).clip(0, side - 1)
    np.add.at(kernel, (rows, columns), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def add_noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Gaussian noise of `sigma` grey levels, each channel its own; from a fixed tile, whose corner is random."""
    height, width = image.shape[:2]
    top, left = rng.integers(0, _NOISE_TILE, 2)
    noise = _noise(height, width)[top : top + height, left : left + width]
    return np.asarray(cv2.add(image, cv2.multiply(noise, sigma), dtype=cv2.CV_8U), np.uint8)


def compress(image: Image, quality: int) -> Image:
    """The picture after JPEG of a quality from 1 to 100."""
    _, coded = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(coded, cv2.IMREAD_COLOR), np.uint8)


@lru_cache(maxsize=4)
def _noise(height: int, width: int) -> NDArray[np.float32]:
    """Standard normal numbers for every corner of the tile that a picture of this size may begin at."""
    shape = (height + _NOISE_TILE, width + _NOISE_TILE, 3)
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
