"""Training samples: mosaics, changes of scale, and what cameras do to pictures.

Pure functions of pictures and a random generator. The generator of a sample follows from (seed, epoch, its place in the
epoch) alone, so that a sample depends neither on threads nor on where a run was interrupted.

Reference: Ge et al., YOLOX (arXiv:2107.08430), section 2.1, "Strong data augmentation"; Bochkovskiy et al., YOLOv4
(arXiv:2004.10934), section 3.3, for the mosaic.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.yolox.camera import CameraConfig, through_a_camera
from mdpr.detectors.yolox.geometry import GREY, Image, Matrix, chain, cut_boxes, move_boxes, place, scale_about
from mdpr.errors import ConfigError

_STREAM = 3  # keeps these random numbers apart from those of the order
_FOCUS_SHIFT = 0.45  # share of the sample's sides that a person it is about may be away from its middle
_MIN_LEFT = 0.3  # share of a box that must be in the sample for its person to count


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
        min_height_px: people lower than this in the sample are ignored.
    """

    mosaic: float = 1.0
    mixup: float = 0.0
    scale: tuple[float, ...] = (0.5, 3.0)
    closing_scale: tuple[float, ...] = (0.7, 2.0)
    aspect: float = 1.15
    degrees: float = 3.0
    shift: float = 0.1
    focus: float = 0.7
    flip: float = 0.5
    min_height_px: float = 8.0

    def __post_init__(self) -> None:
        for name in ("mosaic", "mixup", "focus", "flip"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name}: expected a probability from 0 to 1, got {getattr(self, name)}")
        for name in ("scale", "closing_scale"):
            value = getattr(self, name)
            if len(value) != 2 or not 0 < value[0] <= value[1]:
                raise ConfigError(f"augment.{name}: expected two factors, the smaller one first, got {value}")
        if self.aspect < 1 or min(self.degrees, self.shift, self.min_height_px) < 0:
            raise ConfigError(
                "augment: aspect must be 1 or more; degrees, shift and min_height_px not negative; got "
                f"{self.aspect:g}, {self.degrees:g}, {self.shift:g} and {self.min_height_px:g}"
            )


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with its people.

    Attributes:
        image: (h, w, 3) BGR, perhaps decoded at less than its size.
        size: (width, height) in full, which the boxes count in.
        xyxy: (G, 4).
        is_ignored: (G,).
    """

    image: Image
    size: tuple[int, int]
    xyxy: NDArray[np.float32]
    is_ignored: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """What the network gets.

    Attributes:
        image: (H, W, 3) uint8 BGR.
        people: (G, 4) `xyxy` boxes to be found.
        ignored: (I, 4) boxes within which nothing is wrong.
    """

    image: Image
    people: NDArray[np.float32]
    ignored: NDArray[np.float32]


def sample_generator(seed: int, epoch: int, number: int) -> np.random.Generator:
    """The random numbers for sample `number` of an epoch; samples count through all batches."""
    return np.random.default_rng((seed, _STREAM, epoch, number))


def make_sample(
    first: Picture,
    another: Callable[[int], Picture],
    pictures: int,
    size: tuple[int, int],
    config: AugmentConfig,
    camera: CameraConfig,
    rng: np.random.Generator,
    is_closing: bool = False,
) -> Sample:
    """A training sample.

    Args:
        first: that the sample is about.
        another: gives picture number i of the training set.
        pictures: in the training set.
        size: (width, height) of the network's input.
        config: of the geometry.
        camera: of colours, blur, noise and compression.
        rng: of this sample.
        is_closing: without mosaic and mixup, as in the last epochs.
    """

    def more() -> Picture:
        return another(int(rng.integers(pictures)))

    sample = _place(first, more, size, config, rng, is_closing)
    if not is_closing and rng.random() < config.mixup:
        sample = mix(sample, _place(more(), more, size, config, rng, is_closing))
    return Sample(through_a_camera(sample.image, camera, rng), sample.people, sample.ignored)


def compose(placed: list[tuple[Picture, Matrix]], size: tuple[int, int], min_height_px: float) -> Sample:
    """Pictures drawn into one sample, with their boxes cut to it.

    People of whom less than three tenths are left, or who are too low, are ignored.

    Args:
        placed: pictures and where they go; later ones cover earlier ones.
        size: (width, height) of the sample.
        min_height_px: of people that count.
    """
    image = np.full((size[1], size[0], 3), GREY, np.uint8)
    people, ignored = [np.empty((0, 4), np.float32)], [np.empty((0, 4), np.float32)]
    for picture, matrix in placed:
        place(picture.image, picture.size, matrix, image)
        boxes, left = cut_boxes(move_boxes(picture.xyxy, matrix), size)
        is_there = (left > 0) & (boxes[:, 2] - boxes[:, 0] >= 1) & (boxes[:, 3] - boxes[:, 1] >= 1)
        is_ignored = picture.is_ignored | (left < _MIN_LEFT) | (boxes[:, 3] - boxes[:, 1] < min_height_px)
        people.append(boxes[is_there & ~is_ignored])
        ignored.append(boxes[is_there & is_ignored])
    return Sample(image, np.concatenate(people), np.concatenate(ignored))


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


def mix(one: Sample, other: Sample) -> Sample:
    """The mean of two samples, with the boxes of both.

    Reference: Zhang et al., mixup (arXiv:1710.09412), as YOLOX uses it: half and half.
    """
    image = ((one.image.astype(np.uint16) + other.image + 1) // 2).astype(np.uint8)
    people, ignored = ((one.people, other.people), (one.ignored, other.ignored))
    return Sample(image, np.concatenate(people), np.concatenate(ignored))


def _place(
    first: Picture,
    more: Callable[[], Picture],
    size: tuple[int, int],
    config: AugmentConfig,
    rng: np.random.Generator,
    is_closing: bool,
) -> Sample:
    focus = _someone(first, rng) if rng.random() < config.focus else None
    if not is_closing and rng.random() < config.mosaic:
        pictures = [first, more(), more(), more()]
        maps = mosaic_maps([picture.size for picture in pictures], size, config, rng, focus)
        return compose(list(zip(pictures, maps, strict=True)), size, config.min_height_px)
    return compose([(first, single_map(first.size, size, config, rng, focus))], size, config.min_height_px)


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


def _someone(picture: Picture, rng: np.random.Generator) -> tuple[float, float] | None:
    """The middle of one of the people; None where there is nobody."""
    people = picture.xyxy[~picture.is_ignored]
    if not len(people):
        return None
    x1, y1, x2, y2 = people[int(rng.integers(len(people)))].tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2


def _moved(point: tuple[float, float], matrix: Matrix) -> tuple[float, float]:
    x, y = (matrix @ [*point, 1.0]).tolist()
    return x, y


def _maybe_mirrored(width: int, config: AugmentConfig, rng: np.random.Generator) -> Matrix:
    is_mirrored = rng.random() < config.flip
    return np.array([[-1.0, 0, width], [0, 1, 0]] if is_mirrored else [[1.0, 0, 0], [0, 1, 0]])
