"""Exported networks: open batch size, parity with torch, whole files only."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mdpr.errors import ModelError, OutputError
from mdpr.reid.inference import export
from mdpr.reid.inference.converted import converted
from mdpr.reid.inference.folding import fold
from mdpr.reid.network import MdprNetwork
from mdpr.reid.network.description import fingerprint


def test_onnx(tiny_model: MdprNetwork, tiny_checkpoint: Path) -> None:
    onnx = pytest.importorskip("onnx")
    path = converted(fold(tiny_model), fingerprint(tiny_checkpoint), "onnx")
    cosines = export.check_parity(fold(tiny_model), export.onnx_runner(path))
    assert list(cosines) == [1, 3, 8]
    model = onnx.load(str(path))
    assert [node.name for node in model.graph.input] == ["images"]
    described = {entry.key: entry.value for entry in model.metadata_props}
    assert described["mdpr.color"] == '"rgb"'
    assert "hard_global" in described["mdpr.slices"]
    assert not list(path.parent.glob("*.part"))


def test_openvino(tiny_model: MdprNetwork, tiny_checkpoint: Path) -> None:
    folder = converted(fold(tiny_model), fingerprint(tiny_checkpoint), "openvino")
    assert min(export.check_parity(fold(tiny_model), export.openvino_runner(folder)).values()) > 0.99999
    assert sorted(file.name for file in folder.iterdir()) == ["model.bin", "model.xml"]
    assert not list(folder.parent.glob("tmp*"))


def test_parity_finds_a_difference(tiny_model: MdprNetwork) -> None:
    network = fold(tiny_model)

    def run(noise: float, images: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            rows = network(torch.from_numpy(images)).numpy()
        return rows + noise * np.abs(rows).mean() * np.random.default_rng(0).normal(size=rows.shape).astype(np.float32)

    assert min(export.check_parity(network, lambda images: run(0.0, images)).values()) > 0.999999
    with pytest.raises(ModelError, match=r"differs from torch: cosine 0\.9"):
        export.check_parity(network, lambda images: run(0.1, images))
    with pytest.raises(ModelError, match="gives"):
        export.check_parity(network, lambda images: run(0.0, images)[:, :5])


def test_a_folder_that_cannot_be_written(tiny_model: MdprNetwork, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        export.export_onnx(fold(tiny_model), tmp_path / "file" / "tiny.onnx")
    with pytest.raises(OutputError):
        export.export_openvino(fold(tiny_model), tmp_path / "file" / "tiny")
