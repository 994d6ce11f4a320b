"""Diversity and size of attentions against loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.losses.diversity import attention_size, diversity


@settings(deadline=None)
@given(seed=st.integers(0, 2**31), batch=st.integers(1, 4), attentions=st.integers(1, 5), values=st.integers(1, 6))
def test_diversity_is_the_sum_over_pairs(seed: int, batch: int, attentions: int, values: int) -> None:
    random = torch.Generator().manual_seed(seed)
    attended = torch.randn(batch, attentions, values, generator=random, dtype=torch.float64)
    expected = 0.0
    for i in range(attentions):
        for j in range(i + 1, attentions):
            mean = 0.0
            for b in range(batch):
                first, second = attended[b, i], attended[b, j]
                mean += float(first @ second / (first.norm() * second.norm())) / batch
            expected += mean
    assert float(diversity(attended)) == pytest.approx(expected, abs=1e-9)


def test_opposite_attentions_are_best() -> None:
    vector = torch.tensor([1.0, 2.0])
    assert float(diversity(torch.stack([vector, -3 * vector])[None])) == pytest.approx(-1)


def test_a_single_attention_has_no_pair_but_a_gradient() -> None:
    attended = torch.randn(2, 1, 3, requires_grad=True)
    loss = diversity(attended)
    loss.backward()
    assert float(loss.detach()) == 0
    assert attended.grad is not None
    assert (attended.grad == 0).all()


def test_what_sees_nothing_has_a_finite_gradient() -> None:
    attended = torch.zeros(2, 2, 3, requires_grad=True)
    diversity(attended).backward()
    assert attended.grad is not None
    assert torch.isfinite(attended.grad).all()


def test_attention_size() -> None:
    attentions = torch.rand(3, 2, 4, 5, dtype=torch.float64)
    expected = 0.0
    for picture in attentions:
        for value in picture.flatten():
            expected += float(value) / 3
    assert float(attention_size(attentions)) == pytest.approx(expected)
