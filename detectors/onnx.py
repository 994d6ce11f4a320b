"""ONNX detection networks through onnxruntime, without ultralytics or torch.

Two kinds are told apart by the shape of their output: YOLOX without decoding, (1, anchors, 5 + classes), and
YOLOv8-style, (1, 4 + classes, anchors).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.devices import choose_device, count_cores
from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.letterbox import Letterbox, rectangular_size
from mdpr.detectors.options import DEFAULT_SIZE, STRIDE, check_options
from mdpr.detectors.yolo_outputs import Candidates, decode_yolov8, decode_yolox, grid, suppress
from mdpr.errors import ConfigError, FormatError, ModelError
from mdpr.types import Detections, Frame
from mdpr.weights import obtain_weights

_INPUT_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}


class Onnx:
    """A YOLOX or YOLOv8-style network from an ONNX file."""

    @dataclass(frozen=True)
    class Config:
        """Options, named as in YOLO.

        Attributes:
            weights: the ONNX file, or its name in $MDPR_MODELS or the cache.
            conf: lowest score of a box.
            iou: boxes of a class that overlap a better one by more are dropped.
            imgsz: longer side of the input, a multiple of 32; None takes the model's, 640 when it takes any, and more
                where people are small (`mdpr.pipeline.input_size`).
            device: "cpu", "cuda", "cuda:0", "0"; "" chooses CUDA when onnxruntime can use it.
            classes: class numbers to keep, None for all; 0 is person.
            max_det: most boxes in a frame.
        """

        weights: str = ""
        conf: float = 0.1
        iou: float = 0.7
        imgsz: int | None = None
        device: str = ""
        classes: tuple[int, ...] | None = (0,)
        max_det: int = 300

        def __post_init__(self) -> None:
            check_options(
                conf=self.conf, iou=self.iou, imgsz=self.imgsz, max_det=self.max_det, classes=self.classes,
                device=self.device,
            )  # fmt: skip
            if not self.weights:
                raise ConfigError("detector.weights: the detector onnx needs an ONNX file, got ''")

    def __init__(self, config: Config) -> None:
        """Load the network.

        Raises:
            ModelError: missing or damaged file, or inputs and outputs of another form.
            ConfigError: CUDA is asked for and not available, or `imgsz` does not fit a network of fixed size.
        """
        name = config.weights
        path = obtain_weights(name, () if Path(name).suffix else (f"{name}.onnx",), "ONNX detector")
        self._config = config
        self._session, device = _open(path, config.device)
        self._input = self._session.get_inputs()[0]
        self._size, self._is_yolox = _recognise(self._session, path, config.imgsz)
        self.takes_any_size = self._size is None
        self.batch_size = 1  # side by side gains nothing: the session uses all cores for each frame
        kind = "YOLOX" if self._is_yolox else "YOLOv8-style"
        shape = f"{self._size[1]}x{self._size[0]}" if self._size else f"{config.imgsz or DEFAULT_SIZE} rectangular"
        self.description = f"{path.stem} ({kind}), onnxruntime {shape}, {device}"

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """See `mdpr.contracts.ResizableDetector`.

        Raises:
            FormatError: a frame without image, or a network that puts out NaN.
        """
        require_images(frames, "onnx")
        usual = self._config.imgsz or DEFAULT_SIZE
        return [
            self._detect(frame, self._size or rectangular_size(frame.size, size))
            for frame, size in zip(frames, sizes or [usual] * len(frames), strict=True)
        ]

    def _detect(self, frame: Frame, size: tuple[int, int]) -> Detections:
        letterbox = Letterbox.fit(frame.size, size, centred=not self._is_yolox)
        output = self._session.run(None, {self._input.name: self._prepare(letterbox.apply(frame.image))})[0][0]
        try:
            kept = suppress(self._decode(output, size), self._config.iou, self._config.max_det)
        except FormatError as error:
            raise FormatError(f"frame {frame.index} of {frame.camera!r}: {error}") from error
        return detections_for(frame, letterbox.restore(kept.xyxy), kept.confidence, kept.class_id)

    def _prepare(self, padded: NDArray[np.uint8]) -> NDArray[Any]:
        """(1, 3, height, width): BGR in 0..255 for YOLOX, RGB in 0..1 for the others."""
        scale = 1.0 if self._is_yolox else 1 / 255
        blob = cv2.dnn.blobFromImage(padded, scale, swapRB=not self._is_yolox)
        return blob.astype(_INPUT_TYPES[self._input.type], copy=False)

    def _decode(self, output: NDArray[Any], size: tuple[int, int]) -> Candidates:
        if self._is_yolox:
            return decode_yolox(output, size[1], size[0], self._config.conf, self._config.classes)
        return decode_yolov8(output, self._config.conf, self._config.classes)


def _open(path: Path, device: str) -> tuple[Any, str]:
    import onnxruntime

    available = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    chosen = choose_device(device) if device or available else "cpu"
    if chosen != "cpu" and not (available and chosen.startswith("cuda")):
        raise ConfigError(f"detector.device {device!r}: this onnxruntime has no such provider; install onnxruntime-gpu")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = count_cores()
    options.inter_op_num_threads = 1
    options.add_session_config_entry(
        "session.intra_op.allow_spinning", "0"
    )  # spinning takes cores from the other stages
    options.log_severity_level = 3
    providers: list[Any] = ["CPUExecutionProvider"]
    if chosen != "cpu":
        providers.insert(0, ("CUDAExecutionProvider", {"device_id": int(chosen.partition(":")[2])}))
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=providers)
    except Exception as error:  # onnxruntime's errors share no base class
        raise ModelError(f"{path}: onnxruntime cannot load it: {error}") from error
    used = session.get_providers()[0]
    if chosen != "cpu" and used != "CUDAExecutionProvider":  # it falls back by itself, with a warning
        if device:
            raise ConfigError(f"detector.device {device!r}: onnxruntime could not start CUDA and chose {used}")
        chosen = "cpu"
    return session, chosen.upper()


def _recognise(session: Any, path: Path, imgsz: int | None) -> tuple[tuple[int, int] | None, bool]:
    """The fixed input (width, height), None when free, and whether the network is a YOLOX.

    A free size is settled by a trial run, since its output has no declared shape.
    """
    inputs, outputs = session.get_inputs(), session.get_outputs()
    shape = inputs[0].shape
    if len(inputs) != 1 or len(shape) != 4 or shape[1] != 3 or inputs[0].type not in _INPUT_TYPES:
        got = ", ".join(f"{entry.type} {entry.shape}" for entry in inputs)
        raise ModelError(f"{path}: expected one float input (1, 3, height, width), got {got}")
    if shape[0] not in (1, None) and not isinstance(shape[0], str):
        raise ModelError(f"{path}: expected a network for one image at a time, got batch {shape[0]}")
    if (task := session.get_modelmeta().custom_metadata_map.get("task", "detect")) != "detect":
        raise ModelError(f"{path}: expected a detection network, got one for the task {task}")
    is_fixed = isinstance(shape[2], int) and isinstance(shape[3], int)
    height, width = (shape[2], shape[3]) if is_fixed else (imgsz or DEFAULT_SIZE,) * 2
    if is_fixed and imgsz is not None and imgsz != max(height, width):
        raise ConfigError(f"detector.imgsz {imgsz}: {path} is fixed to {height}x{width}; leave imgsz out")
    if height % STRIDE or width % STRIDE:
        raise ModelError(f"{path}: expected an input whose sides are multiples of {STRIDE}, got {height}x{width}")
    declared = outputs[0].shape
    if not all(isinstance(side, int) for side in declared):
        blank = np.zeros((1, 3, height, width), _INPUT_TYPES[inputs[0].type])
        declared = list(session.run(None, {inputs[0].name: blank})[0].shape)
    anchors = grid(height, width)[0].shape[1]
    is_yolox = len(declared) == 3 and declared[1] == anchors and declared[2] > 5
    is_yolov8 = len(declared) == 3 and declared[2] == anchors and declared[1] > 4
    if len(outputs) != 1 or declared[0] != 1 or not (is_yolox or is_yolov8):
        raise ModelError(
            f"{path}: expected one output, (1, {anchors}, 5 + classes) as YOLOX or (1, 4 + classes, {anchors}) as "
            f"YOLOv8 for an input of {height}x{width}, got {len(outputs)}, the first {tuple(declared)}"
        )
    return (width, height) if is_fixed else None, is_yolox
