"""Batch-hard triplet loss."""

from __future__ import annotations

import torch
from torch import Tensor


def batch_hard_triplet(features: Tensor, targets: Tensor, margin: float = 0.05) -> Tensor:
    """Mean over the anchors of [margin + d(anchor, farthest of its identity) - d(anchor, nearest of another)]+.

    Distances are Euclidean, of features as they are. The anchor counts as of its own identity (at distance 0).

    Args:
        features: (B, D).
        targets: (B,) identities.

    Returns:
        Scalar; 0 when the batch has only one identity, since nothing can be pushed away then.

    Reference: Hermans et al., In defense of the triplet loss (1703.07737), equation 5.

    >>> features = torch.tensor([[0.0], [1.0], [3.0], [4.0]])
    >>> float(batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]), margin=2.0))
    0.5
    """
    distances = euclidean_distances(features)
    is_same = targets[:, None] == targets[None, :]
    farthest = distances.masked_fill(~is_same, -torch.inf).amax(dim=1)
    nearest = distances.masked_fill(is_same, torch.inf).amin(dim=1)  # infinite, so a loss of 0, without another
    return (margin + farthest - nearest).clamp(min=0).mean()


def euclidean_distances(features: Tensor) -> Tensor:
    """(B, B) Euclidean distances of the rows; at least 1e-6, where the gradient is still finite."""
    squares = features.square().sum(dim=1)
    return (squares[:, None] + squares[None, :] - 2 * features @ features.T).clamp(min=1e-12).sqrt()
