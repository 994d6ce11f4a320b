"""What YOLO networks put out, turned into boxes: plain numpy, no torch.

Everything below the confidence threshold is dropped first: of several thousand candidates a few dozen remain.

Reference: Ge et al., "YOLOX: Exceeding YOLO Series in 2021" (arXiv:2107.08430), section 2, for the grid decoding.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import xywh_to_xyxy
from mdpr.errors import FormatError


class Candidates(NamedTuple):
    """Boxes above the threshold, in pixels of the network input: (N, 4) xyxy, (N,) confidence, (N,) class."""

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int32]


def decode_yolov8(output: NDArray[Any], conf: float, classes: tuple[int, ...] | None) -> Candidates:
    """Boxes of a YOLOv8-style head (YOLOv8, v9, 11, 12).

    Args:
        output: (4 + classes, anchors): centre x, centre y, width, height in pixels, then a score for each class.
        conf: a box is kept when the score of its best class is above this.
        classes: a box is kept when its best class is one of these; None keeps all.

    Raises:
        FormatError: a value of a kept box is not finite.
    """
    scores = output[4:]  # (classes, anchors)
    wanted = scores if classes is None else scores[[index for index in classes if index < len(scores)]]
    kept = np.flatnonzero(~(wanted <= conf).all(axis=0))  # written so that NaN is kept, and then refused
    return _best_class(output[:4, kept].T, scores[:, kept].T, conf, classes)


def decode_yolox(
    output: NDArray[Any], height: int, width: int, conf: float, classes: tuple[int, ...] | None
) -> Candidates:
    """Boxes of a YOLOX head as exported without decoding.

    Args:
        output: (anchors, 5 + classes): centre offset x, y in cells, log width, log height in cells, objectness, then a
            score for each class; anchors of strides 8, 16, 32, each row by row.
        height, width: size of the network input.
        conf: a box is kept when objectness times the score of its best class is above this.
        classes: a box is kept when its best class is one of these; None keeps all.

    Raises:
        FormatError: the number of anchors does not fit the input size, or a value of a kept box is not finite.
    """
    cells, strides = grid(height, width)
    if len(output) != cells.shape[1]:
        raise FormatError(f"YOLOX output: expected {cells.shape[1]} anchors for {height}x{width}, got {len(output)}")
    kept = np.flatnonzero(~(output[:, 4] <= conf))  # a score is at most its objectness
    rows = output[kept].astype(np.float32, copy=False)
    stride = strides[kept, None]
    with np.errstate(over="ignore"):  # what overflows is refused below
        xywh = np.concatenate([rows[:, :2] + cells[:, kept].T - 0.5, np.exp(rows[:, 2:4])], axis=1) * stride
    return _best_class(xywh, rows[:, 5:] * rows[:, 4:5], conf, classes)


def grid(
    height: int, width: int, strides: tuple[int, ...] = (8, 16, 32)
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The anchor points of a head: (2, A) centres x, y in cells, and (A,) stride of each in pixels.

    >>> grid(32, 64, (32,))[0]
    array([[0.5, 1.5],
           [0.5, 0.5]], dtype=float32)
    """
    points, sizes = [], []
    for stride in strides:
        y, x = np.mgrid[: height // stride, : width // stride].astype(np.float32)
        points.append(np.stack([x.ravel(), y.ravel()]) + np.float32(0.5))
        sizes.append(np.full(x.size, stride, np.float32))
    return np.concatenate(points, axis=1), np.concatenate(sizes)


def suppress(found: Candidates, iou: float, max_det: int) -> Candidates:
    """Non-maximum suppression within each class.

    A box goes when a better one of its class overlaps it by more than `iou`; the best `max_det` remain, best first.
    """
    if not len(found.confidence):
        return found
    boxes = found.xyxy.astype(np.float64)
    xywh = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxesBatched(xywh, found.confidence, found.class_id, 0.0, iou)
    rows = np.asarray(kept, dtype=np.int64).reshape(-1)
    rows = rows[np.lexsort((rows, -found.confidence[rows]))][:max_det]
    return Candidates(found.xyxy[rows], found.confidence[rows], found.class_id[rows])


def _best_class(xywh: NDArray[Any], scores: NDArray[Any], conf: float, classes: tuple[int, ...] | None) -> Candidates:
    """Candidates whose best class is wanted and scores above `conf`; xywh (N, 4), scores (N, classes)."""
    if not np.isfinite(xywh).all() or not np.isfinite(scores).all():
        raise FormatError(
            "the network put out values that are not finite: wrong weights, or an overflow in half precision"
        )
    class_id = scores.argmax(axis=1).astype(np.int32) if len(scores) else np.empty(0, np.int32)
    confidence = scores[np.arange(len(scores)), class_id].astype(np.float32, copy=False)
    kept = confidence > conf
    if classes is not None:
        kept &= np.isin(class_id, classes)
    xyxy = xywh_to_xyxy(xywh[kept].astype(np.float32, copy=False)).astype(np.float32, copy=False)
    return Candidates(xyxy, confidence[kept], class_id[kept])
