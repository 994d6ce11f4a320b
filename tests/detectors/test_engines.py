"""OpenVINO and ONNX engines on networks whose answer is known, and on the real ones beside the checkout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.boxes import iou_matrix
from mdpr.detectors import openvino_engine
from mdpr.detectors.onnx import Onnx
from mdpr.detectors.yolo import Yolo, weight_variants
from mdpr.errors import ConfigError, FormatError, ModelError
from mdpr.types import Detections, Frame
from mdpr.weights import cache_folder

OPTIONS: dict[str, Any] = {"iou": 0.7, "device": "cpu", "classes": None, "conf": 0.5}
PATCHES = [  # BGR patch and the class it must be for RGB (yolov8) networks
    ((230, 0, 0), 2),
    ((0, 230, 0), 1),
    ((0, 0, 230), 0),
]


@pytest.mark.parametrize(("colour", "class_id"), PATCHES)
@pytest.mark.parametrize("size", [(256, 256), (256, 128), (128, 256)], ids=str)
@pytest.mark.parametrize("kind", ["yolov8", "baked"])
def test_openvino_finds_the_patch(
    kind: str,
    size: tuple[int, int],
    colour: tuple[int, int, int],
    class_id: int,
    make_folder: Callable[..., Path],
    make_frame: Callable[..., Frame],
) -> None:
    detector = Yolo(Yolo.Config(weights=str(make_folder(kind)), imgsz=128, **OPTIONS))
    frame = make_frame(*size, colour, (0, 0, 128, 128))  # 64 px in the network: whole cells of every stride
    found = detector.detect([frame])[0]
    assert set(found.class_id) == {class_id}
    np.testing.assert_allclose(found.confidence.max(), 230 / 255, atol=1e-3)
    cells = {tuple(box) for box in found.xyxy.tolist()}
    assert cells == {  # every anchor within the patch, nothing else
        (float(x), float(y), float(x + side), float(y + side))
        for side in (16, 32, 64)
        for x in range(0, 128, side)
        for y in range(0, 128, side)
    }
    assert (
        "rectangular" if kind == "yolov8" else "128x128 (fixed: the network holds a constant"
    ) in detector.description


@pytest.mark.parametrize("kind", ["yolov8", "yolox"])
def test_onnx_finds_the_patch(kind: str, make_network: Callable[..., Path], make_frame: Callable[..., Frame]) -> None:
    detector = Onnx(Onnx.Config(weights=str(make_network(kind)), **OPTIONS))
    found = detector.detect([make_frame(256, 192, (0, 0, 230), (0, 0, 128, 64))])[0]
    assert set(found.class_id) == {0 if kind == "yolov8" else 2}  # YOLOX takes BGR
    np.testing.assert_allclose(found.confidence.max(), 230 / 255, atol=1e-3)
    expected = {
        (float(x), float(y), float(x + side), float(y + side))
        for side in (16, 32, 64)
        for x in range(0, 128, side)
        for y in range(0, 64, side)
    }
    if kind == "yolov8":  # centred, 16 px down: the coarsest cells are half padding, and are cut at the border
        expected = {box for box in expected if box[2] - box[0] < 64} | {(0, 0, 64, 32), (64, 0, 128, 32)}
    assert {tuple(box) for box in found.xyxy.tolist()} == expected


def test_imgsz_of_a_fixed_network(make_folder: Callable[..., Path], make_network: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match=r"imgsz 256: .* is fixed to 128x128 .*Use imgsz 128"):
        Yolo(Yolo.Config(weights=str(make_folder("baked")), imgsz=256, **OPTIONS))
    with pytest.raises(ConfigError, match=r"imgsz 256: .* is fixed to 128x128"):
        Onnx(Onnx.Config(weights=str(make_network("yolov8")), imgsz=256, **OPTIONS))


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [("task: pose\n", "its task is pose"), ("names: {0: a, 1: b}\n", "3 scores for 2 classes"),
     ("args: {nms: true}\n", "non-maximum suppression"), ("task: detect\nnames: {0: a, 1: b, 2: c}\n", "")],
)  # fmt: skip
def test_refusal(metadata: str, reason: str, make_folder: Callable[..., Path]) -> None:
    found = openvino_engine.refusal(make_folder(metadata=metadata))
    assert reason in found
    assert bool(found) == bool(reason)


def test_broken_models(tmp_path: Path, make_network: Callable[..., Path]) -> None:
    folder = tmp_path / "x_openvino_model"
    folder.mkdir()
    (folder / "x.xml").write_text("<net/>")
    with pytest.raises(ModelError, match="OpenVINO cannot read it"):
        Yolo(Yolo.Config(weights=str(folder), device="cpu"))
    (tmp_path / "x.onnx").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="onnxruntime cannot load it"):
        Onnx(Onnx.Config(weights=str(tmp_path / "x.onnx"), device="cpu"))
    with pytest.raises(ModelError, match="task pose"):
        Onnx(Onnx.Config(weights=str(make_network(task="pose")), device="cpu"))


def test_onnx_of_another_form(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    graph = helper.make_graph(
        [helper.make_node("GlobalAveragePool", ["images"], ["output"])],
        "other",
        [helper.make_tensor_value_info("images", types.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", types.FLOAT, [1, 3, 1, 1])],
    )
    path = tmp_path / "other.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), str(path))
    with pytest.raises(
        ModelError, match=r"expected one output, \(1, 84, 5 \+ classes\).*got 1, the first \(1, 3, 1, 1\)"
    ):
        Onnx(Onnx.Config(weights=str(path), device="cpu"))


def test_nan_names_camera_and_frame(make_folder: Callable[..., Path], make_frame: Callable[..., Frame],
                                    monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    detector = Yolo(Yolo.Config(weights=str(make_folder()), imgsz=128, **OPTIONS))
    decode = openvino_engine.decode_yolov8
    monkeypatch.setattr(openvino_engine, "decode_yolov8", lambda output, *rest: decode(output * np.nan, *rest))
    frames = [make_frame(camera="gate", index=index) for index in range(5)]
    with pytest.raises(FormatError, match=r"frame 0 of 'gate': .*not finite"):
        detector.detect(frames)
    monkeypatch.undo()
    assert len(detector.detect(frames)) == 5  # the requests under way were waited for


@pytest.mark.parametrize("half", [True])
def test_half_needs_a_gpu(half: bool, make_folder: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="half"):
        Yolo(Yolo.Config(weights=str(make_folder()), device="cpu", half=half))


def test_weight_variants() -> None:
    assert weight_variants("yolo11s.pt", "cpu") == ["yolo11s.pt"]
    assert weight_variants("yolo11s", "cuda:0") == ["yolo11s.pt", "yolo11s.onnx"]


def video(path: Path, count: int, step: int) -> list[Frame]:
    import cv2

    capture = cv2.VideoCapture(str(path))
    images = [capture.read()[1] for _ in range(count * step)][::step]
    capture.release()
    return [Frame("shop", step * row, row / 30, image) for row, image in enumerate(images)]


@pytest.mark.shared
@pytest.mark.slow
def test_int8_model_is_the_same_alone_and_in_company(shared: Path) -> None:
    pytest.importorskip("openvino")
    detector = Yolo(Yolo.Config(weights=str(shared / "models" / "yolo11n_int8_openvino_model"), device="cpu"))
    assert "int8 640 rectangular" in detector.description
    frames = video(shared / "data" / "video" / "retail-cctv-1080p.mp4", 5, 20)
    small = Frame("other", 0, 0.0, frames[0].image[340:1060, 140:1100].copy())
    mixed = [frames[0], small, *frames[1:], small]
    together = detector.detect(mixed)
    for frame, found in zip(mixed, together, strict=True):
        alone = detector.detect([frame])[0]
        np.testing.assert_array_equal(found.xyxy, alone.xyxy)
        np.testing.assert_array_equal(found.confidence, alone.confidence)
    assert min(len(found) for found in together) >= 3


@pytest.mark.shared
@pytest.mark.slow
def test_int8_model_agrees_with_ultralytics(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    from mdpr.detectors import rectangular
    from mdpr.detectors.ultralytics_engine import UltralyticsYolo

    # ultralytics leaves the precision of layers that are not int8 to OpenVINO, which takes bf16 where it is slow, too
    monkeypatch.setattr(openvino_engine, "is_bf16_fast", lambda: True)
    folder = shared / "models" / "yolo11n_int8_openvino_model"
    frames = video(shared / "data" / "video" / "retail-cctv-1080p.mp4", 10, 30)
    options: dict[str, Any] = {"conf": 0.1, "iou": 0.7, "imgsz": 640, "classes": (0,), "max_det": 300}
    theirs = UltralyticsYolo(folder, "cpu", **options).detect(frames)
    rect = openvino_engine.OpenVinoYolo(folder, **options).detect(frames)
    free = rectangular.rectangular

    def only_square(model: Any, height: int, width: int) -> Any:
        if (height, width) != (640, 640):
            raise ModelError("square only")
        return free(model, height, width)

    monkeypatch.setattr(rectangular, "rectangular", only_square)
    square_detector = openvino_engine.OpenVinoYolo(folder, **options)
    assert "640x640 (fixed: square only)" in square_detector.description
    square = square_detector.detect(frames)
    for ours, reference in zip(square, theirs, strict=True):
        assert matched(reference, ours, conf=0.15, iou=0.99) == 1
        assert matched(ours, reference, conf=0.15, iou=0.99) == 1
    shares = [matched(reference, ours, conf=0.5, iou=0.9) for ours, reference in zip(rect, theirs, strict=True)]
    shares += [matched(ours, reference, conf=0.5, iou=0.9) for ours, reference in zip(rect, theirs, strict=True)]
    assert np.mean(shares) >= 0.93  # 0.947 to 0.97: int8 is computed differently on CPUs with and without VNNI


def matched(wanted: Detections, found: Detections, conf: float, iou: float) -> float:
    """Share of the confident boxes of `wanted` that `found` has too; 1 when there are none."""
    boxes = wanted.xyxy[wanted.confidence > conf]
    if not len(boxes):
        return 1.0
    return float((iou_matrix(boxes, found.xyxy).max(axis=1, initial=0) > iou).mean())


@pytest.mark.shared
@pytest.mark.slow
def test_yolox_finds_the_people_that_yolo11_finds(shared: Path) -> None:
    pytest.importorskip("openvino")
    frames = video(shared / "data" / "video" / "retail-cctv-1080p.mp4", 3, 60)
    yolox = Onnx(Onnx.Config(weights=str(shared / "models" / "yolox_nano" / "yolox_nano.onnx"), device="cpu"))
    yolo = Yolo(Yolo.Config(weights=str(shared / "models" / "yolo11n_int8_openvino_model"), device="cpu", conf=0.7))
    shares = [
        matched(sure, ours, 0.7, 0.6) for sure, ours in zip(yolo.detect(frames), yolox.detect(frames), strict=True)
    ]
    assert np.mean(shares) >= 0.8


@pytest.mark.slow
def test_pt_is_exported_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, make_frame: Callable[..., Frame]
) -> None:
    pytest.importorskip("openvino")
    ultralytics = pytest.importorskip("ultralytics")
    torch = pytest.importorskip("torch")
    from mdpr.detectors.ultralytics_engine import UltralyticsYolo

    torch.manual_seed(0)
    weights = tmp_path / "random.pt"
    ultralytics.YOLO("yolo11n.yaml").save(str(weights))
    config = Yolo.Config(weights=str(weights), device="cpu", imgsz=64, conf=0.0, classes=None, half=False, max_det=20)
    with caplog.at_level("INFO", "mdpr"):
        detector = Yolo(config)
        assert "random, OpenVINO fp32" in detector.description
        again = Yolo(config)
    assert sum("exporting" in record.message for record in caplog.records) == 1
    assert sorted(path.name for path in tmp_path.glob("*.pt")) == ["random.pt"]
    assert [path.name[:7] for path in (cache_folder() / "exports").iterdir()] == ["random-"]
    noise = np.random.default_rng(0).integers(0, 255, (64, 96, 3)).astype(np.uint8)
    frames = [Frame("a", 0, 0.0, noise), make_frame(64, 64)]
    engine = UltralyticsYolo(weights, "cpu", conf=0.0, iou=0.7, imgsz=64, classes=None, max_det=20)
    reference = engine.detect(frames)
    assert detector.takes_any_size
    assert engine.takes_any_size
    larger, usual = engine.detect(frames, [96, 64])
    np.testing.assert_array_equal(usual.xyxy, reference[1].xyxy)
    np.testing.assert_allclose(larger.confidence, detector.detect(frames, [96, 64])[0].confidence, rtol=1e-3, atol=1e-6)
    assert not np.array_equal(larger.xyxy, reference[0].xyxy)
    for ours, other, theirs in zip(detector.detect(frames), again.detect(frames), reference, strict=True):
        np.testing.assert_array_equal(ours.xyxy, other.xyxy)
        assert len(ours) == len(theirs) > 0
        np.testing.assert_allclose(ours.confidence, theirs.confidence, rtol=1e-3, atol=1e-6)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # torch warns of its own tracer
def test_a_fixed_export_of_today_becomes_rectangular(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    ultralytics = pytest.importorskip("ultralytics")
    from mdpr.detectors.rectangular import rectangular

    for name in ("yolo11n", "yolov8n"):
        ultralytics.YOLO(f"{name}.yaml").save(str(tmp_path / f"{name}.pt"))
        folders = {}
        for kind, options in (("square", {"imgsz": 128}), ("target", {"imgsz": (96, 160)})):
            (tmp_path / kind).mkdir(exist_ok=True)
            copy = tmp_path / kind / f"{name}.pt"
            copy.write_bytes((tmp_path / f"{name}.pt").read_bytes())
            folders[kind] = Path(ultralytics.YOLO(str(copy)).export(format="openvino", device="cpu", **options))
        core = openvino.Core()
        square, target = (core.read_model(folders[kind] / f"{name}.xml") for kind in ("square", "target"))
        image = np.random.default_rng(0).random((1, 3, 96, 160), np.float32)
        precision = {"INFERENCE_PRECISION_HINT": "f32"}
        ours, theirs = (
            core.compile_model(model, "CPU", precision)(image)[0] for model in (rectangular(square, 96, 160), target)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)  # as if exported for that size
        with pytest.raises(ModelError, match="multiples of 32"):
            rectangular(square, 100, 160)
