"""Circle softmax and smoothed cross-entropy against loops, and against PyTorch where it has the same loss."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from mdpr.reid.losses.classification import circle_logits, smoothed_cross_entropy


def cosines_and_targets(seed: int, batch: int, classes: int) -> tuple[torch.Tensor, torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    cosines = 2 * torch.rand(batch, classes, generator=random, dtype=torch.float64) - 1
    return cosines, torch.randint(classes, (batch,), generator=random)


sizes = given(seed=st.integers(0, 2**31), batch=st.integers(1, 6), classes=st.integers(2, 7))


@settings(deadline=None)
@sizes
def test_circle_logits_are_the_formula(seed: int, batch: int, classes: int) -> None:
    cosines, targets = cosines_and_targets(seed, batch, classes)
    found = circle_logits(cosines, targets, scale=32, margin=0.25)
    for b in range(batch):
        for c in range(classes):
            cosine = float(cosines[b, c])
            if c == targets[b]:
                expected = 32 * max(1 + 0.25 - cosine, 0) * (cosine - (1 - 0.25))
            else:
                expected = 32 * max(cosine + 0.25, 0) * (cosine - 0.25)
            assert float(found[b, c]) == pytest.approx(expected, abs=1e-12)


def test_the_factors_of_circle_logits_carry_no_gradient() -> None:
    cosines, targets = cosines_and_targets(0, 4, 5)
    cosines.requires_grad_()
    circle_logits(cosines, targets).sum().backward()
    assert cosines.grad is not None
    for b in range(4):
        for c in range(5):
            cosine = float(cosines[b, c].detach())
            factor = 1.35 - cosine if c == targets[b] else max(cosine + 0.35, 0)
            assert float(cosines.grad[b, c]) == pytest.approx(64 * factor)


def test_a_better_target_cosine_gives_a_higher_target_logit() -> None:
    steps = torch.linspace(-1, 1, 50)
    logits = circle_logits(torch.stack([steps, torch.zeros(50)], dim=1), torch.zeros(50, dtype=torch.int64))[:, 0]
    assert (logits[1:] > logits[:-1]).all()


@settings(deadline=None)
@sizes
def test_smoothed_cross_entropy_is_the_formula(seed: int, batch: int, classes: int) -> None:
    logits, targets = cosines_and_targets(seed, batch, classes)
    logits = 20 * logits
    total = 0.0
    for b in range(batch):
        normaliser = math.log(sum(math.exp(float(logit)) for logit in logits[b]))
        for c in range(classes):
            share = 0.9 if c == targets[b] else 0.1 / (classes - 1)
            total -= share * (float(logits[b, c]) - normaliser)
    assert float(smoothed_cross_entropy(logits, targets, 0.1)) == pytest.approx(total / batch)


@settings(deadline=None)
@sizes
def test_smoothing_that_pytorch_spreads_over_all_classes(seed: int, batch: int, classes: int) -> None:
    logits, targets = cosines_and_targets(seed, batch, classes)
    theirs = functional.cross_entropy(logits, targets, label_smoothing=0.1)
    ours = smoothed_cross_entropy(logits, targets, 0.1 * (classes - 1) / classes)
    assert float(ours) == pytest.approx(float(theirs))


def test_without_smoothing_it_is_cross_entropy() -> None:
    logits, targets = cosines_and_targets(1, 5, 3)
    assert float(smoothed_cross_entropy(logits, targets, 0)) == pytest.approx(
        float(functional.cross_entropy(logits, targets))
    )


def test_large_logits_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    loss = smoothed_cross_entropy(logits, torch.tensor([1]))
    loss.backward()
    assert torch.isfinite(loss)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()
