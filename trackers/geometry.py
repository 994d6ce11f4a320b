"""Boxes of one frame as planes (4, N): all x1, then all y1, x2 and y2, the form that numpy works through fastest.

With four values a box side by side, every operation on half a box stumbles over gaps, at five times the cost of a call.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

_NOTHING, _LEAST_AREA = np.array(0, np.float32), np.array(1e-9, np.float32)
"""As arrays, because a Python number costs numpy as much again as the operation on ten boxes."""

_MOST_PAIRS = 65_536  # are intersected at once, so that what is in between stays in the cache

_TO_CENTRES = np.array([[0.5, 0, 0.5, 0], [0, 0.5, 0, 0.5], [-1, 0, 1, 0], [0, -1, 0, 1]], np.float32)
_TO_CORNERS = np.array([[1, 0, -0.5, 0], [0, 1, 0, -0.5], [1, 0, 0.5, 0], [0, 1, 0, 0.5]])
"""Planes of x1, y1, x2, y2 to those of centre and size and back, one product each; halves and differences are exact.
`dot`, here and elsewhere, because `@` costs twice as much for so few numbers."""


def to_planes(xyxy: FloatArray) -> NDArray[np.float32]:
    """(4, N) planes of (N, 4) boxes."""
    return np.array(xyxy.T, dtype=np.float32, order="C")


def centres_and_sizes(xyxy: NDArray[np.float32]) -> NDArray[np.float64]:
    """Planes of centre x, centre y, width and height, in the precision of `motion`: to mix two costs a call twice more.

    >>> centres_and_sizes(to_planes(np.array([[0, 0, 4, 2]]))).T
    array([[2., 1., 4., 2.]])
    """
    xywh: NDArray[np.float64] = _TO_CENTRES.dot(xyxy).astype(np.float64)
    return xywh


def corners(xywh: FloatArray) -> NDArray[np.float32]:
    """Planes of x1, y1, x2 and y2.

    >>> corners(np.array([[2, 1, 4, 2]]).T).T
    array([[0., 0., 4., 2.]], dtype=float32)
    """
    xyxy: NDArray[np.float32] = _TO_CORNERS.dot(xywh).astype(np.float32)
    return xyxy


def intersections(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N, M) square pixels that (4, N) and (4, M) boxes share.

    >>> intersections(to_planes(np.array([[0, 0, 4, 4]])), to_planes(np.array([[3, 2, 9, 9], [5, 5, 6, 6]])))
    array([[2., 0.]], dtype=float32)
    """
    count = first.shape[1]
    if count > 1 and count * second.shape[1] > _MOST_PAIRS:
        step = max(_MOST_PAIRS // second.shape[1], 1)
        whole = np.empty((count, second.shape[1]), np.float32)
        for start in range(0, count, step):
            whole[start : start + step] = intersections(first[:, start : start + step], second)
        return whole
    sides = np.minimum(first[2:, :, None], second[2:, None, :])  # (2, N, M)
    sides -= np.maximum(first[:2, :, None], second[:2, None, :])
    np.maximum(sides, _NOTHING, out=sides)
    shared: NDArray[np.float32] = np.multiply(sides[0], sides[1], out=sides[0])
    return shared


def overlaps(
    shared: NDArray[np.float32], first: NDArray[np.float32], second: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(N, M) intersection over union in [0, 1], of areas: `shared` (N, M), `first` (N,) and `second` (M,).

    >>> overlaps(np.array([[2.0]]), np.array([4.0]), np.array([4.0])).round(3)
    array([[0.333]])
    """
    union = first[:, None] + second
    union -= shared
    np.maximum(union, _LEAST_AREA, out=union)
    ratio: NDArray[np.float32] = np.divide(shared, union, out=union)
    return ratio


def areas(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """(N,) square pixels of each box.

    >>> areas(to_planes(np.array([[0, 0, 4, 2]])))
    array([8.], dtype=float32)
    """
    size = xyxy[2:] - xyxy[:2]
    area: NDArray[np.float32] = np.multiply(size[0], size[1], out=size[0])
    return area
