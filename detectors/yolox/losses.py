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
from mdpr.detectors.yolox.assign import assign, paired_intersection, paired_iou

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
        people: N tensors (G, 4), `xyxy` pixels, of what is to be found; these and the next may be on the CPU.
        ignored: N tensors (I, 4): anchors in these boxes, and boxes that are found within them, are not wrong.
        size: (height, width) of the input.
        with_l1: also the L1 distance of boxes in the network's own terms.

    Returns:
        iou (times 5), objectness, class and, if wanted, l1.
    """
    anchors = anchor_grid(*size, outputs.device)
    boxes = decode_boxes(outputs[..., :4], anchors)
    truth, pictures = _flat(people, outputs.device)
    found = assign(boxes, outputs[..., 4:], truth, pictures, size)
    chosen, target = found.anchors, truth[found.targets]
    counts = torch.ones(outputs.shape[:2], device=outputs.device)  # 0 where objectness is not asked
    regions, pictures = _flat(ignored, outputs.device)
    if len(regions):
        is_quiet = is_unclear(boxes.detach(), regions, pictures, anchors.points)
        counts = (~is_quiet).float()
    counts.view(-1)[chosen] = 1.0
    present = torch.zeros_like(counts)
    present.view(-1)[chosen] = 1.0
    scale = 1.0 / max(len(chosen), 1)
    raw = outputs.flatten(0, 1)[chosen]  # (P, 6)
    objectness = functional.binary_cross_entropy_with_logits(outputs[..., 4], present, counts, reduction="sum")
    iou = paired_iou(boxes.flatten(0, 1)[chosen], target)
    terms = {
        "iou": IOU_WEIGHT * (1 - iou.square()).sum() * scale + 0 * outputs.detach().sum(),  # NaN anywhere shows
        "objectness": objectness * scale,
        "class": functional.binary_cross_entropy_with_logits(raw[:, 5], found.iou, reduction="sum") * scale,
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


def is_unclear(boxes: Tensor, ignored: Tensor, pictures: Tensor, points: Tensor) -> Tensor:
    """(N, A): whether an anchor's middle lies in an ignored box, or half of the box it predicts does.

    Args:
        boxes: (N, A, 4) predicted.
        ignored: (I, 4) of all pictures.
        pictures: (I,) int64: which of the N each belongs to.
        points: (A, 2).
    """
    is_inside = ((points[None] >= ignored[:, None, :2]) & (points[None] <= ignored[:, None, 2:])).all(dim=2)
    own = boxes[pictures]  # (I, A, 4)
    area = (own[..., 2:] - own[..., :2]).prod(dim=2).clamp(min=1e-9)
    is_covered = paired_intersection(ignored[:, None], own) / area >= _COVERED
    marks = boxes.new_zeros(boxes.shape[:2])
    return marks.index_add_(0, pictures, (is_inside | is_covered).float()) > 0


def _flat(groups: Sequence[Tensor], device: torch.device) -> tuple[Tensor, Tensor]:
    """The boxes of all pictures in a row, (M, 4), and the number of the picture of each, (M,)."""
    counts = torch.tensor([len(group) for group in groups])
    numbers = torch.repeat_interleave(torch.arange(len(groups)), counts)
    return torch.cat(list(groups)).to(device), numbers.to(device)
