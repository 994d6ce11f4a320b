"""Bounds of activations: what a network never saw in training counts no more than the strongest that it saw.

Each ReLU of the backbone gets an upper bound, in evaluation only: a quantile of its values on pictures like those of
the training. What excites a network beyond anything that it saw there then no longer outweighs the rest.

Reference: Sun et al., ReAct: Out-of-distribution detection with rectified activations (2111.12797), equation 3, which
bounds the last layer; here all ReLUs of the backbone are bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from mdpr.errors import FormatError, ModelError

SHARE = 0.995
"""Of a layer's values that stay as they are."""

_VALUES = 20_000  # of a layer that a batch gives at most, drawn at random


class BoundedReLU(nn.Module):
    """ReLU; in evaluation mode values above `bound` become `bound`."""

    def __init__(self) -> None:
        super().__init__()
        self.bound = math.inf

    def forward(self, x: Tensor) -> Tensor:
        if self.training or math.isinf(self.bound):
            return nn.functional.relu(x, inplace=True)
        return x.clamp(0.0, self.bound)

    def extra_repr(self) -> str:
        """The bound."""
        return f"bound={self.bound:g}"


def read_bounds(network: nn.Module) -> dict[str, float]:
    """The finite bounds of a network by the names of their layers."""
    return {name: layer.bound for name, layer in _layers(network).items() if math.isfinite(layer.bound)}


def set_bounds(network: nn.Module, bounds: Mapping[str, float]) -> None:
    """Give the layers of a network these bounds; those not named get none.

    Raises:
        ModelError: a name that the network does not have, or a bound that is not above 0.
    """
    layers = _layers(network)
    if unknown := sorted(bounds.keys() - layers.keys()):
        raise ModelError(f"bounds: the network has no layer {unknown[0]!r}")
    if wrong := [name for name, bound in bounds.items() if not bound > 0]:
        raise ModelError(f"bounds: expected values above 0, got {bounds[wrong[0]]} for {wrong[0]}")
    for name, layer in layers.items():
        layer.bound = bounds.get(name, math.inf)


@torch.no_grad()
def measure_bounds(network: nn.Module, batches: Iterable[Tensor], share: float = SHARE) -> dict[str, float]:
    """For each layer, what `share` of its values stay below.

    Args:
        network: in evaluation mode; measured as if it had no bounds.
        batches: (N, 3, H, W) normalised RGB on the network's device; some hundred pictures like those of the training.
        share: of the values, above 0.5 and below 1. Zeros count.

    Raises:
        FormatError: no pictures, or a layer that is zero nearly everywhere.
    """
    values: dict[str, list[Tensor]] = {}
    generator = torch.Generator().manual_seed(0)

    def keep(name: str, output: Tensor) -> None:
        flat = output.float().flatten().cpu()
        drawn = torch.randint(len(flat), (min(_VALUES, len(flat)),), generator=generator)
        values.setdefault(name, []).append(flat[drawn])

    before = read_bounds(network)
    set_bounds(network, {})
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output, name=name: keep(name, output))
        for name, layer in _layers(network).items()
    ]
    try:
        for images in batches:
            network(images)
    finally:
        for hook in hooks:
            hook.remove()
        set_bounds(network, before)
    if not values:
        raise FormatError("bounds: there are no pictures to measure them on")
    found = {name: float(torch.cat(parts).sort().values[_place(parts, share)]) for name, parts in values.items()}
    if dead := [name for name, bound in found.items() if not bound > 0]:
        raise FormatError(
            f"bounds: {dead[0]} is 0 for {share:.1%} of its values; give more pictures, or a larger share"
        )
    return found


def _place(parts: list[Tensor], share: float) -> int:
    count = sum(map(len, parts))
    return min(math.ceil(share * count), count - 1)


def _layers(network: nn.Module) -> dict[str, BoundedReLU]:
    return {name: layer for name, layer in network.named_modules() if isinstance(layer, BoundedReLU)}
