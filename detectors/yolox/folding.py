"""The network with BatchNorm folded into the convolutions: the same function in half as many layers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mdpr.detectors.yolox.blocks import ConvUnit
from mdpr.detectors.yolox.network import YoloxNetwork


class FoldedNetwork(nn.Module):
    """A trained network as it is exported: logits become scores.

    Args:
        network: on any device; it is copied, not changed.
    """

    def __init__(self, network: YoloxNetwork) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        for unit in self.network.modules():
            if isinstance(unit, ConvUnit):
                bn: Any = unit.bn
                unit.conv = fuse_conv_bn_eval(unit.conv, bn)
                unit.bn = nn.Identity()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) BGR in 0..255 to (N, A, 5 + classes): boxes as the network has them, then scores in [0, 1]."""
        out = self.network(images)
        return torch.cat([out[..., :4], out[..., 4:].sigmoid()], dim=-1)
