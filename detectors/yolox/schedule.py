"""What changes while training goes on, as functions of the share that is done."""

from __future__ import annotations

import math

import numpy as np

from mdpr.detectors.options import STRIDE
from mdpr.detectors.yolox.config import DetectorConfig

_SIZE_STREAM = 5


def share_done(updates: int, total: int, used_s: float, minutes: float) -> float:
    """How much of training is done, from 0 to 1: by steps or by time, whichever is further.

    So a run with a time budget goes through its whole schedule.

    >>> share_done(10, 100, 60.0, 2.0)
    0.5
    """
    by_time = used_s / (60 * minutes) if minutes else 0.0
    return min(max(updates / max(total, 1), by_time), 1.0)


def learning_rate(share: float, config: DetectorConfig) -> float:
    """A straight rise from nearly nothing, then half a cosine.

    Args:
        share: of training that is done.
        config: of the run.

    >>> config = DetectorConfig(lr=1.0, warmup=0.1, final_lr=0.0)
    >>> [f"{learning_rate(share, config):.2f}" for share in (0, 0.05, 0.1, 0.55, 1)]
    ['0.01', '0.50', '1.00', '0.50', '0.00']
    """
    if share < config.warmup:
        return config.peak_lr * max(share / config.warmup, 0.01)
    progress = (share - config.warmup) / (1 - config.warmup)
    return config.peak_lr * (config.final_lr + (1 - config.final_lr) * (1 + math.cos(math.pi * progress)) / 2)


def is_closing(share: float, config: DetectorConfig) -> bool:
    """Whether training is in its last phase: no mosaic, L1 loss."""
    return share >= 1 - config.closing


def input_size(epoch: int, step: int, config: DetectorConfig) -> tuple[int, int]:
    """(width, height) of the network's input for a step; the same for all without `multiscale`."""
    height, width = config.imgsz
    if not config.multiscale:
        return width, height
    rng = np.random.default_rng((config.seed, _SIZE_STREAM, epoch, step))
    more = STRIDE * int(rng.integers(-config.multiscale, config.multiscale + 1))
    return width + more, height + more
