"""How good boxes are: average precision as COCO defines it, and recall and precision at a confidence.

Reference: the COCO detection challenge, cocodataset.org/#detection-eval; the tests hold this to pycocotools.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import area, iou_matrix
from mdpr.errors import FormatError
from mdpr.types import Detections

IOU_THRESHOLDS = np.round(np.arange(0.5, 1.0, 0.05), 2)  # (10,)
_RECALLS = np.linspace(0, 1, 101)
_HALF = 0  # place of 0.5 among the thresholds


@dataclass(frozen=True, eq=False)
class Truth:
    """Who is in a picture.

    Attributes:
        xyxy: (G, 4) boxes that are to be found.
        ignored: (I, 4) boxes within which a detection is neither right nor wrong.
    """

    xyxy: NDArray[Any]
    ignored: NDArray[Any]


@dataclass(frozen=True)
class Measures:
    """How good a detector is; shares in [0, 1].

    Attributes:
        ap: average precision, averaged over IoU thresholds from 0.5 to 0.95.
        ap50: at IoU 0.5.
        conf: confidence from which on boxes count for recall and precision.
        recall, precision: at IoU 0.5 and that confidence; nan where there is nothing to be found or nothing was found.
        best_f1, best_conf: highest F1 at IoU 0.5, and the confidence that gives it.
        people: boxes to be found.
    """

    ap: float
    ap50: float
    conf: float
    recall: float
    precision: float
    best_f1: float
    best_conf: float
    people: int


def measure(truths: Sequence[Truth], found: Sequence[Detections], conf: float = 0.25, max_det: int = 300) -> Measures:
    """How good detections are.

    Args:
        truths: of each picture.
        found: in each picture, down to a low confidence: what is left out lowers the average precision.
        conf: for recall and precision.
        max_det: best boxes of a picture that count.

    Raises:
        FormatError: the numbers of pictures differ, or nobody is to be found.
    """
    if len(truths) != len(found):
        raise FormatError(f"expected detections for each of {len(truths)} pictures, got those of {len(found)}")
    people = sum(len(truth.xyxy) for truth in truths)
    if not people:
        raise FormatError(f"nobody is to be found in {len(truths)} pictures: nothing can be measured")
    confidences, hits, counted = [], [], []
    for truth, boxes in zip(truths, found, strict=True):
        order = np.argsort(-boxes.confidence, kind="stable")[:max_det]
        is_hit, is_out = match(boxes.xyxy[order], truth, IOU_THRESHOLDS)
        confidences.append(boxes.confidence[order])
        hits.append(is_hit)
        counted.append(~is_out)
    confidence = np.concatenate(confidences)
    order = np.argsort(-confidence, kind="stable")
    confidence = confidence[order]
    is_hit, is_counted = np.concatenate(hits, axis=1)[:, order], np.concatenate(counted, axis=1)[:, order]
    precisions = [average_precision(row[use], people) for row, use in zip(is_hit, is_counted, strict=True)]
    right, all_boxes = np.cumsum(is_hit[_HALF]), np.cumsum(is_counted[_HALF])
    last = int(np.searchsorted(-confidence, -conf, side="right"))
    f1 = 2 * right / np.maximum(people + all_boxes, 1)
    best = int(np.argmax(f1)) if len(f1) else -1
    return Measures(
        ap=float(np.mean(precisions)),
        ap50=precisions[_HALF],
        conf=conf,
        recall=float(right[last - 1] / people) if last else 0.0,
        precision=float(right[last - 1] / all_boxes[last - 1]) if last and all_boxes[last - 1] else float("nan"),
        best_f1=float(f1[best]) if best >= 0 else 0.0,
        best_conf=float(confidence[best]) if best >= 0 else float("nan"),
        people=people,
    )


def match(
    boxes: NDArray[Any], truth: Truth, thresholds: NDArray[np.float64]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes are right, and which do not count.

    In order of confidence, each box takes the free person whom it overlaps most, if by at least the threshold.
    One that gets nobody does not count when at least that share of it lies in an ignored box.

    Args:
        boxes: (N, 4) `xyxy`, best first.
        truth: of their picture.
        thresholds: (T,) of IoU.

    Returns:
        (T, N) right; (T, N) not counted.
    """
    is_hit = np.zeros((len(thresholds), len(boxes)), bool)
    iou = iou_matrix(boxes.astype(np.float64), truth.xyxy.astype(np.float64))  # (N, G)
    is_free = np.ones((len(thresholds), iou.shape[1]), bool)
    rows = np.arange(len(thresholds))
    for number in range(len(boxes) if iou.shape[1] else 0):
        open_iou = np.where(is_free, iou[number], -1.0)  # (T, G)
        best = open_iou.shape[1] - 1 - open_iou[:, ::-1].argmax(axis=1)  # of equals the last, as COCO does
        is_hit[:, number] = open_iou[rows, best] >= np.minimum(thresholds, 1 - 1e-10)
        is_free[rows, best] &= ~is_hit[:, number]
    covered = share_within(boxes, truth.ignored).max(axis=1, initial=0.0)  # (N,)
    is_out = ~is_hit & (covered[None] >= thresholds[:, None])
    return is_hit, is_out


