"""How well a detection shows its person: whether the crop may teach the tracker what the person looks like."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

BORDER_PX = 1.5
"""A box that comes this close to the image border is taken as cut by it (detectors clip, then round)."""

BORDER_FACTOR = 0.5
"""A cut crop shows part of the person: it stays usable when there is nothing better."""

_ONE, _BORDER = (np.array(number, np.float32) for number in (1, BORDER_PX))  # arrays, see `geometry`


@dataclass(eq=False, slots=True)
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


def covered_by_nearer(
    lower_edge: NDArray[np.float32],
    area: NDArray[np.float32],
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    shared: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Largest part of each box that a single nearer box hides.

    On the ground, nearer to the camera means lower in the image: a box hides another when its lower edge is at least
    as low. Two boxes with the same lower edge hide each other, because nothing tells which one is in front.

    Args:
        lower_edge: (N,) y2 of the boxes of one frame, of all classes.
        area: (N,) theirs.
        rows, columns, shared: (P,) each, all pairs of them that overlap, in both orders, and the area that they share.

    Returns:
        (N,) in [0, 1]; 0 for a box without area.

    >>> pair = np.array([0, 1]), np.array([1, 0]), np.array([100.0, 100.0])
    >>> covered_by_nearer(np.array([20, 30.0]), np.array([200, 300.0]), *pair)
    array([0.5, 0. ], dtype=float32)
    """
    covered = np.zeros(len(area), dtype=np.float32)
    at = ((lower_edge[rows] >= lower_edge[columns]) & (rows != columns)).nonzero()[0]  # no box hides itself
    if len(at):
        hidden = columns[at]
        np.maximum.at(covered, hidden, shared[at] / area[hidden])
    return covered


def is_cut_by_border(xyxy: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether each (4, N) box reaches the border of an image of `size` = (width, height); never when it is (0, 0).

    >>> from mdpr.trackers.geometry import to_planes
    >>> is_cut_by_border(to_planes(np.array([[0, 5, 10, 20], [5, 5, 10, 20]])), (100, 100))
    array([ True, False])
    """
    if size == (0, 0):
        return np.zeros(xyxy.shape[1], dtype=np.bool_)
    is_cut = (xyxy[:2] <= _BORDER) | (xyxy[2:] >= _far_border(size))  # (2, N) left or right, top or bottom
    either: NDArray[np.bool_] = is_cut[0] | is_cut[1]
    return either


@lru_cache(maxsize=16)
def _far_border(size: tuple[int, int]) -> NDArray[np.float32]:
    """(2, 1) x and y from which on a box is cut by the right or lower border."""
    return np.array([[size[0]], [size[1]]], dtype=np.float32) - BORDER_PX


def rate_views(
    xyxy: NDArray[np.float32],
    confidence: NDArray[np.float32],
    covered: NDArray[np.float32],
    size: tuple[int, int],
    clear_conf: float,
    max_covered: float,
) -> Views:
    """Quality of each detection as a view of its person.

    quality = confidence * sqrt(height) * (1 - covered) * (`BORDER_FACTOR` where the border cuts the box). Height counts
    by its square root, because twice the pixels help less the larger the crop already is.

    Args:
        xyxy: (4, N) all detections of the frame.
        confidence: (N,) theirs.
        covered: (N,) see `covered_by_nearer`.
        size: (width, height) of the image, (0, 0) when unknown.
        clear_conf: least confidence of a clear view.
        max_covered: largest covered part of a clear view, in [0, 1].

    >>> from mdpr.trackers.geometry import to_planes
    >>> box, nothing = to_planes(np.array([[10, 10, 20, 35]])), np.zeros(1, np.float32)
    >>> views = rate_views(box, np.array([0.8], np.float32), nothing, (100, 100), 0.5, 0.3)
    >>> float(views.quality[0]), bool(views.is_clear[0])
    (4.0, True)
    """
    is_cut = is_cut_by_border(xyxy, size)
    quality = np.sqrt(xyxy[3] - xyxy[1])
    quality *= confidence
    quality *= _ONE - covered
    cut = is_cut.nonzero()[0]
    if len(cut):
        quality[cut] *= BORDER_FACTOR
    is_clear = (confidence >= clear_conf) & (covered <= max_covered)
    return Views(covered, quality, is_clear > is_cut)  # clear and not cut
