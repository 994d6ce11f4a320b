"""Training samples: mosaics, changes of scale, and what cameras do to pictures.

Pure functions of pictures and a random generator. The generator of a sample follows from (seed, epoch, its place in the
epoch) alone, so that a sample depends neither on threads nor on where a run was interrupted.

Reference: Ge et al., YOLOX (arXiv:2107.08430), section 2.1, "Strong data augmentation"; Bochkovskiy et al., YOLOv4
(arXiv:2004.10934), section 3.3, for the mosaic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.yolox.camera import CameraConfig, through_a_camera
from mdpr.detectors.yolox.geometry import GREY, Image, Matrix, cut_boxes, move_boxes, place
from mdpr.detectors.yolox.lens import bend, bend_boxes
from mdpr.detectors.yolox.views import AugmentConfig, mosaic_maps, single_map

_STREAM = 3  # keeps these random numbers apart from those of the order
_MIN_LEFT = 0.3  # share of a box that must be in the sample for its person to count


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
    if rng.random() < config.lens:
        least, most = config.lens_strength
        sample = through_a_lens(sample, rng.uniform(least, most), config.min_height_px)
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
    boxes, is_ignored = [np.empty((0, 4), np.float32)], [np.empty(0, np.bool_)]
    for picture, matrix in placed:
        place(picture.image, picture.size, matrix, image)
        boxes.append(move_boxes(picture.xyxy, matrix))
        is_ignored.append(picture.is_ignored)
    return _cut(image, np.concatenate(boxes), np.concatenate(is_ignored), min_height_px)


def through_a_lens(sample: Sample, strength: float, min_height_px: float) -> Sample:
    """The sample with the distortion of a wide-angle lens, see `lens`; who is left counts as in `compose`."""
    size = (sample.image.shape[1], sample.image.shape[0])
    boxes = np.concatenate([sample.people, sample.ignored])
    is_ignored = np.arange(len(boxes)) >= len(sample.people)
    return _cut(bend(sample.image, strength), bend_boxes(boxes, size, strength), is_ignored, min_height_px)


def _cut(image: Image, boxes: NDArray[np.float32], is_ignored: NDArray[np.bool_], min_height_px: float) -> Sample:
    cut, left = cut_boxes(boxes, (image.shape[1], image.shape[0]))
    is_there = (left > 0) & (cut[:, 2] - cut[:, 0] >= 1) & (cut[:, 3] - cut[:, 1] >= 1)
    is_ignored = is_ignored | (left < _MIN_LEFT) | (cut[:, 3] - cut[:, 1] < min_height_px)
    return Sample(image, cut[is_there & ~is_ignored], cut[is_there & is_ignored])


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


def _someone(picture: Picture, rng: np.random.Generator) -> tuple[float, float] | None:
    """The middle of one of the people; None where there is nobody."""
    people = picture.xyxy[~picture.is_ignored]
    if not len(people):
        return None
    x1, y1, x2, y2 = people[int(rng.integers(len(people)))].tolist()
    return (x1 + x2) / 2, (y1 + y2) / 2
