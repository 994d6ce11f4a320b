"""SimOTA: which anchors are to find which person, from how well they do so already.

Reference: Ge et al., YOLOX (arXiv:2107.08430), section 2.1, "SimOTA"; Ge et al., OTA (arXiv:2103.14259), section 3.3,
for the dynamic number of anchors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

CENTRE_RADIUS = 1.5
"""Cells around the middle of a box whose anchors may be given to it."""

_IOU_WEIGHT = 3.0
_MOST_ANCHORS = 10


@dataclass(frozen=True, eq=False)
class Assignment:
    """Anchors that have something to find in one picture.

    Attributes:
        anchors: (P,) int64, ascending, each once.
        targets: (P,) int64 row of the truth.
        iou: (P,) of what the anchor says now with its target, in [0, 1].
    """

    anchors: Tensor
    targets: Tensor
    iou: Tensor


@torch.no_grad()
def assign(boxes: Tensor, logits: Tensor, truth: Tensor, points: Tensor, strides: Tensor) -> Assignment:
    """Give anchors to the boxes of a picture.

    Only anchors near the middle of a box take part. A box gets as many as the IoUs of its ten best add up to, at least
    one: those of the lowest cost, classification plus 3 x -log IoU. An anchor that several boxes want goes to the one
    that costs less.

    Args:
        boxes: (A, 4) `xyxy` pixels as predicted.
        logits: (A, 2) of objectness and of the only class.
        truth: (G, 4) `xyxy` pixels.
        points: (A, 2) middle of each anchor's cell, in pixels.
        strides: (A,) pixels.

    Returns:
        Empty without truth, and for boxes whose middle is not in the picture.
    """
    is_near = near_centres(truth, points, strides)  # (G, A)
    candidates = is_near.any(dim=0).nonzero()[:, 0]
    if not len(candidates):
        none = candidates.new_zeros(0)
        return Assignment(none, none, boxes.new_zeros(0))
    is_near = is_near[:, candidates]  # (G, K)
    iou = pairwise_iou(truth, boxes[candidates])
    class_cost = -functional.logsigmoid(logits[candidates]).mean(dim=1)  # of the root of the two scores' product
    cost = (class_cost - _IOU_WEIGHT * torch.log(iou + 1e-8)).masked_fill(~is_near, torch.inf)
    near_iou = iou.masked_fill(~is_near, 0.0)
    wanted = near_iou.topk(min(_MOST_ANCHORS, len(candidates)), dim=1).values.sum(dim=1).int().clamp(min=1)  # (G,)
    order = cost.argsort(dim=1, stable=True)
    places = torch.arange(len(candidates), device=cost.device).expand_as(order)
    rank = torch.empty_like(order).scatter_(1, order, places)
    cheapest = cost.masked_fill(rank >= wanted[:, None], torch.inf).min(dim=0)
    taken = cheapest.values.isfinite().nonzero()[:, 0]
    targets = cheapest.indices[taken]
    return Assignment(candidates[taken], targets, iou[targets, taken])


def near_centres(truth: Tensor, points: Tensor, strides: Tensor) -> Tensor:
    """(G, A): whether an anchor lies less than `CENTRE_RADIUS` of its cells from the middle of a box, in x and in y."""
    middle = (truth[:, None, :2] + truth[:, None, 2:]) / 2  # (G, 1, 2)
    distance = (points[None] - middle).abs().amax(dim=2)
    return distance < CENTRE_RADIUS * strides


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of (N, 4) and (M, 4) `xyxy` boxes: (N, M) in [0, 1]."""
    shared = pairwise_intersection(first, second)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(dim=1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared).clamp(min=1e-9)


def pairwise_intersection(first: Tensor, second: Tensor) -> Tensor:
    """Area that (N, 4) and (M, 4) `xyxy` boxes have in common: (N, M)."""
    upper = torch.maximum(first[:, None, :2], second[None, :, :2])
    lower = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    return (lower - upper).clamp(min=0).prod(dim=2)
