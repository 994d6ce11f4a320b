"""Samples as a wide-angle lens would show them: straight lines bend, and people away from the middle lean.

Radius r of the sample, as a share of half its diagonal, shows radius r (1 + k r^2) / (1 + k) of what an ideal lens
sees: the first term of radial distortion (Brown, "Close-range camera calibration", 1971), scaled so that the corners
stay where they are.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.yolox.geometry import Image

_POINTS = 16  # on the ellipse in each box
_STEPS = 6  # of Newton's method, from the radius without distortion; 1e-6 after four

Floats = NDArray[np.float64]


def bend(image: Image, strength: float) -> Image:
    """A picture seen through a lens with distortion `strength`, k above: 0 changes nothing."""
    height, width = image.shape[:2]
    x = (np.arange(width) + 0.5 - width / 2).astype(np.float32)
    y = (np.arange(height) + 0.5 - height / 2).astype(np.float32)
    square = (np.square(x)[None] + np.square(y)[:, None]) / np.float32((width**2 + height**2) / 4)
    factor = (1 + np.float32(strength) * square) / np.float32(1 + strength)
    columns, rows = factor * x + (width - 1) / 2, factor * y[:, None] + (height - 1) / 2
    return np.asarray(cv2.remap(image, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def bend_boxes(boxes: NDArray[np.float32], size: tuple[int, int], strength: float) -> NDArray[np.float32]:
    """(G, 4) `xyxy` boxes in the bent picture: around where the ellipse in each goes, as in `move_boxes`.

    Args:
        boxes: in the straight picture.
        size: (width, height) of both.
        strength: of `bend`.

    >>> bend_boxes(np.array([[0, 40, 20, 60], [40, 40, 60, 60]], np.float32), (100, 100), 0.5).round().tolist()
    [[-7.0, 38.0, 11.0, 62.0], [35.0, 35.0, 65.0, 65.0]]
    """
    middle = np.array(size) / 2
    angle = np.linspace(0, 2 * np.pi, _POINTS, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])  # (P, 2)
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2 - middle, (boxes[:, 2:] - boxes[:, :2]) / 2
    points = centre[:, None] + half[:, None] * circle  # (G, P, 2)
    moved = points * _bent(np.linalg.norm(points, axis=-1) / np.linalg.norm(middle), strength)[..., None] + middle
    return np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1).astype(np.float32)


def _bent(radius: Floats, strength: float) -> Floats:
    """By what a point at a straight radius goes outwards: bent over straight radius, the root of a cubic."""
    bent = radius.copy()
    for _ in range(_STEPS):
        bent -= (bent * (1 + strength * bent**2) - (1 + strength) * radius) / (1 + 3 * strength * bent**2)
    limit = 1 + strength  # at the middle
    return np.divide(bent, radius, out=np.full_like(radius, limit), where=radius > 1e-9)
