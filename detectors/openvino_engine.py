"""YOLO networks on a CPU with OpenVINO, without ultralytics or torch: OpenVINO folders, and YOLOX as ONNX.

Frames go to asynchronous requests, one single-threaded stream for each core: several frames side by side need less work
each than one frame on all cores. Letterboxing happens here; colour order and scaling are compiled into the network.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml

from mdpr.cpus import is_bf16_fast
from mdpr.detectors.devices import count_cores
from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.letterbox import Letterbox, rectangular_size
from mdpr.detectors.options import DEFAULT_SIZE
from mdpr.detectors.yolo_outputs import decode_yolov8, decode_yolox, suppress
from mdpr.errors import ConfigError, DependencyError, FormatError, ModelError
from mdpr.types import Detections, Frame

_CALLS_A_STREAM = 4
_MAX_STREAMS = 16
_MAX_SHAPES = 16  # compiled networks kept; cameras of one aspect ratio and size share one


def has_openvino() -> bool:
    """Whether the package is installed."""
    return find_spec("openvino") is not None


def refusal(folder: Path) -> str:
    """Why `OpenVinoYolo` cannot run the model of this folder, or "" when it can."""
    metadata = _read_metadata(folder)
    if (task := metadata.get("task", "detect")) != "detect":
        return f"its task is {task}"
    if (metadata.get("args") or {}).get("nms"):
        return "non-maximum suppression is part of it"
    model = _read_model(folder)
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        return f"it has {len(model.inputs)} inputs and {len(model.outputs)} outputs"
    output = model.output(0).partial_shape
    rows = output[1].get_length() if output.rank.get_length() == 3 and output[1].is_static else 0
    if rows < 5 or (output[2].is_static and output[2].get_length() <= rows):
        return f"its output is {output}, not (1, 4 + classes, anchors)"
    names = metadata.get("names")
    if names is not None and len(names) != rows - 4:
        return f"its output has {rows - 4} scores for {len(names)} classes"
    return ""


@dataclass
class _Compiled:
    """A network compiled for one input size, and its requests, used in turn."""

    input_size: tuple[int, int]
    requests: deque[Any]


class OpenVinoYolo:
    """Runs one YOLOv8-style detection model of OpenVINO format, or one YOLOX without decoding from an ONNX file.

    Attributes:
        description: one line for the log.
        batch_size: several times the number of streams, because a stream idles at the end of each call.
        takes_any_size: whether the model is not bound to one size of its input.
    """

    def __init__(
        self,
        folder: Path,
        *,
        conf: float,
        iou: float,
        imgsz: int | None,
        classes: tuple[int, ...] | None,
        max_det: int,
        half: bool | None = None,
        name: str = "",
        is_yolox: bool = False,
    ) -> None:
        """Read the model; it is compiled when the first frame says which shape is needed.

        Args:
            folder: holds one `*.xml` with its `*.bin`, and `metadata.yaml`; of a YOLOX, the ONNX file.
            conf, iou, imgsz, classes, max_det: see `mdpr.detectors.yolo.Yolo.Config`.
            half: False forces fp32; else bf16 where the CPU multiplies it faster (`mdpr.cpus`).
            name: of the weights, for the description; "" takes the folder's.
            is_yolox: the network takes BGR from 0 to 255 in the upper left corner of its input, and gives rows of
                offsets, as `mdpr.detectors.yolox` exports it.

        Raises:
            DependencyError: openvino is not installed.
            ModelError: the model cannot be read, or is not one that this engine runs (see `refusal`).
            ConfigError: `imgsz` differs from the size of a model that is fixed.
        """
        if not is_yolox and (reason := refusal(folder)):
            raise ModelError(f"{folder}: {reason}")
        from openvino import Core

        self._conf, self._iou, self._classes, self._max_det = conf, iou, classes, max_det
        self._imgsz = imgsz or DEFAULT_SIZE
        self._is_yolox = is_yolox
        self._core = Core()
        self._model = _read_model(folder)
        self._hints = {} if half is not False and is_bf16_fast() else {"INFERENCE_PRECISION_HINT": "f32"}
        self._streams = min(count_cores(), _MAX_STREAMS)
        self.batch_size = _CALLS_A_STREAM * self._streams
        self._compiled: OrderedDict[tuple[int, int], _Compiled] = OrderedDict()
        self._fixed_size, shape = self._find_shape(folder)
        self.takes_any_size = self._fixed_size is None
        self.description = (
            f"{name or folder.name.removesuffix('_openvino_model')}, OpenVINO {self._precision()} {shape}, CPU, "
            f"{self._streams} streams"
        )

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """See `mdpr.contracts.ResizableDetector`."""
        require_images(frames, "yolo")
        found: list[Detections] = []
        pending: deque[tuple[Frame, Letterbox, Any]] = deque()
        try:
            for frame, size in zip(frames, sizes or [self._imgsz] * len(frames), strict=True):
                if len(pending) == self._streams + 1:  # one waits, so that no stream does
                    found.append(self._finish(*pending.popleft()))
                pending.append(self._start(frame, size))
            while pending:
                found.append(self._finish(*pending.popleft()))
        finally:
            for _, _, request in pending:  # only after an error
                request.wait()
        return found

    def _start(self, frame: Frame, size: int) -> tuple[Frame, Letterbox, Any]:
        compiled = self._compiled_for(self._fixed_size or rectangular_size(frame.size, size))
        letterbox = Letterbox.fit(frame.size, compiled.input_size, centred=not self._is_yolox)
        request = compiled.requests[0]
        compiled.requests.rotate(-1)  # at most streams + 1 are pending, so the next one in turn is free
        request.get_input_tensor().data[0] = letterbox.apply(frame.image)
        request.start_async()
        return frame, letterbox, request

    def _finish(self, frame: Frame, letterbox: Letterbox, request: Any) -> Detections:
        request.wait()
        try:
            output = request.get_output_tensor().data[0]
            if self._is_yolox:
                width, height = letterbox.input_size
                candidates = decode_yolox(output, height, width, self._conf, self._classes)
            else:
                candidates = decode_yolov8(output, self._conf, self._classes)
        except FormatError as error:
            raise FormatError(f"frame {frame.index} of {frame.camera!r}: {error}") from error
        kept = suppress(candidates, self._iou, self._max_det)
        return detections_for(frame, letterbox.restore(kept.xyxy), kept.confidence, kept.class_id)

    def _compiled_for(self, input_size: tuple[int, int]) -> _Compiled:
        if input_size in self._compiled:
            self._compiled.move_to_end(input_size)
            return self._compiled[input_size]
        from openvino import Type
        from openvino.preprocess import ColorFormat, PrePostProcessor

        from mdpr.detectors.rectangular import rectangular

        processor = PrePostProcessor(rectangular(self._model, input_size[1], input_size[0]))
        tensor = processor.input().tensor()
        tensor.set_element_type(Type.u8).set_layout(_layout("NHWC")).set_color_format(ColorFormat.BGR)
        processor.input().model().set_layout(_layout("NCHW"))
        steps = processor.input().preprocess()
        steps.convert_element_type(Type.f32)
        if not self._is_yolox:
            steps.convert_color(ColorFormat.RGB).scale(255.0)
        processor.output().tensor().set_element_type(Type.f32)
        streams = {"NUM_STREAMS": self._streams, "INFERENCE_NUM_THREADS": count_cores()}
        network = self._core.compile_model(processor.build(), "CPU", {**streams, **self._hints})
        requests = deque(network.create_infer_request() for _ in range(self._streams + 1))
        self._compiled[input_size] = _Compiled(input_size, requests)
        if len(self._compiled) > _MAX_SHAPES:
            self._compiled.popitem(last=False)
        return self._compiled[input_size]

    def _find_shape(self, folder: Path) -> tuple[tuple[int, int] | None, str]:
        """The one (width, height) that the model is bound to, or None when it takes any; and words for it."""
        from mdpr.detectors.rectangular import rectangular

        shape = self._model.input(0).partial_shape
        size = self._imgsz
        try:
            rectangular(self._model, 2 * size, size)  # stands for all: what can be rewritten once can always be
        except ModelError as error:
            height, width = shape[2].get_length(), shape[3].get_length()
            if max(height, width) != size:
                raise ConfigError(
                    f"detector.imgsz {size}: {folder} is fixed to {height}x{width} ({error}). "
                    f"Use imgsz {max(height, width)}, or export the model again."
                ) from error
            return (width, height), f"{height}x{width} (fixed: {error})"
        return None, f"{size} rectangular"

    def _precision(self) -> str:
        if any(node.get_type_name() == "FakeQuantize" for node in self._model.get_ops()):
            return "int8"
        hint = self._hints.get("INFERENCE_PRECISION_HINT")
        precision = hint or self._core.get_property("CPU", "INFERENCE_PRECISION_HINT").get_type_name()
        return {"f32": "fp32", "f16": "fp16"}.get(precision, precision)


def _layout(text: str) -> Any:
    from openvino import Layout

    return Layout(text)


def _read_model(folder: Path) -> Any:
    if not has_openvino():
        raise DependencyError("openvino", f"the model {folder}", extra="openvino")
    files = sorted(folder.glob("*.xml")) if folder.is_dir() else [folder]
    if len(files) != 1:
        raise ModelError(f"{folder}: expected one OpenVINO model (*.xml), found {len(files)}")
    from openvino import Core

    try:
        return Core().read_model(files[0])
    except RuntimeError as error:
        raise ModelError(f"{files[0]}: OpenVINO cannot read it: {str(error).strip().splitlines()[-1]}") from error


def _read_metadata(folder: Path) -> dict[str, Any]:
    path = folder / "metadata.yaml"
    if not path.is_file():
        return {}
    try:
        metadata = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ModelError(f"{path}: not YAML: {error}") from error
    if not isinstance(metadata, dict):
        raise ModelError(f"{path}: expected a mapping, got {type(metadata).__name__}")
    return metadata
