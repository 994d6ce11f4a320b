"""View quality against the formula written with loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.trackers.views import covered_by_nearer, is_cut_by_border, rate_views
from mdpr.types import Detections


def naive_covered(boxes):
    result = np.zeros(len(boxes))
    for i, (a1, b1, a2, b2) in enumerate(boxes):
        for j, (c1, d1, c2, d2) in enumerate(boxes):
            area = (a2 - a1) * (b2 - b1)
            if i != j and d2 >= b2 and area > 0:
                inside = max(min(a2, c2) - max(a1, c1), 0) * max(min(b2, d2) - max(b1, d1), 0)
                result[i] = max(result[i], inside / area)
    return result


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_covered_equals_the_loops(count, seed):
    rng = np.random.default_rng(seed)
    corner = rng.integers(0, 60, (count, 2))
    boxes = np.c_[corner, corner + rng.integers(0, 40, (count, 2))].astype(np.float64)
    before = boxes.copy()
    np.testing.assert_allclose(covered_by_nearer(boxes), naive_covered(boxes))
    np.testing.assert_array_equal(boxes, before)


@pytest.mark.parametrize(
    ("box", "size", "expected"),
    [
        ([10, 10, 20, 40], (100, 100), False),
        ([0, 10, 20, 40], (100, 100), True),
        ([10, 1, 20, 40], (100, 100), True),
        ([80, 10, 99, 40], (100, 100), True),
        ([80, 60, 90, 120], (100, 100), True),
        ([0, 0, 20, 40], (0, 0), False),
    ],
)
def test_border(box, size, expected):
    assert is_cut_by_border(np.array([box], np.float32), size).tolist() == [expected]


def test_quality_is_the_documented_product():
    boxes = np.array([[10, 10, 30, 110], [20, 10, 50, 120], [0, 10, 9, 46]], np.float32)
    views = rate_views(Detections(boxes, np.array([0.9, 0.8, 0.7]), np.zeros(3)), (200, 200), 0.5, 0.3)
    np.testing.assert_allclose(views.covered, [0.5, 0, 0])
    np.testing.assert_allclose(views.quality, [0.9 * 10 * 0.5, 0.8 * np.sqrt(110), 0.7 * 6 * 0.5], rtol=1e-6)
    assert views.is_clear.tolist() == [False, True, False]
    low = rate_views(Detections(boxes[1:2], np.array([0.4]), np.zeros(1)), (200, 200), 0.5, 0.3)
    assert not low.is_clear[0]
