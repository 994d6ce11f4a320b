"""Filling short gaps and taking the jitter of detections out of boxes.

A cubic smoothing spline is the expected path of a particle whose velocity is pushed about at random, seen with noise;
its one parameter is the ratio of the two, which for people is known in heights and seconds. So it needs no tuning to
frame rate or picture size.

Reference: Wahba, "Improper Priors, Spline Smoothing and the Problem of Guarding Against Model Errors in Regression",
1978 (splines as Gaussian processes); Du et al., StrongSORT (2202.13514), section 3.4.2 (Gaussian-smoothed
interpolation: fill linearly, then smooth).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solveh_banded

from mdpr.trackers.refine.trajectory import Trajectory

Floats = NDArray[np.float64]

NOISE_STD = 0.03
"""Of a coordinate of a box, in heights."""

PUSH = 0.7
"""Change of a person's velocity in a second, in heights a second."""

FASTEST = 2.0
"""Heights a second that nobody goes for long; a gap that would need more is not filled, as it may hold two people."""

MOST_GROWTH = 1.5
"""Ratio of the heights on both sides of a gap from which on it is not filled, for the same reason."""

LONGEST_GAP_S = 2.0
"""Time between two boxes over which one still says something about the other."""


def fill(one: Trajectory, frames: NDArray[np.int64], times_s: Floats, max_fill_s: float) -> Trajectory:
    """With boxes in the gaps of at most `max_fill_s`, on straight lines; confidence is that of the weaker neighbour.

    Gaps over which nobody could have gone are left as they are.

    Args:
        one: the trajectory.
        frames: (F,) rising frames that the camera gave.
        times_s: (F,) their times.
        max_fill_s: longest gap, from box to box.
    """
    gaps = np.flatnonzero(can_fill(one, max_fill_s))
    wanted = frames[(frames > one.frame[0]) & (frames < one.frame[-1]) & ~np.isin(frames, one.frame)]
    before = np.searchsorted(one.frame, wanted) - 1
    is_filled = np.isin(before, gaps)
    wanted, before = wanted[is_filled], before[is_filled]
    if not len(wanted):
        return one
    time_s = times_s[np.searchsorted(frames, wanted)]
    boxes = np.stack([np.interp(time_s, one.time_s, one.xyxy[:, side]) for side in range(4)], axis=1)
    weaker = np.minimum(one.confidence[before], one.confidence[before + 1])
    frame = np.concatenate([one.frame, wanted])
    order = np.argsort(frame, kind="stable")
    return Trajectory(
        one.tracklet,
        frame[order],
        np.concatenate([one.time_s, time_s])[order],
        np.concatenate([one.xyxy, boxes])[order],
        np.concatenate([one.confidence, weaker])[order],
        np.concatenate([one.is_interpolated, np.ones(len(wanted), np.bool_)])[order],
    )


def can_fill(one: Trajectory, max_fill_s: float) -> NDArray[np.bool_]:
    """(N - 1,) whether somebody may have gone from each box to the next one, and in so short a time."""
    middle = (one.xyxy[:, 0] + one.xyxy[:, 2]) / 2
    height = np.maximum(one.xyxy[:, 3] - one.xyxy[:, 1], 1.0)
    least = np.minimum(height[1:], height[:-1])
    moved = np.hypot(np.diff(middle), np.diff(one.xyxy[:, 1])) / least
    elapsed = np.diff(one.time_s)
    can: NDArray[np.bool_] = (moved <= FASTEST * elapsed + 4 * NOISE_STD) & (elapsed <= max_fill_s + 1e-6)
    return can & (np.maximum(height[1:], height[:-1]) <= MOST_GROWTH * least)


def smooth(one: Trajectory) -> Trajectory:
    """The same boxes with less jitter; parts with gaps above `LONGEST_GAP_S` between them, each on its own."""
    breaks = np.flatnonzero(np.diff(one.time_s) > LONGEST_GAP_S) + 1
    parts = np.split(np.arange(len(one)), breaks)
    xyxy = np.concatenate([smooth_boxes(one.time_s[rows], one.xyxy[rows]) for rows in parts])
    return Trajectory(one.tracklet, one.frame, one.time_s, xyxy, one.confidence, one.is_interpolated)


def smooth_boxes(time_s: Floats, xyxy: Floats) -> Floats:
    """(N, 4) smoothed; fewer than three boxes stay as they are.

    >>> time_s = np.arange(30) / 10
    >>> straight = np.stack([time_s, time_s, time_s + 5, time_s + 9], axis=1)
    >>> bool(np.allclose(smooth_boxes(time_s, straight), straight))
    True
    """
    if len(time_s) < 3:
        return xyxy
    penalty = (NOISE_STD / PUSH) ** 2  # both in heights, so the height falls out; seconds cubed
    result = smoothing_spline(time_s, xyxy, penalty)
    result[:, 2:] = np.maximum(result[:, 2:], result[:, :2])
    return result


def smoothing_spline(x: Floats, y: Floats, penalty: float) -> Floats:
    """(N, K) values at `x` of the cubic splines that minimise squared distance + penalty * integral of f''^2.

    The same as scipy's `make_smoothing_spline`, at a fiftieth of its time for many short columns.

    Args:
        x: (N,) rising, N >= 3.
        y: (N, K) columns.
        penalty: above 0.

    Reference: Reinsch, "Smoothing by Spline Functions", 1967; Green, Silverman, "Nonparametric Regression and
    Generalized Linear Models", 1994, section 2.3.
    """
    step = np.diff(x)
    first, last = 1 / step[:-1], 1 / step[1:]  # (N - 2,) weights of second differences
    middle = -(first + last)
    bands = np.zeros((3, len(first)))  # upper form: two off the diagonal, one off, the diagonal
    bands[2] = (step[:-1] + step[1:]) / 3 + penalty * (first**2 + middle**2 + last**2)
    bands[1, 1:] = step[1:-1] / 6 + penalty * (middle[:-1] * first[1:] + last[:-1] * middle[1:])
    bands[0, 2:] = penalty * last[:-2] * first[2:]
    bent = first[:, None] * y[:-2] + middle[:, None] * y[1:-1] + last[:, None] * y[2:]
    curvature = solveh_banded(bands, bent)  # (N - 2, K)
    result = np.array(y, np.float64)
    result[:-2] -= penalty * first[:, None] * curvature
    result[1:-1] -= penalty * middle[:, None] * curvature
    result[2:] -= penalty * last[:, None] * curvature
    return result
