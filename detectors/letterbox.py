"""Fit a picture into the input of a network without changing its proportions, and take boxes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.detectors.options import STRIDE

_GREY = 114  # the padding that YOLO networks were trained with


@dataclass(frozen=True)
class Letterbox:
    """Where a picture lies in a network input; sizes are (width, height) pixels.

    Attributes:
        image_size: size of the picture.
        input_size: size of the network input.
        resized: size of the picture within the input.
        left, top: its position there.
    """

    image_size: tuple[int, int]
    input_size: tuple[int, int]
    resized: tuple[int, int]
    left: int
    top: int

    @classmethod
    def fit(cls, image_size: tuple[int, int], input_size: tuple[int, int], centred: bool = True) -> Letterbox:
        """The largest that fits; `centred` as YOLOv5 and later do it, otherwise in the top left corner as YOLOX does.

        >>> Letterbox.fit((1920, 1080), (640, 384)).resized
        (640, 360)
        """
        scale = min(input_size[0] / image_size[0], input_size[1] / image_size[1])
        width, height = (
            max(1, min(round(side * scale), limit)) for side, limit in zip(image_size, input_size, strict=True)
        )
        left, top = ((input_size[0] - width) // 2, (input_size[1] - height) // 2) if centred else (0, 0)
        return cls(image_size, input_size, (width, height), left, top)

    def apply(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The picture in its place, grey around it: (height, width, 3) uint8 of `input_size`, channels as given."""
        width, height = self.resized
        resized = image if self.resized == self.image_size else cv2.resize(image, self.resized)
        padded = np.full((self.input_size[1], self.input_size[0], 3), _GREY, np.uint8)
        padded[self.top : self.top + height, self.left : self.left + width] = resized
        return padded

    def restore(self, boxes: NDArray[Any]) -> NDArray[np.float32]:
        """(N, 4) `xyxy` boxes of the input in pixels of the picture.

        >>> Letterbox.fit((1920, 1080), (640, 384)).restore(np.array([[0, 12, 640, 372.0]]))
        array([[   0.,    0., 1920., 1080.]], dtype=float32)
        """
        scale = np.array(self.image_size, np.float64) / self.resized
        offset = np.array([self.left, self.top, self.left, self.top])
        return ((boxes - offset) * np.tile(scale, 2)).astype(np.float32)


def rectangular_size(image_size: tuple[int, int], imgsz: int) -> tuple[int, int]:
    """The smallest input (width, height), in multiples of the stride, whose longer side is `imgsz`.

    >>> rectangular_size((1920, 1080), 640)
    (640, 384)
    """
    scale = imgsz / max(image_size)
    width, height = (max(1, -(-round(side * scale) // STRIDE)) * STRIDE for side in image_size)
    return width, height
