"""All terms of the MDPR loss by name."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from mdpr.errors import ConfigError, FormatError
from mdpr.reid.losses.classification import circle_logits, smoothed_cross_entropy
from mdpr.reid.losses.distillation import mutual_distillation
from mdpr.reid.losses.diversity import attention_size, diversity
from mdpr.reid.losses.triplet import batch_hard_triplet
from mdpr.reid.network.blocks import full_precision
from mdpr.reid.network.config import LEVELS
from mdpr.reid.network.model import MdprOutputs


@dataclass(frozen=True)
class LossConfig:
    """Weights and margins; the defaults are the paper's.

    Attributes:
        label_smoothing: share of the cross-entropy's target that the other identities get.
        circle_scale, circle_margin: of the circle softmax.
        triplet_margin: of the batch-hard triplet loss, in units of feature distance.
        attention_weight: of the size of the attentions.
        distillation_weight: of the mutual distillation.
    """

    label_smoothing: float = 0.1
    circle_scale: float = 64.0
    circle_margin: float = 0.35
    triplet_margin: float = 0.05
    attention_weight: float = 0.001
    distillation_weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.label_smoothing < 1:
            raise ConfigError(f"loss.label_smoothing: expected 0 to below 1, got {self.label_smoothing}")
        if self.circle_scale <= 0:
            raise ConfigError(f"loss.circle_scale: expected more than 0, got {self.circle_scale}")
        for name in ("circle_margin", "triplet_margin", "attention_weight", "distillation_weight"):
            if getattr(self, name) < 0:
                raise ConfigError(f"loss.{name}: expected 0 or more, got {getattr(self, name)}")


def mdpr_losses(outputs: MdprOutputs, targets: Tensor, config: LossConfig = LossConfig()) -> dict[str, Tensor]:
    """Every term, weighted, as a scalar in full precision; the loss is their plain sum.

    Args:
        outputs: of the network in training mode, for B crops.
        targets: (B,) int64 identities in [0, C).

    Raises:
        FormatError: targets of another length or type, or outside [0, C).
    """
    _check(outputs, targets)
    with torch.autocast(targets.device.type, enabled=False):  # its half-precision products lose small distances
        return _terms(outputs, targets, config)


def _terms(outputs: MdprOutputs, targets: Tensor, config: LossConfig) -> dict[str, Tensor]:
    terms: dict[str, Tensor] = {}
    for name, cosines in outputs.cosines.items():
        logits = circle_logits(full_precision(cosines), targets, config.circle_scale, config.circle_margin)
        terms[f"{name}_cls"] = smoothed_cross_entropy(logits, targets, config.label_smoothing)
        if not name.startswith("attn_bap"):
            terms[f"{name}_triplet"] = batch_hard_triplet(
                full_precision(outputs.features[name]), targets, config.triplet_margin
            )
    if outputs.has_diversity:
        for level in LEVELS:
            terms[f"diversity_loss_{level}"] = diversity(full_precision(outputs.attended[f"attn{level}"]))
            size = attention_size(full_precision(outputs.attentions[f"attn{level}"]))
            terms[f"diversity_loss_reg_{level}"] = config.attention_weight * size
    if outputs.predictions:
        terms["mutual_distillation"] = config.distillation_weight * mutual_distillation(
            full_precision(outputs.features["hard_global"]),
            full_precision(outputs.features["attn_feature4"]),
            full_precision(outputs.predictions["hard_global"]),
            full_precision(outputs.predictions["attn_feature4"]),
        )
    return terms


def _check(outputs: MdprOutputs, targets: Tensor) -> None:
    batch, classes = next(iter(outputs.cosines.values())).shape
    if targets.shape != (batch,):
        raise FormatError(f"mdpr_losses: targets have shape {tuple(targets.shape)}, expected ({batch},)")
    if targets.dtype != torch.int64:
        raise FormatError(f"mdpr_losses: targets have the type {targets.dtype}, expected torch.int64")
    if not batch:
        raise FormatError("mdpr_losses: no crops, so there is no loss")
    low, high = torch.stack(targets.aminmax()).tolist()  # one wait for the device
    if not 0 <= low <= high < classes:
        raise FormatError(f"mdpr_losses: targets lie in [{low}, {high}], expected [0, {classes})")
