"""An exponential moving average of a network's weights."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from mdpr.reid.network import MdprNetwork


class MovingAverage:
    """A network whose weights follow those of another.

    Args:
        model: to follow; copied.
        decay: share of the average that stays at each update. It grows from 1/11 by (1 + n) / (10 + n), so that the
            random weights of the beginning are soon forgotten.
    """

    def __init__(self, model: MdprNetwork, decay: float) -> None:
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self._decay = decay

    @torch.no_grad()
    def update(self, model: MdprNetwork, updates: int) -> None:
        """Move towards the weights of `model`; BatchNorm's running statistics are averaged too.

        Args:
            model: of the same architecture.
            updates: done before.
        """
        share = 1 - min(self._decay, (1 + updates) / (10 + updates))
        averages, values = _tensors(self.model), _tensors(model)
        floating = [name for name, tensor in averages.items() if tensor.is_floating_point()]
        torch._foreach_lerp_([averages[name] for name in floating], [values[name] for name in floating], share)
        for name in averages.keys() - set(floating):
            averages[name].copy_(values[name])


def _tensors(model: MdprNetwork) -> dict[str, Tensor]:
    return dict(model.named_parameters()) | dict(model.named_buffers())
