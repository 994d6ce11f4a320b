"""The network that computes an embedding and nothing else, with everything linear folded together.

A BatchNorm after a convolution becomes part of it; Conv1x1-Conv3x3 without a non-linearity between becomes one Conv3x3,
and so do parallel 1x1 and 3x3 convolutions. Attention, bilinear pooling, predictors and class weights are left out. The
embedding stays the same up to rounding.
"""

from __future__ import annotations

import copy
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from mdpr.reid.network.attention import AttentionLogits
from mdpr.reid.network.blocks import Embed, GeM, Head, Merge, full_precision
from mdpr.reid.network.config import NetworkConfig
from mdpr.reid.network.model import MdprNetwork
from mdpr.reid.network.resnet import BasicBlock, Bottleneck, InstanceBatchNorm, Trunk


class InferenceNetwork(nn.Module):
    """Normalised RGB (N, 3, H, W) to raw embeddings (N, D_total), float32; made by `fold`."""

    def __init__(self, network: MdprNetwork) -> None:
        super().__init__()
        self.config: NetworkConfig = network.config
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network.embed(images)

    def folded(self) -> InferenceNetwork:
        """Itself: see `NetworkSource`."""
        return self


def fold(model: MdprNetwork, with_attention: bool = False) -> InferenceNetwork:
    """The inference network of a model, which is not changed.

    Args:
        model: trained network.
        with_attention: keep what `MdprNetwork.attention_maps` needs, for pictures.

    Returns:
        On the model's device, in evaluation mode, without gradients.
    """
    network = copy.deepcopy(model).eval().requires_grad_(False)
    network.num_classes = None
    network.predictors = nn.ModuleDict()
    for name in [name for name in network.heads if name not in network.config.slices]:
        del network.heads[name]
    if network.soft is not None:
        del network.soft.pool4, network.soft.pool3
        if not with_attention:
            del network.soft.logits4, network.soft.logits3, network.soft.guide
    for module in list(network.modules()):
        _fold_module(module)
    return InferenceNetwork(network)


class _HalfInstanceNorm(nn.Module):
    """IBN-a whose BatchNorm half has been folded away."""

    def __init__(self, instance_norm: nn.InstanceNorm2d) -> None:
        super().__init__()
        self.IN = instance_norm

    def forward(self, x: Tensor) -> Tensor:
        first, rest = torch.split(x, [self.IN.num_features, x.shape[1] - self.IN.num_features], dim=1)
        layout = torch.channels_last
        if not x.is_contiguous(memory_format=layout):
            return torch.cat([self.IN(first), rest], dim=1)
        first = self.IN(
            first.contiguous()
        )  # InstanceNorm loses channels-last, and the convolutions after it are slower
        return torch.cat([half.contiguous(memory_format=layout) for half in (first, rest)], dim=1)


class _CubicMean(nn.Module):
    """GeM with the exponent 3, which needs no power function."""

    def __init__(self, eps: float) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = full_precision(x).clamp(min=self.eps)
        return (x * x * x).mean(dim=(2, 3)).pow(1 / 3)


def _fold_module(module: nn.Module) -> None:
    if isinstance(module, Embed):
        _replace(module, conv=fuse_conv_bn_eval(module.conv, module.bn), bn=nn.Identity())
    elif isinstance(module, Merge):
        merged = fuse_conv_bn_eval(merge_in_series(module.conv1, module.conv3), module.bn)
        _replace(module, conv1=nn.Identity(), conv3=merged, bn=nn.Identity())
    elif isinstance(module, AttentionLogits):
        merged = fuse_conv_bn_eval(merge_in_parallel(module.conv1, module.conv3), module.bn)
        _replace(module, conv1=_Zero(), conv3=merged, bn=nn.Identity())
    elif isinstance(module, (BasicBlock, Bottleneck, Trunk)):
        _fold_pairs(module)
    elif isinstance(module, Head):
        module.classifier = None
        if isinstance(module.pool, GeM) and bool(module.pool.p == 3):
            _replace(module, pool=_CubicMean(module.pool.eps))


def _replace(module: nn.Module, **parts: nn.Module) -> None:
    for name, part in parts.items():
        module.register_module(name, part)


class _Zero(nn.Module):
    """What is left of a convolution that was merged into its neighbour."""

    def forward(self, x: Tensor) -> Tensor:
        return x.new_zeros(())


def _fold_pairs(module: nn.Module) -> None:
    """Fold bn1, bn2, bn3 into conv1, conv2, conv3, and the normalisation of the shortcut."""
    for number in (1, 2, 3):
        conv, norm = getattr(module, f"conv{number}", None), getattr(module, f"bn{number}", None)
        if isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
            _replace(module, **{f"conv{number}": fuse_conv_bn_eval(conv, norm), f"bn{number}": nn.Identity()})
        elif isinstance(conv, nn.Conv2d) and isinstance(norm, InstanceBatchNorm):
            _replace(module, **{f"conv{number}": _fuse_rest(conv, norm), f"bn{number}": _HalfInstanceNorm(norm.IN)})
    shortcut = getattr(module, "downsample", None)
    if shortcut is not None:
        _replace(module, downsample=fuse_conv_bn_eval(shortcut[0], shortcut[1]))


def _fuse_rest(conv: nn.Conv2d, norm: InstanceBatchNorm) -> nn.Conv2d:
    """The convolution with the BatchNorm of its later channels folded in; the first channels stay as they are."""
    first = norm.instances
    folded = fuse_conv_bn_eval(_convolution(conv, conv.weight[first:], None), norm.BN)
    bias = torch.cat([conv.weight.new_zeros(first), cast(Tensor, folded.bias)])
    return _convolution(conv, torch.cat([conv.weight[:first], folded.weight]), bias)


def merge_in_series(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """One convolution for a 1x1 without bias and then a k x k without bias.

    >>> first, second = nn.Conv2d(2, 3, 1, bias=False), nn.Conv2d(3, 4, 3, padding=1, bias=False)
    >>> x = torch.ones(1, 2, 5, 5)
    >>> bool(torch.allclose(merge_in_series(first, second)(x), second(first(x)), atol=1e-6))
    True
    """
    return _convolution(second, torch.einsum("omhw,mi->oihw", second.weight, first.weight[:, :, 0, 0]), None)


def merge_in_parallel(first: nn.Conv2d, second: nn.Conv2d) -> nn.Conv2d:
    """One convolution for the sum of a 1x1 and a 3x3 with padding 1, both without bias.

    >>> first, second = nn.Conv2d(2, 3, 1, bias=False), nn.Conv2d(2, 3, 3, padding=1, bias=False)
    >>> x = torch.ones(1, 2, 5, 5)
    >>> bool(torch.allclose(merge_in_parallel(first, second)(x), first(x) + second(x), atol=1e-6))
    True
    """
    weight = second.weight.clone()
    weight[:, :, 1:2, 1:2] += first.weight
    return _convolution(second, weight, None)


def _convolution(like: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    """A convolution with the stride of `like`, other weights, and padding that keeps the size (as all of ours have)."""
    inputs, outputs, kernel = weight.shape[1], weight.shape[0], weight.shape[2]
    with torch.device("meta"):  # no random weights that would be replaced at once
        made = nn.Conv2d(inputs, outputs, kernel, like.stride[0], kernel // 2, bias=bias is not None)
    made.weight = nn.Parameter(weight.detach(), requires_grad=False)
    if bias is not None:
        made.bias = nn.Parameter(bias.detach(), requires_grad=False)
    return made.eval()
