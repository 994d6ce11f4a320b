"""Soft content: attention maps, their guidance, and bilinear attention pooling. Only training needs this."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdpr.reid.network.blocks import Embed, GeM, full_precision


class AttentionLogits(nn.Module):
    """ReLU(BN(Conv1x1(x) + Conv3x3(x))): (N, C, H, W) to (N, M + 1, H, W); the last channel is background."""

    def __init__(self, channels: int, maps: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, maps, 1, bias=False)
        self.conv3 = nn.Conv2d(channels, maps, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(maps)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv1(x) + self.conv3(x)))


class Guidance(nn.Module):
    """U = ReLU(Conv1x1(resize(L4))): what layer 4 attends to, at the size (h, w) of layer 3. Gradients flow back."""

    def __init__(self, maps: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(maps, maps, 1, bias=False)

    def forward(self, logits: Tensor, size: tuple[int, int]) -> Tensor:
        if tuple(logits.shape[2:]) != size:
            logits = functional.interpolate(logits, size=size, mode="bilinear", align_corners=True)
        return functional.relu(self.conv(logits))


def foreground(logits: Tensor) -> Tensor:
    """Softmax over the M + 1 channels, without the background: (N, M, H, W).

    >>> foreground(torch.zeros(1, 4, 2, 2)).shape, float(foreground(torch.zeros(1, 4, 2, 2)).sum())
    (torch.Size([1, 3, 2, 2]), 3.0)
    """
    return torch.softmax(full_precision(logits), dim=1)[:, :-1]


class BilinearAttentionPool(nn.Module):
    """f_i = GeM(Emb_i(X * A_i)) for each attention A_i; one exponent for all."""

    def __init__(self, channels: int, width: int, attentions: int) -> None:
        super().__init__()
        self.pool = GeM()
        self.embed = nn.ModuleList(Embed(channels, width) for _ in range(attentions))

    def forward(self, x: Tensor, attention: Tensor) -> Tensor:
        """(N, M, D) from features (N, C, H, W) and attentions (N, M, H, W)."""
        pooled = [self.pool(embed(x * attention[:, i : i + 1])) for i, embed in enumerate(self.embed)]
        return torch.stack(pooled, dim=1)
