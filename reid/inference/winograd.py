"""The large 3x3 convolutions of the fusion with 4 instead of 9 multiplications a pixel, for CPUs.

The fusion of `mdpr-r101` is more than a third of its arithmetic, and a CPU computes it as fast as it can multiply. So
only fewer multiplications help: 16 for each 2x2 pixels instead of 36. The rest is sums of slices, which pays from about
a thousand channels on.

Reference: Lavin & Gray, Fast algorithms for convolutional neural networks (1509.09308), F(2x2, 3x3).
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdpr.reid.inference.folding import InferenceNetwork
from mdpr.reid.network.blocks import Merge
from mdpr.reid.network.config import map_rows

LEAST_CHANNELS = 1024
LEAST_TILES = 32  # of 2x2 pixels; with fewer, reading the weights takes longer than computing with them


class WinogradConv(nn.Module):
    """A 3x3 convolution with bias, stride 1 and padding 1: (N, C, H, W) to (N, O, H, W), H and W even.

    Args:
        conv: with these properties.
        is_ordered: False for a map whose pixels are only averaged: it comes as (N, O, 2 H, W / 2), in another order,
            which saves a pass over it.
    """

    def __init__(self, conv: nn.Conv2d, is_ordered: bool = True) -> None:
        super().__init__()
        if conv.kernel_size != (3, 3) or conv.stride != (1, 1) or conv.padding != (1, 1) or conv.bias is None:
            raise ValueError(f"expected 3x3 with bias, stride 1 and padding 1, got {conv}")
        outputs, channels = conv.weight.shape[:2]
        kernel = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], dtype=torch.float64)
        weight = torch.einsum("ai,ocij,bj->aboc", kernel, conv.weight.detach().double(), kernel).to(conv.weight.dtype)
        with torch.device("meta"):  # no random weights that would be replaced at once
            self.products = nn.Conv2d(16 * channels, 16 * outputs, 1, groups=16, bias=False)
        self.products.weight = nn.Parameter(weight.reshape(16 * outputs, channels, 1, 1), requires_grad=False)
        self.bias = nn.Parameter(conv.bias.detach()[:, None, None], requires_grad=False)
        self.is_ordered = is_ordered

    def forward(self, x: Tensor) -> Tensor:
        """The convolution, tile by tile of 2x2 pixels; a tile needs 4x4 of `x`."""
        count, _, height, width = x.shape
        x = functional.pad(x, (1, 1, 1, 1))
        rows = _into([x[:, :, k : k + height - 1 : 2] for k in range(4)])
        tiles = [tile for row in rows for tile in _into([row[..., k : k + width - 1 : 2] for k in range(4)])]
        products: Tensor = self.products(torch.cat(tiles, dim=1))  # (N, 16 O, H / 2, W / 2)
        if not self.is_ordered:  # the last axis is the dense one in the engines, so channels are split fastest there
            parts = _from_tiles(products.permute(0, 2, 3, 1).chunk(16, dim=3), self.bias[:, 0, 0])
            return torch.cat(parts, dim=1).permute(0, 3, 1, 2)
        parts = _from_tiles(products.chunk(16, dim=1), self.bias)
        tiled = torch.stack(parts, dim=1).view(count, 2, 2, -1, height // 2, width // 2)
        return tiled.permute(0, 3, 4, 1, 5, 2).reshape(count, -1, height, width)


def winograd_layers(network: InferenceNetwork) -> list[Merge]:
    """The layers of the fusion whose convolution is large enough to gain by it; none in `mdpr-s`."""
    fusion = network.network.fusion
    height, width = map(map_rows, network.config.input_size)
    if fusion is None or height % 2 or width % 2 or height * width // 4 < LEAST_TILES:
        return []
    layers = [layer for layer in fusion.children() if isinstance(layer, Merge)]
    return [layer for layer in layers if layer.conv3.in_channels >= LEAST_CHANNELS]


def with_winograd(network: InferenceNetwork) -> InferenceNetwork:
    """A copy with the convolutions of `winograd_layers` replaced; the embedding stays the same up to rounding."""
    network = copy.deepcopy(network)
    for layer in winograd_layers(network):
        is_last = network.network.fusion is not None and layer is network.network.fusion.both
        layer.register_module("conv3", WinogradConv(layer.conv3, is_ordered=not is_last))
    return network


def _into(lines: list[Tensor]) -> list[Tensor]:
    """One axis of the transform of a tile."""
    first, second, third, fourth = lines
    return [first - third, second + third, third - second, second - fourth]


def _from_tiles(products: tuple[Tensor, ...], bias: Tensor) -> list[Tensor]:
    """The four pixels of the tiles, row by row, from their 16 products."""
    top = [products[k] + products[4 + k] + products[8 + k] for k in range(4)]
    bottom = [products[4 + k] - products[8 + k] - products[12 + k] for k in range(4)]
    pixels = [(row[0] + row[1] + row[2] + bias, row[1] - row[2] - row[3] + bias) for row in (top, bottom)]
    return [pixel for pair in pixels for pixel in pair]
