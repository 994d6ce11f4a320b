"""The network, its training and its engines on an NVIDIA GPU. CI has none, so there all of these are skipped.

pytest tests/reid/cuda -m "" on a machine with a GPU.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import naive_mdpr
from mdpr.reid import build_model, convert_author_state_dict, mdpr_losses
from mdpr.reid.inference.benchmark import randomise
from mdpr.reid.inference.engines import EngineOptions, make_engine
from mdpr.reid.inference.folding import fold
from mdpr.reid.mdpr import MdprEmbedder
from mdpr.reid.network import MdprNetwork, MdprOutputs
from mdpr.reid.network.checkpoint import save_model
from mdpr.reid.training.run import TrainRun
from reid_images import make_market
from tiny_training import tiny_config

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU that torch sees")

REFERENCE = Path(__file__).parents[1] / "network" / "mdpr_r18ibn_128x64.npz"
CROPS = np.random.default_rng(0).integers(0, 256, (70, 64, 32, 3), dtype=np.uint8)


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Single precision without TF32, so that figures can be compared with the CPU's."""
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setenv("MDPR_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture
def model() -> MdprNetwork:
    made = build_model("mdpr-r101", num_classes=4, depth=18, input_size=(128, 64))
    made.load_state_dict(convert_author_state_dict(naive_mdpr.filled_state(REFERENCE)))
    return made


@pytest.fixture(scope="module")
def tiny() -> MdprNetwork:
    made = build_model("mdpr-s", backbone_width=0.125, width=8, input_size=(64, 32)).eval()
    randomise(made)
    return made


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_market(tmp_path_factory.mktemp("reid") / "market")


def cosines(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return (found * expected).sum(1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)


def test_embedding_and_losses_are_those_of_the_reference(model: MdprNetwork, reference: dict[str, np.ndarray]) -> None:
    images = naive_mdpr.images(8, 128, 64)
    with torch.no_grad():
        found = fold(model.eval()).cuda()(images.cuda()).cpu().numpy()
    expected = reference["embedding"]
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-4
    on_cpu, on_gpu = model.train(), build_model(model.config, num_classes=4)
    on_gpu.load_state_dict(model.state_dict())
    targets = torch.tensor([0, 0, 1, 1, 2, 2, 3, 3])
    outputs, other = on_cpu(images), on_gpu.cuda().train()(images.cuda())
    assert isinstance(outputs, MdprOutputs)
    assert isinstance(other, MdprOutputs)
    terms, others = mdpr_losses(outputs, targets), mdpr_losses(other, targets.cuda())
    for name, value in terms.items():
        assert float(others[name]) == pytest.approx(float(value), rel=1e-3, abs=1e-4), name


@pytest.mark.parametrize(("precision", "least"), [("fp32", 0.999999), ("fp16", 0.999), ("bf16", 0.99)])
def test_engine(tiny: MdprNetwork, precision: str, least: float) -> None:
    expected = make_engine(fold(tiny), "tiny", EngineOptions("torch", "fp32", "cpu")).embed(CROPS)
    engine = make_engine(fold(tiny), "tiny", EngineOptions("torch", precision, "cuda"))
    rows = engine.embed(CROPS)
    assert rows.shape == expected.shape
    assert cosines(rows, expected).min() > least
    assert cosines(engine.embed(CROPS[3:5]), rows[3:5]).min() > 0.9999
    assert engine.embed(CROPS[:0]).shape == (0, tiny.config.dimension)


def test_auto_takes_the_gpu_in_half_precision(tiny: MdprNetwork) -> None:
    assert "torch fp16, cuda" in make_engine(fold(tiny), "tiny").description


@pytest.mark.slow
def test_compiled_with_cuda_graphs(tiny: MdprNetwork) -> None:
    expected = make_engine(fold(tiny), "tiny", EngineOptions("torch", "fp16", "cuda")).embed(CROPS)
    engine = make_engine(fold(tiny), "tiny", EngineOptions("torch", "fp16", "cuda", compile=True))
    for count in (70, 3, 70, 1):  # graphs that were recorded are replayed with other crops
        assert cosines(engine.embed(CROPS[-count:]), expected[-count:]).min() > 0.999


def test_crops_cut_on_the_gpu_give_the_same_embeddings(tiny: MdprNetwork, tmp_path: Path) -> None:
    path = tmp_path / "tiny.safetensors"
    save_model(tiny, path, {})
    rng = np.random.default_rng(1)
    image = np.kron(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), np.ones((16, 16, 1), np.uint8))
    corners = rng.uniform(-30, [560, 400], (20, 2))
    boxes = np.hstack([corners, corners + rng.uniform([20, 40], [120, 300], (20, 2))]).astype(np.float32)
    found, expected = (
        MdprEmbedder(MdprEmbedder.Config(weights=str(path), engine="torch", precision="fp32", device=device)).embed(
            [image, image], [boxes, boxes[:3]]
        )
        for device in ("cuda", "cpu")
    )
    assert found.shape == (23, tiny.config.dimension)
    assert cosines(found, expected).min() > 0.999


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_training_moves_every_loss_and_writes_a_checkpoint(market: Path, tmp_path: Path, precision: str) -> None:
    config = tiny_config(market, tmp_path, run__device="0", run__precision=precision, schedule__epochs=4)
    run = TrainRun(config)
    assert run.execute()
    assert np.isfinite(run.report.loss)
    rows = (tmp_path / "run" / "metrics.csv").read_text().splitlines()
    header, first, last = (rows[number].split(",") for number in (0, 1, -2))
    moved = [name for name, before, after in zip(header, first, last, strict=True) if before != after]
    assert {name for name in header if name.endswith(("_cls", "_triplet"))} <= set(moved)
    assert (tmp_path / "run" / "best" / "model.safetensors").is_file()
    assert run.report.measures["mAP"] > 0


def test_interrupted_and_resumed_equals_uninterrupted(market: Path, tmp_path: Path) -> None:
    options = {"run__device": "0", "run__deterministic": True, "optimiser__ema_decay": 0.9, "run__precision": "fp16"}
    assert TrainRun(tiny_config(market, tmp_path / "whole", **options)).execute()
    stopped = TrainRun(tiny_config(market, tmp_path / "parts", **options))
    stopped.interrupt()
    assert not stopped.execute()
    again = TrainRun(tiny_config(market, tmp_path / "parts", **options), resume=tmp_path / "parts" / "run")
    assert again.execute()
    whole, parts = (load_file(tmp_path / name / "run" / "last" / "model.safetensors") for name in ("whole", "parts"))
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-4, atol=1e-6, msg=name)
