"""SimOTA: which anchors are to find which person, from how well they do so already.

Reference: Ge et al., YOLOX (arXiv:2107.08430), section 2.1, "SimOTA"; Ge et al., OTA (arXiv:2103.14259), section 3.3,
for the dynamic number of anchors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from mdpr.detectors.yolox.network import STRIDES

CENTRE_RADIUS = 1.5
"""Cells around the middle of a box whose anchors may be given to it."""

_IOU_WEIGHT = 3.0
_MOST_ANCHORS = 10


@dataclass(frozen=True, eq=False)
class Assignment:
    """Anchors that have something to find in a batch of pictures.

    Attributes:
        anchors: (P,) int64, ascending, each once; they count through all pictures: picture times A + anchor.
        targets: (P,) int64 row of the truth.
        iou: (P,) of what the anchor says now with its target, in [0, 1].
    """

    anchors: Tensor
    targets: Tensor
    iou: Tensor


@torch.no_grad()
def assign(boxes: Tensor, logits: Tensor, truth: Tensor, pictures: Tensor, size: tuple[int, int]) -> Assignment:
    """Give anchors to the boxes of a batch of pictures.

    Only anchors near the middle of a box take part. A box gets as many as the IoUs of its ten best add up to, at least
    one: those of the lowest cost, classification plus 3 x -log IoU. An anchor that several boxes want goes to the one
    that costs less. All boxes of the batch at once: a GPU would mostly wait for a loop over pictures.

    Args:
        boxes: (N, A, 4) `xyxy` pixels as predicted.
        logits: (N, A, 2) of objectness and of the only class.
        truth: (M, 4) `xyxy` pixels.
        pictures: (M,) int64: which of the N each belongs to.
        size: (height, width) of the input.

    Returns:
        Empty without truth, and for boxes whose middle is not in the picture.
    """
    near, is_near = near_anchors(truth, size)  # (M, K)
    places = near + pictures[:, None] * boxes.shape[1]
    iou = paired_iou(boxes.flatten(0, 1)[places], truth[:, None]).masked_fill(~is_near, 0.0)
    class_cost = -functional.logsigmoid(logits.flatten(0, 1)[places]).mean(dim=2)  # of the root of the scores' product
    cost = (class_cost - _IOU_WEIGHT * torch.log(iou + 1e-8)).masked_fill(~is_near, torch.inf)
    wanted = iou.topk(_MOST_ANCHORS, dim=1).values.sum(dim=1).int().clamp(min=1)  # (M,)
    rank = cost.argsort(dim=1, stable=True).argsort(dim=1)
    is_taken = is_near & (rank < wanted[:, None])
    rows, columns = is_taken.nonzero(as_tuple=True)
    anchors, price = places[rows, columns], cost[rows, columns]
    lowest = price.new_full((boxes.shape[0] * boxes.shape[1],), torch.inf)
    lowest.scatter_reduce_(0, anchors, price, "amin")
    is_winner = price == lowest[anchors]
    first = torch.full_like(lowest, len(truth), dtype=torch.int64)  # of equals, the first row wins
    first.scatter_reduce_(0, anchors[is_winner], rows[is_winner], "amin")
    is_winner &= rows == first[anchors]
    anchors, rows, columns = anchors[is_winner], rows[is_winner], columns[is_winner]
    order = anchors.argsort()
    return Assignment(anchors[order], rows[order], iou[rows[order], columns[order]])


def near_anchors(truth: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Anchors less than `CENTRE_RADIUS` of their cells from the middle of a box, in x and in y.

    Args:
        truth: (M, 4) `xyxy` pixels.
        size: (height, width) of the input.

    Returns:
        (M, 27) anchors, three rows of three cells for each stride, and (M, 27) whether each exists and is near.
    """
    middle = (truth[:, :2] + truth[:, 2:]) / 2  # (M, 2)
    step = torch.arange(3, device=truth.device)
    anchors, is_near, before = [], [], 0
    for stride in STRIDES:
        rows, columns = size[0] // stride, size[1] // stride
        corner = (middle / stride - CENTRE_RADIUS - 0.5).floor().long() + 1  # the first cell that may be near
        column, row = corner[:, :1] + step, corner[:, 1:] + step  # (M, 3)
        is_column = ((column + 0.5) * stride - middle[:, :1]).abs() < CENTRE_RADIUS * stride
        is_row = ((row + 0.5) * stride - middle[:, 1:]).abs() < CENTRE_RADIUS * stride
        is_column &= (column >= 0) & (column < columns)
        is_row &= (row >= 0) & (row < rows)
        cell = row.clamp(0, rows - 1)[:, :, None] * columns + column.clamp(0, columns - 1)[:, None]
        anchors.append(cell.flatten(1) + before)
        is_near.append((is_row[:, :, None] & is_column[:, None]).flatten(1))
        before += rows * columns
    return torch.cat(anchors, dim=1), torch.cat(is_near, dim=1)


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of (..., 4) `xyxy` boxes, row by row, shapes as they broadcast: (...) in [0, 1]."""
    shared = paired_intersection(first, second)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(dim=-1) for boxes in (first, second)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)


def paired_intersection(first: Tensor, second: Tensor) -> Tensor:
    """Area that (..., 4) `xyxy` boxes have in common, row by row, shapes as they broadcast: (...)."""
    upper = torch.maximum(first[..., :2], second[..., :2])
    lower = torch.minimum(first[..., 2:], second[..., 2:])
    return (lower - upper).clamp(min=0).prod(dim=-1)