def share_within(boxes: NDArray[Any], regions: NDArray[Any]) -> NDArray[np.float64]:
    """(N, R): share of each box that lies in each region; 0 for boxes without area.

    >>> share_within(np.array([[0, 0, 2, 2.0]]), np.array([[1, 0, 9, 9.0]])).tolist()
    [[0.5]]
    """
    upper = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    lower = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    shared = np.prod(np.maximum(lower - upper, 0), axis=2, dtype=np.float64)
    return shared / np.maximum(area(boxes)[:, None], 1e-9)


def average_precision(is_hit: NDArray[np.bool_], people: int) -> float:
    """Mean over 101 recalls, 0 to 1, of the best precision at that recall or more; 0 where it is not reached.

    Args:
        is_hit: (N,) of the boxes, best first.
        people: to be found, at least 1.

    >>> round(average_precision(np.array([True, False, True]), 2), 4)
    0.835
    """
    if not len(is_hit):
        return 0.0
    right = np.cumsum(is_hit)
    recall = right / people
    precision = right / np.arange(1, len(is_hit) + 1)
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, _RECALLS, side="left")
    reached = places < len(recall)
    return float(np.sum(precision[places[reached]]) / len(_RECALLS))


@dataclass(frozen=True)
class Agreement:
    """How far one detector finds what another one does.

    Attributes:
        pictures: that were looked at.
        reference, found: boxes of the reference and of the detector that count.
        both: pairs of them that overlap.
        mean_iou: of these pairs; nan without any.
    """

    pictures: int
    reference: int
    found: int
    both: int
    mean_iou: float

    @property
    def recall(self) -> float:
        """Share of the reference's boxes that were found; nan without any."""
        return self.both / self.reference if self.reference else float("nan")

    @property
    def precision(self) -> float:
        """Share of the boxes found that the reference has too; nan without any."""
        return self.both / self.found if self.found else float("nan")


def agree(
    reference: Sequence[Detections], found: Sequence[Detections], iou: float = 0.5, min_height_px: float = 0.0
) -> Agreement:
    """Compare the boxes of two detectors, picture by picture; each box has one partner at most.

    Args:
        reference: what counts as truth, at the confidence that it is sure from.
        found: at the confidence that the detector is to be used with.
        iou: least overlap of partners.
        min_height_px: boxes of the reference that are lower need not be found, and finding them is no mistake.

    Raises:
        FormatError: the numbers of pictures differ.
    """
    if len(reference) != len(found):
        raise FormatError(f"expected detections in each of {len(reference)} pictures, got those in {len(found)}")
    wanted = boxes = both = 0
    overlaps: list[float] = []
    for one, other in zip(reference, found, strict=True):
        is_high = one.xyxy[:, 3] - one.xyxy[:, 1] >= min_height_px
        truth = Truth(one.xyxy[is_high], one.xyxy[~is_high])
        ordered = other.xyxy[np.argsort(-other.confidence, kind="stable")]
        is_hit, is_out = match(ordered, truth, np.array([iou]))
        wanted += len(truth.xyxy)
        boxes += int((~is_out[0]).sum())
        both += int(is_hit[0].sum())
        if is_hit[0].any():
            overlaps += iou_matrix(ordered[is_hit[0]], truth.xyxy).max(axis=1).tolist()
    return Agreement(len(reference), wanted, boxes, both, float(np.mean(overlaps)) if overlaps else float("nan"))
