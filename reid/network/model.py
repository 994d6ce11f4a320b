"""The MDPR network: embeddings in evaluation mode, everything that the losses need in training mode.

Reference: Fu et al., Mutual distillation learning for person re-identification (2401.06430).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.network.blocks import Head, initialise
from mdpr.reid.network.branches import Fusion, HardBranch, Maps, SoftBranch
from mdpr.reid.network.config import LEVELS, NetworkConfig, network_config
from mdpr.reid.network.resnet import Trunk


@dataclass(frozen=True, eq=False)
class MdprOutputs:
    """What a training step needs of B crops and C identities.

    The heads are those of `NetworkConfig.slices`, and `attn_bap4` and `attn_bap3` for what the attentions picked out.

    Attributes:
        features: of each head after its neck, (B, D); (B, 4 D) for `fusion`, (B, M D) for `attn_bap4` and `attn_bap3`.
        cosines: of each head, (B, C) with the class weights.
        attended: of `attn4` and `attn3`, (B, M, D): what each attention picked out.
        attentions: of `attn4` and `attn3`, (B, M, h, w).
        predictions: of `hard_global` and `attn_feature4`, (B, D): the other's feature as predicted; empty without
            distillation.
        has_diversity: whether the diversity terms are wanted.
    """

    features: dict[str, Tensor]
    cosines: dict[str, Tensor]
    attended: dict[str, Tensor]
    attentions: dict[str, Tensor]
    predictions: dict[str, Tensor]
    has_diversity: bool = True


class MdprNetwork(nn.Module):
    """See `build_model`, which also gives it its first weights."""

    def __init__(self, config: NetworkConfig, num_classes: int | None = None) -> None:
        super().__init__()
        if num_classes is not None and num_classes < 2:
            raise ConfigError(f"model: {num_classes} identities cannot be told apart; training needs 2 or more")
        self.config = config
        self.num_classes = num_classes
        self.trunk = Trunk(config.depth, config.backbone_width, config.ibn)
        self.hard = HardBranch(config) if config.has_hard else None
        self.soft = SoftBranch(config) if config.has_soft else None
        self.fusion = Fusion(config.width) if config.fusion else None
        self.heads = nn.ModuleDict(
            {name: Head(end - start, num_classes, has_pool=True) for name, (start, end) in config.slices.items()}
        )
        for level in LEVELS if config.has_soft else ():
            self.heads[f"attn_bap{level}"] = Head(config.attentions * config.width, num_classes, has_pool=False)
        self.predictors = nn.ModuleDict(
            {name: _predictor(config.width) for name in ("hard_global", "attn_feature4") if config.distillation}
        )

    def copy_branches(self) -> None:
        """Let layers 3 and 4 of the soft branch begin with the weights of the hard branch."""
        if self.hard is not None and self.soft is not None:
            self.soft.layer3.load_state_dict(self.hard.layer3.state_dict())
            self.soft.layer4.load_state_dict(self.hard.layer4.state_dict())

    def forward(self, images: Tensor) -> Tensor | MdprOutputs:
        """(N, D_total) raw embeddings, float32 or better, in evaluation mode, `MdprOutputs` in training mode.

        Args:
            images: (N, 3, H, W) normalised RGB.

        Raises:
            ConfigError: training mode of a network without class weights.
            FormatError: fewer than 2 images in training mode.
        """
        return self.outputs(images) if self.training else self.embed(images)

    def embed(self, images: Tensor) -> Tensor:
        """(N, D_total) raw embeddings: post-neck features in the order of `config.slices`; compare them by cosine."""
        return flip_tested(self._embed_once, images) if self.config.flip_test else self._embed_once(images)

    def _embed_once(self, images: Tensor) -> Tensor:
        trunk = self.trunk(images)
        if self.soft is None:
            return self.embed_maps(trunk)
        x3, x4 = self.soft.backbone(trunk)
        return self.embed_maps(trunk, (x4, self.soft.reduce3(x3)))

    def embed_maps(self, trunk: Tensor, seen: tuple[Tensor, Tensor] | None = None) -> Tensor:
        """The embeddings from what the trunk (F) and the soft branch, if there is one, give (X4 and X3')."""
        maps = self._maps(trunk, seen)
        return torch.cat([self.heads[name](maps[name]) for name in self.config.slices], dim=1)

    def outputs(self, images: Tensor) -> MdprOutputs:
        """Everything that `mdpr_losses` needs, from B crops, B >= 2."""
        if self.num_classes is None:
            raise ConfigError("this network was built without class weights; give build_model num_classes to train it")
        if images.shape[0] < 2:
            raise FormatError(f"a training batch needs 2 crops or more (BatchNorm), got {images.shape[0]}")
        trunk = self.trunk(images)
        attentions: Maps = {}
        attended: Maps = {}
        seen: tuple[Tensor, Tensor] | None = None
        if self.soft is not None:
            x3, x4 = self.soft.backbone(trunk)
            seen = x4, self.soft.reduce3(x3)
            attentions = self.soft.attend(x3, x4)
            attended["attn4"] = self.soft.pool4(x4, attentions["attn4"])
            attended["attn3"] = self.soft.pool3(seen[1], attentions["attn3"])
        maps = self._maps(trunk, seen)
        inputs = {name: maps[name] for name in self.config.slices}
        inputs |= {name.replace("attn", "attn_bap"): functional.relu(map.flatten(1)) for name, map in attended.items()}
        features = {name: self.heads[name](x) for name, x in inputs.items()}
        return MdprOutputs(
            features=features,
            cosines={name: self._head(name).cosines(feature) for name, feature in features.items()},
            attended=attended,
            attentions=attentions,
            predictions={name: predictor(features[name]) for name, predictor in self.predictors.items()},
            has_diversity=self.config.diversity and self.soft is not None,
        )

    @torch.no_grad()
    def attention_maps(self, images: Tensor) -> dict[str, Tensor]:
        """Where the soft branch looks: `attn4` and `attn3`, (N, M, h, w) each, in [0, 1]; for pictures.

        The maps of a level sum to 1 at most; the rest is background.

        Raises:
            ConfigError: in training mode, in which looking would change the BatchNorm statistics, or no soft branch.
        """
        if self.soft is None:
            raise ConfigError("attention_maps: only the soft branch has attentions, and this network has none")
        if self.training:
            raise ConfigError("attention_maps: the network is in training mode; call eval() first")
        return self.soft.attend(*self.soft.backbone(self.trunk(images)))

    def _maps(self, trunk: Tensor, seen: tuple[Tensor, Tensor] | None) -> Maps:
        """The map of each part of the embedding."""
        maps: Maps = self.hard(trunk) if self.hard is not None else {}
        if self.soft is not None and seen is not None:
            maps |= self.soft.embed(*seen)
        if self.fusion is not None:
            maps["fusion"] = self.fusion(maps)
        return maps

    def _head(self, name: str) -> Head:
        return cast(Head, self.heads[name])


def build_model(
    name_or_config: str | NetworkConfig | Mapping[str, Any], num_classes: int | None = None, **overrides: Any
) -> MdprNetwork:
    """An MDPR network with random weights, in training mode.

    Args:
        name_or_config: "mdpr-r101", "mdpr-r50", "mdpr-s", or a configuration.
        num_classes: number of identities to train on; None = embeddings only, without class weights.
        overrides: fields of `NetworkConfig` to replace.

    Raises:
        ConfigError: unknown name or field, or a value that does not fit.

    >>> model = build_model("mdpr-s", width=8, input_size=(64, 32)).eval()
    >>> model(torch.zeros(2, 3, 64, 32)).shape
    torch.Size([2, 72])
    """
    model = MdprNetwork(network_config(name_or_config, **overrides), num_classes)
    initialise(model)
    model.copy_branches()
    return model


def flip_tested(embed: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """(N, D) means of what `embed` gives for N images and for their mirror images, in one call of 2 N."""
    both = embed(torch.cat([images, images.flip(3)]))
    return both.reshape(2, -1, both.shape[1]).mean(dim=0)


def _predictor(width: int) -> nn.Sequential:
    """h of the mutual distillation: Linear, BatchNorm, ReLU, Linear."""
    return nn.Sequential(nn.Linear(width, width, bias=False), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width))
