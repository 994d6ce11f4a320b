"""A training run small enough for a test: a network of 0.4 million weights on pictures of 64 x 32."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mdpr.reid.training.config import TrainConfig, build_train_config

MODEL = {"name": "mdpr-s", "backbone_width": 0.125, "width": 16, "input_size": [64, 32], "fusion": False}


def tiny_values(data: Path, project: Path, **changes: Any) -> dict[str, dict[str, Any]]:
    """The configuration as plain values; `changes` are of the form section__key=value."""
    values: dict[str, dict[str, Any]] = {
        "model": dict(MODEL),
        "data": {"name": "market1501", "root": str(data)},
        "sampler": {"identities": 4, "images": 2, "parts": 1},
        "augment": {"padding": 4},
        "optimiser": {"lr": 1e-3},
        "schedule": {"epochs": 2, "warmup_epochs": 1},
        "run": {"project": str(project), "device": "cpu", "workers": 2, "log_every": 1, "precision": "fp32"},
    }
    for name, value in changes.items():
        section, _, key = name.partition("__")
        values.setdefault(section, {})[key] = value
    return values


def tiny_config(data: Path, project: Path, **changes: Any) -> TrainConfig:
    """`tiny_values`, checked."""
    return build_train_config(tiny_values(data, project, **changes))
