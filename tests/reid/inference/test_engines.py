"""All engines give torch's embeddings, whatever the company of a crop."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino
import pytest
import torch

from mdpr.errors import ConfigError, DependencyError
from mdpr.reid.inference import engines, openvino_engine
from mdpr.reid.inference.engines import ENGINES, EngineOptions, make_engine
from mdpr.reid.inference.folding import fold
from mdpr.reid.inference.torch_engine import TorchEngine
from mdpr.reid.network import MdprNetwork
from mdpr.reid.network.description import fingerprint

CROPS = np.random.default_rng(0).integers(0, 256, (11, 64, 32, 3), dtype=np.uint8)


def expected_rows(model: MdprNetwork, crops: np.ndarray) -> np.ndarray:
    """Normalisation restated: BGR uint8 to RGB, per channel, in the order of the network's mean."""
    config = model.config
    images = np.stack(
        [(crops[..., 2 - c].astype(np.float32) - config.mean[c]) / config.std[c] for c in range(3)], axis=1
    )
    with torch.no_grad():
        return model(torch.from_numpy(images)).numpy()


@pytest.mark.parametrize("name", sorted(ENGINES))
def test_same_embedding(name: str, tiny_model: MdprNetwork, tiny_checkpoint: Path) -> None:
    engine = make_engine(fold(tiny_model), fingerprint(tiny_checkpoint), EngineOptions(name, "fp32", "cpu"))
    expected = expected_rows(tiny_model, CROPS)
    rows = engine.embed(CROPS)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, expected, atol=1e-4 * np.abs(expected).max())
    alone = np.concatenate([engine.embed(CROPS[i : i + 1]) for i in range(len(CROPS))])
    np.testing.assert_allclose(alone, rows, atol=1e-5 * np.abs(expected).max())
    assert engine.embed(CROPS[:0]).shape == (0, tiny_model.config.dimension)
    assert "fp32" in engine.description or "f32" in engine.description


def test_bf16_is_close(tiny_model: MdprNetwork) -> None:
    """Runs anywhere, if slowly; the heads stay in float32."""
    rows = make_engine(fold(tiny_model), "tiny", EngineOptions("torch", "bf16", "cpu")).embed(CROPS)
    expected = expected_rows(tiny_model, CROPS)
    cosines = (rows * expected).sum(1) / np.linalg.norm(rows, axis=1) / np.linalg.norm(expected, axis=1)
    assert rows.dtype == np.float32
    assert 0.99 < cosines.min() < 0.9999999  # rounded, not the same


def test_compiled_calls_see_powers_of_two(tiny_model: MdprNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile itself is torch's business (and needs a C++ compiler): a stand-in records the batches."""
    sizes: list[int] = []

    def compile_stand_in(network: torch.nn.Module, **options: object) -> object:
        assert options == {"mode": "default", "dynamic": False}

        def run(images: torch.Tensor) -> torch.Tensor:
            sizes.append(len(images))
            return network(images)

        return run

    monkeypatch.setattr(torch, "compile", compile_stand_in)
    engine = make_engine(fold(tiny_model), "tiny", EngineOptions("torch", "fp32", "cpu", compile=True))
    rows = engine.embed(CROPS)
    assert sizes == [8, 4]
    expected = expected_rows(tiny_model, CROPS)
    np.testing.assert_allclose(rows, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "tensorflow"}, "Known: auto, openvino"),
        ({"precision": "int8"}, "Known: auto, fp32"),
        ({"engine": "torch", "precision": "fp16", "device": "cpu"}, "slow on a CPU"),
        ({"engine": "torch", "device": "cuda:99"}, "torch sees"),
        ({"device": "99"}, "torch sees"),  # a GPU by its number, as YOLO's users write it
        ({"engine": "torch", "device": "warp"}, "unknown device 'warp'"),
        ({"engine": "openvino", "device": "cuda"}, "runs on the CPU"),
        ({"engine": "onnxruntime", "device": "rocket"}, "no 'rocket' here"),
        ({"engine": "onnxruntime", "precision": "bf16"}, "computes in fp32"),
    ],
    ids=str,
)
def test_what_is_refused(options: dict[str, str], message: str, tiny_model: MdprNetwork) -> None:
    with pytest.raises(ConfigError, match=message):
        make_engine(fold(tiny_model), "tiny", EngineOptions(**options))  # type: ignore[arg-type]


def test_a_missing_package_is_named(tiny_model: MdprNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"pip install 'mdpr-track\[openvino\]'"):
        make_engine(fold(tiny_model), "tiny", EngineOptions("openvino"))
    engine = make_engine(fold(tiny_model), "tiny", EngineOptions(device="cpu"))  # auto takes what is there
    assert isinstance(engine, TorchEngine)


@pytest.mark.parametrize("is_fast", [True, False])
def test_openvino_computes_in_the_faster_precision(
    is_fast: bool, tiny_model: MdprNetwork, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(openvino_engine, "is_bf16_fast", lambda: is_fast)
    if is_fast and "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this CPU has no bf16")
    engine = make_engine(fold(tiny_model), fingerprint(tiny_checkpoint), EngineOptions("openvino"))
    assert ("bf16" if is_fast else "f32") in engine.description
