"""Pairs of boxes and points near one another, found by neighbours along x, equal those found by trying all."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers import pairs
from mdpr.trackers.geometry import areas, intersections, overlaps


def random_planes(count, seed, size=300):
    rng = np.random.default_rng(seed)
    corner = rng.uniform(-50, size, (2, count)).round()  # rounded, so that edges meet
    planes = np.concatenate([corner, corner + rng.uniform(0, 60, (2, count)).round()]).astype(np.float32)
    planes[2, ::7] = planes[0, ::7]  # without area
    return planes


@pytest.fixture(params=["all at once", "neighbours", "neighbours in parts"])
def way(request, monkeypatch):
    monkeypatch.setattr(pairs, "FEW_PAIRS", 10**9 if request.param == "all at once" else 0)
    if request.param == "neighbours in parts":
        monkeypatch.setattr(pairs, "MOST_AT_ONCE", 7)


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 4), (4, 0), (1, 1), (30, 50), (90, 40)])
def test_overlapping_pairs_are_those_that_share_area(way, rows, columns):
    first, second = random_planes(rows, 1), random_planes(columns, 2)
    found_rows, found_columns, shared = pairs.overlapping_pairs(first, second)
    every = intersections(first, second)
    expected = every.nonzero()  # in the order that is promised
    np.testing.assert_array_equal(found_rows, expected[0])
    np.testing.assert_array_equal(found_columns, expected[1])
    np.testing.assert_array_equal(shared, every[expected])
    ratio = pairs.overlaps_of_pairs(found_rows, found_columns, shared, areas(first), areas(second))
    np.testing.assert_array_equal(ratio, overlaps(every, areas(first), areas(second))[expected])


@pytest.mark.parametrize(("rows", "columns"), [(0, 0), (0, 4), (4, 0), (1, 1), (40, 60)])
def test_pairs_within_reach(way, rows, columns):
    rng = np.random.default_rng(3)
    centre, reach = rng.uniform(0, 200, (2, rows)).round(), rng.uniform(0, 80, (2, rows)).round()
    point = rng.uniform(0, 200, (2, columns)).round()
    found = set(zip(*(part.tolist() for part in pairs.pairs_within(centre, reach, point)), strict=True))
    expected = {
        (row, column)
        for row in range(rows)
        for column in range(columns)
        if all(abs(point[axis, column] - centre[axis, row]) <= reach[axis, row] for axis in (0, 1))
    }
    assert found == expected


def test_a_box_over_the_whole_picture_finds_everybody(way):
    boxes = random_planes(50, 4)
    whole = np.array([[-1000, -1000, 1000, 1000.0]], np.float32).T
    both = np.concatenate([whole, boxes], axis=1)
    rows, columns, _ = pairs.overlapping_pairs(both, both)
    assert (rows == 0).sum() == 1 + (areas(boxes) > 0).sum()
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == list(zip(rows, columns, strict=True))
