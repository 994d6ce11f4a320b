"""Cut and resize person crops: box by box on the CPU with OpenCV, all of an image at once on a device with torch.

Both sample the same points bilinearly. A crop that is shrunk by more than 2 is taken from the image halved as often as
needed, which keeps thin stripes from turning into noise (aliasing) at a fixed cost per image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import clip_boxes

if TYPE_CHECKING:
    import torch

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]

_MAX_CROPS_A_CALL = 64  # bounds the memory of a call on a device


def visible_boxes(image: Image, boxes: Boxes) -> tuple[Boxes, NDArray[np.bool_]]:
    """Boxes cut to the image, and which of them show at least a part of one pixel.

    >>> visible_boxes(np.zeros((10, 10, 3), np.uint8), np.array([[-5, 0, 5, 5], [20, 0, 30, 5]], np.float32))[1]
    array([ True, False])
    """
    inside = clip_boxes(boxes, (image.shape[1], image.shape[0])).astype(np.float32)
    return inside, (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])


def halvings(boxes: Boxes, height: int, width: int) -> NDArray[np.int64]:
    """How often to halve the image before sampling each box at (height, width), so that a step stays below two pixels.

    >>> halvings(np.array([[0, 0, 128, 256], [0, 0, 300, 600]], np.float32), 256, 128)
    array([0, 1])
    """
    steps = np.minimum((boxes[:, 2] - boxes[:, 0]) / width, (boxes[:, 3] - boxes[:, 1]) / height)
    return np.maximum(np.floor(np.log2(np.maximum(steps, 1e-6))), 0).astype(np.int64)


def sample_points(boxes: Boxes, height: int, width: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Where to sample each box: x (N, width) and y (N, height), pixel corners at integers (pixel centres at .5)."""
    across = (np.arange(width, dtype=np.float32) + 0.5) / width
    down = (np.arange(height, dtype=np.float32) + 0.5) / height
    x = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * across
    y = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * down
    return x.astype(np.float32, copy=False), y.astype(np.float32, copy=False)


def crop_people(
    images: Sequence[Image], boxes: Sequence[Boxes], height: int, width: int
) -> tuple[Image, NDArray[np.bool_]]:
    """Crops of all boxes of all images, on the CPU.

    Args:
        images: BGR images, (H, W, 3) uint8.
        boxes: (N_i, 4) `xyxy` boxes of image i, in any position.
        height, width: size of a crop in pixels.

    Returns:
        crops: (N, height, width, 3) uint8 BGR, in the order of images and boxes; a box without pixels gives zeros.
        is_visible: (N,) bool, False for those.
    """
    crops = np.empty((sum(map(len, boxes)), height, width, 3), np.uint8)
    is_visible = np.zeros(len(crops), bool)
    map_x, map_y = np.empty((2, height, width), np.float32)
    sampled = np.empty((height, width, 4), np.uint8)
    for row, part, x, y in _cuts(images, boxes, height, width):
        np.subtract(x, 0.5, out=map_x)
        np.subtract(y[:, None], 0.5, out=map_y)
        padded = cv2.cvtColor(part, cv2.COLOR_BGR2BGRA)  # remap is 2.5 times as fast with 4 channels as with 3
        cv2.remap(padded, map_x, map_y, cv2.INTER_LINEAR, sampled, cv2.BORDER_REPLICATE)
        cv2.cvtColor(sampled, cv2.COLOR_BGRA2BGR, crops[row])
        is_visible[row] = True
    crops[~is_visible] = 0
    return crops, is_visible


def crop_people_torch(
    images: Sequence[Image], boxes: Sequence[Boxes], height: int, width: int, device: str
) -> tuple[torch.Tensor, NDArray[np.bool_]]:
    """`crop_people` on a torch device: (N, 3, height, width) float32 in 0 to 255, BGR, left on the device."""
    import torch
    from torch.nn import functional

    crops = torch.zeros((sum(map(len, boxes)), 3, height, width), device=device)
    is_visible = np.zeros(len(crops), bool)
    for rows, level, (x, y) in _plan(images, boxes, height, width):
        picture = (
            torch.from_numpy(np.ascontiguousarray(level)).to(device).permute(2, 0, 1)[None].float()
        )  # (1, 3, H, W)
        grid_x = torch.from_numpy(x * (2 / level.shape[1]) - 1).to(device)[:, None, :].expand(-1, height, -1)
        grid_y = torch.from_numpy(y * (2 / level.shape[0]) - 1).to(device)[:, :, None].expand(-1, -1, width)
        grid = torch.stack([grid_x, grid_y], dim=-1)  # (crops, height, width, 2)
        crops[torch.from_numpy(rows).to(device)] = functional.grid_sample(
            picture.expand(len(rows), -1, -1, -1), grid, padding_mode="border", align_corners=False
        )
        is_visible[rows] = True
    return crops, is_visible


