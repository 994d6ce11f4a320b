"""Person crops from image files: RGB, whatever the file holds."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from mdpr.errors import FormatError

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm"})

_SIXTEEN_BITS = ("I", "I;16", "I;16B", "I;16L", "I;16N")


def read_image(
    path: str | os.PathLike[str], box: Sequence[float] | NDArray[np.float32] | None = None
) -> NDArray[np.uint8]:
    """A picture, or the part of it within a box.

    Pictures are turned as their EXIF data says; grey ones get three equal channels; 16 bits become 8 by dropping the
    low ones; transparency is ignored, as the frame readers do.

    Args:
        path: an image file.
        box: (4,) `xyxy` pixels of the turned picture; clipped to it, and widened to whole pixels. None or NaN means
            the whole picture.

    Returns:
        (height, width, 3) uint8 RGB, at least one pixel.

    Raises:
        FormatError: the file is missing, truncated or not an image, or no pixel lies in the box; names the file.
    """
    try:
        with Image.open(path) as opened:
            opened.load()
            image, kind = ImageOps.exif_transpose(opened), opened.format
    except Exception as error:  # decoders raise whatever a broken file leads them into: OSError, SyntaxError, ...
        raise FormatError(f"{os.fspath(path)}: {_why(path, error)}") from error
    if image.mode == "F" or (image.mode == "I" and kind != "PNG"):  # 16-bit PNGs are "I" in older Pillows
        raise FormatError(f"{os.fspath(path)}: expected 8 or 16 bits a channel, found 32; convert it first")
    pixels = _as_rgb(image)
    if box is None:
        return pixels
    left, top, right, bottom = _whole_pixels(box, pixels.shape[1], pixels.shape[0], path)
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def resize_image(image: NDArray[np.uint8], size: tuple[int, ...]) -> NDArray[np.uint8]:
    """`image` at `size`, bicubic, averaged when it shrinks (Pillow's resampling).

    Args:
        image: (H, W, 3) uint8.
        size: (height, width) in pixels.

    Returns:
        (height, width, 3) uint8; a new array.

    Raises:
        FormatError: `image` has another shape or type, or no pixel.

    >>> resize_image(np.full((4, 2, 3), 9, np.uint8), (8, 6)).shape
    (8, 6, 3)
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or image.size == 0:
        raise FormatError(f"expected an image (height, width, 3) of uint8, got {image.dtype} {image.shape}")
    height, width = size
    return np.array(Image.fromarray(image).resize((width, height), Image.Resampling.BICUBIC))


def _as_rgb(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 3) uint8 of a picture in any mode of 8 or 16 bits."""
    if image.mode in _SIXTEEN_BITS:
        grey = (np.asarray(image).astype(np.int64) >> 8).astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2)
    return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _whole_pixels(
    box: Sequence[float] | NDArray[np.float32], width: int, height: int, path: str | os.PathLike[str]
) -> tuple[int, int, int, int]:
    """The pixels that `box` touches, as slice bounds."""
    corners = np.asarray(box, np.float64).reshape(-1)
    if corners.shape == (4,) and np.isnan(corners).all():
        return 0, 0, width, height
    if corners.shape != (4,) or not np.isfinite(corners).all() or (corners[2:] <= corners[:2]).any():
        raise FormatError(f"{os.fspath(path)}: expected a box x1 < x2, y1 < y2, got {corners.tolist()}")
    limits = np.array([width, height])
    begin = np.clip(np.floor(corners[:2]), 0, limits).astype(int)
    end = np.clip(np.ceil(corners[2:]), 0, limits).astype(int)
    if (end <= begin).any():
        raise FormatError(
            f"{os.fspath(path)}: the box {corners.tolist()} lies outside the picture of {width}x{height} pixels"
        )
    return int(begin[0]), int(begin[1]), int(end[0]), int(end[1])


def _why(path: str | os.PathLike[str], error: Exception) -> str:
    if not os.path.exists(path):
        return "no such image file"
    if os.path.isdir(path):
        return "expected an image file, found a folder"
    if isinstance(error, UnidentifiedImageError):
        return f"not an image (the file has {os.path.getsize(path)} bytes)"
    return (
        f"cannot be read as an image, it is damaged or cut off: {' '.join(str(error).split()) or type(error).__name__}"
    )
