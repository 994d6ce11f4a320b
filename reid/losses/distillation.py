"""Mutual distillation: each branch predicts the other's feature."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def mutual_distillation(feature1: Tensor, feature2: Tensor, prediction1: Tensor, prediction2: Tensor) -> Tensor:
    """-1/2 [mean cos(h1(z1), stopgrad z2) + mean cos(h2(z2), stopgrad z1)], in [-1, 1].

    Args:
        feature1, feature2: z1 and z2, (B, D).
        prediction1, prediction2: h1(z1) and h2(z2), (B, D).

    Reference: Fu et al., Mutual distillation learning for person re-identification (2401.06430).
    """
    to2 = functional.cosine_similarity(prediction1, feature2.detach()).mean()
    to1 = functional.cosine_similarity(prediction2, feature1.detach()).mean()
    return -(to2 + to1) / 2
