"""The loss of YOLOX: IoU, objectness and class, and at the end of training the plain distance of boxes.

Reference: Ge et al., YOLOX (arXiv:2107.08430), sections 2.1 (decoupled head, SimOTA) and 2.2 (L1 without augmentation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from mdpr.detectors.yolo_outputs import grid
from mdpr.detectors.yolox.assign import assign, pairwise_intersection

IOU_WEIGHT = 5.0
_COVERED = 0.5  # share of a predicted box within an ignored one from which on it is not wrong


@dataclass(frozen=True, eq=False)
class Grid:
    """The anchors of an input size.

    Attributes:
        cells: (A, 2) column and row of each anchor's cell.
        strides: (A,) pixels of its side.
        points: (A, 2) its middle in pixels.
    """

    cells: Tensor
    strides: Tensor
    points: Tensor


@lru_cache(maxsize=32)
def anchor_grid(height: int, width: int, device: torch.device) -> Grid:
    """The anchors of an input of (height, width) pixels."""
    middles, strides = (torch.from_numpy(array).to(device) for array in grid(height, width))
    return Grid(middles.T - 0.5, strides, middles.T * strides[:, None])


def decode_boxes(rows: Tensor, anchors: Grid) -> Tensor:
    """What the network puts out, as boxes.

    Args:
        rows: (..., A, 4): offset x, y in cells, log width, log height in cells.
        anchors: of the input.

    Returns:
        (..., A, 4) `xyxy` pixels.
    """
    stride = anchors.strides[:, None]
    centre = (rows[..., :2] + anchors.cells) * stride
    half = rows[..., 2:4].clamp(max=12).exp() * stride / 2  # beyond any picture, and below any overflow
    return torch.cat([centre - half, centre + half], dim=-1)


def detection_losses(
    outputs: Tensor, people: Sequence[Tensor], ignored: Sequence[Tensor], size: tuple[int, int], with_l1: bool
) -> dict[str, Tensor]:
    """The terms of the loss of a batch of pictures of one class, each divided by the number of anchors in charge.

    Args:
        outputs: (N, A, 6) float32 of the network.
        people: N tensors (G, 4), `xyxy` pixels, of what is to be found.
        ignored: N tensors (I, 4): anchors in these boxes, and boxes that are found within them, are not wrong.
        size: (height, width) of the input.
        with_l1: also the L1 distance of boxes in the network's own terms.

    Returns:
        iou (times 5), objectness, class and, if wanted, l1.
    """
    anchors = anchor_grid(*size, outputs.device)
    boxes = decode_boxes(outputs[..., :4], anchors)
    rows, truth, overlap = [], [], []
    counts = torch.ones(outputs.shape[:2], device=outputs.device)  # 0 where objectness is not asked
    present = torch.zeros_like(counts)
    for number, (targets, unclear) in enumerate(zip(people, ignored, strict=True)):
        found = assign(boxes[number], outputs[number, :, 4:], targets, anchors.points, anchors.strides)
        if len(unclear):
            counts[number] -= is_unclear(boxes[number].detach(), unclear, anchors.points).float()
        counts[number, found.anchors] = 1.0
        present[number, found.anchors] = 1.0
        rows.append(found.anchors + number * outputs.shape[1])
        truth.append(targets[found.targets])
        overlap.append(found.iou)
    chosen, target = torch.cat(rows), torch.cat(truth)
    scale = 1.0 / max(len(chosen), 1)
    raw = outputs.flatten(0, 1)[chosen]  # (P, 6)
    objectness = functional.binary_cross_entropy_with_logits(outputs[..., 4], present, counts, reduction="sum")
    iou = paired_iou(boxes.flatten(0, 1)[chosen], target)
    terms = {
        "iou": IOU_WEIGHT * (1 - iou.square()).sum() * scale + 0 * outputs.detach().sum(),  # NaN anywhere shows
        "objectness": objectness * scale,
        "class": functional.binary_cross_entropy_with_logits(raw[:, 5], torch.cat(overlap), reduction="sum") * scale,
    }
    if with_l1:
        place = chosen % outputs.shape[1]
        expected = encode_boxes(target, anchors.cells[place], anchors.strides[place])
        terms["l1"] = functional.l1_loss(raw[:, :4], expected, reduction="sum") * scale
    return terms


def encode_boxes(boxes: Tensor, cells: Tensor, strides: Tensor) -> Tensor:
    """`decode_boxes` backwards: (P, 4) `xyxy` pixels and their anchors' (P, 2) cells and (P,) strides to (P, 4)."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2 / strides[:, None] - cells
    side = (boxes[:, 2:] - boxes[:, :2]).clamp(min=1e-3) / strides[:, None]
    return torch.cat([centre, side.log()], dim=1)


def is_unclear(boxes: Tensor, ignored: Tensor, points: Tensor) -> Tensor:
    """(A,): whether an anchor's middle lies in an ignored box, or half of the box it predicts does.

    Args:
        boxes: (A, 4) predicted.
        ignored: (I, 4).
        points: (A, 2).
    """
    is_inside = ((points[None] >= ignored[:, None, :2]) & (points[None] <= ignored[:, None, 2:])).all(dim=2)
    area = (boxes[:, 2:] - boxes[:, :2]).prod(dim=1).clamp(min=1e-9)
    is_covered = pairwise_intersection(ignored, boxes) / area >= _COVERED
    return (is_inside | is_covered).any(dim=0)


def paired_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of (P, 4) `xyxy` boxes, row by row: (P,) in [0, 1]."""
    upper = torch.maximum(first[:, :2], second[:, :2])
    lower = torch.minimum(first[:, 2:], second[:, 2:])
    shared = (lower - upper).clamp(min=0).prod(dim=1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (first, second)]
    return shared / (areas[0] + areas[1] - shared).clamp(min=1e-9)
