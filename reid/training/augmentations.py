"""The augmentations of the paper, and four more: pure functions of an image and a random generator.

Cut, resize, warp, pad and crop, flip, colours, blur, random erasing, random patch, in this order, on uint8; normalising
happens on the device. Cut, warp, colours and blur are not of the paper and off by default.
The generator of a picture follows from (seed, epoch, its place in the epoch) alone, so that results depend neither on
the number of loader threads or processes nor on where a run was interrupted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.reid.data.images import resize_image

Image = NDArray[np.uint8]
"""(H, W, 3) RGB."""

_AUGMENT_STREAM = 2  # keeps these random numbers apart from those of the sampler
_ATTEMPTS = 100


@dataclass(frozen=True)
class AugmentConfig:
    """How training pictures are varied; the defaults are the paper's.

    Attributes:
        padding: black pixels added on each side before a crop of the input size is taken.
        flip: probability of a mirror image.
        erase: probability of random erasing.
        patch: probability of random patch.
        colours: how strongly brightness, contrast, saturation and colour cast vary, as between cameras; 0 is not at
            all, 1 is a lot.
        blur: probability of a loss of detail, by a smaller picture or a blurred one.
        warp: how strongly pictures are turned, slanted, stretched and cut, as tilted and wide-angle cameras and poor
            boxes do; 0 is not at all, 1 is a lot.
        cut: probability that only the upper part is left, as behind a desk or a shelf.
    """

    padding: int = 10
    flip: float = 0.5
    erase: float = 0.5
    patch: float = 0.5
    colours: float = 0.0
    blur: float = 0.0
    warp: float = 0.0
    cut: float = 0.0

    def __post_init__(self) -> None:
        if self.padding < 0:
            raise ConfigError(f"augment.padding: expected 0 or more pixels, got {self.padding}")
        for name in ("flip", "erase", "patch", "colours", "blur", "warp", "cut"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"augment.{name}: expected a number from 0 to 1, got {getattr(self, name)}")


def sample_generator(seed: int, epoch: int, place: int) -> np.random.Generator:
    """The random numbers for the picture at `place` of an epoch; places count through all batches and processes."""
    return np.random.default_rng((seed, _AUGMENT_STREAM, epoch, place))


def augment(
    image: Image,
    size: tuple[int, ...],
    config: AugmentConfig,
    fill: tuple[float, ...],
    rng: np.random.Generator,
    donor: Callable[[], Image] | None = None,
) -> Image:
    """A training picture.

    Args:
        image: (h, w, 3), any size.
        size: (height, width) of the network's input.
        config: of the augmentations.
        fill: RGB of erased rectangles, the mean of the normalisation.
        rng: of this picture.
        donor: gives another training picture, which random patch takes its patch from; asked only when needed.

    Returns:
        (height, width, 3), a new array.
    """
    if config.cut and rng.random() < config.cut:
        image = cut_legs(image, rng)
    picture = resize_image(image, size)
    if config.warp:
        picture = warp(picture, config.warp, rng)
    if config.padding:
        picture = pad_and_crop(picture, config.padding, rng)
    if rng.random() < config.flip:
        picture = picture[:, ::-1]
    picture = np.ascontiguousarray(picture)
    if config.colours:
        picture = vary_colours(picture, config.colours, rng)
    if config.blur and rng.random() < config.blur:
        picture = lose_detail(picture, rng)
    if rng.random() < config.erase:
        picture = erase(picture, fill, rng)
    if donor is not None and rng.random() < config.patch:
        picture = paste_patch(picture, resize_image(donor(), size), rng)
    return picture


def pad_and_crop(image: Image, padding: int, rng: np.random.Generator) -> Image:
    """The image moved by up to `padding` pixels in both directions, black where it was not.

    >>> pad_and_crop(np.full((4, 2, 3), 255, np.uint8), 1, np.random.default_rng(0)).shape
    (4, 2, 3)
    """
    height, width = image.shape[:2]
    padded = np.pad(image, ((padding, padding), (padding, padding), (0, 0)))
    top, left = rng.integers(0, 2 * padding + 1, size=2)
    return padded[top : top + height, left : left + width].copy()


def cut_legs(image: Image, rng: np.random.Generator, least: float = 0.35) -> Image:
    """The upper part of the image, from all of it down to `least` of its height (h, w, 3)."""
    rows = max(1, round(float(rng.uniform(least, 1)) * len(image)))
    return image[:rows]


def warp(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """The image turned, slanted, stretched and moved at random; its edges go on where it ends.

    Args:
        image: (H, W, 3).
        strength: 1 turns by 14 degrees, slants by 0.2 and stretches by a fifth (standard deviations).
        rng: random numbers.
    """
    height, width = image.shape[:2]
    turn, slant = strength * np.radians(14) * rng.standard_normal(), strength * 0.2 * rng.standard_normal()
    stretch = np.exp(strength * 0.2 * rng.standard_normal(2))
    shift = strength * 0.06 * rng.standard_normal(2) * [width, height]
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = rotation @ np.array([[1, slant], [0, 1]]) @ np.diag(stretch)
    middle = np.array([width, height]) / 2
    moved = np.column_stack([matrix, middle + shift - matrix @ middle])
    return cv2.warpAffine(image, moved, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def vary_colours(image: Image, strength: float, rng: np.random.Generator) -> Image:
    """The image as another camera might show it: a gain a channel, saturation, contrast and gamma, all at random.

    Args:
        image: (H, W, 3) RGB.
        strength: 0 leaves it as it is.
        rng: random numbers.
    """
    gain = np.exp(strength * (0.3 * rng.standard_normal() + 0.12 * rng.standard_normal(3)))
    saturation, contrast = np.exp(strength * 0.4 * rng.standard_normal(2))
    gamma = np.exp(strength * 0.3 * rng.standard_normal())
    light = (image.astype(np.float32) / 255) ** np.float32(gamma) * gain.astype(np.float32)
    grey = light.mean(axis=2, keepdims=True)
    light = grey + (light - grey) * np.float32(saturation)
    middle = grey.mean()
    light = middle + (light - middle) * np.float32(contrast)
    return np.rint(np.clip(light, 0, 1) * 255).astype(np.uint8)


def lose_detail(image: Image, rng: np.random.Generator) -> Image:
    """The image from farther away (a fifth to seven tenths of the pixels a side, enlarged again) or out of focus."""
    height, width = image.shape[:2]
    if rng.random() < 0.6:
        scale = float(np.exp(rng.uniform(np.log(0.2), np.log(0.7))))
        small = cv2.resize(
            image, (max(4, int(width * scale)), max(8, int(height * scale))), interpolation=cv2.INTER_AREA
        )
        return resize_image(small, (height, width))
    return cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.5, 1.8)))


def erase(
    image: Image,
    fill: tuple[float, ...],
    rng: np.random.Generator,
    area: tuple[float, float] = (0.02, 0.4),
    aspect: float = 0.3,
) -> Image:
    """The image with one rectangle in a plain colour.

    Args:
        image: (H, W, 3).
        fill: RGB of the rectangle.
        rng: random numbers.
        area: smallest and largest share of the image.
        aspect: smallest height over width; the largest is its reciprocal.

    Reference: Zhong et al., Random erasing data augmentation (1708.04896), algorithm 1.
    """
    top, left, height, width = random_rectangle(image.shape[:2], area, aspect, rng)
    result = image.copy()
    result[top : top + height, left : left + width] = np.rint(np.asarray(fill)).astype(np.uint8)
    return result


def paste_patch(
    image: Image,
    donor: Image,
    rng: np.random.Generator,
    area: tuple[float, float] = (0.01, 0.5),
    aspect: float = 0.1,
) -> Image:
    """The image with a rectangle of another picture at a random place, mirrored half of the time.

    Published implementations draw patches from a pool of the last 50,000, which a process fills as it goes. Here the
    patch comes straight from another training picture: the pool covers all of Market-1501 anyway, while without a pool
    there is no state to save, nothing depends on the process that a picture is loaded in, and no patch can be a view
    that keeps a whole image alive or shows what was later done to it. The price: one picture more to read for every
    two.

    Args:
        image, donor: (H, W, 3) of the same shape; neither is changed.
        rng: random numbers.
        area: smallest and largest share of the image.
        aspect: smallest height over width; the largest is its reciprocal.

    Reference: Zhou et al., Learning generalisable omni-scale representations (1910.06827), section 4.
    """
    top, left, height, width = random_rectangle(image.shape[:2], area, aspect, rng)
    patch = donor[top : top + height, left : left + width].copy()
    if rng.random() < 0.5:
        patch = patch[:, ::-1]
    to_top = rng.integers(0, image.shape[0] - height + 1)
    to_left = rng.integers(0, image.shape[1] - width + 1)
    result = image.copy()
    result[to_top : to_top + height, to_left : to_left + width] = patch
    return result


def random_rectangle(
    shape: tuple[int, ...], area: tuple[float, float], aspect: float, rng: np.random.Generator
) -> tuple[int, int, int, int]:
    """top, left, height, width of a rectangle within `shape`, at least one pixel.

    Area and aspect are drawn evenly; when none of 100 attempts fits, the last one is cut to fit.
    """
    rows, columns = shape
    height = width = 1
    for _ in range(_ATTEMPTS):
        wanted = rng.uniform(*area) * rows * columns
        ratio = rng.uniform(aspect, 1 / aspect)
        height, width = round(float(np.sqrt(wanted * ratio))), round(float(np.sqrt(wanted / ratio)))
        if 0 < height < rows and 0 < width < columns:
            break
    height, width = min(max(height, 1), rows), min(max(width, 1), columns)
    top = int(rng.integers(0, rows - height + 1))
    left = int(rng.integers(0, columns - width + 1))
    return top, left, height, width
