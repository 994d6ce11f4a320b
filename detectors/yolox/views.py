"""Where pictures go in a training sample: mosaics, single pictures, and the random view of either.

Pure functions of sizes and random numbers; the pixels follow in `augment`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from mdpr.detectors.yolox.geometry import Matrix, chain, scale_about
from mdpr.errors import ConfigError

_FOCUS_SHIFT = 0.45  # share of the sample's sides that a person it is about may be away from its middle


@dataclass(frozen=True)
class AugmentConfig:
    """How pictures become training samples.

    Attributes:
        mosaic: probability that a sample is put together from four pictures.
        mixup: probability that a second sample shines through.
        scale: smallest and largest factor on pictures that fill the input; log-uniform.
        closing_scale: the same without mosaic, as in the last epochs.
        aspect: largest change of width over height, as a factor; 1 = none.
        degrees: largest rotation.
        shift: largest shift, as a share of the input.
        focus: probability that the sample is about one of the people in its picture, near the middle or not; what is
            enlarged shows mostly ground otherwise.
        flip: probability of a mirror image, for each picture.
        lens: probability that a sample is seen through a wide-angle lens, so that people lean.
        lens_strength: smallest and largest distortion, see `mdpr.detectors.yolox.lens`.
        min_height_px: people lower than this in the sample are ignored.
    """

    mosaic: float = 1.0
    mixup: float = 0.0
    scale: tuple[float, ...] = (0.5, 3.0)
    closing_scale: tuple[float, ...] = (0.7, 2.0)
    aspect: float = 1.15
    degrees: float = 8.0
    shift: float = 0.1
    focus: float = 0.7
    flip: float = 0.5
    lens: float = 0.25
    lens_strength: tuple[float, ...] = (0.1, 0.7)
    min_height_px: float = 8.0

    def __post_init__(self) -> None:
        for name in ("mosaic", "mixup", "focus", "flip", "lens"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name}: expected a probability from 0 to 1, got {getattr(self, name)}")
        for name in ("scale", "closing_scale", "lens_strength"):
            value = getattr(self, name)
            if len(value) != 2 or not 0 < value[0] <= value[1]:
                raise ConfigError(f"augment.{name}: expected two values above 0, the smaller one first, got {value}")
        if self.aspect < 1 or min(self.degrees, self.shift, self.min_height_px) < 0:
            raise ConfigError(
                "augment: aspect must be 1 or more; degrees, shift and min_height_px not negative; got "
                f"{self.aspect:g}, {self.degrees:g}, {self.shift:g} and {self.min_height_px:g}"
            )


def mosaic_maps(
    sizes: list[tuple[int, int]],
    size: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
    focus: tuple[float, float] | None = None,
) -> list[Matrix]:
    """Where four pictures go that meet in a point: upper left, upper right, lower left, lower right.

    Each has the area of the input, in a canvas of twice its sides; a random view of the canvas is the sample.

    Args:
        sizes: (width, height) of the pictures.
        size: of the sample.
        config: of the geometry.
        rng: random numbers.
        focus: point of the first picture that is to be in the sample, somewhere.
    """
    width, height = size
    meet = np.array([rng.uniform(0.5, 1.5) * width, rng.uniform(0.5, 1.5) * height])
    maps = []
    for number, (w, h) in enumerate(sizes):
        fit = math.sqrt(width * height / (w * h))
        corner = (0.0 if number % 2 else float(w), 0.0 if number >= 2 else float(h))  # of the picture, where they meet
        matrix = scale_about(corner, (float(meet[0]), float(meet[1])), (fit, fit))
        maps.append(chain(_maybe_mirrored(w, config, rng), matrix))
    centre = (float(width), float(height)) if focus is None else _moved(focus, maps[0])
    whole = _view(centre, size, config.scale, config, rng, _FOCUS_SHIFT if focus else config.shift)
    return [chain(matrix, whole) for matrix in maps]


def single_map(
    picture: tuple[int, int],
    size: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
    focus: tuple[float, float] | None = None,
) -> Matrix:
    """Where one picture goes that nearly fills the sample; sizes are (width, height), `focus` see `mosaic_maps`."""
    (w, h), (width, height) = picture, size
    fit = min(width / w, height / h)
    filled = scale_about((w / 2, h / 2), (width / 2, height / 2), (fit, fit))
    matrix = chain(_maybe_mirrored(w, config, rng), filled)
    centre = (width / 2, height / 2) if focus is None else _moved(focus, matrix)
    return chain(
        matrix, _view(centre, size, config.closing_scale, config, rng, _FOCUS_SHIFT if focus else config.shift)
    )


def _view(
    centre: tuple[float, float],
    size: tuple[int, int],
    scales: tuple[float, ...],
    config: AugmentConfig,
    rng: np.random.Generator,
    shift: float,
) -> Matrix:
    """A random view of a canvas: its centre comes near that of the sample, up to `shift` of its sides away."""
    scale = np.exp(rng.uniform(np.log(scales[0]), np.log(scales[1])))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(config.aspect) / 2)
    aside = rng.uniform(-shift, shift, 2)
    to = ((0.5 + float(aside[0])) * size[0], (0.5 + float(aside[1])) * size[1])
    return scale_about(centre, to, (scale * stretch, scale / stretch), rng.uniform(-config.degrees, config.degrees))


def _moved(point: tuple[float, float], matrix: Matrix) -> tuple[float, float]:
    x, y = (matrix @ [*point, 1.0]).tolist()
    return x, y


def _maybe_mirrored(width: int, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    is_mirrored = rng.random() < config.flip
    return np.array([[-1.0, 0, width], [0, 1, 0]] if is_mirrored else [[1.0, 0, 0], [0, 1, 0]])
