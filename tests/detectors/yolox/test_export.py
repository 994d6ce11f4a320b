"""The ONNX file: read by `--detector onnx` as it is, for pictures of any proportions."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from mdpr.detectors.onnx import Onnx
from mdpr.detectors.yolox import export as export_module
from mdpr.detectors.yolox.checkpoint import save_network
from mdpr.detectors.yolox.export import PARITY_SIZES, export_checkpoint, export_onnx
from mdpr.detectors.yolox.inference import TorchYolox
from mdpr.detectors.yolox.network import NetworkConfig, YoloxNetwork
from mdpr.errors import ModelError
from mdpr.types import Frame

pytestmark = pytest.mark.slow  # an export takes 10 s


@pytest.fixture(scope="module")
def network() -> YoloxNetwork:
    """Nano, with random statistics, that finds something everywhere."""
    torch.manual_seed(0)
    made = YoloxNetwork(NetworkConfig())
    for module in made.modules():
        if isinstance(module, nn.Conv2d):  # training begins with weights so small that every score is 0.25
            nn.init.xavier_normal_(module.weight, gain=1.4)
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    for head in made.heads:
        for layer in (head.objectness, head.class_logits):
            nn.init.zeros_(layer.bias)
            nn.init.normal_(layer.weight, std=0.5)
    return made.eval()


@pytest.fixture(scope="module")
def exported(network: YoloxNetwork, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    told = {"pictures": "p.json: 3 pictures", "measures": {"ap": 0.5}, "config": {"train": {"data": "/home/me"}}}
    save_network(network, folder / "best.safetensors", told)
    assert export_checkpoint(folder, folder / "onnx" / "best.onnx") < 1e-4
    return folder / "onnx" / "best.onnx"


@pytest.mark.parametrize("size", [(1920, 1080), (640, 480), (300, 700)])
def test_the_detector_onnx_finds_what_torch_finds(
    size: tuple[int, int], exported: Path, network: YoloxNetwork, make_frame: Callable[..., Frame]
) -> None:
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (20, 20, 3)), np.ones((size[1] // 20, size[0] // 20, 1))).astype(np.uint8)
    frame = Frame("cam", 0, 0.0, image)
    detector = Onnx(Onnx.Config(weights=str(exported), conf=0.3, imgsz=320, device="cpu"))
    assert "YOLOX" in detector.description
    found = detector.detect([frame])[0]
    expected = TorchYolox(network, 320, conf=0.3).detect([frame])[0]
    assert len(found) > 0
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.xyxy, expected.xyxy, atol=0.1)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-4)


def test_what_the_file_says(exported: Path) -> None:
    onnx = pytest.importorskip("onnx")
    model = onnx.load(exported)
    told = {entry.key: json.loads(entry.value) for entry in model.metadata_props}
    assert told == {"mdpr.classes": ["person"], "mdpr.color": "bgr", "mdpr.pictures": "p.json: 3 pictures",
                    "mdpr.measures": {"ap": 0.5}}  # fmt: skip
    shape = [side.dim_value or side.dim_param for side in model.graph.input[0].type.tensor_type.shape.dim]
    assert shape[:2] == [1, 3]
    assert all(isinstance(side, str) for side in shape[2:])
    assert exported.stat().st_size < 4e6
    content = exported.read_bytes()
    for path in (str(Path(export_module.__file__).parents[2]), str(Path(torch.__file__).parent), "/home/me"):
        assert path.encode() not in content, "the exporter's notes name places of this machine"


def test_a_file_that_differs_is_not_written(
    exported: Path, network: YoloxNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the exporter had given the network of another day."""
    onnx = pytest.importorskip("onnx")
    assert (384, 640) in PARITY_SIZES
    program = SimpleNamespace(model_proto=onnx.load(exported))
    monkeypatch.setattr(torch.export, "export", lambda *_, **__: None)
    monkeypatch.setattr(torch.onnx, "export", lambda *_, **__: program)
    export_onnx(network, tmp_path / "same.onnx")
    other = copy.deepcopy(network)
    nn.init.zeros_(other.heads[1].boxes.bias)
    with pytest.raises(ModelError, match=r"n.onnx: the exported network differs from torch by 1.6"):
        export_onnx(other, tmp_path / "n.onnx")
    (tmp_path / "same.onnx").unlink()
    assert not list(tmp_path.iterdir())
