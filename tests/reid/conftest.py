"""A tiny MDPR network whose exports are made once for all tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdpr.reid.inference.benchmark import randomise
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.checkpoint import save_model


@pytest.fixture(scope="session")
def tiny_model() -> MdprNetwork:
    """Random weights, branches that differ, evaluation mode."""
    model = build_model("mdpr-s", backbone_width=0.125, width=8, input_size=(64, 32)).eval()
    randomise(model)
    return model


@pytest.fixture(scope="session")
def _tiny_folder(tiny_model: MdprNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    save_model(tiny_model, folder / "tiny.safetensors", {"measures": {"match_distance": 0.5, "sure_distance": 0.2}})
    return folder


@pytest.fixture
def tiny_checkpoint(_tiny_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The network in a file; the cache of converted networks is shared by the tests that use it."""
    monkeypatch.setenv("MDPR_CACHE", str(_tiny_folder / "cache"))
    return _tiny_folder / "tiny.safetensors"
