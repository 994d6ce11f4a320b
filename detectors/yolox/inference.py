"""A network in training as a detector: what `--detector onnx` does with its export, in torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray

from mdpr.detectors.devices import count_cores
from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.letterbox import Letterbox, rectangular_size
from mdpr.detectors.yolo_outputs import decode_yolox, suppress
from mdpr.detectors.yolox.data import PeoplePictures
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.metrics import Truth
from mdpr.detectors.yolox.network import YoloxNetwork
from mdpr.detectors.yolox.sampling import read_image
from mdpr.detectors.yolox.step import one_core_a_thread
from mdpr.types import Detections, Frame

EVALUATION_CONF = 0.01
"""Of boxes that take part in average precision; lower ones change it by thousandths and cost time."""


class TorchYolox:
    """A detector of the contract `mdpr.contracts.Detector`.

    Args:
        network: copied.
        imgsz: longer side of its input, a multiple of 32; pictures keep their proportions.
        conf, iou, max_det: see `mdpr.detectors.onnx.Onnx.Config`.
        device: that it runs on.
    """

    def __init__(
        self,
        network: YoloxNetwork,
        imgsz: int,
        conf: float = 0.1,
        iou: float = 0.7,
        max_det: int = 300,
        device: torch.device | None = None,
    ) -> None:
        self._device = device or torch.device("cpu")
        self._network = FoldedNetwork(network).to(self._device).to(memory_format=torch.channels_last)
        self._imgsz, self._conf, self._iou, self._max_det = imgsz, conf, iou, max_det
        self.batch_size = 1
        self.description = f"YOLOX in torch, {imgsz} rectangular, {self._device}"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `mdpr.contracts.Detector`.

        Raises:
            FormatError: a frame without image, or a network that puts out NaN.
        """
        require_images(frames, "yolox")
        return [self._detect(frame) for frame in frames]

    @torch.inference_mode()
    def _detect(self, frame: Frame) -> Detections:
        size = rectangular_size(frame.size, self._imgsz)
        letterbox = Letterbox.fit(frame.size, size, centred=False)
        picture = torch.from_numpy(letterbox.apply(frame.image)).to(self._device)
        output: NDArray[np.float32] = self._network(picture.permute(2, 0, 1)[None].float())[0].cpu().numpy()
        kept = suppress(decode_yolox(output, size[1], size[0], self._conf, (0,)), self._iou, self._max_det)
        return detections_for(frame, letterbox.restore(kept.xyxy), kept.confidence, kept.class_id)


def detect_in_pictures(
    detect: Callable[[Sequence[Frame]], list[Detections]], pictures: PeoplePictures, threads: int = 0
) -> list[Detections]:
    """What a detector finds in each picture.

    Args:
        detect: of a detector; called from several threads at once where `threads` is not 1.
        pictures: to look at.
        threads: 0 = one a core, each computing with one core.

    Raises:
        FormatError: a picture that cannot be read.
    """

    def one(number: int) -> Detections:
        image = read_image(pictures.paths[number])
        return detect([Frame(pictures.name, number, float(number), image)])[0]

    if threads == 1:
        return [one(number) for number in range(len(pictures))]
    with ThreadPoolExecutor(threads or count_cores(), "mdpr-eval", one_core_a_thread) as pool:
        return list(pool.map(one, range(len(pictures))))


def truths_of(pictures: PeoplePictures) -> list[Truth]:
    """The boxes of each picture, as `measure` takes them."""
    boxes = (pictures.boxes_of(number) for number in range(len(pictures)))
    return [Truth(xyxy[~is_ignored], xyxy[is_ignored]) for xyxy, is_ignored in boxes]
