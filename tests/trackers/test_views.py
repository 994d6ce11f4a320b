"""View quality against the formula written with loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.trackers import scene
from mdpr.trackers.deepsort import DeepSort
from mdpr.trackers.geometry import areas, to_planes
from mdpr.trackers.pairs import overlapping_pairs
from mdpr.trackers.views import covered_by_nearer, is_cut_by_border, rate_views
from mdpr.types import Detections, Frame


def covered(boxes):
    planes = to_planes(boxes)
    return covered_by_nearer(planes[3], areas(planes), *overlapping_pairs(planes, planes))


def rate(boxes, confidence, size):
    return rate_views(to_planes(boxes), np.array(confidence, np.float32), covered(boxes), size, 0.5, 0.3)


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
    np.testing.assert_allclose(covered(boxes), naive_covered(boxes), rtol=1e-6)


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
    assert is_cut_by_border(to_planes(np.array([box])), size).tolist() == [expected]


def test_quality_is_the_documented_product():
    boxes = np.array([[10, 10, 30, 110], [20, 10, 50, 120], [0, 10, 9, 46]], np.float32)
    views = rate(boxes, [0.9, 0.8, 0.7], (200, 200))
    np.testing.assert_allclose(views.covered, [0.5, 0, 0])
    np.testing.assert_allclose(views.quality, [0.9 * 10 * 0.5, 0.8 * np.sqrt(110), 0.7 * 6 * 0.5], rtol=1e-6)
    assert views.is_clear.tolist() == [False, True, False]
    low = rate(boxes[1:2], [0.4], (200, 200))
    assert not low.is_clear[0]


@pytest.mark.parametrize(("has_looks", "at_most"), [(False, 12), (True, 31)])
def test_without_embeddings_views_are_rated_ten_times_a_second(monkeypatch, has_looks, at_most):
    rated = []
    rate = scene.rate_views
    monkeypatch.setattr(scene, "rate_views", lambda *given: rated.append(1) or rate(*given))
    tracker, look = DeepSort(), np.ones((1, 1), np.float32)
    for index in range(31):
        confidence = 0.9 if index == 15 else 0.7  # every third frame is looked at, this one too
        found = Detections(np.array([[100, 100, 140, 200.0]]), np.array([confidence]), np.zeros(1))
        tracker.update(found, Frame("cam", index, index / 30), look if has_looks else None)
    assert at_most - 2 <= len(rated) <= at_most
    (tracklet,) = tracker.flush()
    assert 15 in tracklet.view_frame
