"""`mdpr export` and `mdpr eval speed` as a user runs them."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mdpr.errors import ConfigError, ModelError
from mdpr.pipeline.commands import main
from mdpr.reid.evaluation.models import model_file
from mdpr.reid.inference import quantisation
from mdpr.reid.mdpr import MdprEmbedder
from mdpr.reid.network import build_model
from mdpr.reid.network.bounds import read_bounds
from mdpr.reid.network.checkpoint import load_model, save_model
from mdpr.reid.network.description import read_metadata
from mdpr.reid.onnx import OnnxEmbedder


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_model(build_model("mdpr-s", backbone_width=0.125, width=8, input_size=(64, 32)), path, {})
    return path


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["--flip-test"]])
def test_export_and_use(flags: list[str], checkpoint: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(checkpoint), *flags]) == 0
    assert "least cosine with torch" in capsys.readouterr().err
    embedder = OnnxEmbedder(OnnxEmbedder.Config(weights=str(checkpoint.with_suffix(".onnx"))))
    image = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    boxes = [np.array([[0, 0, 40, 90], [20, 0, 60, 90]], np.float32)]
    rows = embedder.embed([image], boxes)
    assert rows.shape == (2, 72)
    for flip_test in (False, True):
        config = MdprEmbedder.Config(str(checkpoint), engine="torch", precision="fp32", flip_test=flip_test)
        same = np.allclose(rows, MdprEmbedder(config).embed([image], boxes), atol=1e-4)
        assert same == (flip_test == bool(flags))


def test_an_exported_network_brings_its_distances_and_how_crops_are_prepared(tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    size = {"backbone_width": 0.125, "width": 8, "input_size": (64, 32)}
    model = build_model("mdpr-s", **size, mean=(90.0, 100.0, 110.0), std=(30.0, 40.0, 50.0))
    path = tmp_path / "tiny.safetensors"
    save_model(model, path, {"measures": {"mAP": 0.5, "match_distance": 0.8125, "sure_distance": 0.49}})
    assert main(["export", str(path)]) == 0
    weights = str(path.with_suffix(".onnx"))
    ours, theirs = OnnxEmbedder(OnnxEmbedder.Config(weights)), MdprEmbedder(MdprEmbedder.Config(str(path)))
    assert (ours.match_distance, ours.sure_distance) == (0.8125, 0.49) == (theirs.match_distance, theirs.sure_distance)
    image = np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8)
    boxes = [np.array([[0, 0, 40, 90]], np.float32)]
    expected = MdprEmbedder(MdprEmbedder.Config(str(path), engine="torch", precision="fp32")).embed([image], boxes)
    np.testing.assert_allclose(ours.embed([image], boxes), expected, atol=1e-4)
    asked = OnnxEmbedder(OnnxEmbedder.Config(weights, match_distance=0.6, mean=(0.0, 0.0, 0.0)))
    assert (asked.match_distance, asked.sure_distance) == (0.6, 0.49)
    assert np.abs(asked.embed([image], boxes) - expected).max() > 1e-2
    with pytest.raises(ConfigError, match="expected a cosine distance above 0 and up to 2, got 3"):
        OnnxEmbedder.Config(weights, match_distance=3.0)


def test_damaged_metadata_of_an_exported_network(checkpoint: Path) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxscript")
    assert main(["export", str(checkpoint)]) == 0
    path = checkpoint.with_suffix(".onnx")
    assert OnnxEmbedder(OnnxEmbedder.Config(str(path))).match_distance == 0.4  # it was never evaluated
    model = onnx.load(str(path))
    for entry in model.metadata_props:
        if entry.key == "mdpr.std":
            entry.value = "[0.0, 1.0, 1.0]"
    onnx.save(model, str(path))
    with pytest.raises(ModelError, match=r"tiny\.onnx: its metadata is damaged .*std above 0.*export it"):
        OnnxEmbedder(OnnxEmbedder.Config(str(path)))


def test_a_checkpoint_in_half_precision_gives_the_same_embeddings_in_half_the_bytes(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = build_model("mdpr-s", num_classes=50, backbone_width=0.25, width=8, input_size=(64, 32)).eval()
    save_model(model, tmp_path / "trained.safetensors", {"licence": "none"})
    trained = str(tmp_path / "trained.safetensors")
    assert (
        main(["export", trained, "--format", "safetensors", "--flip-test", "--out", str(tmp_path / "f.safetensors")])
        == 0
    )
    assert load_model(tmp_path / "f.safetensors").config.flip_test
    assert main(["export", trained, "--format", "safetensors"]) == 0
    small = tmp_path / "trained-half.safetensors"
    told = read_metadata(small)
    assert told["licence"] == "none"
    assert told["num_classes"] is None
    assert not told["config"]["flip_test"]
    assert small.stat().st_size < 0.6 * (tmp_path / "trained.safetensors").stat().st_size
    images = torch.randn(4, 3, 64, 32)
    with torch.no_grad():
        cosines = torch.nn.functional.cosine_similarity(load_model(small)(images), model(images))
    assert cosines.min() > 0.999
    assert not torch.equal(load_model(small)(images), model(images))


def test_the_shipped_network_by_its_name(tmp_path: Path) -> None:
    out = tmp_path / "s.safetensors"
    assert main(["export", "mdpr-s", "--format", "safetensors", "--out", str(out)]) == 0
    assert load_model(out).config.input_size == (192, 96)
    assert model_file("mdpr-s").name == "mdpr-s.safetensors"


def test_bounds_of_activations_come_from_pictures(checkpoint: Path, tmp_path: Path) -> None:
    rng, folder = np.random.default_rng(0), tmp_path / "crops" / "0001"
    folder.mkdir(parents=True)
    for number in range(12):
        cv2.imwrite(str(folder / f"{number}.png"), rng.integers(0, 256, (60, 30, 3), dtype=np.uint8))
    command = ["export", str(checkpoint), "--format", "safetensors", "--out", str(tmp_path / "b.safetensors")]
    assert main([*command, "--bounds", str(tmp_path / "crops")]) == 0
    bounds = read_bounds(load_model(tmp_path / "b.safetensors"))
    assert len(bounds) == 25
    assert main([*command, "--bounds", str(tmp_path / "crops"), "--bound-share", "0.9"]) == 0
    tighter = read_bounds(load_model(tmp_path / "b.safetensors"))
    assert all(tighter[name] < bound for name, bound in bounds.items())
    kept = str(tmp_path / "again.safetensors")
    assert main(["export", str(tmp_path / "b.safetensors"), "--format", "safetensors", "--out", kept]) == 0
    assert read_bounds(load_model(Path(kept))) == tighter
    (tmp_path / "empty").mkdir()
    assert main([*command, "--bounds", str(tmp_path / "empty")]) == 1
    assert main([*command, "--bounds", str(tmp_path / "crops"), "--bound-share", "1"]) == 2


def test_weights_that_half_precision_cannot_hold_are_refused(tmp_path: Path) -> None:
    model = build_model("mdpr-s", backbone_width=0.1, width=8, input_size=(64, 32))
    with torch.no_grad():
        model.trunk.conv1.weight[0, 0, 0, 0] = 1e6
    with pytest.raises(ModelError, match=r"conv1\.weight has values that float16 cannot hold"):
        save_model(model, tmp_path / "large.safetensors", {}, is_half=True)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["missing.safetensors"], 1, "not found"),
        (["{model}", "--out", "model.txt"], 2, "must end in .onnx"),
        (["{model}", "--format", "openvino", "--out", "{folder}"], 2, "would be replaced"),
        (["{model}", "--format", "safetensors", "--out", "{model}"], 2, "MODEL itself"),
    ],
)
def test_export_refuses(
    arguments: list[str], code: int, message: str, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [text.format(model=checkpoint, folder=checkpoint.parent) for text in arguments]
    assert main(["export", *given]) == code
    assert message in capsys.readouterr().err
    assert checkpoint.is_file()


def test_speed(checkpoint: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    command = ["eval", "speed", str(checkpoint), "--engines", "torch", "--precisions", "fp32", "bf16", "fp16"]
    assert main([*command, "--device", "cpu", "--batch", "2", "--rounds", "1", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    names = ["as published", "as published, with our allocator settings", "torch fp32", "torch bf16", "torch fp16"]
    assert [row["name"].split(":")[0] for row in rows] == names
    assert all(row["ms_a_crop"] > 0 for row in rows[:4])
    assert "slow on a CPU" in rows[4]["note"]


@pytest.fixture
def crops(tmp_path: Path) -> Path:
    rng = np.random.default_rng(5)
    (tmp_path / "crops").mkdir()
    for number in range(6):
        image = cv2.resize(rng.integers(0, 256, (8, 4, 3), dtype=np.uint8), (32, 64), interpolation=cv2.INTER_LINEAR)
        cv2.imwrite(str(tmp_path / "crops" / f"{number}.png"), image)
    return tmp_path / "crops"


def test_eight_bits(checkpoint: Path, crops: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nearly the same embeddings, not the same; the metadata comes along, other formats do not have it."""
    onnx = pytest.importorskip("onnx")
    assert main(["export", str(checkpoint)]) == 0
    assert main(["export", str(checkpoint), "--int8", str(crops)]) == 0
    said = capsys.readouterr().err
    assert "8 bits, 6 crops: mean cosine with the network before 0.9" in said
    made = checkpoint.with_name("tiny-int8.onnx")
    model, whole = onnx.load(str(made)), onnx.load(str(checkpoint.with_suffix(".onnx")))
    assert {entry.key: entry.value for entry in model.metadata_props} == {
        entry.key: entry.value for entry in whole.metadata_props
    }
    for path in (made, checkpoint.with_suffix(".onnx")):
        for place in (str(Path(quantisation.__file__).parents[2]), str(Path(torch.__file__).parent)):
            assert place.encode() not in path.read_bytes(), "the exporter's notes name places of this machine"
    convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
    rounded = {name for node in model.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    assert convolutions
    assert all(set(node.input[:2]) <= rounded for node in convolutions)
    images = [cv2.imread(str(path)) for path in sorted(crops.iterdir())]
    boxes = [np.array([[0, 0, 32, 64]], np.float32)] * len(images)
    rows, before = (
        OnnxEmbedder(OnnxEmbedder.Config(str(path))).embed(images, boxes)
        for path in (made, checkpoint.with_suffix(".onnx"))
    )
    cosines = (rows * before).sum(axis=1)
    assert 0.95 < cosines.min() < cosines.max() < 1 - 1e-7
    assert main(["export", str(checkpoint), "--format", "openvino", "--int8", str(crops)]) == 2
    assert "--int8 goes with --format onnx, not with openvino" in capsys.readouterr().err


def test_what_does_not_bear_eight_bits_is_not_written(
    checkpoint: Path, crops: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(quantisation, "LEAST_COSINE", 0.999999)
    assert main(["export", str(checkpoint), "--int8", str(crops)]) == 1
    assert "with 8 bits embeddings differ from those before: mean cosine 0.9" in capsys.readouterr().err
    assert main(["export", str(checkpoint), "--int8", str(crops / "none")]) == 1
    assert "expected a folder with crops of people" in capsys.readouterr().err
    assert not list(checkpoint.parent.glob("*.onnx"))
