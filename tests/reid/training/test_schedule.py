"""The learning rate, held to a restatement."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.errors import ConfigError
from mdpr.reid.training.schedule import ScheduleConfig, learning_rate

PAPER = ScheduleConfig(epochs=60, warmup_epochs=10, warmup_factor=0.1, final_lr=1e-7)


@given(st.floats(0, 60))
def test_against_a_restatement(epoch: float) -> None:
    base = 3.5e-4
    if epoch <= 10:
        expected = 3.5e-5 + (3.5e-4 - 3.5e-5) * epoch / 10
    else:
        expected = 1e-7 + 0.5 * (3.5e-4 - 1e-7) * (1 + math.cos(math.pi * (epoch - 10) / 50))
    assert learning_rate(epoch, base, PAPER) == pytest.approx(expected, rel=1e-9)


def test_ends() -> None:
    assert learning_rate(0, 1.0, PAPER) == pytest.approx(0.1)
    assert learning_rate(60, 1.0, PAPER) == pytest.approx(1e-7)
    assert learning_rate(61, 1.0, PAPER) == pytest.approx(1e-7), "and stays there"
    assert learning_rate(0, 1.0, ScheduleConfig(epochs=5, warmup_epochs=0)) == 1.0
    assert learning_rate(4.99, 1.0, ScheduleConfig(epochs=5, warmup_epochs=5)) == pytest.approx(1.0, abs=2e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 0}, r"schedule\.epochs"),
        ({"epochs": 5}, r"warmup_epochs: expected 0 to schedule.epochs \(5\), got 10. Do: --set"),
        ({"warmup_factor": 0.0}, "warmup_factor"),
        ({"final_lr": -1.0}, "final_lr"),
    ],
)
def test_options(values: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ScheduleConfig(**values)  # type: ignore[arg-type]
