"""Depthwise convolutions of stride 2 whose gradients do not take five times as long as they must."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class HalvingDepthwise(torch.autograd.Function):
    """A 3x3 convolution of each channel with stride 2, as `conv2d` computes it.

    For bf16 on CPUs, oneDNN (3.12) has a slow path for the gradients of exactly these; those of stride 1 are fast. The
    output of stride 2 is every second row and column of that of stride 1, so its gradients are those of stride 1 where
    all others get none: four times the work in a quarter of the time. Of a whole training step it saves a fifth.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """(N, C, H, W) with even sides, and weights (C, 1, 3, 3), to (N, C, H / 2, W / 2)."""
        ctx.save_for_backward(x, weight)
        return functional.conv2d(x, weight, stride=2, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Gradients of input and weights."""
        x, weight = ctx.saved_tensors
        spread = torch.zeros_like(x)
        spread[:, :, ::2, ::2] = gradients[0]
        of_x, of_weight, _ = torch.ops.aten.convolution_backward(
            spread, x, weight, None, [1, 1], [1, 1], [1, 1], False, [0, 0], x.shape[1], [True, True, False]
        )
        return of_x, of_weight


def is_slow_to_train(x: Tensor, stride: int, groups: int) -> bool:
    """Whether `HalvingDepthwise` is the faster one for this input."""
    is_bf16 = x.device.type == "cpu" and torch.is_autocast_enabled("cpu")
    return is_bf16 and stride == 2 and groups > 1 and torch.is_grad_enabled()