def normalise(crops: Image, mean: Sequence[float], std: Sequence[float], color: str) -> NDArray[np.float32]:
    """Network input from crops.

    Args:
        crops: (N, H, W, 3) uint8 BGR.
        mean, std: per channel on the scale 0 to 255, in the order of `color`.
        color: "rgb" or "bgr", the channel order that the network expects.

    Returns:
        (N, 3, H, W) float32.
    """
    ordered = crops[..., ::-1] if color == "rgb" else crops
    scale = (1.0 / np.asarray(std, np.float32)).reshape(1, 3, 1, 1)
    shift = (np.asarray(mean, np.float32) * scale.ravel()).reshape(1, 3, 1, 1)
    planes = np.empty((len(crops), 3, *crops.shape[1:3]), np.float32)
    np.multiply(ordered.transpose(0, 3, 1, 2), scale, out=planes)
    planes -= shift
    return planes


def _cuts(
    images: Sequence[Image], boxes: Sequence[Boxes], height: int, width: int
) -> Iterator[tuple[int, Image, NDArray[np.float32], NDArray[np.float32]]]:
    """For every visible box: its row in the result, the (halved) part of the image to sample, and the points in it.

    A part for each box and not one for all: the four-channel copy of what lies between people would cost more than
    copying twice where they overlap, and a single person's pixels stay in the processor's cache.
    """
    first = 0
    for image, image_boxes in zip(images, boxes, strict=True):
        inside, is_visible = visible_boxes(image, image_boxes)
        rows = is_visible.nonzero()[0]
        shown = inside[rows]
        levels = halvings(shown, height, width)
        begin, end = _cells(shown, levels, (image.shape[1], image.shape[0]))
        x, y = sample_points(shown / _cell_sizes(levels), height, width)
        x, y = _on_grid(x) - begin[:, :1], _on_grid(y) - begin[:, 1:]
        corners = np.concatenate([begin, end], axis=1).tolist()
        for i, (row, level, corner) in enumerate(zip(rows.tolist(), levels.tolist(), corners, strict=True)):
            yield first + row, _halved_part(image, corner, level), x[i], y[i]
        first += len(image_boxes)


def _plan(
    images: Sequence[Image], boxes: Sequence[Boxes], height: int, width: int
) -> Iterator[tuple[NDArray[np.int64], Image, tuple[NDArray[np.float32], NDArray[np.float32]]]]:
    """For few calls with many boxes: rows of the result, the (halved) part of the image to sample, and the points."""
    first = 0
    for image, image_boxes in zip(images, boxes, strict=True):
        inside, is_visible = visible_boxes(image, image_boxes)
        levels = np.where(is_visible, halvings(inside, height, width), -1)
        for level in range(int(levels.max(initial=-1)) + 1):
            rows = np.flatnonzero(levels == level)
            for some in np.array_split(rows, range(_MAX_CROPS_A_CALL, len(rows), _MAX_CROPS_A_CALL)):
                if len(some):
                    begin, end = _cells(inside[some], levels[some], (image.shape[1], image.shape[0]))
                    corner = np.concatenate([begin.min(axis=0), end.max(axis=0)])
                    x, y = sample_points(inside[some] / np.float32(2**level), height, width)
                    part = _halved_part(image, corner.tolist(), level)
                    yield first + some, part, (_on_grid(x) - corner[0], _on_grid(y) - corner[1])
        first += len(image_boxes)


def _cells(
    boxes: Boxes, levels: NDArray[np.int64], size: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The part of an image of `size` = (width, height) that each box needs, in cells of 2^level pixels.

    With edges on whole cells, a halved pixel is the mean of the same pixels whatever the part.

    Returns:
        (N, 2) first column and row, and (N, 2) those after the last; whole numbers as float32.
    """
    cell = _cell_sizes(levels)
    cells = np.floor(np.array(size, np.float32) / cell)  # less than a cell at the far edges is left out
    begin = np.floor(boxes[:, :2] / cell) - 1
    end = np.ceil(boxes[:, 2:] / cell) + 1
    begin = np.maximum(np.minimum(begin, cells - 1), 0)
    return begin, np.maximum(np.minimum(end, cells), begin + 1)


def _cell_sizes(levels: NDArray[np.int64]) -> NDArray[np.float32]:
    """(N, 1) pixels of the image along a side of a pixel that was halved so often."""
    return np.exp2(levels).astype(np.float32)[:, None]


def _halved_part(image: Image, corner: Sequence[float], level: int) -> Image:
    """The part of the image between x1, y1, x2 and y2 in cells of 2^level pixels, halved `level` times."""
    x1, y1, x2, y2 = (int(value) << level for value in corner)
    part = image[y1:y2, x1:x2]
    for _ in range(level):  # INTER_AREA with a factor of 2 is the mean of four pixels
        half = (max(part.shape[1] // 2, 1), max(part.shape[0] // 2, 1))
        part = np.asarray(cv2.resize(part, half, interpolation=cv2.INTER_AREA), np.uint8)
    return part


def _on_grid(positions: NDArray[np.float32]) -> NDArray[np.float32]:
    """Positions rounded to 1/64 pixel: exact in float32, so that differences do not depend on where a part begins."""
    return (np.round(positions * 64) / 64).astype(np.float32, copy=False)
