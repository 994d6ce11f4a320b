"""Where a picture lies in a training sample: affine maps, and what becomes of boxes.

A map is a 2x3 matrix in continuous coordinates: pixel (column, row) covers [column, column + 1) x [row, row + 1).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

GREY = 114
"""Of every pixel that no picture covers; what inference pads with, too."""

Image = NDArray[np.uint8]
Matrix = NDArray[np.float64]


def scale_about(
    centre: tuple[float, float], to: tuple[float, float], scale: tuple[float, float], degrees: float = 0.0
) -> Matrix:
    """The map that scales along x and y, then turns, and takes the point `centre` to the point `to`.

    >>> scale_about((1, 1), (5, 5), (2, 2)) @ [2, 1, 1]
    array([7., 5.])
    """
    angle = np.deg2rad(degrees)
    cos, sin = np.cos(angle), np.sin(angle)
    linear = np.array([[cos, -sin], [sin, cos]]) * np.array(scale, np.float64)  # columns are scaled
    return np.column_stack([linear, np.array(to) - linear @ np.array(centre)])


def chain(first: Matrix, second: Matrix) -> Matrix:
    """The map that does `first`, then `second`."""
    return np.column_stack([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2] + second[:, 2]])


def place(picture: Image, size: tuple[int, int], matrix: Matrix, canvas: Image) -> None:
    """Draw a picture into `canvas`, which is changed; what it does not cover stays.

    Bilinear without averaging, as the detectors shrink their frames, so that training sees the same jagged edges.

    Args:
        picture: (h, w, 3), perhaps decoded at less than its size.
        size: (width, height) that it has in full, which `matrix` counts in.
        matrix: from the picture to the canvas.
        canvas: (H, W, 3).
    """
    height, width = canvas.shape[:2]
    corners = matrix[:, :2] @ np.array([[0, size[0], 0, size[0]], [0, 0, size[1], size[1]]]) + matrix[:, 2:]
    left, top = np.clip(np.floor(corners.min(axis=1)), 0, [width, height]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(axis=1)), 0, [width, height]).astype(int)
    if left >= right or top >= bottom:
        return
    shrunk = np.array([size[0] / picture.shape[1], size[1] / picture.shape[0]])
    linear = matrix[:, :2] * shrunk
    offset = matrix[:, 2] + linear.sum(axis=1) / 2 - 0.5 - [left, top]  # OpenCV counts from the middle of a pixel
    cv2.warpAffine(
        picture,
        np.column_stack([linear, offset]),
        (int(right - left), int(bottom - top)),
        dst=canvas[top:bottom, left:right],
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_TRANSPARENT,
    )


def move_boxes(boxes: NDArray[np.float32], matrix: Matrix) -> NDArray[np.float32]:
    """(G, 4) `xyxy` boxes under a map, upright again: around the ellipse in each, not around its corners.

    The two are the same unless the map turns; then a body, which leaves the corners of its box empty, gets the tighter
    box that it has.

    >>> move_boxes(np.array([[0, 0, 2, 4]], np.float32), scale_about((0, 0), (10, 10), (-1, 2))).tolist()
    [[8.0, 10.0, 10.0, 18.0]]
    """
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 @ matrix[:, :2].T + matrix[:, 2]
    half = (boxes[:, 2:] - boxes[:, :2]) / 2
    reach = np.sqrt(np.square(half) @ np.square(matrix[:, :2]).T)
    return np.concatenate([centre - reach, centre + reach], axis=1).astype(np.float32)


def cut_boxes(boxes: NDArray[np.float32], size: tuple[int, int]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Boxes within a picture of (width, height), and the share of each that is left; (G, 4) and (G,) in [0, 1].

    >>> cut_boxes(np.array([[-1, 0, 1, 2], [9, 9, 12, 12]], np.float32), (8, 8))[1].tolist()
    [0.5, 0.0]
    """
    limits = np.array([*size, *size], np.float32)
    cut = np.clip(boxes, 0, limits)
    left = np.prod(cut[:, 2:] - cut[:, :2], axis=1)
    whole = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    return cut, (left / np.maximum(whole, 1e-9)).astype(np.float32)
