"""Decoding and suppression against loops that restate them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.detectors.yolo_outputs import Candidates, decode_yolov8, decode_yolox, grid, suppress
from mdpr.errors import FormatError


def naive_iou(a: np.ndarray, b: np.ndarray) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    shared = max(width, 0.0) * max(height, 0.0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / union if union else 0.0


def naive_suppress(found: Candidates, iou: float, max_det: int) -> list[int]:
    kept: list[int] = []
    for row in sorted(range(len(found.confidence)), key=lambda r: (-found.confidence[r], r)):
        rivals = [k for k in kept if found.class_id[k] == found.class_id[row]]
        if all(naive_iou(found.xyxy[k].astype(float), found.xyxy[row].astype(float)) <= iou for k in rivals):
            kept.append(row)
    return kept[:max_det]


def random_candidates(seed: int, count: int) -> Candidates:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (count, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(5, 50, (count, 2))], axis=1)
    return Candidates(
        boxes.astype(np.float32),
        rng.uniform(0.05, 1, count).astype(np.float32),
        rng.integers(0, 3, count).astype(np.int32),
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.0, 0.3, 0.7, 1.0]), st.sampled_from([1, 5, 300]))
def test_suppress_equals_restatement(seed: int, count: int, iou: float, max_det: int) -> None:
    found = random_candidates(seed, count)
    kept = suppress(found, iou, max_det)
    rows = naive_suppress(found, iou, max_det)
    np.testing.assert_array_equal(kept.xyxy, found.xyxy[rows])
    np.testing.assert_array_equal(kept.confidence, found.confidence[rows])
    np.testing.assert_array_equal(kept.class_id, found.class_id[rows])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000))
def test_suppress_ignores_order(seed: int) -> None:
    found = random_candidates(seed, 25)
    order = np.random.default_rng(seed + 1).permutation(25)
    shuffled = Candidates(*(values[order] for values in found))
    np.testing.assert_array_equal(suppress(found, 0.5, 300).xyxy, suppress(shuffled, 0.5, 300).xyxy)


def test_suppress_keeps_what_overlaps_in_another_class() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 10]], np.float32)
    found = Candidates(boxes, np.array([0.5, 0.9, 0.8], np.float32), np.array([0, 1, 1], np.int32))
    assert suppress(found, 0.5, 300).class_id.tolist() == [1, 0]


def naive_yolov8(
    output: np.ndarray, conf: float, classes: tuple[int, ...] | None
) -> list[tuple[list[float], float, int]]:
    found = []
    for anchor in range(output.shape[1]):
        x, y, width, height = (float(v) for v in output[:4, anchor])
        best = max(range(len(output) - 4), key=lambda k: output[4 + k, anchor])
        score = float(output[4 + best, anchor])
        if score > np.float32(conf) and (classes is None or best in classes):
            found.append(([x - width / 2, y - height / 2, x + width / 2, y + height / 2], score, best))
    return found


@pytest.mark.parametrize("classes", [None, (0,), (0, 2), (1,), (99,)])
@pytest.mark.parametrize("conf", [0.0, 0.3, 0.99])
def test_yolov8_equals_restatement(classes: tuple[int, ...] | None, conf: float) -> None:
    rng = np.random.default_rng(1)
    output = np.concatenate([rng.uniform(10, 100, (4, 200)), rng.uniform(0, 1, (3, 200))]).astype(np.float32)
    check(decode_yolov8(output, conf, classes), naive_yolov8(output, conf, classes))


@pytest.mark.parametrize("classes", [None, (0,), (2, 1)])
@pytest.mark.parametrize("conf", [0.0, 0.4])
def test_yolox_equals_restatement(classes: tuple[int, ...] | None, conf: float) -> None:
    rng = np.random.default_rng(2)
    height, width = 64, 96
    anchors = [(x, y, s) for s in (8, 16, 32) for y in range(height // s) for x in range(width // s)]
    output = np.concatenate([rng.normal(0, 1, (len(anchors), 4)), rng.uniform(0, 1, (len(anchors), 4))], axis=1)
    output = output.astype(np.float32)
    expected = []
    for (column, row, stride), values in zip(anchors, output, strict=True):
        x, y = (values[0] + column) * stride, (values[1] + row) * stride
        w, h = math.exp(values[2]) * stride, math.exp(values[3]) * stride
        scores = [float(np.float32(values[4]) * np.float32(values[5 + k])) for k in range(3)]
        best = max(range(3), key=scores.__getitem__)
        if scores[best] > np.float32(conf) and (classes is None or best in classes):
            expected.append(([x - w / 2, y - h / 2, x + w / 2, y + h / 2], scores[best], best))
    check(decode_yolox(output, height, width, conf, classes), expected)


def check(found: Candidates, expected: list[tuple[list[float], float, int]]) -> None:
    assert len(found.confidence) == len(expected)
    if expected:
        np.testing.assert_allclose(found.xyxy, [row[0] for row in expected], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(found.confidence, [row[1] for row in expected], rtol=1e-6)
        assert found.class_id.tolist() == [row[2] for row in expected]


def test_a_better_other_class_wins_over_the_wanted_one() -> None:
    output = np.array([[10, 10, 4, 4, 0.5, 0.6], [20, 20, 4, 4, 0.6, 0.5]], np.float32).T
    assert decode_yolov8(output, 0.1, (0,)).xyxy.tolist() == [[18, 18, 22, 22]]


@pytest.mark.parametrize("row", [0, 3, 4, 5])
def test_nan_is_refused(row: int) -> None:
    output = np.full((6, 4), 0.5, np.float32)
    output[row, 2] = np.nan
    with pytest.raises(FormatError, match="not finite"):
        decode_yolov8(output, 0.1, None)


def test_yolox_overflow_and_wrong_anchor_count_are_refused() -> None:
    output = np.full((84, 8), 0.5, np.float32)
    output[3, 2] = 500
    with pytest.raises(FormatError, match="not finite"):
        decode_yolox(output, 64, 64, 0.1, None)
    with pytest.raises(FormatError, match="expected 84 anchors for 64x64, got 83"):
        decode_yolox(output[:83], 64, 64, 0.1, None)


def test_grid_counts_row_by_row() -> None:
    points, strides = grid(64, 32, (16, 32))
    assert points.T.tolist() == [[x + 0.5, y + 0.5] for y in range(4) for x in range(2)] + [[0.5, 0.5], [0.5, 1.5]]
    assert strides.tolist() == [16] * 8 + [32] * 2
