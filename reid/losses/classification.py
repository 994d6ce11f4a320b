"""Circle softmax and cross-entropy with label smoothing."""

from __future__ import annotations

import torch
from torch import Tensor


def circle_logits(cosines: Tensor, targets: Tensor, scale: float = 64.0, margin: float = 0.35) -> Tensor:
    """Logits of the circle loss with class-level labels.

    Target class: scale * [1 + m - c]+ * (c - (1 - m)); every other: scale * [c + m]+ * (c - m). The factors in brackets
    weigh a pair by how far it is from its optimum and carry no gradient.

    Args:
        cosines: (B, C) of features and class weights.
        targets: (B,) int64 in [0, C).

    Returns:
        (B, C).

    Reference: Sun et al., Circle loss (2002.10857), section 3.3.

    >>> [round(logit, 4) for logit in circle_logits(torch.tensor([[1.0, 0.0]]), torch.tensor([0]))[0].tolist()]
    [7.84, -7.84]
    """
    positive = (1 + margin - cosines).clamp(min=0).detach() * (cosines - (1 - margin))
    negative = (cosines + margin).clamp(min=0).detach() * (cosines - margin)
    is_target = targets[:, None] == torch.arange(cosines.shape[1], device=cosines.device)
    return scale * torch.where(is_target, positive, negative)


def smoothed_cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.1) -> Tensor:
    """Mean cross-entropy against 1 - smoothing for the target and smoothing / (C - 1) for each other class.

    (PyTorch's own label smoothing gives the target a share of the smoothing too.)

    Args:
        logits: (B, C), C >= 2.
        targets: (B,) int64.

    Reference: Szegedy et al., Rethinking the Inception architecture (1512.00567), section 7.
    """
    log_p = torch.log_softmax(logits, dim=1)
    of_target = log_p.gather(1, targets[:, None])[:, 0]
    of_others = log_p.sum(dim=1) - of_target
    return -((1 - smoothing) * of_target + smoothing / (logits.shape[1] - 1) * of_others).mean()
