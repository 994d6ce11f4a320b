"""The two terms that keep the attentions of the soft branch apart and small."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional


def diversity(attended: Tensor) -> Tensor:
    """Sum over pairs i < j of attentions of the batch mean of cos(f_i, f_j); 0 for a single attention.

    Args:
        attended: (B, M, D).

    >>> float(diversity(torch.tensor([[[1.0, 0.0], [1.0, 0.0]]])))
    1.0
    """
    unit = functional.normalize(attended, dim=2)
    cosines = unit @ unit.transpose(1, 2)  # (B, M, M)
    return torch.triu(cosines, diagonal=1).sum(dim=(1, 2)).mean()


def attention_size(attentions: Tensor) -> Tensor:
    """Mean over the batch of the sum of all attention values.

    Args:
        attentions: (B, M, h, w).
    """
    return attentions.sum() / attentions.shape[0]
