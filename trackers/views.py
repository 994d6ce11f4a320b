"""How well a detection shows its person: whether the crop may teach the tracker what the person looks like."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import area
from mdpr.types import Detections

FloatArray = NDArray[np.floating]

BORDER_PX = 1.5
"""A box that comes this close to the image border is taken as cut by it (detectors clip, then round)."""

BORDER_FACTOR = 0.5
"""A cut crop shows part of the person: it stays usable when there is nothing better."""


@dataclass(frozen=True, eq=False)
class Views:
    """What each of N detections of one frame offers as a view of its person.

    Attributes:
        covered: (N,) part of the box hidden by a nearer detection, in [0, 1].
        quality: (N,) float32, the higher the better.
        is_clear: (N,) whether the crop shows its person well enough to learn from.
    """

    covered: NDArray[np.float32]
    quality: NDArray[np.float32]
    is_clear: NDArray[np.bool_]


def covered_by_nearer(xyxy: FloatArray) -> FloatArray:
    """Largest part of each box that a single nearer box hides.

    On the ground, nearer to the camera means lower in the image: a box hides another when its lower edge is at least
    as low. Two boxes with the same lower edge hide each other, because nothing tells which one is in front.

    Args:
        xyxy: (N, 4) boxes of one frame, of all classes.

    Returns:
        (N,) in [0, 1]; 0 for a box without area.

    >>> covered_by_nearer(np.array([[0, 0, 10, 20], [5, 0, 15, 30.0]]))
    array([0.5, 0. ])
    """
    if len(xyxy) < 2:
        return np.zeros(len(xyxy), xyxy.dtype)
    x1, y1, x2, y2 = np.ascontiguousarray(xyxy.T)
    width = np.minimum(x2[:, None], x2) - np.maximum(x1[:, None], x1)  # (N, N)
    height = np.minimum(y2[:, None], y2) - np.maximum(y1[:, None], y1)
    np.maximum(width, 0, out=width)
    np.maximum(height, 0, out=height)
    hidden = np.multiply(width, height, out=width)
    hidden *= y2 >= y2[:, None]  # [i, j]: box j is not behind box i
    np.fill_diagonal(hidden, 0)
    own = area(xyxy)
    return np.where(own > 0, hidden.max(axis=1) / np.maximum(own, 1e-9), 0).astype(xyxy.dtype)


def is_cut_by_border(xyxy: FloatArray, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether each (N, 4) box reaches the border of an image of `size` = (width, height); never when it is (0, 0).

    >>> is_cut_by_border(np.array([[0, 5, 10, 20], [5, 5, 10, 20.0]]), (100, 100))
    array([ True, False])
    """
    if size == (0, 0):
        return np.zeros(len(xyxy), dtype=np.bool_)
    far = np.array(size, dtype=np.float32) - BORDER_PX
    is_cut: NDArray[np.bool_] = np.any((xyxy[:, :2] <= BORDER_PX) | (xyxy[:, 2:] >= far), axis=1)
    return is_cut


def rate_views(detections: Detections, size: tuple[int, int], clear_conf: float, max_covered: float) -> Views:
    """Quality of each detection as a view of its person.

    quality = confidence * sqrt(height) * (1 - covered) * (`BORDER_FACTOR` where the border cuts the box). Height counts
    by its square root, because twice the pixels help less the larger the crop already is.

    Args:
        detections: all detections of the frame.
        size: (width, height) of the image, (0, 0) when unknown.
        clear_conf: least confidence of a clear view.
        max_covered: largest covered part of a clear view, in [0, 1].

    >>> box, confidence = np.array([[10, 10, 20, 35.0]]), np.array([0.8])
    >>> views = rate_views(Detections(box, confidence, np.array([0])), (100, 100), 0.5, 0.3)
    >>> float(views.quality[0]), bool(views.is_clear[0])
    (4.0, True)
    """
    xyxy = detections.xyxy
    covered = covered_by_nearer(xyxy).astype(np.float32)
    is_cut = is_cut_by_border(xyxy, size)
    height = xyxy[:, 3] - xyxy[:, 1]
    quality = detections.confidence * np.sqrt(height) * (1 - covered)
    quality[is_cut] *= BORDER_FACTOR
    is_clear = (detections.confidence >= clear_conf) & (covered <= max_covered) & ~is_cut
    return Views(covered, quality, is_clear)
