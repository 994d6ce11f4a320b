"""Mutual distillation against a loop; who learns from it, and who does not."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.losses.distillation import mutual_distillation


def tensors(seed: int, batch: int, values: int) -> list[torch.Tensor]:
    random = torch.Generator().manual_seed(seed)
    return [torch.randn(batch, values, generator=random, dtype=torch.float64) for _ in range(4)]


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 5), values=st.integers(1, 6))
def test_is_the_formula(seed: int, batch: int, values: int) -> None:
    z1, z2, p1, p2 = tensors(seed, batch, values)
    to2 = to1 = 0.0
    for b in range(batch):
        to2 += float(p1[b] @ z2[b] / (p1[b].norm() * z2[b].norm())) / batch
        to1 += float(p2[b] @ z1[b] / (p2[b].norm() * z1[b].norm())) / batch
    assert float(mutual_distillation(z1, z2, p1, p2)) == pytest.approx(-(to2 + to1) / 2, abs=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 2**31))
def test_both_directions_count_the_same(seed: int) -> None:
    z1, z2, p1, p2 = tensors(seed, 3, 4)
    assert float(mutual_distillation(z1, z2, p1, p2)) == pytest.approx(float(mutual_distillation(z2, z1, p2, p1)))


def test_perfect_predictions() -> None:
    z1, z2, _, _ = tensors(0, 3, 4)
    assert float(mutual_distillation(z1, z2, 2 * z2, 5 * z1)) == pytest.approx(-1)


def test_predictions_learn_and_what_is_predicted_does_not() -> None:
    z1, z2, p1, p2 = (tensor.requires_grad_() for tensor in tensors(0, 3, 4))
    mutual_distillation(z1, z2, p1, p2).backward()
    assert z1.grad is None
    assert z2.grad is None
    for prediction in (p1, p2):
        assert prediction.grad is not None
        assert prediction.grad.abs().sum() > 0
