"""The layers that YOLOX is put together from.

Reference: Wang et al., CSPNet (arXiv:1911.11929), section 3; their order and sizes are those of
github.com/Megvii-BaseDetection/YOLOX (Apache-2.0, Copyright 2021 Megvii Inc.).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdpr.detectors.yolox.depthwise import HalvingDepthwise, is_slow_to_train

_BN_EPS, _BN_MOMENTUM = 1e-3, 0.03


class ConvUnit(nn.Module):
    """Convolution without bias, BatchNorm, SiLU; the size is kept, or halved by a stride of 2."""

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )  # fmt: skip
        self.bn: nn.Module = nn.BatchNorm2d(out_channels, eps=_BN_EPS, momentum=_BN_MOMENTUM)

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        if is_slow_to_train(x, conv.stride[0], conv.groups):
            half = torch.get_autocast_dtype("cpu")
            y = cast(Tensor, HalvingDepthwise.apply(x.to(half), conv.weight.to(half)))
        else:
            y = conv(x)
        return functional.silu(self.bn(y))


def conv3x3(channels: int, out_channels: int, depthwise: bool, stride: int = 1) -> nn.Module:
    """A 3x3 unit, or the two units that stand for it."""
    if not depthwise:
        return ConvUnit(channels, out_channels, 3, stride)
    return nn.Sequential(ConvUnit(channels, channels, 3, stride, groups=channels), ConvUnit(channels, out_channels, 1))


class Bottleneck(nn.Module):
    """1x1 and 3x3 convolution, with or without the input added."""

    def __init__(self, channels: int, is_residual: bool, depthwise: bool) -> None:
        super().__init__()
        self.reduce = ConvUnit(channels, channels, 1)
        self.spatial = conv3x3(channels, channels, depthwise)
        self._is_residual = is_residual

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.spatial(self.reduce(x))
        return y + x if self._is_residual else y


class CspStage(nn.Module):
    """Half of the channels through bottlenecks, half past them, joined by a 1x1 convolution."""

    def __init__(self, channels: int, out_channels: int, blocks: int, is_residual: bool, depthwise: bool) -> None:
        super().__init__()
        hidden = out_channels // 2
        self.deep = ConvUnit(channels, hidden, 1)
        self.flat = ConvUnit(channels, hidden, 1)
        self.blocks = nn.Sequential(*(Bottleneck(hidden, is_residual, depthwise) for _ in range(blocks)))
        self.join = ConvUnit(2 * hidden, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        deep, flat = self.deep(x), self.flat(x)
        out: Tensor = self.join(torch.cat([self.blocks(deep), flat], dim=1))
        return out


class SpatialPyramid(nn.Module):
    """Maxima over 5x5, 9x9 and 13x13 cells beside the input; each is made from the one before."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        hidden = channels // 2
        self.reduce = ConvUnit(channels, hidden, 1)
        self.join = ConvUnit(4 * hidden, out_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        levels = [self.reduce(x)]
        for _ in range(3):
            levels.append(functional.max_pool2d(levels[-1], 5, stride=1, padding=2))
        out: Tensor = self.join(torch.cat(levels, dim=1))
        return out


def space_to_depth(images: Tensor) -> Tensor:
    """(N, C, H, W) to (N, 4 C, H / 2, W / 2): the four pixels of each 2x2 block, column by column, as channels.

    >>> space_to_depth(torch.arange(4.0).reshape(1, 1, 2, 2)).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    left, right = images[..., ::2], images[..., 1::2]
    return torch.cat([left[..., ::2, :], left[..., 1::2, :], right[..., ::2, :], right[..., 1::2, :]], dim=1)
