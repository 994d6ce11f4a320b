"""Box arithmetic on arrays. Boxes are `xyxy` in pixels everywhere inside; other forms exist only at the edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]


def iou_matrix(first: FloatArray, second: FloatArray) -> FloatArray:
    """Intersection over union of every box of `first` with every box of `second`.

    Args:
        first: (N, 4) `xyxy` boxes.
        second: (M, 4) `xyxy` boxes.

    Returns:
        (N, M) values in [0, 1]; boxes without area have 0 with everything.

    >>> iou_matrix(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 3, 2.0], [5, 5, 6, 6]])).round(3)
    array([[0.333, 0.   ]])
    """
    width = np.minimum(first[:, None, 2], second[None, :, 2]) - np.maximum(first[:, None, 0], second[None, :, 0])
    height = np.minimum(first[:, None, 3], second[None, :, 3]) - np.maximum(first[:, None, 1], second[None, :, 1])
    intersection = np.maximum(width, 0) * np.maximum(height, 0)  # (N, M)
    union = area(first)[:, None] + area(second)[None, :] - intersection
    return intersection / np.maximum(union, 1e-9)


def area(boxes: FloatArray) -> FloatArray:
    """Area in square pixels of each (N, 4) `xyxy` box.

    >>> area(np.array([[0, 0, 2, 3.0]]))
    array([6.])
    """
    return (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])


def xyxy_to_xywh(boxes: FloatArray) -> FloatArray:
    """`xyxy` to centre x, centre y, width, height; (..., 4) to (..., 4).

    >>> xyxy_to_xywh(np.array([[0, 0, 4, 2.0]]))
    array([[2., 1., 4., 2.]])
    """
    return np.concatenate([(boxes[..., :2] + boxes[..., 2:]) / 2, boxes[..., 2:] - boxes[..., :2]], axis=-1)


def xywh_to_xyxy(boxes: FloatArray) -> FloatArray:
    """Centre x, centre y, width, height to `xyxy`; (..., 4) to (..., 4).

    >>> xywh_to_xyxy(np.array([[2, 1, 4, 2.0]]))
    array([[0., 0., 4., 2.]])
    """
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)


def clip_boxes(boxes: FloatArray, size: tuple[int, int]) -> FloatArray:
    """(N, 4) `xyxy` boxes cut to an image of `size` = (width, height) pixels.

    >>> clip_boxes(np.array([[-5, 1, 20, 3.0]]), (10, 10))
    array([[ 0.,  1., 10.,  3.]])
    """
    width, height = size
    return np.clip(boxes, 0, np.array([width, height, width, height], dtype=boxes.dtype))
