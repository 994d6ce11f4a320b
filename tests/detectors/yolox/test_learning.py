"""The proof that all parts work together: a small network begins to find drawn people in pictures it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mdpr.detectors.yolox.checkpoint import load_network
from mdpr.detectors.yolox.config import build_train_config
from mdpr.detectors.yolox.network import SIZES, NetworkConfig
from mdpr.detectors.yolox.train import DetectorRun

pytestmark = pytest.mark.slow


def test_it_learns_to_find_people(
    make_scenes: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounds with room: CPUs round differently, and 300 steps are the beginning of learning."""
    monkeypatch.setitem(SIZES, "test", NetworkConfig(0.33, 0.125, False))
    train = make_scenes(tmp_path / "train", 300, seed=0, size=(96, 64), most=3, height=(26, 60))
    val = make_scenes(tmp_path / "val", 60, seed=1, size=(96, 64), most=3, height=(26, 60))
    values = {
        "train": {
            "data": str(train), "val": str(val), "size": "test", "imgsz": [64, 96], "epochs": 16, "batch": 16,
            "parts": 1, "closing": 0.3,
        },
        "augment": {"mosaic": 0.0, "closing_scale": [0.9, 1.2], "degrees": 0.0, "lens": 0.0, "min_height_px": 6},
        "camera": {"jpeg": 0.0, "dark": 0.0},
        "run": {"project": str(tmp_path), "device": "cpu", "precision": "fp32", "evaluate_every": 0, "workers": 0},
    }  # fmt: skip
    run = DetectorRun(build_train_config(values))
    assert run.execute()
    measures = load_network(run.folder)[1]["measures"]
    assert measures["ap50"] > 0.2
    assert measures["best_f1"] > 0.25
