"""The person detector that comes with mdpr-track: a small YOLOX, trained on synthetic scenes alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mdpr.detectors.devices import choose_device
from mdpr.detectors.onnx import Onnx
from mdpr.detectors.openvino_engine import OpenVinoYolo, has_openvino
from mdpr.detectors.options import check_options
from mdpr.errors import ConfigError, ModelError
from mdpr.shipped import FOLDER, shipped_weights
from mdpr.types import Detections, Frame

NAME = "mdpr-person"
FILE = f"{NAME}.onnx"


def is_shipped() -> bool:
    """Whether this installation has the weights."""
    return (Path(__file__).parent / FOLDER / FILE).is_file()


class Person:
    """Finds people with the weights of this package: no download, no AGPL. Finds nothing else.

    - CPU with openvino: OpenVINO, several frames side by side.
    - Otherwise: onnxruntime.
    """

    @dataclass(frozen=True)
    class Config:
        """Options, named as in YOLO.

        Attributes:
            conf: lowest score of a box.
            iou: boxes that overlap a better one by more are dropped.
            imgsz: longer side of the network input in pixels, a multiple of 32; None as for YOLO.
            device: "cpu", "cuda", "cuda:0", "0"; "" takes the CPU, or CUDA when onnxruntime can use it.
            half: False = fp32 where the CPU multiplies bf16 faster.
            classes: as for YOLO; must hold 0, person.
            max_det: most boxes in a frame.
        """

        conf: float = 0.1
        iou: float = 0.5
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
            if self.classes is not None and 0 not in self.classes:
                raise ConfigError(f"detector.classes: {NAME} finds people (0) only, got {self.classes}")

    def __init__(self, config: Config, reason: str = "") -> None:
        """Load the network.

        Args:
            config: the options.
            reason: why it is used although nobody asked for it, for the log.

        Raises:
            ModelError: this installation has no such weights, or not those that were shipped.
            ConfigError: CUDA is asked for and not available.
        """
        path = shipped_weights("mdpr.detectors", FILE, reason)
        if path is None:
            raise ModelError(
                f"{FILE}: this installation of mdpr-track comes without it. Give --weights, see --detector"
            )
        options: dict[str, Any] = {
            "conf": config.conf, "iou": config.iou, "imgsz": config.imgsz, "classes": (0,), "max_det": config.max_det,
        }  # fmt: skip
        is_cpu = choose_device(config.device or "cpu") == "cpu"
        self._engine: OpenVinoYolo | Onnx
        if is_cpu and has_openvino():
            self._engine = OpenVinoYolo(path, name=NAME, half=config.half, is_yolox=True, **options)
        else:
            self._engine = Onnx(Onnx.Config(weights=str(path), device=config.device, **options))
        self.description = f"{self._engine.description}; comes with mdpr-track, trained on synthetic people"
        self.batch_size = self._engine.batch_size
        self.takes_any_size = self._engine.takes_any_size

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """See `mdpr.contracts.ResizableDetector`.

        Raises:
            FormatError: a frame without image, or a network that puts out NaN.
        """
        return self._engine.detect(frames, sizes)
