"""The learning rate as a function of the epoch: linear warm-up, then half a cosine."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mdpr.errors import ConfigError


@dataclass(frozen=True)
class ScheduleConfig:
    """How long training takes and how the learning rate moves; the defaults are the paper's at 4 x 16 images a batch.

    Attributes:
        epochs: in all.
        warmup_epochs: in which the learning rate rises linearly; fractions count.
        warmup_factor: share of the learning rate to begin with.
        final_lr: learning rate at the end of the cosine.
    """

    epochs: int = 60
    warmup_epochs: float = 10.0
    warmup_factor: float = 0.1
    final_lr: float = 1e-7

    def __post_init__(self) -> None:
        if self.epochs < 1:
            raise ConfigError(f"schedule.epochs: expected 1 or more, got {self.epochs}")
        if not 0 <= self.warmup_epochs <= self.epochs:
            raise ConfigError(
                f"schedule.warmup_epochs: expected 0 to schedule.epochs ({self.epochs}), got {self.warmup_epochs:g}. "
                f"Do: --set schedule.warmup_epochs={self.epochs / 10:g}"
            )
        if not 0 < self.warmup_factor <= 1 or self.final_lr < 0:
            raise ConfigError("schedule: warmup_factor must be above 0 and at most 1, final_lr not below 0")


def learning_rate(epoch: float, base: float, config: ScheduleConfig) -> float:
    """The learning rate at a moment of training.

    Args:
        epoch: epochs done, with the fraction of the current one.
        base: learning rate between warm-up and cosine.
        config: of the schedule.

    >>> config = ScheduleConfig(epochs=60, warmup_epochs=10)
    >>> [f"{learning_rate(epoch, 1.0, config):.2f}" for epoch in (0, 5, 10, 35, 60)]
    ['0.10', '0.55', '1.00', '0.50', '0.00']
    """
    if epoch < config.warmup_epochs:
        return base * (config.warmup_factor + (1 - config.warmup_factor) * epoch / config.warmup_epochs)
    rest = config.epochs - config.warmup_epochs
    progress = min((epoch - config.warmup_epochs) / rest, 1.0) if rest else 1.0
    return config.final_lr + (base - config.final_lr) * (1 + math.cos(math.pi * progress)) / 2
