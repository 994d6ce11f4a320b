"""Lines and ways on free cells, against dense sampling and hand-drawn grids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.synthetic.path_ground import SPACING_M, Ground, resample
from mdpr.reid.synthetic.place_types import WalkGrid


def ground_of(rows: list[str], cell_m: float = 0.5, origin: tuple[float, float] = (0.0, 0.0)) -> Ground:
    """Ground of a drawing: '.' is free; the first row is the one with the least y."""
    return Ground(WalkGrid(np.array([[sign == "." for sign in row] for row in rows]), origin, cell_m))


WALL = ["............"] * 5 + ["#####..#####"] + ["............"] * 5


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_line_is_clear_exactly_when_all_its_points_are_free(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ground = Ground(WalkGrid(rng.random((9, 11)) < 0.75, (-1.3, 2.1), 0.25))
    start = rng.uniform((-1.4, 2.0), (1.5, 4.4), (15, 2))
    end = start + rng.uniform(-0.7, 0.7, (15, 2))
    dense = ground.is_free(start[:, None] + (end - start)[:, None] * np.linspace(0, 1, 1501)[:, None])
    # A corner cut by less than the samples' distance is seen by the exact test only.
    clear = ground.is_clear(start, end, 1.0)
    assert not (clear & ~dense.all(1)).any()
    missed = dense.all(1) & ~clear
    assert missed.mean() <= 0.14


def test_a_diagonal_between_two_blocked_cells_is_not_clear() -> None:
    ground = ground_of([".#", "#."])
    assert not ground.is_clear(np.array([0.4, 0.4]), np.array([0.6, 0.6]), 0.5)
    assert ground_of(["..", "#."]).is_clear(np.array([0.4, 0.3]), np.array([0.7, 0.6]), 0.5)
    assert not ground_of(["..", "#."]).is_clear(np.array([0.3, 0.4]), np.array([0.6, 0.7]), 0.5)


def test_points_outside_the_grid_are_not_free() -> None:
    ground = ground_of(["..", ".."])
    assert ground.is_free(np.array([[0.1, 0.1], [-0.01, 0.1], [1.01, 0.5], [9, 9], [-50, 2]])).tolist() == [
        True,
        False,
        False,
        False,
        False,
    ]


def test_a_way_over_open_ground_is_straight() -> None:
    ground = ground_of(["." * 40] * 40)
    start, goal = np.array([3.1, 4.2]), np.array([15.7, 11.3])
    way = ground.route(start, goal)
    assert way is not None
    assert np.allclose(way[[0, -1]], [start, goal])
    steps = np.hypot(*np.diff(way, axis=0).T)
    assert steps.max() <= SPACING_M + 1e-9
    assert steps.sum() == pytest.approx(np.hypot(*(goal - start)), rel=0.01)


@pytest.mark.parametrize("bend_m", [-1.0, 0.0, 0.7])
def test_a_way_around_a_wall_goes_through_its_gap_and_stays_on_free_ground(bend_m: float) -> None:
    ground = ground_of(WALL)
    way = ground.route(np.array([0.6, 0.4]), np.array([5.6, 5.2]), bend_m=bend_m)
    assert way is not None
    assert ground.is_clear(way[:-1], way[1:], 1.0).all()
    crossing = way[np.abs(way[:, 1] - 2.75).argmin()]
    assert 2.5 < crossing[0] < 3.5


def test_bends_swing_to_both_sides() -> None:
    ground = ground_of(["." * 40] * 40)
    start, goal = np.array([3.0, 10.0]), np.array([17.0, 10.0])
    left, right = (ground.route(start, goal, bend_m=size) for size in (1.0, -1.0))
    assert left is not None
    assert right is not None
    assert left[:, 1].max() > 10.7
    assert right[:, 1].min() < 9.3


def test_no_way_leads_through_a_closed_wall() -> None:
    ground = ground_of(["....", "####", "...."])
    assert ground.route(np.array([0.3, 0.2]), np.array([1.2, 1.2])) is None
    assert ground.route(np.array([0.3, 0.2]), np.array([1.2, 0.2])) is not None
    regions = ground.region(np.array([[0.3, 0.2], [1.2, 0.2], [1.2, 1.2], [1.2, 0.7]]))
    assert regions[0] == regions[1] != regions[2]
    assert regions[3] == 0


def test_ways_keep_off_walls_where_there_is_room() -> None:
    ground = ground_of(["." * 40] * 12)
    way = ground.route(np.array([0.6, 0.3]), np.array([19.4, 0.3]))
    assert way is not None
    assert ground.clearance(way[len(way) // 2]) > 0.6


def test_somebody_in_a_gap_is_in_the_way_and_somebody_beside_is_not() -> None:
    ground = ground_of(WALL)
    assert ground.is_bottleneck(np.array([3.0, 2.75]), 0.45)
    assert not ground.is_bottleneck(np.array([1.0, 0.6]), 0.45)
    assert not ground_of(["." * 12] * 12).is_bottleneck(np.array([3.0, 3.0]), 0.9)


def test_resampling_keeps_ends_and_length() -> None:
    points = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]])
    even = resample(points, 0.4)
    assert np.allclose(even[[0, -1]], points[[0, -1]])
    assert len(even) == 9
    assert np.allclose(even[4], [1.0, 0.5])
