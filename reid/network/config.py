"""What an MDPR network looks like: its presets and its configuration."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdpr.components import build_config
from mdpr.errors import ConfigError

DEPTHS = (18, 34, 50, 101)
BRANCHES = ("both", "hard", "soft")

LEVELS = (4, 3)
"""ResNet layers that the soft content branch looks at, in the order of the embedding."""


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture of an MDPR network; the defaults are the paper's.

    Attributes:
        depth: of the ResNet: 18, 34, 50 or 101.
        ibn: IBN-a in layers 1 to 3 (half InstanceNorm, half BatchNorm); else BatchNorm.
        backbone_width: multiplies the number of channels of the ResNet.
        width: D, values of each part of the embedding (the fused part has 4 D).
        branches: "both", or only "hard" or "soft", to measure what each is worth; one branch has neither fusion nor
            distillation.
        stripes: P, horizontal stripes of the hard content branch; 0 only with `branches` = hard: one global feature.
        attentions: M, foreground attention maps of the soft content branch.
        guidance: the attention of layer 4 guides that of layer 3.
        fusion: the fused embedding, and the layers that make it.
        distillation: predictors between the branches (training only).
        diversity: the loss that keeps the attentions apart (training only).
        flip_test: an embedding is the mean of the picture's and of its mirror image's, at twice the cost (evaluation
            mode only).
        input_size: (height, width) of a crop in pixels.
        mean, std: normalisation of RGB on the scale 0 to 255.
    """

    depth: int = 101
    ibn: bool = True
    backbone_width: float = 1.0
    width: int = 512
    branches: str = "both"
    stripes: int = 2
    attentions: int = 2
    guidance: bool = True
    fusion: bool = True
    distillation: bool = True
    diversity: bool = True
    flip_test: bool = False
    input_size: tuple[int, ...] = (384, 192)
    mean: tuple[float, ...] = (123.675, 116.28, 103.53)
    std: tuple[float, ...] = (58.395, 57.12, 57.375)

    def __post_init__(self) -> None:
        if self.depth not in DEPTHS:
            raise ConfigError(f"model.depth: expected one of {DEPTHS}, got {self.depth}")
        if not 0.1 <= self.backbone_width <= 4:
            raise ConfigError(f"model.backbone_width: expected 0.1 to 4, got {self.backbone_width}")
        if self.branches not in BRANCHES:
            raise ConfigError(f"model.branches: expected one of {', '.join(BRANCHES)}, got {self.branches!r}")
        if self.branches != "both" and (self.fusion or self.distillation):
            raise ConfigError(
                f"model.branches: fusion and distillation need both branches, not only {self.branches!r}. "
                "Do: --set model.fusion=false --set model.distillation=false"
            )
        if min(self.width, self.stripes + (self.branches == "hard"), self.attentions) < 1 or self.stripes < 0:
            raise ConfigError("model: width, stripes and attentions must be 1 or more")
        if len(self.input_size) != 2 or min(self.input_size) < 32:
            raise ConfigError(f"model.input_size: expected (height, width) of 32 or more, got {self.input_size}")
        rows = map_rows(self.input_size[0])
        if self.stripes and -(-rows // -(-rows // self.stripes)) != self.stripes:
            raise ConfigError(f"model.stripes: a feature map of {rows} rows cannot be cut into {self.stripes} stripes")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise ConfigError("model: mean and std need three values each, std above 0")

    @property
    def has_hard(self) -> bool:
        """Whether there is a hard content branch."""
        return self.branches != "soft"

    @property
    def has_soft(self) -> bool:
        """Whether there is a soft content branch."""
        return self.branches != "hard"

    @property
    def slices(self) -> dict[str, tuple[int, int]]:
        """Where each part of the embedding begins and ends, in order.

        >>> NetworkConfig(width=4, stripes=1, fusion=False).slices
        {'hard_global': (0, 4), 'hard_part_0': (4, 8), 'attn_feature4': (8, 12), 'attn_feature3': (12, 16)}
        """
        names: list[str] = []
        if self.has_hard:
            names += ["hard_global", *(f"hard_part_{i}" for i in range(self.stripes))]
        if self.has_soft:
            names += [f"attn_feature{level}" for level in LEVELS]
        parts = {name: (i * self.width, (i + 1) * self.width) for i, name in enumerate(names)}
        if self.fusion:
            end = len(names) * self.width
            parts["fusion"] = (end, end + 4 * self.width)
        return parts

    @property
    def dimension(self) -> int:
        """Values of the embedding: D (1 + P + 2), and 4 D more with fusion.

        >>> NetworkConfig().dimension, NetworkConfig(fusion=False).dimension
        (4608, 2560)
        """
        return max(end for _, end in self.slices.values())


def map_rows(height: int) -> int:
    """Rows of the last feature map for an input of `height` pixels; columns follow from the width likewise.

    >>> map_rows(384), map_rows(33)
    (24, 2)
    """
    rows = -(-height // 2) // 2  # the stem rounds up; the pooling has no padding, so it drops an odd row
    return -(-rows // 4)  # layers 2 and 3; layer 4 keeps the resolution of layer 3


PRESETS: dict[str, NetworkConfig] = {
    "mdpr-r101": NetworkConfig(),
    "mdpr-r50": NetworkConfig(depth=50, input_size=(256, 128)),
    "mdpr-s": NetworkConfig(depth=18, backbone_width=0.5, width=96, input_size=(192, 96)),
}


def network_config(name_or_config: str | NetworkConfig | Mapping[str, Any], **overrides: Any) -> NetworkConfig:
    """A configuration from a preset's name, a mapping, or another configuration, with some values replaced.

    Raises:
        ConfigError: unknown preset or key, or a value that does not fit.

    >>> network_config("mdpr-r50", stripes=3).dimension
    5120
    """
    if isinstance(name_or_config, str):
        if name_or_config not in PRESETS:
            raise ConfigError(f"unknown network {name_or_config!r}. Known: {', '.join(PRESETS)}")
        base = PRESETS[name_or_config]
    elif isinstance(name_or_config, NetworkConfig):
        base = name_or_config
    else:
        base = build_config(NetworkConfig, dict(name_or_config), "model")
    values: NetworkConfig = build_config(NetworkConfig, {**dataclasses.asdict(base), **overrides}, "model")
    return values
