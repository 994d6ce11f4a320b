"""One contract for every detector that can be built without a download."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.components import build_config, find_class
from mdpr.contracts import ResizableDetector
from mdpr.detectors import DETECTORS, person
from mdpr.detectors.onnx import Onnx
from mdpr.detectors.person import Person
from mdpr.detectors.yolo import Yolo
from mdpr.errors import ConfigError, FormatError
from mdpr.types import Detections, Frame

NEEDS_IMAGES = sorted(set(DETECTORS) - {"file"})


@pytest.fixture
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], Callable[[], Any]]:
    """`build(name)` gives a function that makes new instances of a detector."""

    def options(name: str) -> dict[str, Any]:
        if name == "yolo":
            return {"weights": str(request.getfixturevalue("make_folder")()), "device": "cpu", "imgsz": 128}
        if name == "onnx":
            return {"weights": str(request.getfixturevalue("make_network")("yolox")), "device": "cpu"}
        if name == "person":
            network = request.getfixturevalue("make_network")("yolox")
            request.getfixturevalue("monkeypatch").setattr(person, "shipped_weights", lambda *_: network)
            return {"device": "cpu", "imgsz": 128, "conf": 0.02}
        if name == "torchvision":
            torchvision = pytest.importorskip("torchvision")
            torch = pytest.importorskip("torch")
            torch.manual_seed(0)
            model = torchvision.models.get_model("ssdlite320_mobilenet_v3_large", weights=None, weights_backbone=None)
            torch.save(model.state_dict(), tmp_path / "ssd.pt")
            return {"model": "ssdlite320_mobilenet_v3_large", "weights": str(tmp_path / "ssd.pt"), "device": "cpu",
                    "conf": 0.0, "classes": None, "max_det": 20}  # fmt: skip
        if name == "file":
            rows = "".join(f"{frame},-1,{10 * frame},20,30,60,0.9\n" for frame in range(1, 20))
            (tmp_path / "det.txt").write_text(rows)
            return {"path": str(tmp_path / "det.txt")}
        return {}

    def make(name: str) -> Callable[[], Any]:
        cls = find_class("detector", name, DETECTORS)
        config = build_config(cls.Config, options(name), "detector")
        return lambda: cls(config)

    return make


def some_frames() -> list[Frame]:
    """Two cameras of different size in turn: nobody at first, then a moving patch in each."""
    noise = np.random.default_rng(0)
    frames = []
    for index in range(6):
        for camera, (width, height) in (("a", (200, 120)), ("b", (90, 160))):
            image = noise.integers(0, 30, (height, width, 3)).astype(np.uint8)
            if index >= 3:
                image[30:100, 8 * index : 8 * index + 30] = (10, 60, 220)
            frames.append(Frame(camera, index, index / 2, image))
    return frames


def assert_same(first: list[Detections], second: list[Detections]) -> None:
    assert len(first) == len(second)
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.xyxy, other.xyxy)
        np.testing.assert_array_equal(one.confidence, other.confidence)
        np.testing.assert_array_equal(one.class_id, other.class_id)


@pytest.mark.parametrize("name", DETECTORS)
def test_contract(name: str, build: Callable[[str], Callable[[], Any]]) -> None:
    make = build(name)
    detector, other = make(), make()
    frames = some_frames()[4:6] if name == "torchvision" else some_frames()  # random weights keep thousands of boxes
    before = [frame.image.copy() for frame in frames]

    assert detector.detect([]) == []
    assert detector.description
    assert "\n" not in detector.description
    assert detector.batch_size >= 1

    together = detector.detect(frames)
    assert [type(found) for found in together] == [Detections] * len(frames)
    assert_same(together, [found for frame in frames for found in other.detect([frame])])  # alone or in company
    assert_same(together, make().detect(frames))  # deterministic
    for frame, image in zip(frames, before, strict=True):
        np.testing.assert_array_equal(frame.image, image)
    for frame, found in zip(frames, together, strict=True):
        assert (found.xyxy[:, 2:] > found.xyxy[:, :2]).all()
        if name != "file":
            assert found.xyxy.min(initial=0) >= 0
            assert (found.xyxy[:, 2:] <= frame.size).all()
    assert sum(map(len, together)) > 0, "nothing found anywhere: the checks above would be empty"


@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_each_frame_at_its_own_size(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip(engine)
    if engine == "onnxruntime":
        monkeypatch.setattr(person, "has_openvino", lambda: False)
    detector = Person(Person.Config(imgsz=128, conf=0.001, half=False, device="cpu"))
    assert isinstance(detector, ResizableDetector)
    assert detector.takes_any_size
    frames = some_frames()[6:10]
    assert_same(detector.detect(frames, [128] * 4), detector.detect(frames))
    sizes = [128, 192, 192, 64]
    mixed = detector.detect(frames, sizes)
    assert_same(mixed, [detector.detect([frame], [size])[0] for frame, size in zip(frames, sizes, strict=True)])
    assert not np.array_equal(mixed[1].xyxy, detector.detect([frames[1]])[0].xyxy)


def test_a_network_of_one_size_says_so(make_network: Callable[..., Path], make_folder: Callable[..., Path]) -> None:
    assert not Onnx(Onnx.Config(weights=str(make_network("yolox")), device="cpu")).takes_any_size
    assert not Yolo(Yolo.Config(weights=str(make_folder("baked")), device="cpu", imgsz=128)).takes_any_size


@pytest.mark.parametrize("name", NEEDS_IMAGES)
def test_frame_without_image_is_refused(name: str, build: Callable[[str], Callable[[], Any]]) -> None:
    with pytest.raises(FormatError, match=r"frame 7 of 'gate' has no image.*'file'"):
        build(name)().detect([Frame("gate", 7, 0.0)])


WRONG = [("conf", 1.5), ("conf", -0.1), ("iou", 2.0), ("imgsz", 650), ("imgsz", 0), ("max_det", 0), ("classes", (-1,)),
         ("classes", ()), ("device", "gpu"), ("device", "0,1")]  # fmt: skip


@pytest.mark.parametrize("name", DETECTORS)
def test_options_out_of_range(name: str) -> None:
    config = find_class("detector", name, DETECTORS).Config
    required = {"onnx": {"weights": "x.onnx"}, "file": {"path": "x"}}.get(name, {})
    wrong = [(key, value) for key, value in WRONG if key in {field.name for field in dataclasses.fields(config)}]
    assert len(wrong) >= 3
    for key, value in wrong:
        with pytest.raises(ConfigError, match=key):
            config(**required, **{key: value})


def test_imports_are_light() -> None:
    modules = ("onnx", "openvino_engine", "person", "yolo", "file", "motion", "torchvision_models")
    code = (
        f"import importlib, sys\nfor name in {modules}:\n    importlib.import_module(f'mdpr.detectors.{{name}}')\n"
        "    print(name, [heavy for heavy in ('torch', 'ultralytics') if heavy in sys.modules])\n"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.splitlines() == [f"{name} []" for name in modules]
