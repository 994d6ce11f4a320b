"""The detector that comes with the package, and when it takes the place of YOLO."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.detectors import person as person_module
from mdpr.detectors import yolo as yolo_module
from mdpr.detectors.person import FILE, Person
from mdpr.detectors.yolo import Yolo
from mdpr.errors import ConfigError, ModelError
from mdpr.shipped import read_sums, shipped_weights
from mdpr.types import Frame

WEIGHTS = Path(person_module.__file__).parent / "weights"


@pytest.fixture
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without weights and without network."""
    for name in ("MDPR_MODELS", "MDPR_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / "empty"))
    monkeypatch.setenv("MDPR_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def patches(make_network: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ships a network that takes blue patches for people; gives the reasons for which it was asked for."""
    path, reasons = make_network("yolox"), []

    def shipped(package: str, file: str, reason: str = "") -> Path:
        assert (package, file) == ("mdpr.detectors", FILE)
        reasons.append(reason)
        return path

    monkeypatch.setattr(person_module, "shipped_weights", shipped)
    monkeypatch.setattr(yolo_module, "is_shipped", lambda: True)
    return reasons


@pytest.mark.parametrize("has_openvino", [True, False])
def test_both_engines_find_the_same(
    has_openvino: bool, patches: list[str], make_frame: Callable[..., Frame], monkeypatch: pytest.MonkeyPatch
) -> None:
    if has_openvino:
        pytest.importorskip("openvino")
    monkeypatch.setattr(person_module, "has_openvino", lambda: has_openvino)
    detector = Person(Person.Config(imgsz=128, conf=0.5, iou=0.7, half=False, device="cpu"))
    assert ("OpenVINO" if has_openvino else "onnxruntime") in detector.description
    assert detector.description.endswith("comes with mdpr-track, trained on synthetic people")
    assert patches == [""]
    blue, red = make_frame(256, 192, (230, 0, 0), (0, 0, 128, 64)), make_frame(256, 192, (0, 0, 230), (0, 0, 128, 64))
    found = detector.detect([blue, red])
    assert len(found[1]) == 0, "red is class 2"
    assert set(found[0].class_id.tolist()) == {0}
    np.testing.assert_allclose(found[0].confidence.max(), 230 / 255, atol=1e-3)
    expected = {
        (float(x), float(y), float(x + side), float(y + side))
        for side in (16, 32, 64)
        for x in range(0, 128, side)
        for y in range(0, 64, side)
    }
    assert {tuple(box) for box in found[0].xyxy.tolist()} == expected


@pytest.mark.usefixtures("nowhere")
def test_it_takes_the_place_of_yolo_where_there_is_none(patches: list[str]) -> None:
    detector = Yolo(Yolo.Config(imgsz=128, device="cpu"))
    assert "comes with mdpr-track" in detector.description
    assert patches == [
        "no weights of yolo11n here (Not downloaded from https://github.com/ultralytics/assets/releases/download/"
        "v8.3.0/yolo11n.pt: MDPR_OFFLINE or YOLO_OFFLINE is set)"
    ]


@pytest.mark.usefixtures("nowhere")
def test_a_download_that_fails_is_the_reason(patches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError("no route to host")

    for name in ("MDPR_OFFLINE", "YOLO_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("urllib.request.urlopen", refuse)
    Yolo(Yolo.Config(imgsz=128, device="cpu"))
    assert len(patches) == 1
    assert patches[0].endswith("yolo11n.pt failed: no route to host)")


@pytest.mark.usefixtures("nowhere", "patches")
@pytest.mark.parametrize(
    "options", [{"weights": "yolo11s"}, {"weights": "gone/yolo11n.pt"}, {"classes": (2,)}], ids=str
)
def test_nothing_else_is_replaced(options: dict[str, Any]) -> None:
    with pytest.raises(ModelError, match=r"not found. Looked at"):
        Yolo(Yolo.Config(device="cpu", **options))


@pytest.mark.usefixtures("nowhere")
def test_its_own_defaults_hold_unless_others_are_given(patches: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[Person.Config] = []
    monkeypatch.setattr(yolo_module, "Person", _Recorder(given))
    Yolo(Yolo.Config(device="cpu"))
    Yolo(Yolo.Config(device="cpu", conf=0.3, imgsz=320, iou=0.4, max_det=7, half=False))
    assert given[0] == Person.Config(device="cpu")
    assert given[1] == Person.Config(device="cpu", conf=0.3, imgsz=320, iou=0.4, max_det=7, half=False)


class _Recorder:
    Config = Person.Config

    def __init__(self, given: list[Person.Config]) -> None:
        self._given = given

    def __call__(self, config: Person.Config, reason: str) -> Any:
        self._given.append(config)
        return self

    description, batch_size, takes_any_size = "", 1, True


def test_other_classes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"mdpr-person finds people \(0\) only, got \(2, 3\)"):
        Person.Config(classes=(2, 3))
    assert Person.Config(classes=None) is not None


def test_without_the_file_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_module, "shipped_weights", lambda *_: None)
    with pytest.raises(ModelError, match=r"mdpr-person.onnx: this installation of mdpr-track comes without it"):
        Person(Person.Config())


@pytest.mark.skipif(not person_module.is_shipped(), reason="no weights in this checkout")
def test_what_is_shipped(caplog: pytest.LogCaptureFixture) -> None:
    onnx = pytest.importorskip("onnx")
    assert set(read_sums(WEIGHTS)) == {FILE}
    with caplog.at_level(logging.INFO, "mdpr"):
        path = shipped_weights("mdpr.detectors", FILE, "a test wants it")
    assert path == WEIGHTS / FILE
    assert caplog.messages == [
        f"a test wants it, so {FILE} is used: weights that come with mdpr-track, trained on synthetic people"
    ]
    assert path.stat().st_size < 40e6
    told = {entry.key: json.loads(entry.value) for entry in onnx.load(path).metadata_props}
    assert told["mdpr.classes"] == ["person"]
    assert told["mdpr.measures"]["ap50"] > 0.5
    assert told["mdpr.calibration"]["slope"] > 0
