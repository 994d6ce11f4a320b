"""`--init-from`: the network computes what the file does, and training begins where that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mdpr.detectors.person import FILE
from mdpr.detectors.yolox.blocks import ConvUnit
from mdpr.detectors.yolox.checkpoint import load_network, save_network
from mdpr.detectors.yolox.config import build_train_config
from mdpr.detectors.yolox.first_weights import blend, load_first_weights, put_back_batch_norm
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.network import SIZES, NetworkConfig, YoloxNetwork
from mdpr.detectors.yolox.train import DetectorRun
from mdpr.errors import ConfigError, ModelError
from mdpr.shipped import shipped_weights

TINY = NetworkConfig(0.33, 0.0625, True)


@pytest.fixture(autouse=True, scope="module")
def _tiny_size() -> Iterator[None]:
    SIZES["test"] = TINY
    yield
    del SIZES["test"]


@pytest.fixture
def trained() -> YoloxNetwork:
    """With statistics and scales of its own."""
    torch.manual_seed(0)
    network = YoloxNetwork(TINY)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def pictures(count: int, size: int = 64) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, 3, 8, 8, generator=generator) * 255
    return nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")


def test_weights_of_a_run(trained: YoloxNetwork, tmp_path: Path) -> None:
    save_network(trained, tmp_path / "best.safetensors", {})
    for source in (tmp_path, tmp_path / "best.safetensors"):
        network = YoloxNetwork(TINY)
        load_first_weights(network, str(source), pictures(2))
        assert all(
            torch.equal(a, b) for a, b in zip(network.state_dict().values(), trained.state_dict().values(), strict=True)
        )


def test_folded_weights_compute_the_same_and_training_sees_the_same(trained: YoloxNetwork) -> None:
    images = pictures(16)
    folded = FoldedNetwork(trained).network
    tensors = folded.state_dict()
    units = [name for name, unit in folded.named_modules() if isinstance(unit, ConvUnit)]
    biases = {name: tensors.pop(f"{name}.conv.bias") for name in units}
    network = YoloxNetwork(TINY)
    network.load_state_dict(tensors, strict=False)
    put_back_batch_norm(network, biases, images)
    with torch.no_grad():
        expected, evaluated, in_training = trained(images), network.eval()(images), network.train()(images)
    torch.testing.assert_close(evaluated, expected, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(in_training, expected, atol=0.02, rtol=0.02)
    assert (trained.train()(images) - expected).abs().max() > 0.1  # what it would see without


def test_a_blend_is_the_mean_of_the_folded_layers(trained: YoloxNetwork) -> None:
    torch.manual_seed(1)
    other, images = YoloxNetwork(TINY).eval(), pictures(16)
    with torch.no_grad():
        for share, expected in ((0.0, trained), (1.0, other)):
            made = blend(other, trained, share, images)
            torch.testing.assert_close(made(images), expected(images), atol=1e-4, rtol=1e-4)
        made = blend(other, trained, 0.25, images)
        torch.testing.assert_close(made.train()(images), made.eval()(images), atol=0.02, rtol=0.02)
    folded = [FoldedNetwork(network).network.state_dict() for network in (made, trained, other)]
    for name, tensor in folded[0].items():
        torch.testing.assert_close(tensor, 0.75 * folded[1][name] + 0.25 * folded[2][name], atol=1e-3, rtol=1e-3)


def test_the_shipped_detector() -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    network, images = YoloxNetwork(SIZES["micro"]), pictures(2, 128)
    load_first_weights(network, "person", images)
    path = shipped_weights("mdpr.detectors", FILE)
    assert path is not None
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    with torch.no_grad():
        got = network.eval()(images[:1])
    np.testing.assert_allclose(
        session.run(None, {"images": images[:1].numpy()})[0][..., :4], got[..., :4].numpy(), atol=1e-4
    )


def test_what_does_not_fit(trained: YoloxNetwork, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    network = YoloxNetwork(TINY)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    save_network(YoloxNetwork(SIZES["nano"]), tmp_path / "nano.safetensors", {})
    (tmp_path / "damaged.onnx").write_bytes(b"\x08 no ONNX")
    x = onnx.helper.make_tensor_value_info("x", 1, [1])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [x], [x])), tmp_path / "foreign.onnx")
    for source, message in (
        (str(tmp_path / "absent.onnx"), "absent.onnx: no such file; expected"),
        (str(tmp_path / "nano.safetensors"), r"nano.safetensors: \d+ of \d+ tensors do not fit the network"),
        (str(tmp_path / "damaged.onnx"), "damaged.onnx: not a whole ONNX file"),
        (str(tmp_path / "foreign.onnx"), "foreign.onnx: .* tensors do not fit .* come from mdpr train-detector"),
        ("person", r"the shipped detector is `--size micro`"),
    ):
        with pytest.raises(ModelError, match=message):
            load_first_weights(network, source, pictures(2))
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_a_run_begins_with_them(trained: YoloxNetwork, make_scenes: Callable[..., Path], tmp_path: Path) -> None:
    """At a learning rate of nothing, the weights are what they were; the run says where they come from."""
    save_network(trained, tmp_path / "first.safetensors", {})
    make_scenes(tmp_path / "data", 4, size=(96, 64), height=(25, 60))
    train: dict[str, Any] = {
        "data": str(tmp_path / "data"), "size": "test", "imgsz": [64, 96], "epochs": 1, "batch": 4, "lr": 1e-12,
        "init_from": str(tmp_path / "first.safetensors"),
    }  # fmt: skip
    run = {"project": str(tmp_path), "device": "cpu", "workers": 0, "precision": "fp32"}
    learning = DetectorRun(build_train_config({"train": train, "run": run}))
    assert learning.execute()
    network, told = load_network(learning.folder)
    assert told["config"]["train"]["init_from"].endswith("first.safetensors")
    for (name, tensor), expected in zip(network.named_parameters(), trained.parameters(), strict=True):
        torch.testing.assert_close(tensor, expected, atol=1e-6, rtol=0, msg=name)


def test_a_run_keeps_a_share_of_its_first_weights(
    trained: YoloxNetwork, make_scenes: Callable[..., Path], tmp_path: Path
) -> None:
    """All of them but a hundredth: what is kept computes nearly what the first network did, however much is learnt."""
    save_network(trained, tmp_path / "first.safetensors", {})
    make_scenes(tmp_path / "data", 4, size=(96, 64), height=(25, 60))
    train: dict[str, Any] = {
        "data": str(tmp_path / "data"), "size": "test", "imgsz": [64, 96], "epochs": 3, "batch": 4, "lr": 0.01,
        "warmup": 0.0, "ema_decay": 0.0,
    }  # fmt: skip
    run = {"project": str(tmp_path), "device": "cpu", "workers": 0, "precision": "fp32"}
    with pytest.raises(ConfigError, match="keep_first: there are no first weights to keep"):
        build_train_config({"train": train | {"keep_first": 0.5}, "run": run})
    train["init_from"] = str(tmp_path / "first.safetensors")
    images, differences = pictures(4), []
    for keep_first in (0.0, 0.99):
        learning = DetectorRun(build_train_config({"train": train | {"keep_first": keep_first}, "run": run}))
        assert learning.execute()
        with torch.no_grad():
            differences.append(float((load_network(learning.folder)[0](images) - trained(images)).abs().mean()))
    assert differences[1] < 0.2 * differences[0]


def test_damaged_first_weights_leave_no_folder(make_scenes: Callable[..., Path], tmp_path: Path) -> None:
    make_scenes(tmp_path / "data", 4, size=(96, 64), height=(25, 60))
    (tmp_path / "first.safetensors").write_bytes(b"no weights")
    train = {
        "data": str(tmp_path / "data"),
        "size": "test",
        "imgsz": [64, 96],
        "init_from": str(tmp_path / "first.safetensors"),
    }
    run = {"project": str(tmp_path / "runs"), "device": "cpu", "workers": 0, "precision": "fp32"}
    with pytest.raises(ModelError, match=r"first\.safetensors"):
        DetectorRun(build_train_config({"train": train, "run": run})).execute()
    assert not (tmp_path / "runs").exists()
