"""Nobody is ever touched, whatever people wish; motion is smooth; directions are chosen as drawn by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_groups import ROWS, keep_company, line_up
from mdpr.reid.synthetic.path_motion import (
    APART_M,
    BRAKE,
    LEAST,
    STEP_S,
    TURN,
    Motion,
    segment_distance,
    settle,
    stop_point,
    wish,
)
from mdpr.reid.synthetic.path_steering import choose_way, free_way, near_others, unit, wrapped
from mdpr.reid.synthetic.place_types import WalkGrid

OPEN = Ground(WalkGrid(np.ones((80, 80), bool), (-10.0, -10.0), 0.25))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_distances_of_segments_are_those_of_their_nearest_points(seed: int) -> None:
    a, b, c, d = np.random.default_rng(seed).uniform(-1, 1, (4, 12, 2))
    share = np.linspace(0, 1, 121)
    one = a[:, None] + (b - a)[:, None] * share[:, None]
    other = c[:, None] + (d - c)[:, None] * share[:, None]
    naive = np.linalg.norm(one[:, :, None] - other[:, None], axis=-1).min((1, 2))
    found = segment_distance(a, b, c, d)
    assert (found <= naive + 1e-12).all()
    assert np.allclose(found, naive, atol=0.04)
    assert np.allclose(segment_distance(a, a, c, c), np.linalg.norm(a - c, axis=-1))


def test_braking_ends_where_the_formula_says() -> None:
    at, speed = 0.0, 1.7
    for _ in range(100_000):
        at += speed * 1e-5
        speed = max(speed - BRAKE * 1e-5, 0)
    assert stop_point(np.zeros(2), np.array(0.0), np.array(1.7))[0] == pytest.approx(at, abs=1e-4)


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_nobody_is_touched_or_leaves_the_ground_whatever_all_wish(seed: int) -> None:
    rng = np.random.default_rng(seed)
    free = rng.random((24, 24)) < 0.9
    ground = Ground(WalkGrid(free, (0.0, 0.0), 0.25))
    cells = rng.permutation(np.argwhere(free[::2, ::2]) * 2)[:20]
    xy = (cells[:, ::-1] + 0.5) * 0.25
    now = Motion(rng.uniform(-3, 3, len(xy)), np.zeros(len(xy)), np.zeros(len(xy)))
    for _ in range(40):
        wished = Motion(
            now.heading + rng.uniform(-0.3, 0.3, len(xy)),
            np.clip(now.speed + rng.uniform(-0.3, 0.5), 0, 2.2),
            now.turning,
        )
        motion = settle(ground, xy, now, wished, rng.random(len(xy)))
        assert (motion.speed >= now.speed - BRAKE * STEP_S - 1e-9).all()
        assert (motion.speed <= np.maximum(wished.speed, now.speed) + 1e-9).all()
        before, xy = xy, xy + unit(motion.heading) * (motion.speed * STEP_S)[:, None]
        for share in (0.5, 1.0):
            between = before + (xy - before) * share
            apart = np.linalg.norm(between[:, None] - between[None], axis=-1) + 9 * np.eye(len(xy))
            assert apart.min() >= APART_M - 1e-9
            assert ground.is_free(between).all()
        now = motion


def test_who_has_nobody_near_moves_as_wished_and_who_would_be_hit_first_brakes() -> None:
    xy = np.array([[0.0, 0.0], [0.85, 0.0], [5.0, 5.0]])
    now = Motion(np.array([0.0, np.pi, 1.0]), np.array([0.8, 0.8, 1.0]), np.zeros(3))
    wished = Motion(now.heading, np.array([0.9, 0.9, 1.1]), np.zeros(3))
    motion = settle(OPEN, xy, now, wished, np.array([1.0, 0.0, 0.0]))
    assert motion.speed[2] == pytest.approx(1.1)
    assert motion.speed[0] > motion.speed[1]


def test_turning_and_speeding_up_are_bounded() -> None:
    rng = np.random.default_rng(0)
    now = Motion(rng.uniform(-3, 3, 200), rng.uniform(0, 1.8, 200), rng.uniform(-1, 1, 200))
    wanted, way = rng.uniform(-3, 3, (2, 200))
    wished = wish(now, rng.random(200) < 0.7, wanted, way, rng.uniform(0, 5, 200), rng.uniform(0.5, 1.8, 200))
    assert np.abs(wished.turning).max() <= TURN
    assert np.allclose(wished.heading - now.heading, wished.turning * STEP_S)
    assert (np.abs(wished.speed - now.speed) <= 0.16 + 1e-9).all()
    assert (wished.speed >= 0).all()


def test_who_has_no_room_waits_and_does_not_creep() -> None:
    still = Motion(np.zeros(3), np.zeros(3), np.zeros(3))
    zero, limit = np.zeros(3), np.full(3, 1.3)
    wished = wish(still, np.ones(3, bool), zero, np.array([2.0, 0.0, 0.0]), np.array([0.1, 0.1, 5.0]), limit)
    assert wished.speed.tolist()[:2] == [0, 0]
    assert wished.turning[0] == 0  # waits as it is instead of looking for a way that is not there
    assert wished.speed[2] > 0
    slow = Motion(np.zeros(1), np.array([LEAST]), np.zeros(1))
    assert wish(slow, np.ones(1, bool), zero[:1], zero[:1], np.array([0.15]), limit[:1]).speed[0] < LEAST


def test_the_free_way_ends_where_a_standing_person_or_a_wall_is() -> None:
    xy = np.zeros((1, 2))
    others = np.array([[[2.0, 0.0]]]), np.zeros((1, 1, 2)), np.array([[0.7]])
    fan = np.array([[0.0, np.pi / 2, np.pi]])
    free = free_way(OPEN, xy, fan, np.ones(1), others, np.array([1.0]))
    assert free[0, 0] == pytest.approx(1.3)
    assert free[0, 1] == free[0, 2] == free.max()
    walled = np.ones((80, 80), bool)
    walled[42:] = False  # from y = 0.5
    nobody = np.zeros((1, 0, 2)), np.zeros((1, 0, 2)), np.zeros((1, 0))
    free = free_way(Ground(WalkGrid(walled, (-10.0, -10.0), 0.25)), xy, fan, np.ones(1), nobody, np.array([1.0]))
    assert free[0, 1] == pytest.approx(0.5, abs=0.11)
    assert free[0, 0] == free.max()


def test_who_comes_head_on_evades_to_the_right_and_both_do() -> None:
    xy = np.array([[-2.0, 0.0], [2.0, 0.0]])
    heading = np.array([0.0, np.pi])
    others = near_others(xy, unit(heading) * 1.2, np.full((2, 2), 0.75))
    way, _ = choose_way(OPEN, xy, heading, heading, np.full(2, 1.2), others, np.full(2, 1.0))
    assert (wrapped(way - heading) < -0.05).all()
    assert (wrapped(way - heading) > -1.2).all()


def test_a_follower_aims_beside_its_leader_and_hurries_when_it_is_behind() -> None:
    leader = np.array([[0.0, 0.0]]), np.zeros(1), np.ones(1), np.array([1.2])
    xy = np.array([[-1.5, ROWS[1, 1]]])
    company = keep_company(OPEN, xy, np.array([1.2]), np.array([1]), leader)
    assert company.sees[0]
    assert company.aim[0, 1] == pytest.approx(ROWS[1, 1])
    assert company.limit[0] > 1.2
    assert company.leader_limit[0] < 1.2
    beside = keep_company(OPEN, ROWS[1:2].copy(), np.array([1.2]), np.array([1]), leader)
    assert beside.limit[0] == pytest.approx(1.0)
    assert beside.leader_limit[0] == pytest.approx(1.2)


def test_in_a_lane_a_follower_walks_behind() -> None:
    lane = np.zeros((80, 80), bool)
    lane[39:41] = True  # y from -0.25 to 0.25
    ground = Ground(WalkGrid(lane, (-10.0, -10.0), 0.25))
    leader = np.array([[0.0, 0.0]]), np.zeros(1), np.ones(1), np.array([1.2])
    company = keep_company(ground, np.array([[-0.8, 0.0]]), np.array([1.2]), np.array([1]), leader)
    assert abs(company.aim[0, 1]) < 1e-9
    assert company.limit[0] == pytest.approx(1.0)


def test_who_is_in_front_leads_and_the_others_keep_their_sides() -> None:
    xy = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, -1.0]])
    places = line_up(xy, 0.0)
    assert places[1] == 0
    assert ROWS[places[0], 1] > 0 > ROWS[places[2], 1]
