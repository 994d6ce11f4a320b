"""The network with BatchNorm folded into the convolutions: the same function in half as many layers."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mdpr.detectors.yolox.blocks import ConvUnit
from mdpr.detectors.yolox.calibration import Calibration
from mdpr.detectors.yolox.network import YoloxNetwork


class FoldedNetwork(nn.Module):
    """A trained network as it is exported: logits become scores.

    Args:
        network: on any device; it is copied, not changed.
        calibration: of the scores of a network of one class; None leaves them.
    """

    def __init__(self, network: YoloxNetwork, calibration: Calibration | None = None) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._calibration = calibration
        for unit in self.network.modules():
            if isinstance(unit, ConvUnit):
                bn: Any = unit.bn
                unit.conv = fuse_conv_bn_eval(unit.conv, bn)
                unit.bn = nn.Identity()
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """(N, 3, H, W) BGR in 0..255 to (N, A, 5 + classes): boxes as the network has them, then scores in [0, 1].

        A calibrated score is the objectness, and that of the class is 1.
        """
        out = self.network(images)
        if self._calibration is None:
            return torch.cat([out[..., :4], out[..., 4:].sigmoid()], dim=-1)
        objectness, person = out[..., 4:5], out[..., 5:6]
        odds = torch.cat([-objectness, -person, -objectness - person], dim=-1)
        logits = -torch.logsumexp(odds, dim=-1, keepdim=True)  # of the product of the two scores
        score = (self._calibration.slope * logits + self._calibration.shift).sigmoid()
        return torch.cat([out[..., :4], score, torch.ones_like(score)], dim=-1)
