"""The element-wise filter against a full 8 x 8 matrix filter, and what must hold for every input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.trackers import motion


def matrices(state):
    """One track, (5, 4), as (8,) and (8, 8), ordered x, y, w, h, vx, vy, vw, vh."""
    p = np.zeros((8, 8))
    for i in range(4):
        p[i, i], p[i, i + 4], p[i + 4, i], p[i + 4, i + 4] = state[[2, 3, 3, 4], i]
    return np.concatenate([state[0], state[1]]), p


def naive_predict(x, p, dt):
    transition = np.eye(8)
    transition[:4, 4:] = dt * np.eye(4)
    h = x[3]
    position = (h / 20) ** 2 * 30 * np.eye(4)  # intensities, per second
    velocity = (h / 160 * 30) ** 2 * 30 * np.diag([1, 0.25, 0.25, 0.25])
    noise = np.zeros((8, 8))
    noise[:4, :4] = position * dt + velocity * dt**3 / 3
    noise[:4, 4:] = noise[4:, :4] = velocity * dt**2 / 2
    noise[4:, 4:] = velocity * dt
    return transition @ x, transition @ p @ transition.T + noise


def naive_update(x, p, z, confidence):
    observe = np.eye(4, 8)
    surprise = 1 + ((z - x[:4]) / (0.2 * x[3])) ** 2  # a coordinate far from the expected one counts for less
    s = observe @ p @ observe.T + (x[3] / 20) ** 2 * max(1 - confidence, 0.5) * np.diag(surprise)
    gain = p @ observe.T @ np.linalg.inv(s)
    return x + gain @ (z - observe @ x), (np.eye(8) - gain @ observe) @ p


def random_boxes(rng, count):
    """(4, count) centres and sizes."""
    return np.concatenate([rng.uniform(0, 1000, (2, count)), rng.uniform(20, 200, (2, count))])


def one_box(*xywh):
    return np.array([xywh], dtype=float).T


def test_equals_the_full_matrix_filter_over_many_steps():
    rng = np.random.default_rng(0)
    boxes = random_boxes(rng, 5)
    state = motion.initiate(boxes)
    full = [matrices(state[..., i]) for i in range(5)]
    for step in range(20):
        dt = rng.uniform(0.01, 0.3)
        state = motion.predict(state, dt)
        full = [naive_predict(x, p, dt) for x, p in full]
        seen = boxes + rng.normal(0, 3, boxes.shape) + step
        confidence = rng.uniform(0, 1, 5)
        state = motion.update(state, seen, confidence)
        full = [naive_update(x, p, z, c) for (x, p), z, c in zip(full, seen.T, confidence, strict=True)]
        for i, (x, p) in enumerate(full):
            got_x, got_p = matrices(state[..., i])
            np.testing.assert_allclose(got_x, x, rtol=1e-9, atol=1e-9)
            np.testing.assert_allclose(got_p, p, rtol=1e-7, atol=1e-7)


def test_noise_of_one_frame_at_30_fps_is_that_of_deepsort():
    state = motion.initiate(one_box(0, 0, 40, 160))
    state[motion.VARIANCE :] = 0
    added = motion.predict(state, 1 / 30)
    assert added[motion.VARIANCE, 0, 0] == pytest.approx((160 / 20) ** 2, rel=0.01)
    assert added[motion.VELOCITY_VARIANCE, 0, 0] == pytest.approx((160 / 160 * 30) ** 2)
    assert added[motion.VELOCITY_VARIANCE, 1, 0] == pytest.approx((160 / 320 * 30) ** 2)  # less than DeepSORT's


@given(st.floats(0.001, 1), st.integers(2, 6))
def test_one_long_step_equals_several_short_ones(dt, parts):
    state = motion.initiate(one_box(10, 20, 40, 100))
    state[motion.VELOCITY, :2, 0] = 70, -30  # moving, height constant
    once = motion.predict(state, dt)
    for _ in range(parts):
        state = motion.predict(state, dt / parts)
    np.testing.assert_allclose(state, once, rtol=1e-9)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 20), st.booleans())
def test_covariance_stays_positive_and_sizes_too(seed, dt, is_extreme):
    rng = np.random.default_rng(seed)
    boxes = random_boxes(rng, 4) * (1e3 if is_extreme else 1)
    boxes[2:, 0] = 0  # without area
    state = motion.initiate(boxes)
    for _ in range(30):
        state = motion.predict(state, dt)
        if rng.random() < 0.7:
            seen = random_boxes(rng, 4)
            seen[2:, 1] = 0
            state = motion.update(state, seen, rng.choice([0.0, 0.5, 1.0], 4))
        position, _, pp, pv, vv = state
        assert (position[2:] >= motion.MIN_SIZE_PX).all()
        assert (pp > 0).all()
        assert (vv > 0).all()
        assert (pv**2 <= pp * vv * (1 + 1e-9)).all()


def test_batched_equals_one_by_one_and_inputs_stay():
    rng = np.random.default_rng(1)
    state = motion.initiate(random_boxes(rng, 6))
    state[motion.VELOCITY] = rng.normal(0, 50, (4, 6))
    before = state.copy()
    seen, confidence = random_boxes(rng, 6), rng.uniform(0, 1, 6)
    together = motion.update(motion.predict(state, 0.2), seen, confidence)
    for i in range(6):
        alone = motion.predict(state[..., i : i + 1], 0.2)
        alone = motion.update(alone, seen[:, i : i + 1], confidence[i : i + 1])
        np.testing.assert_array_equal(alone[..., 0], together[..., i])
    np.testing.assert_array_equal(state, before)


def test_confident_boxes_count_for_more():
    state = motion.predict(motion.initiate(one_box(0, 0, 40, 100).repeat(2, axis=1)), 1 / 30)
    moved = motion.update(state, one_box(10, 0, 40, 100).repeat(2, axis=1), np.array([0.1, 0.9]))
    assert moved[motion.POSITION, 0, 0] < moved[motion.POSITION, 0, 1] < 10


def test_half_a_box_says_little_about_the_whole():
    """The lower half is hidden for a moment: the height falls by less than a third of what the detection says."""
    state = motion.initiate(one_box(0, 0, 40, 100))
    for _ in range(30):
        state = motion.update(motion.predict(state, 1 / 30), one_box(0, 0, 40, 100), np.array([0.9]))
    halved = motion.update(motion.predict(state, 1 / 30), one_box(0, -25, 40, 50), np.array([0.9]))
    assert 83 < halved[motion.POSITION, motion.HEIGHT, 0] < 99


def test_learns_a_velocity_in_pixels_a_second():
    state = motion.initiate(one_box(0, 50, 40, 100))
    for i in range(1, 60):
        state = motion.update(motion.predict(state, 0.04), one_box(i * 0.04 * 80, 50, 40, 100), np.array([0.9]))
    assert state[motion.VELOCITY, 0, 0] == pytest.approx(80, rel=0.02)
    assert state[motion.VELOCITY, 1, 0] == pytest.approx(0, abs=0.1)


def test_no_tracks():
    state = motion.predict(motion.initiate(np.empty((4, 0))), 0.1)
    assert motion.update(state, np.empty((4, 0)), np.empty(0)).shape == (5, 4, 0)
