"""Box arithmetic against naive loops."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mdpr.boxes import area, clip_boxes, iou_matrix, xywh_to_xyxy, xyxy_to_xywh

corners = arrays(np.float64, st.tuples(st.integers(0, 5), st.just(4)), elements=st.floats(-50, 50))


def sort_corners(values: np.ndarray) -> np.ndarray:
    return np.concatenate([np.minimum(values[:, :2], values[:, 2:]), np.maximum(values[:, :2], values[:, 2:])], axis=1)


def naive_iou(first: np.ndarray, second: np.ndarray) -> float:
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (first, second)]
    return width * height / max(sum(areas) - width * height, 1e-9)


@given(corners, corners)
def test_iou_equals_the_naive_one(first: np.ndarray, second: np.ndarray) -> None:
    first, second = sort_corners(first), sort_corners(second)
    expected = np.array([[naive_iou(a, b) for b in second] for a in first]).reshape(len(first), len(second))
    got = iou_matrix(first, second)
    np.testing.assert_allclose(got, expected, atol=1e-9)
    assert ((got >= 0) & (got <= 1 + 1e-9)).all()


@given(corners)
def test_conversion_there_and_back(values: np.ndarray) -> None:
    boxes = sort_corners(values)
    np.testing.assert_allclose(xywh_to_xyxy(xyxy_to_xywh(boxes)), boxes, atol=1e-9)


@given(corners)
def test_clipped_boxes_lie_inside(values: np.ndarray) -> None:
    clipped = clip_boxes(sort_corners(values), (30, 20))
    assert ((clipped >= 0) & (clipped <= [30, 20, 30, 20])).all()
    assert (area(clipped) >= 0).all()
