"""The YOLOX network: CSP backbone, PAN neck, decoupled head.

Pictures go in as BGR from 0 to 255, as YOLOX has them since release 0.1.1; BatchNorm does the rest. Layers run in the
order of the published networks, so that their weights can be read in one after the other (see the tests).

Reference: Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (arXiv:2107.08430). The blocks and their sizes are those
of the implementation of its authors, github.com/Megvii-BaseDetection/YOLOX (Apache-2.0, Copyright 2021 Megvii Inc.).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdpr.detectors.yolox.blocks import ConvUnit, CspStage, SpatialPyramid, conv3x3, space_to_depth
from mdpr.errors import ConfigError

STRIDES = (8, 16, 32)
_PRIOR = 0.01  # of an anchor that it is an object, so that the first steps are not all about the background
_FIRST_BOX = (0.5, 0.5, math.log(2.0), math.log(5.0))
"""What a fresh network finds everywhere: upright, 2 x 5 cells. Boxes of one cell, which it would find otherwise,
overlap people so little that each teaches a single anchor, and the first thousand steps are slow."""


@dataclass(frozen=True)
class NetworkConfig:
    """Size of a network; the defaults are YOLOX-nano for one class.

    Attributes:
        depth: factor on the number of blocks of a stage.
        width: factor on the number of channels.
        depthwise: 3x3 convolutions are split into one a channel and a 1x1.
        classes: that are told apart; 1 = person only.
    """

    depth: float = 0.33
    width: float = 0.25
    depthwise: bool = True
    classes: int = 1

    def __post_init__(self) -> None:
        if not (self.depth > 0 and self.width > 0):
            raise ConfigError(f"network: depth and width must be above 0, got {self.depth:g} and {self.width:g}")
        if self.classes < 1 or int(64 * self.width) < 4:
            raise ConfigError(
                f"network: expected at least 1 class and a width of at least 0.0625, got {self.classes} and "
                f"{self.width:g}"
            )


SIZES: dict[str, NetworkConfig] = {
    "nano": NetworkConfig(0.33, 0.25, True),
    "micro": NetworkConfig(0.33, 0.25, False),
    "tiny": NetworkConfig(0.33, 0.375, False),
    "s": NetworkConfig(0.33, 0.50, False),
    "m": NetworkConfig(0.67, 0.75, False),
}
"""By name, for one class: the published sizes, and micro, which is nano with whole convolutions."""


class Backbone(nn.Module):
    """CSPDarknet: features of strides 8, 16 and 32."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        base, deep = int(64 * config.width), max(round(3 * config.depth), 1)
        separable = config.depthwise
        self.stem = ConvUnit(12, base, 3)
        self.stage2 = nn.Sequential(
            conv3x3(base, 2 * base, separable, 2), CspStage(2 * base, 2 * base, deep, True, separable)
        )
        self.stage3 = nn.Sequential(
            conv3x3(2 * base, 4 * base, separable, 2), CspStage(4 * base, 4 * base, 3 * deep, True, separable)
        )
        self.stage4 = nn.Sequential(
            conv3x3(4 * base, 8 * base, separable, 2), CspStage(8 * base, 8 * base, 3 * deep, True, separable)
        )
        self.stage5 = nn.Sequential(
            conv3x3(8 * base, 16 * base, separable, 2),
            SpatialPyramid(16 * base, 16 * base),
            CspStage(16 * base, 16 * base, deep, False, separable),
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = self.stage2(self.stem(space_to_depth(images)))
        c3 = self.stage3(x)
        c4 = self.stage4(c3)
        return c3, c4, self.stage5(c4)


class Neck(nn.Module):
    """PAN: from coarse to fine and back, so that each stride knows of the others."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        c3, c4, c5 = (int(channels * config.width) for channels in (256, 512, 1024))
        blocks, separable = max(round(3 * config.depth), 1), config.depthwise
        self.reduce5 = ConvUnit(c5, c4, 1)
        self.down4 = CspStage(2 * c4, c4, blocks, False, separable)
        self.reduce4 = ConvUnit(c4, c3, 1)
        self.down3 = CspStage(2 * c3, c3, blocks, False, separable)
        self.stride4 = conv3x3(c3, c3, separable, 2)
        self.up4 = CspStage(2 * c3, c4, blocks, False, separable)
        self.stride5 = conv3x3(c4, c4, separable, 2)
        self.up5 = CspStage(2 * c4, c5, blocks, False, separable)

    def forward(self, c3: Tensor, c4: Tensor, c5: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        p5 = self.reduce5(c5)
        p4 = self.reduce4(self.down4(torch.cat([_twice(p5), c4], dim=1)))
        n3 = self.down3(torch.cat([_twice(p4), c3], dim=1))
        n4 = self.up4(torch.cat([self.stride4(n3), p4], dim=1))
        return n3, n4, self.up5(torch.cat([self.stride5(n4), p5], dim=1))


def _twice(x: Tensor) -> Tensor:
    return functional.interpolate(x, scale_factor=2.0, mode="nearest")


class Head(nn.Module):
    """For one stride: class scores from one branch, box and objectness from another."""

    def __init__(self, channels: int, config: NetworkConfig) -> None:
        super().__init__()
        hidden = int(256 * config.width)
        self.stem = ConvUnit(channels, hidden, 1)
        self.class_branch = nn.Sequential(*(conv3x3(hidden, hidden, config.depthwise) for _ in range(2)))
        self.class_logits = nn.Conv2d(hidden, config.classes, 1)
        self.box_branch = nn.Sequential(*(conv3x3(hidden, hidden, config.depthwise) for _ in range(2)))
        self.boxes = nn.Conv2d(hidden, 4, 1)
        self.objectness = nn.Conv2d(hidden, 1, 1)
        for layer in (self.class_logits, self.objectness):
            nn.init.constant_(layer.bias, -math.log((1 - _PRIOR) / _PRIOR))  # type: ignore[arg-type]
        with torch.no_grad():
            self.boxes.bias.copy_(torch.tensor(_FIRST_BOX))  # type: ignore[union-attr]

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        classes = self.class_logits(self.class_branch(x))
        found = self.box_branch(x)
        out = torch.cat([self.boxes(found), self.objectness(found), classes], dim=1)  # (N, 5 + classes, rows, columns)
        return out.permute(0, 2, 3, 1).flatten(1, 2)


class YoloxNetwork(nn.Module):
    """Pictures to one row for each anchor.

    Args:
        config: size of the network. Weights are random, of torch's global generator.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = Backbone(config)
        self.neck = Neck(config)
        self.heads = nn.ModuleList(Head(int(channels * config.width), config) for channels in (256, 512, 1024))

    def forward(self, images: Tensor) -> Tensor:
        """
        Args:
            images: (N, 3, H, W) BGR in 0..255; H and W multiples of 32.

        Returns:
            (N, A, 5 + classes): centre offset x, y in cells, log width, log height in cells, objectness and class
            logits; anchors of strides 8, 16, 32, each row by row, as `mdpr.detectors.yolo_outputs.grid` counts them.
        """
        levels = self.neck(*self.backbone(images))
        return torch.cat([head(level) for head, level in zip(self.heads, levels, strict=True)], dim=1)
