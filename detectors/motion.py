"""People as what moves before a still background: a fallback for fixed cameras where no weights can be had.

It sees a person only while the person moves or stands before the background learnt a moment ago, takes a group for one,
and anything of a person's size and proportions for a person.

Reference: Zivkovic and van der Heijden, "Efficient adaptive density estimation per image pixel for the task of
background subtraction", Pattern Recognition Letters 27 (2006): OpenCV's MOG2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.frames import detections_for, require_images
from mdpr.detectors.options import check_options
from mdpr.errors import ConfigError
from mdpr.types import Detections, Frame

_WIDTH_PX = 480  # pictures are made this wide at most
_BACKGROUND_RATIO = 0.9  # what is new becomes background when it has 1 - this of a pixel's weight
_WARM_UP_S = 1.0  # the background is the mean of the pictures so far
_VARIANCES = 80.0  # squared distance, in variances, from which a pixel is foreground; leaves room for exposure control
_MAX_STEP_S = 1.0  # a gap in the video teaches no more than this
_FLOOD = 0.6  # more foreground than this is a change of light, or the camera moved
_ASPECTS = (0.15, 1.2)  # width / height of a standing person, from the side to close from above
_USUAL_ASPECT = 0.42
_USUAL_FILL = 0.6  # part of the box of a person that the person covers


class Motion:
    """Background subtraction with one background for each camera.

    Frames of a camera must come in order of time; a time that goes back starts a new background.
    """

    @dataclass(frozen=True)
    class Config:
        """Options.

        Attributes:
            conf: lowest score of a box; the score says how much shape and filling are those of a person.
            absorb_s: seconds after which someone who stands still belongs to the background.
            min_height: least height of a person as a part of the picture's.
            max_det: most boxes in a frame.
        """

        conf: float = 0.1
        absorb_s: float = 20.0
        min_height: float = 0.15
        max_det: int = 300

        def __post_init__(self) -> None:
            check_options(conf=self.conf, max_det=self.max_det)
            if not self.absorb_s > 0:
                raise ConfigError(f"detector.absorb_s: expected more than 0 seconds, got {self.absorb_s}")
            if not 0 < self.min_height < 1:
                raise ConfigError(
                    f"detector.min_height: expected a part of the picture in (0, 1), got {self.min_height}"
                )

    def __init__(self, config: Config) -> None:
        self._config = config
        self._backgrounds: dict[str, _Background] = {}
        self.batch_size = 1
        self.description = "motion before a still background (fallback for fixed cameras, no weights), OpenCV MOG2, CPU"

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        """See `mdpr.contracts.Detector`; a result depends on the earlier frames of the same camera only.

        Raises:
            FormatError: a frame without image.
        """
        require_images(frames, "motion")
        return [self._detect(frame) for frame in frames]

    def _detect(self, frame: Frame) -> Detections:
        background = self._backgrounds.get(frame.camera)
        if background is None or frame.time_s <= background.time_s or frame.size != background.size:
            background = self._backgrounds[frame.camera] = _Background(frame.size, frame.time_s)
        mask = background.foreground(frame, self._config.absorb_s)
        boxes, filled = find_people(mask, self._config.min_height)  # (N, 4) in the small picture
        aspect = (boxes[:, 2] - boxes[:, 0]) / np.maximum(boxes[:, 3] - boxes[:, 1], 1)
        shape = np.exp(-np.abs(np.log(np.maximum(aspect, 1e-6) / _USUAL_ASPECT)) / 2)
        confidence = np.minimum(filled / _USUAL_FILL, 1) * shape  # in (0, 1]
        rows = np.argsort(-confidence, kind="stable")[: self._config.max_det]
        rows = rows[confidence[rows] > self._config.conf]
        scale = np.array([frame.size[0] / mask.shape[1], frame.size[1] / mask.shape[0]] * 2)
        return detections_for(frame, boxes[rows] * scale, confidence[rows], np.zeros(len(rows), np.int32))


class _Background:
    """What a camera sees when nobody is there, learnt while it runs."""

    def __init__(self, size: tuple[int, int], time_s: float) -> None:
        self.size = size
        self.start_s = self.time_s = time_s
        self._pictures = 0
        self._model: Any = cv2.createBackgroundSubtractorMOG2(varThreshold=_VARIANCES, detectShadows=True)
        self._model.setBackgroundRatio(_BACKGROUND_RATIO)

    def foreground(self, frame: Frame, absorb_s: float) -> NDArray[np.uint8]:
        """(height, width) of the small picture: 1 where something is that does not belong, shadows left out."""
        step_s = min(frame.time_s - self.time_s, _MAX_STEP_S)
        self.time_s = frame.time_s
        self._pictures += 1
        rate = -np.log(_BACKGROUND_RATIO) * step_s / absorb_s  # (1 - rate) ** (absorb_s / step_s) = ratio
        if frame.time_s - self.start_s < _WARM_UP_S:
            rate = max(rate, 1 / self._pictures)
        width = min(frame.size[0], _WIDTH_PX)
        height = max(1, round(frame.size[1] * width / frame.size[0]))
        small = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA)
        mask = (self._model.apply(small, learningRate=rate) == 255).astype(np.uint8)  # 127 is shadow
        if mask.mean() > _FLOOD:
            self._model.apply(small, learningRate=0.5)
            return np.zeros_like(mask)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        return np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones((9, 5), np.uint8)), np.uint8)


def find_people(mask: NDArray[np.uint8], min_height: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Boxes of a person's proportions around what is set in a mask.

    Args:
        mask: (height, width), 0 or 1.
        min_height: least height as a part of the mask's.

    Returns:
        (N, 4) xyxy boxes and the part of each that is set, in (0, 1].
    """
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    found = stats[1:].astype(np.float64)  # without the background: left, top, width, height, area
    found = found[found[:, 4] >= mask.size * min_height**2 / 50]
    boxes = merge_fragments(
        np.concatenate([found[:, :2], found[:, :2] + found[:, 2:4]], axis=1), gap=mask.shape[0] * min_height / 2
    )
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    has_shape = (
        (height >= min_height * mask.shape[0]) & (width >= _ASPECTS[0] * height) & (width <= _ASPECTS[1] * height)
    )
    boxes = boxes[has_shape]
    filled = [float(mask[int(y1) : int(y2), int(x1) : int(x2)].mean()) for x1, y1, x2, y2 in boxes]
    return boxes, np.array(filled, np.float64)


def merge_fragments(boxes: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Join boxes that lie one above the other, as head, trunk and legs do, until none do.

    Two belong together when they share more than half of the narrower one's width, are at most `gap` apart in height,
    and are not too wide for a person together.

    >>> merge_fragments(np.array([[0, 0, 4, 4], [1, 6, 5, 9], [20, 0, 24, 9.0]]), gap=3)
    array([[20.,  0., 24.,  9.],
           [ 0.,  0.,  5.,  9.]])
    """
    waiting = list(boxes)
    merged: list[NDArray[np.float64]] = []
    while waiting:
        box = waiting.pop()
        for row, other in enumerate(waiting):
            shared = min(box[2], other[2]) - max(box[0], other[0])
            apart = max(box[1], other[1]) - min(box[3], other[3])
            both = np.concatenate([np.minimum(box[:2], other[:2]), np.maximum(box[2:], other[2:])])
            is_narrow = both[2] - both[0] <= _ASPECTS[1] * (both[3] - both[1])
            if is_narrow and apart <= gap and shared > min(box[2] - box[0], other[2] - other[0]) / 2:
                waiting[row] = both
                break
        else:
            merged.append(box)
    return np.array(merged, np.float64).reshape(-1, 4)
