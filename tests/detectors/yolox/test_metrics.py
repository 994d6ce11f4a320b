"""Average precision, recall and agreement: by loops, by hand, and by COCO's own program."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.detectors.yolox.metrics import IOU_THRESHOLDS, Truth, agree, average_precision, match, measure
from mdpr.errors import FormatError
from mdpr.types import Detections

NONE = np.empty((0, 4))


def some(boxes: Any, confidence: Any = None) -> Detections:
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    confidence = np.full(len(boxes), 0.9) if confidence is None else np.asarray(confidence)
    return Detections(boxes, confidence, np.zeros(len(boxes), np.int32))


def random_scene(seed: int, pictures: int = 6) -> tuple[list[Truth], list[Detections]]:
    """Truth with ignored boxes, and detections that are near the truth, near an ignored box, doubled, or anywhere."""
    rng = np.random.default_rng(seed)
    truths, found = [], []
    for _ in range(pictures):
        corner = rng.uniform(0, 200, (int(rng.integers(0, 6)), 2))
        boxes = np.concatenate([corner, corner + rng.uniform(8, 60, corner.shape)], axis=1).round(1)
        is_ignored = rng.random(len(boxes)) < 0.3
        near = np.concatenate([boxes, boxes]) + rng.normal(0, 3, (2 * len(boxes), 4))
        corner = rng.uniform(0, 200, (int(rng.integers(0, 4)), 2))
        anywhere = np.concatenate([corner, corner + rng.uniform(8, 60, corner.shape)], axis=1)
        all_boxes = np.concatenate([near, anywhere])[rng.random(2 * len(boxes) + len(corner)) < 0.7]
        all_boxes[:, 2:] = np.maximum(all_boxes[:, 2:], all_boxes[:, :2] + 1)
        truths.append(Truth(boxes[~is_ignored], boxes[is_ignored]))
        found.append(some(all_boxes, rng.uniform(0.05, 1, len(all_boxes))))
    truths[0] = Truth(np.array([[10, 10, 40, 90.0]]), truths[0].ignored)
    return truths, found


def naive_overlap(a: Any, b: Any, is_crowd: bool) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    area = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return width * height / (area[0] if is_crowd else area[0] + area[1] - width * height)


def naive_measures(truths: list[Truth], found: list[Detections], threshold: float, conf: float) -> dict[str, float]:
    rows: list[tuple[float, bool]] = []  # confidence and whether right, of the boxes that count
    people = 0
    for truth, boxes in zip(truths, found, strict=True):
        people += len(truth.xyxy)
        free = set(range(len(truth.xyxy)))
        for number in sorted(range(len(boxes)), key=lambda n: -boxes.confidence[n]):
            box = boxes.xyxy[number].astype(float)
            best = max(free, key=lambda g: naive_overlap(box, truth.xyxy[g], False), default=None)
            if best is not None and naive_overlap(box, truth.xyxy[best], False) >= threshold:
                free.remove(best)
                rows.append((float(boxes.confidence[number]), True))
            elif not any(naive_overlap(box, region, True) >= threshold for region in truth.ignored):
                rows.append((float(boxes.confidence[number]), False))
    rows.sort(key=lambda row: -row[0])
    points = []
    for count in range(1, len(rows) + 1):
        right = sum(is_right for _, is_right in rows[:count])
        points.append((right / people, right / count))
    steps = [max((p for r, p in points if r >= step), default=0.0) for step in np.linspace(0, 1, 101)]
    kept = [is_right for confidence, is_right in rows if confidence >= np.float32(conf)]
    f1 = max((2 * r * p / (r + p) for r, p in points if r + p > 0), default=0.0)
    return {"ap": sum(steps) / 101, "recall": sum(kept) / people, "precision": sum(kept) / max(len(kept), 1), "f1": f1}


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_measures_equal_restatement(seed: int) -> None:
    truths, found = random_scene(seed)
    got = measure(truths, found, conf=0.4)
    expected = {threshold: naive_measures(truths, found, threshold, 0.4) for threshold in IOU_THRESHOLDS.tolist()}
    assert got.ap50 == pytest.approx(expected[0.5]["ap"])
    assert got.ap == pytest.approx(np.mean([row["ap"] for row in expected.values()]))
    assert got.recall == pytest.approx(expected[0.5]["recall"])
    assert got.best_f1 == pytest.approx(expected[0.5]["f1"])
    if any((boxes.confidence >= 0.4).any() for boxes in found) and not np.isnan(got.precision):
        assert got.precision == pytest.approx(expected[0.5]["precision"])
    assert got.people == sum(len(truth.xyxy) for truth in truths)


@pytest.mark.parametrize("seed", range(5))
def test_measures_equal_those_of_coco(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    truths, found = random_scene(seed, pictures=30)
    annotations, results = [], []
    for number, (truth, boxes) in enumerate(zip(truths, found, strict=True)):
        for xyxy, is_crowd in [*((box, 0) for box in truth.xyxy), *((box, 1) for box in truth.ignored)]:
            width, height = (xyxy[2:] - xyxy[:2]).tolist()
            annotations.append({"id": len(annotations) + 1, "image_id": number, "category_id": 1, "iscrowd": is_crowd,
                                "bbox": [*xyxy[:2].tolist(), width, height], "area": width * height})  # fmt: skip
        for box, confidence in zip(boxes.xyxy.astype(float), boxes.confidence.tolist(), strict=True):
            results.append({"image_id": number, "category_id": 1, "score": confidence,
                            "bbox": [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]})  # fmt: skip
    with contextlib.redirect_stdout(io.StringIO()):
        truth_set = coco.COCO()
        truth_set.dataset = {"info": {}, "images": [{"id": number} for number in range(30)],
                             "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}  # fmt: skip
        truth_set.createIndex()
        evaluation = cocoeval.COCOeval(truth_set, truth_set.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    got = measure(truths, found)
    assert (got.ap, got.ap50) == pytest.approx(tuple(evaluation.stats[:2]), abs=1e-9)
    assert 0.1 < got.ap < 0.9


def test_by_hand() -> None:
    """Two people; a hit, a miss beside them, a second box on the first: precisions 1, 1/2, 1/3 at recall 1/2."""
    truth = Truth(np.array([[0, 0, 10, 20], [50, 0, 60, 20.0]]), NONE)
    boxes = some([[0, 0, 10, 20], [100, 0, 110, 20], [0, 0, 10, 19]], [0.9, 0.8, 0.3])
    got = measure([truth], [boxes], conf=0.5)
    assert got.ap50 == pytest.approx(51 / 101)
    assert (got.recall, got.precision, got.people) == (0.5, 0.5, 2)
    assert (got.best_f1, got.best_conf) == (pytest.approx(2 / 3), pytest.approx(0.9))


def test_ignored_boxes_are_neither_right_nor_wrong() -> None:
    truth = Truth(np.array([[0, 0, 10, 20.0]]), np.array([[40, 0, 100, 60.0]]))
    boxes = some([[0, 0, 10, 20], [41, 1, 51, 21], [60, 20, 70, 40]])
    got = measure([truth], [boxes])
    assert (got.ap, got.precision, got.recall) == (1.0, 1.0, 1.0)
    half_outside = some([[0, 0, 10, 20], [34, 0, 46, 20]])
    assert measure([truth], [half_outside]).precision == 1.0
    mostly_outside = some([[0, 0, 10, 20], [33, 0, 46, 20]])
    assert measure([truth], [mostly_outside]).precision == 0.5


def test_no_boxes_and_no_people() -> None:
    truth = Truth(np.array([[0, 0, 10, 20.0]]), NONE)
    got = measure([truth], [Detections.empty()])
    assert (got.ap, got.ap50, got.recall, got.best_f1) == (0, 0, 0, 0)
    assert np.isnan(got.precision)
    with pytest.raises(FormatError, match="nobody is to be found in 1 pictures"):
        measure([Truth(NONE, NONE)], [Detections.empty()])
    with pytest.raises(FormatError, match="expected detections for each of 1 pictures, got those of 2"):
        measure([truth], [Detections.empty()] * 2)
    assert average_precision(np.empty(0, bool), 3) == 0.0
    is_hit, is_out = match(NONE, truth, IOU_THRESHOLDS)
    assert is_hit.shape == is_out.shape == (10, 0)


def test_only_the_best_boxes_count() -> None:
    truth = Truth(np.array([[0, 0, 10, 20.0]]), NONE)
    boxes = some([[50, 0, 60, 20], [0, 0, 10, 20]], [0.9, 0.8])
    assert measure([truth], [boxes], max_det=1).ap == 0.0
    assert measure([truth], [boxes], max_det=2).ap == pytest.approx(0.5)


def test_agreement() -> None:
    reference = [some([[0, 0, 10, 40], [20, 0, 30, 40], [50, 0, 54, 16]]), some([])]
    found = [some([[0, 0, 10, 40], [0, 0, 10, 39], [50, 0, 54, 16], [80, 0, 90, 40]], [0.5, 0.9, 0.8, 0.7]), some([])]
    everything = agree(reference, found)
    assert (everything.pictures, everything.reference, everything.found, everything.both) == (2, 3, 4, 2)
    assert (everything.recall, everything.precision) == (pytest.approx(2 / 3), 0.5)
    assert everything.mean_iou == pytest.approx((39 / 40 + 1) / 2)
    high = agree(reference, found, min_height_px=20)
    assert (high.reference, high.found, high.both) == (2, 3, 1)
    nothing = agree([some([])], [some([])])
    assert np.isnan([nothing.recall, nothing.precision, nothing.mean_iou]).all()
    with pytest.raises(FormatError, match="each of 2 pictures, got those in 1"):
        agree(reference, found[:1])
