"""ResNet with IBN-a, cut where MDPR needs it: a trunk up to layer 2, and layers 3 and 4 for a branch.

IBN-a: in layers 1 to 3 the first normalisation of a block is InstanceNorm for the first half of its channels. As the
paper's backbone does, layer 4 keeps the resolution of layer 3, and the first max-pooling has no padding and rounds up.

Reference: He et al., Deep residual learning (1512.03385); Pan et al., Two at once: IBN-Net (1807.09441).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from mdpr.reid.network.bounds import BoundedReLU

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
STRIDES = (1, 2, 2, 1)
BOTTLENECK_EXPANSION = 4


class InstanceBatchNorm(nn.Module):
    """IBN-a: InstanceNorm for the first half of the channels, BatchNorm for the rest."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.instances = channels // 2
        self.IN = nn.InstanceNorm2d(self.instances, affine=True)  # the names of IBN-Net's published weights
        self.BN = nn.BatchNorm2d(channels - self.instances)

    def forward(self, x: Tensor) -> Tensor:
        first, rest = torch.split(x, [self.instances, x.shape[1] - self.instances], dim=1)
        is_last = x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if is_last else torch.contiguous_format
        first = self.IN(first.contiguous()).contiguous(memory_format=layout)  # InstanceNorm loses channels-last
        return torch.cat([first, self.BN(rest.contiguous(memory_format=layout))], dim=1)


def _norm(channels: int, is_ibn: bool) -> nn.Module:
    return InstanceBatchNorm(channels) if is_ibn else nn.BatchNorm2d(channels)


def _downsample(channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and channels == out_channels:
        return None
    return nn.Sequential(nn.Conv2d(channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (ResNet 18 and 34)."""

    expansion = 1

    def __init__(self, channels: int, width: int, stride: int, is_ibn: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, stride, 1, bias=False)
        self.bn1 = _norm(width, is_ibn)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _downsample(channels, width, stride)
        self.relu1, self.relu = BoundedReLU(), BoundedReLU()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu1(self.bn1(self.conv1(x)))
        summed: Tensor = self.relu(self.bn2(self.conv2(x)) + shortcut)
        return summed


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1 (ResNet 50 and 101); the stride is at the 3x3."""

    expansion = BOTTLENECK_EXPANSION

    def __init__(self, channels: int, width: int, stride: int, is_ibn: bool) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = _norm(width, is_ibn)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample = _downsample(channels, out_channels, stride)
        self.relu1, self.relu2, self.relu = BoundedReLU(), BoundedReLU(), BoundedReLU()

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        x = self.relu1(self.bn1(self.conv1(x)))
        x = self.relu2(self.bn2(self.conv2(x)))
        summed: Tensor = self.relu(self.bn3(self.conv3(x)) + shortcut)
        return summed


def layer_channels(depth: int, backbone_width: float) -> tuple[int, ...]:
    """Channels that layers 1 to 4 give.

    >>> layer_channels(101, 1.0), layer_channels(18, 0.5)
    ((256, 512, 1024, 2048), (32, 64, 128, 256))
    """
    return tuple(_width(i, backbone_width) * _block(depth).expansion for i in range(4))


def make_layer(depth: int, backbone_width: float, is_ibn: bool, number: int) -> nn.Sequential:
    """Layer `number` (1 to 4) of a ResNet; layer 4 never has IBN."""
    i = number - 1
    block = _block(depth)
    width = _width(i, backbone_width)
    first = _stem_channels(backbone_width) if i == 0 else layer_channels(depth, backbone_width)[i - 1]
    is_ibn = is_ibn and number < 4
    blocks = [block(first, width, STRIDES[i], is_ibn)]
    blocks += [block(width * block.expansion, width, 1, is_ibn) for _ in range(BLOCKS[depth][i] - 1)]
    return nn.Sequential(*blocks)


class Trunk(nn.Module):
    """Stem, layer 1 and layer 2: (N, 3, H, W) to (N, C, H / 8, W / 8), shared by both branches."""

    def __init__(self, depth: int, backbone_width: float, is_ibn: bool) -> None:
        super().__init__()
        channels = _stem_channels(backbone_width)
        self.conv1 = nn.Conv2d(3, channels, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = BoundedReLU()
        self.maxpool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.layer1 = make_layer(depth, backbone_width, is_ibn, 1)
        self.layer2 = make_layer(depth, backbone_width, is_ibn, 2)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        return self.layer2(self.layer1(x))


def _block(depth: int) -> type[BasicBlock] | type[Bottleneck]:
    return BasicBlock if depth < 50 else Bottleneck


def _width(i: int, backbone_width: float) -> int:
    return max(2, 2 * round(32 * 2**i * backbone_width))  # even, so that IBN has two halves


def _stem_channels(backbone_width: float) -> int:
    return _width(0, backbone_width)
