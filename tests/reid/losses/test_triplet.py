"""Batch-hard triplet loss against loops and against pytorch-metric-learning."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_metric_learning.distances import LpDistance
from pytorch_metric_learning.losses import TripletMarginLoss
from pytorch_metric_learning.miners import BatchHardMiner
from pytorch_metric_learning.reducers import MeanReducer

from mdpr.reid.losses.triplet import batch_hard_triplet, euclidean_distances


def batch(seed: int, identities: int, images: int, values: int = 5) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(identities * images, values, generator=random, dtype=torch.float64)
    order = torch.randperm(identities * images, generator=random)
    return features, torch.arange(identities).repeat_interleave(images)[order]


batches = given(
    seed=st.integers(0, 2**31),
    identities=st.integers(2, 4),
    images=st.integers(1, 4),
    margin=st.floats(0, 3),
)


@settings(deadline=None)
@batches
def test_is_the_formula(seed: int, identities: int, images: int, margin: float) -> None:
    features, targets = batch(seed, identities, images)
    total = 0.0
    for i, anchor in enumerate(features):
        farthest, nearest = 0.0, float("inf")
        for j, other in enumerate(features):
            distance = float(sum((a - b) ** 2 for a, b in zip(anchor, other, strict=True))) ** 0.5
            if targets[i] == targets[j]:
                farthest = max(farthest, distance)
            else:
                nearest = min(nearest, distance)
        total += max(margin + farthest - nearest, 0)
    assert float(batch_hard_triplet(features, targets, margin)) == pytest.approx(total / len(features), abs=2e-6)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), identities=st.integers(2, 4), images=st.integers(2, 4), margin=st.floats(0, 3))
def test_agrees_with_pytorch_metric_learning(seed: int, identities: int, images: int, margin: float) -> None:
    """Theirs normalises by default and averages only over triplets that are not 0."""
    features, targets = batch(seed, identities, images)
    distance = LpDistance(normalize_embeddings=False)
    loss = TripletMarginLoss(margin=margin, distance=distance, reducer=MeanReducer())
    theirs = loss(features, targets, BatchHardMiner(distance=distance)(features, targets))
    assert float(batch_hard_triplet(features, targets, margin)) == pytest.approx(float(theirs), abs=1e-6)


def test_gradient_agrees_with_pytorch_metric_learning() -> None:
    features, targets = batch(3, 3, 3)
    distance = LpDistance(normalize_embeddings=False)
    gradients = []
    for is_ours in (True, False):
        leaf = features.clone().requires_grad_()
        if is_ours:
            value = batch_hard_triplet(leaf, targets, 2.0)
        else:
            loss = TripletMarginLoss(margin=2.0, distance=distance, reducer=MeanReducer())
            value = loss(leaf, targets, BatchHardMiner(distance=distance)(leaf, targets))
        gradients += torch.autograd.grad(value, leaf)
    assert gradients[0].abs().sum() > 0
    torch.testing.assert_close(*gradients)


@settings(deadline=None)
@batches
def test_order_and_position_of_the_batch_do_not_matter(seed: int, identities: int, images: int, margin: float) -> None:
    features, targets = batch(seed, identities, images)
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))
    moved = batch_hard_triplet(features[order] + 3, targets[order] + 7, margin)
    assert float(moved) == pytest.approx(float(batch_hard_triplet(features, targets, margin)), abs=3e-6)


def test_one_identity_gives_zero_and_zero_gradients() -> None:
    features = torch.randn(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, torch.full((4,), 2), margin=1e6)
    loss.backward()
    assert float(loss.detach()) == 0
    assert features.grad is not None
    assert (features.grad == 0).all()


def test_equal_features_have_finite_gradients() -> None:
    features = torch.ones(4, 3, requires_grad=True)
    loss = batch_hard_triplet(features, torch.tensor([0, 0, 1, 1]), margin=0.3)
    loss.backward()
    assert float(loss.detach()) == pytest.approx(0.3)
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()


def test_distances() -> None:
    features = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    expected = torch.tensor([[1e-6, 5, 1e-6], [5, 1e-6, 5], [1e-6, 5, 1e-6]])
    torch.testing.assert_close(euclidean_distances(features), expected, rtol=1e-5, atol=0)
