"""torchvision's detection networks (Faster R-CNN, RetinaNet, FCOS, SSD) by their torchvision names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.devices import choose_device
from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.options import check_options
from mdpr.errors import ConfigError, ModelError
from mdpr.types import Detections, Frame
from mdpr.weights import find_weights, is_offline, missing_weights, obtain_weights

# torchvision counts the 90 published COCO categories from 1; these were never annotated. YOLO counts the other 80
# from 0.
_ABSENT_CATEGORIES = {12, 26, 29, 30, 45, 66, 68, 69, 71, 83}
CLASS_OF_LABEL: NDArray[np.int32] = np.full(91, -1, np.int32)
"""(91,) YOLO class number of each torchvision label; -1 for background and categories that are never annotated."""
CLASS_OF_LABEL[[label for label in range(1, 91) if label not in _ABSENT_CATEGORIES]] = np.arange(80)


class Torchvision:
    """A COCO-trained torchvision detector; its class numbers become those of YOLO (0 = person)."""

    @dataclass(frozen=True)
    class Config:
        """Options, named as in YOLO where they mean the same.

        Attributes:
            model: torchvision's name of the network.
            weights: state dict of it (`.pt`, `.pth` or `.safetensors`); "" looks for torchvision's own, then downloads.
            conf: lowest score of a box.
            iou: boxes of a class that overlap a better one by more are dropped; 0.5 as these networks were trained.
            device: "cpu", "cuda", "cuda:0", "0", "mps"; "" chooses.
            half: fp16; None = on CUDA.
            classes: class numbers to keep in YOLO's counting, None for all; 0 is person.
            max_det: most boxes in a frame, all classes together.
        """

        model: str = "fasterrcnn_resnet50_fpn_v2"
        weights: str = ""
        conf: float = 0.1
        iou: float = 0.5
        device: str = ""
        half: bool | None = None
        classes: tuple[int, ...] | None = (0,)
        max_det: int = 300

        def __post_init__(self) -> None:
            check_options(conf=self.conf, iou=self.iou, max_det=self.max_det, classes=self.classes, device=self.device)
            if not self.model:
                raise ConfigError("detector.model: expected the name of a torchvision detection network, got ''")

    def __init__(self, config: Config) -> None:
        """Build the network and load its weights; it never runs with random ones.

        Raises:
            ModelError: weights missing, or not those of this network.
            ConfigError: torchvision has no such network, or the device is not there.
        """
        device = choose_device(config.device)
        if config.half and device == "cpu":
            raise ConfigError("detector.half: fp16 needs a GPU; leave half out")
        path = _find(config)
        import torch

        self._device = torch.device(device)
        self._half = device.startswith("cuda") if config.half is None else config.half
        self._classes, self._conf, self._max_det = config.classes, config.conf, config.max_det
        self._model = _build(config)
        _load(self._model, path, config.model)
        self._model.eval().to(self._device)
        self.batch_size = 1  # torchvision pads a batch to its largest image, so a result would depend on the others
        precision = "fp16" if self._half else "fp32"
        self.description = f"{config.model}, torchvision {precision}, {device.upper()}"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `mdpr.contracts.Detector`.

        Raises:
            FormatError: a frame without image, or a network that puts out NaN.
        """
        require_images(frames, "torchvision")
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> Detections:
        import torch

        rgb = np.ascontiguousarray(frame.image[:, :, ::-1].transpose(2, 0, 1))  # (3, height, width)
        with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=self._half):
            image = torch.from_numpy(rgb).to(self._device).float() / 255
            found = {name: value.float().cpu().numpy() for name, value in self._model([image])[0].items()}
        class_id = CLASS_OF_LABEL[found["labels"].astype(np.int64)]
        kept = (found["scores"] > self._conf) & (class_id >= 0)
        if self._classes is not None:
            kept &= np.isin(class_id, self._classes)
        rows = np.flatnonzero(kept | np.isnan(found["scores"]))
        rows = rows[np.argsort(-found["scores"][rows], kind="stable")][: self._max_det]
        return detections_for(frame, found["boxes"][rows], found["scores"][rows], class_id[rows])


def _find(config: Torchvision.Config) -> Path:
    """The weights file; torchvision is imported only when the address of its own is needed."""
    kind = f"weights of {config.model}"
    if config.weights:
        return obtain_weights(config.weights, (), kind)
    names = [f"{config.model}{suffix}" for suffix in (".safetensors", ".pth", ".pt")]
    if found := find_weights(config.model, names, kind):
        return found
    if is_offline():
        raise missing_weights(config.model, names, kind, "Not downloaded: MDPR_OFFLINE or YOLO_OFFLINE is set.")
    import torch
    from torchvision.models import get_model_weights

    _check_name(config.model)
    url = get_model_weights(config.model)["DEFAULT"].url
    file = url.rpartition("/")[2]
    in_hub = Path(torch.hub.get_dir()) / "checkpoints" / file  # where torchvision itself puts it
    return in_hub if in_hub.is_file() else obtain_weights(config.model, [*names, file], kind, {file: url})


def _check_name(name: str) -> None:
    from torchvision.models import detection, list_models

    known = [model for model in list_models(module=detection) if not model.startswith(("mask", "keypoint"))]
    if name not in known:
        raise ConfigError(f"detector.model: torchvision has no detection network {name!r}. Known: {', '.join(known)}")


def _build(config: Torchvision.Config) -> Any:
    """The network with random weights, to be replaced at once; thresholds go where torchvision applies them."""
    from torchvision.models import get_model

    _check_name(config.model)
    prefix = "box_" if config.model.startswith("fasterrcnn") else ""
    thresholds = {
        f"{prefix}score_thresh": config.conf, f"{prefix}nms_thresh": config.iou,
        f"{prefix}detections_per_img": max(config.max_det, 300),  # of all classes; cut after choosing ours
    }  # fmt: skip
    return get_model(config.model, weights=None, weights_backbone=None, num_classes=len(CLASS_OF_LABEL), **thresholds)


def _load(model: Any, path: Path, name: str) -> None:
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    except (
        OSError,
        RuntimeError,
        EOFError,
        pickle.UnpicklingError,
        SafetensorError,
        TypeError,
        AttributeError,
    ) as error:
        raise ModelError(f"{path}: not a state dict of torchvision's {name}: {str(error)[:500]}") from error
