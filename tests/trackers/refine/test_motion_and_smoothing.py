"""The motion model against simulated walks, and the spline against the truth behind the noise."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import make_smoothing_spline

from mdpr.trackers.refine import motion
from mdpr.trackers.refine.connecting import Candidates
from mdpr.trackers.refine.motion import Ends, log_ratio
from mdpr.trackers.refine.smoothing import fill, smooth, smooth_boxes, smoothing_spline
from trajectories import FPS, walk


def at(time_s, position, velocity, variance=1e-9, height=100.0):
    return Ends(
        np.array([time_s]), np.array([position], float), np.array([velocity], float), np.array([variance]),
        np.array([height]),
    )  # fmt: skip


def ratio(end, start, rate=1e-6):
    row = np.zeros(1, np.intp)
    return float(log_ratio(end, start, row, row, rate)[0])


@pytest.mark.parametrize("gap_s", [0.2, 1.0, 3.0])
def test_moments_are_those_of_simulated_walks(gap_s):
    """The density of position and velocity after the gap, from 20,000 walks in small steps."""
    rng = np.random.default_rng(0)
    steps = 400
    dt = gap_s / steps
    push = motion.SPEED_STD * np.sqrt(2 / motion.MEMORY_S * dt)
    x, v = np.zeros(20_000), np.full(20_000, 0.8)
    for _ in range(steps):
        x += v * dt
        v += -v / motion.MEMORY_S * dt + push * rng.normal(size=len(v))
    kept = np.exp(-gap_s / motion.MEMORY_S)
    covariance = np.cov(x, v)
    assert x.mean() == pytest.approx(0.8 * motion.MEMORY_S * (1 - kept), abs=0.02)
    # the same covariance, read back from the curvature of log_ratio in position and velocity
    end = at(0.0, (0, 0), (0.8, 0))
    noise = np.diag([2 * motion.POSITION_STD**2, motion.POSITION_STD**2])

    def value(dx, dv):
        return ratio(end, at(gap_s, (100 * dx, 0), (dv, 0)))

    mean = np.array([0.8 * motion.MEMORY_S * (1 - kept), 0.8 * kept])
    wanted = -0.5 * np.linalg.inv(covariance + noise)
    any_v = 0.5 / (motion.SPEED_STD**2 + motion.POSITION_STD**2)  # the density of velocities in general
    for change in ((0.3, 0.0), (0.0, 0.2), (0.2, 0.2)):
        got = value(*(mean + change)) - value(*mean)
        expected = change @ wanted @ np.array(change) + any_v * ((mean[1] + change[1]) ** 2 - mean[1] ** 2)
        assert got == pytest.approx(expected, rel=0.08, abs=0.03)


def test_one_frame_later_is_certain_and_ten_seconds_later_open():
    end = at(0.0, (500, 300), (0.5, 0))
    near = ratio(end, at(0.1, (505, 300), (0.5, 0)))
    assert near > 8
    assert ratio(end, at(0.1, (560, 300), (0.5, 0))) < -5
    late = ratio(end, at(10.0, (600, 300), (0.5, 0)))
    assert -1 < late < 3
    assert near > ratio(end, at(1.0, (532, 300), (0.2, 0))) > late


def test_height_tells_people_apart():
    end = at(0.0, (500, 300), (0, 0))
    same, other = (ratio(end, at(0.5, (500, 300), (0, 0), height=height)) for height in (102.0, 60.0))
    assert same > other + 4


def test_the_ratio_does_not_depend_on_the_size_of_the_picture():
    first = ratio(at(0.0, (500, 300), (0.5, 0)), at(0.5, (520, 300), (0.5, 0)))
    second = ratio(
        at(0.0, (1000, 600), (0.5, 0), height=200.0), at(0.5, (1040, 600), (0.5, 0), height=200.0), rate=1e-6 / 4
    )
    assert first == pytest.approx(second)


def test_probability_counts_all_others():
    one = Candidates(np.array([0]), np.array([1]), np.array([np.log(9)]))
    assert one.probability() == pytest.approx([0.9])
    rivals = Candidates(np.array([0, 0, 2]), np.array([1, 3, 1]), np.log([9.0, 90.0, 1.0]))
    assert rivals.probability() == pytest.approx([9 / 100, 90 / 100, 1 / 11])


@pytest.mark.parametrize(("count", "penalty"), [(5, 0.1), (40, 0.002), (300, 1.0)])
def test_the_spline_is_scipys(count, penalty):
    rng = np.random.default_rng(count)
    x = np.cumsum(rng.uniform(0.02, 0.3, count))
    y = rng.normal(size=(count, 3)).cumsum(axis=0)
    for column, found in zip(y.T, smoothing_spline(x, y, penalty).T, strict=True):
        np.testing.assert_allclose(found, make_smoothing_spline(x, column, lam=penalty)(x), atol=1e-6)


@pytest.mark.parametrize("fps", [10, 30])
def test_smoothing_comes_nearer_to_the_truth(fps):
    rng = np.random.default_rng(0)
    time_s = np.arange(10 * fps) / fps
    way = 300 + 60 * np.sin(time_s * 1.5)
    truth = np.stack([way, np.full_like(way, 100), way + 40, np.full_like(way, 200)], axis=1)
    seen = truth + rng.normal(0, 3, truth.shape)
    error = np.sqrt(np.mean((smooth_boxes(time_s, seen) - truth) ** 2))
    assert error < 0.75 * np.sqrt(np.mean((seen - truth) ** 2))
    np.testing.assert_allclose(smooth_boxes(time_s, truth), truth, atol=1.2)  # a way is no noise


def test_smoothing_does_not_reach_over_long_gaps():
    one = walk(1, [*range(0, 30), *range(90, 120)], (300, 300), noise=3)
    moved = one.xyxy.copy()
    moved[30:] += 500
    both = walk(1, [*range(0, 30), *range(90, 120)], (300, 300), noise=3)
    both = type(both)(both.tracklet, both.frame, both.time_s, moved, both.confidence, both.is_interpolated)
    np.testing.assert_array_equal(smooth(one).xyxy[:30], smooth(both).xyxy[:30])
    assert not np.array_equal(smooth(one).xyxy[:30], one.xyxy[:30])


def test_gaps_are_filled_on_straight_lines_with_the_weaker_confidence():
    one = walk(1, [0, 1, 2, 6, 7], (300, 300), (20, 0))
    one.confidence[2] = 0.5
    frames = np.arange(8)
    filled = fill(one, frames, frames / FPS, 1.0)
    assert filled.frame.tolist() == list(range(8))
    np.testing.assert_allclose(filled.xyxy, walk(1, range(8), (300, 300), (20, 0)).xyxy, atol=1e-6)
    assert filled.confidence[3:6].tolist() == [0.5] * 3
    assert fill(one, frames, frames / FPS, 0.3) is one


def test_no_gap_is_filled_over_which_nobody_can_go():
    one = walk(1, [0, 1, 2, 6, 7], (300, 300))
    one.xyxy[3:] += [250, 0, 250, 0]  # 2.5 heights in 0.4 s
    frames = np.arange(8)
    assert fill(one, frames, frames / FPS, 1.0) is one
