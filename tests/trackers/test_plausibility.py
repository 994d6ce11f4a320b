"""Implausibility of pairs against its formula with plain loops, and what it must not depend on."""

from __future__ import annotations

import math

import numpy as np

from mdpr.trackers import motion
from mdpr.trackers.plausibility import implausibility
from mdpr.trackers.shared_motion import shared_correction


def naive(state, box, unseen_s):
    total = 0.0
    for i, (usual, growth) in enumerate([(0.04, 0.15), (0.03, 0.05), (0.1, 0.06), (0.08, 0.08)]):
        growth += 0.4 * abs(state[1, i]) / state[0, 3] if i < 2 else 0
        error = (box[i] - state[0, i]) / state[0, 3] / (usual + growth * unseen_s)
        total += 2.5 * math.log(1 + error**2 / 4)  # Student's t with 4 degrees of freedom, without its constant
    return min(total / 8, 1)


def scene(rng, count=200):
    boxes = np.concatenate([rng.uniform(0, 500, (2, count)), rng.uniform(30, 200, (2, count))])
    state = motion.initiate(boxes)
    state[motion.VELOCITY] = rng.normal(0, 50, boxes.shape)
    return (
        state,
        boxes + rng.normal(0, 1, boxes.shape) * boxes[3] * rng.choice([0.1, 1], count),
        rng.uniform(0, 2, count),
    )


def test_equals_loops():
    state, seen, unseen_s = scene(np.random.default_rng(0))
    found = implausibility(state, seen, unseen_s)
    np.testing.assert_allclose(found, [naive(state[..., i], seen[:, i], unseen_s[i]) for i in range(200)], rtol=1e-9)
    assert (found < 1).any()
    assert (found == 1).any()


def test_the_gate_grows_with_time_and_does_not_depend_on_size():
    state, seen, unseen_s = scene(np.random.default_rng(1))
    assert (implausibility(state, seen, unseen_s + 1) <= implausibility(state, seen, unseen_s)).all()
    larger = implausibility(motion.rescale(state, (3, 3)), 3 * seen, unseen_s)
    np.testing.assert_allclose(larger, implausibility(state, seen, unseen_s))


def test_shared_correction_is_the_median_of_enough_tracks():
    rng = np.random.default_rng(2)
    for count in (5, 6, 11):
        before, after = rng.normal(size=(2, 5, 4, count))
        expected = np.median((after - before)[:2, :2], axis=2)
        np.testing.assert_allclose(shared_correction(before, after, np.arange(count)), expected)
    assert (shared_correction(before, after, np.arange(4)) == 0).all()
