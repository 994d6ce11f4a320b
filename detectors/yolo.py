"""YOLO by default: the engine is chosen once, from what the machine has and what the weights are.

Where the default weights cannot be had, the person detector that comes with this package takes their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mdpr.detectors.devices import choose_device
from mdpr.detectors.openvino_engine import OpenVinoYolo, has_openvino, refusal
from mdpr.detectors.options import check_options
from mdpr.detectors.person import Person, is_shipped
from mdpr.errors import ConfigError, DependencyError
from mdpr.types import Detections, Frame
from mdpr.weights import MissingWeightsError, obtain_weights

_RELEASE = "https://github.com/ultralytics/assets/releases/download/v8.3.0"
DOWNLOADS = {
    f"{family}{size}.pt": f"{_RELEASE}/{family}{size}.pt" for family in ("yolo11", "yolov8") for size in "nsmlx"
}
"""The only weights that are ever downloaded."""


class Yolo:
    """A YOLO detector.

    - CUDA: ultralytics, fp16.
    - CPU with openvino: an OpenVINO folder directly, a `.pt` exported once.
    - Otherwise, and for models other than plain detection: ultralytics runs the file.
    - Default weights that are nowhere and cannot be downloaded: `mdpr.detectors.person` instead, which is said.
    """

    @dataclass(frozen=True)
    class Config:
        """Options, named as in YOLO.

        Attributes:
            weights: model name ("yolo11n"), file (`.pt`, `.onnx`, ...) or OpenVINO folder.
            conf: lowest score of a box; low, because tracking uses weak boxes for its second association.
            iou: boxes of a class that overlap a better one by more are dropped.
            imgsz: longer side of the network input in pixels, a multiple of 32; None = 640, and in a run of mdpr-track
                more where people are small (`mdpr.pipeline.input_size`).
            device: "cpu", "cuda", "cuda:0", "0", "mps"; "" chooses.
            half: fp16 on a GPU; None = fp16 on CUDA and the CPU's own choice, False = fp32 everywhere.
            classes: class numbers to keep, None for all; 0 is person.
            max_det: most boxes in a frame.
        """

        weights: str = "yolo11n"
        conf: float = 0.1
        iou: float = 0.7
        imgsz: int | None = None
        device: str = ""
        half: bool | None = None
        classes: tuple[int, ...] | None = (0,)
        max_det: int = 300

        def __post_init__(self) -> None:
            check_options(
                conf=self.conf, iou=self.iou, imgsz=self.imgsz, max_det=self.max_det, classes=self.classes,
                device=self.device,
            )  # fmt: skip
            if not self.weights:
                raise ConfigError("detector.weights: expected a model name or a path, got ''")

    def __init__(self, config: Config) -> None:
        """Find the weights and load the engine.

        Raises:
            ModelError: weights missing or not usable.
            DependencyError: an OpenVINO model without openvino.
            ConfigError: a device that is not there, or options that do not fit the weights.
        """
        device = choose_device(config.device)
        self._engine: Any
        try:
            self._engine = _load(config, obtain_yolo_weights(config.weights, device), device)
        except MissingWeightsError as error:
            is_wanted = config.weights == Yolo.Config.weights and 0 in (config.classes or (0,))
            if not (is_wanted and is_shipped()):
                raise
            self._engine = _shipped(config, error)
        self.description: str = self._engine.description
        self.batch_size: int = self._engine.batch_size
        self.takes_any_size: bool = self._engine.takes_any_size

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """See `mdpr.contracts.ResizableDetector`.

        Raises:
            FormatError: a frame without image, or a network that puts out NaN.
        """
        found: list[Detections] = self._engine.detect(frames, sizes)
        return found


def obtain_yolo_weights(name: str = "yolo11n", device: str = "cpu") -> Path:
    """The file or OpenVINO folder that a path or model name stands for, downloaded if that is allowed and needed.

    Raises:
        ModelError: not found and not downloaded; it names every place looked at and what to do.
    """
    return obtain_weights(name, weight_variants(name, device), "YOLO model", DOWNLOADS)


def weight_variants(name: str, device: str) -> list[str]:
    """What a model name may stand for on this device, best first; nothing for a file name.

    >>> weight_variants("yolo11n", "cuda:0")
    ['yolo11n.pt', 'yolo11n.onnx']
    """
    if Path(name).suffix in {".pt", ".onnx"} or name.endswith("_openvino_model"):
        return [name]
    folders = [f"{name}_openvino_model", f"{name}_int8_openvino_model"]
    return [*(folders if device == "cpu" and has_openvino() else []), f"{name}.pt", f"{name}.onnx"]


def _shipped(config: Yolo.Config, error: MissingWeightsError) -> Person:
    """The detector of this package with the options of YOLO; those that are at YOLO's default take its own."""
    defaults = Yolo.Config()
    names = [entry.name for entry in fields(Person.Config)]
    given = {name: getattr(config, name) for name in names if getattr(config, name) != getattr(defaults, name)}
    why = (error.failure or "no download is known for them").rstrip(".")
    return Person(Person.Config(**given), f"no weights of {config.weights} here ({why})")


def _load(config: Yolo.Config, weights: Path, device: str) -> Any:
    options: dict[str, Any] = {
        "conf": config.conf, "iou": config.iou, "imgsz": config.imgsz, "classes": config.classes,
        "max_det": config.max_det, "half": config.half,
    }  # fmt: skip
    name = weights.name.removesuffix("_openvino_model").removesuffix(".pt").removesuffix("_int8")
    folder = weights if weights.is_dir() else None
    if folder and not has_openvino():
        raise DependencyError("openvino", f"the model {folder}", extra="openvino")
    if folder and config.device and device != "cpu":
        raise ConfigError(
            f"detector.device {device}: {folder} is an OpenVINO model, which runs on the CPU; give the .pt"
        )
    if folder:
        device = "cpu"
    if config.half and device == "cpu":
        raise ConfigError("detector.half: fp16 needs a GPU; leave half out, and the CPU takes its fastest precision")
    if device == "cpu" and has_openvino() and folder is None and weights.suffix == ".pt":
        from mdpr.detectors.ultralytics_engine import export_openvino

        folder = export_openvino(weights)
    if folder and not refusal(folder):
        return OpenVinoYolo(folder, name=name, **options)
    from mdpr.detectors.ultralytics_engine import UltralyticsYolo

    return UltralyticsYolo(weights, device, name=name, **options)
