"""The only file that imports ultralytics (AGPL-3.0), and only through its public interface.

It must not install or download anything by itself: YOLO_AUTOINSTALL is off before the import, and weights are always
given as a path that exists.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Sequence
from contextlib import suppress as ignoring
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.options import DEFAULT_SIZE
from mdpr.errors import ConfigError, ModelError
from mdpr.types import Detections, Frame
from mdpr.weights import cache_folder, is_offline

_GPU_BATCH = 8
_log = logging.getLogger("mdpr")


class UltralyticsYolo:
    """Runs whatever ultralytics can load: `.pt` on CUDA or CPU, ONNX, TensorRT, end-to-end and segmentation models."""

    def __init__(
        self,
        weights: Path,
        device: str,
        *,
        conf: float,
        iou: float,
        imgsz: int | None,
        classes: tuple[int, ...] | None,
        max_det: int,
        half: bool | None = None,
        name: str = "",
    ) -> None:
        """Load the model.

        Args:
            weights: an existing file or folder.
            device: "cpu", "mps" or "cuda:N".
            conf, iou, imgsz, classes, max_det, half: see `mdpr.detectors.yolo.Yolo.Config`.
            name: of the weights, for the description; "" takes the file's.

        Raises:
            ModelError: ultralytics cannot load the file, or it does not give boxes.
            ConfigError: CUDA is asked for and torch was built without it.
        """
        _import_quietly()
        import torch
        from ultralytics import YOLO

        if device.startswith("cuda") and not torch.cuda.is_available():
            raise ConfigError(
                f"device {device}: the driver shows a GPU, but this torch ({torch.__version__}) cannot use it"
            )
        is_pt = weights.suffix == ".pt"
        self._half = device.startswith("cuda") if half is None else half
        try:
            self._model = YOLO(str(weights), task=None if is_pt else _task_of(weights))
            if is_pt:
                self._model.to(device)
        except Exception as error:  # whatever a damaged file makes ultralytics or torch raise
            raise ModelError(f"{weights}: ultralytics cannot load it: {error}") from error
        self._imgsz = imgsz or DEFAULT_SIZE
        self.takes_any_size = is_pt
        self._options: dict[str, Any] = {
            "conf": conf, "iou": iou, "max_det": max_det, "device": device, "half": self._half,
            "classes": None if classes is None else list(classes), "verbose": False, "save": False, "show": False,
        }  # fmt: skip
        self.batch_size = _GPU_BATCH if is_pt and device.startswith("cuda") else 1
        precision = "fp16" if self._half else "fp32"
        shape = f"{self._imgsz} rectangular"
        self.description = f"{name or weights.stem}, ultralytics {precision} {shape}, {device.upper()}"

    def detect(self, frames: Sequence[Frame], sizes: Sequence[int] | None = None) -> list[Detections]:
        """See `mdpr.contracts.ResizableDetector`; on CUDA a batch may change the last bits of a result."""
        require_images(frames, "yolo")
        alike: dict[tuple[tuple[int, int], int], list[int]] = {}
        for row, (frame, size) in enumerate(zip(frames, sizes or [self._imgsz] * len(frames), strict=True)):
            alike.setdefault((frame.size, size), []).append(row)  # a batch of mixed sizes would be padded to a square
        found = [Detections.empty()] * len(frames)
        for (_, size), rows in alike.items():
            for start in range(0, len(rows), self.batch_size):
                part = rows[start : start + self.batch_size]
                for row, detections in zip(part, self._predict([frames[row] for row in part], size), strict=True):
                    found[row] = detections
        return found

    def _predict(self, frames: list[Frame], size: int) -> list[Detections]:
        images = [np.array(frame.image) for frame in frames]  # copies: it may scribble on what it is given
        results = self._model.predict(images, imgsz=size, **self._options)
        found = []
        for frame, result in zip(frames, results, strict=True):
            if result.boxes is None:
                raise ModelError(f"{self.description}: expected a model that gives axis-parallel boxes, got none")
            boxes = result.boxes.cpu().numpy()
            found.append(detections_for(frame, boxes.xyxy, np.clip(boxes.conf, 0, 1), boxes.cls))
        return found


def export_openvino(weights: Path) -> Path:
    """The OpenVINO folder of a `.pt` file, made once and kept in the cache; any input size fits it.

    The name holds a hash of the content and the versions of both libraries, so nothing stale is ever found.

    Raises:
        ModelError: the export fails; nothing half-made remains.
    """
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()[:16]
    versions = f"u{version('ultralytics')}-ov{version('openvino')}"
    target = cache_folder() / "exports" / f"{weights.stem}-{digest}-{versions}_openvino_model"
    if target.is_dir():
        return target
    _log.info("exporting %s to OpenVINO once, into %s", weights, target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    except OSError as error:
        raise ModelError(
            f"{weights}: cannot export into the cache {target.parent}: {error}. Set MDPR_CACHE."
        ) from error
    try:
        _import_quietly()
        from ultralytics import YOLO

        copied = shutil.copy(weights, workshop / weights.name)  # ultralytics writes beside the weights
        with warnings.catch_warnings():  # torch's tracer warns of its own deprecation
            warnings.simplefilter("ignore")
            made = YOLO(str(copied)).export(format="openvino", dynamic=True, device="cpu", verbose=False)
        with ignoring(OSError):  # another process was faster: its folder is as good
            Path(made).rename(target)
        if not target.is_dir():
            raise ModelError(f"{weights}: the export gave {made}, which cannot be moved to {target}")
    except ModelError:
        raise
    except Exception as error:  # whatever the exporter raises
        raise ModelError(f"{weights}: export to OpenVINO failed: {error}") from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return target


def _import_quietly() -> None:
    os.environ["YOLO_AUTOINSTALL"] = "false"
    os.environ.setdefault("YOLO_VERBOSE", "false")
    if is_offline():
        os.environ["YOLO_OFFLINE"] = "true"  # the one spelling that it understands
    import ultralytics  # noqa: F401

    logging.getLogger("ultralytics").setLevel(logging.ERROR)


def _task_of(weights: Path) -> str | None:
    """The task that the metadata of an exported folder names; None leaves the guess to ultralytics."""
    import yaml

    path = weights / "metadata.yaml"
    if not path.is_file():
        return "detect"
    task = (yaml.safe_load(path.read_text(encoding="utf-8")) or {}).get("task")
    return str(task) if task else None
