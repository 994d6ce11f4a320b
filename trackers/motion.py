"""A constant-velocity Kalman filter for many boxes at once, in seconds and pixels.

A box is centre x, centre y, width and height, each with a velocity. All noise is diagonal, so the four coordinates
never mix: the 8-dimensional filter is exactly four filters of position and velocity, whose 2 x 2 matrices are written
out element by element. There is no matrix product and no inverse, and a hundred tracks cost as many numpy calls as one.

State: (5, 4, T), for each of the four coordinates of T tracks the position, the velocity, the variance of the position,
the covariance of position and velocity, and the variance of the velocity. Tracks are the last axis, so that numpy works
on long rows without gaps, and position and covariances lie beside what changes them: one operation moves all three.

Reference: Wojke et al., Simple online and realtime tracking with a deep association metric (1703.07402), section 2.1,
for the model and its noise as a fraction of the height; Du et al., StrongSORT (2202.13514), section 3.3.4 (NSA Kalman).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

REFERENCE_FPS = 30.0
"""The noise below is DeepSORT's, which is stated for a frame; a frame is taken as 1/30 s."""

POSITION_STD = 1 / 20
"""Standard deviation of a position, in heights: what a frame adds, and what a measurement has at confidence 0."""

VELOCITY_STD = np.array([[1.0], [0.5], [0.5], [0.5]]) / 160
"""Standard deviation that a frame adds to each coordinate's velocity, in heights a frame. DeepSORT has 1/160 for all,
but people change their way across the picture more than up and down it, and their size least of all (measured on
MOT16-02 and TUD-Campus with true identities: after 1 s without a detection, y is wrong by half as much as x)."""

POSITION_INTENSITY = POSITION_STD**2 * REFERENCE_FPS
VELOCITY_INTENSITY = (VELOCITY_STD * REFERENCE_FPS) ** 2 * REFERENCE_FPS  # (4, 1)

MEASUREMENT_FLOOR = 0.5
"""Smallest factor of the measurement variance: confident boxes of real detectors still stray by 1 to 7 % of the height
(measured on MOT16-02 and TUD-Campus)."""

SURPRISE = 0.2
"""Error of a coordinate, in heights, that doubles the variance of its measurement."""

MIN_SIZE_PX = 1.0
"""Width and height never fall below this, so that noise, gates and overlaps stay defined."""

_ONE, _SURPRISE, _MIN_SIZE, _STD = (np.array(number) for number in (1.0, SURPRISE, MIN_SIZE_PX, POSITION_STD))
_CERTAIN, _FLOOR = (np.array(number, np.float32) for number in (1, MEASUREMENT_FLOOR))
"""As arrays, because a Python number costs numpy as much again as the operation on ten tracks."""

POSITION, VELOCITY, VARIANCE, COVARIANCE, VELOCITY_VARIANCE = range(5)
"""First axis of the state."""

HEIGHT = 3
"""Second axis of the state: x, y, width, height."""


def initiate(xywh: FloatArray) -> NDArray[np.float64]:
    """State of new tracks at rest, with DeepSORT's uncertainty (2 position and 10 velocity deviations).

    Args:
        xywh: (4, N) centre x, centre y, width, height; sizes below `MIN_SIZE_PX` are raised to it.

    Returns:
        (5, 4, N).

    >>> state = initiate(np.array([[50, 50, 40, 80.0]]).T)
    >>> state[POSITION, :, 0], float(state[VARIANCE, 0, 0])
    (array([50., 50., 40., 80.]), 64.0)
    """
    state = np.zeros((5, 4, xywh.shape[1]))
    state[POSITION] = xywh
    np.maximum(state[POSITION, 2:], MIN_SIZE_PX, out=state[POSITION, 2:])
    height = state[POSITION, HEIGHT]  # (N,)
    state[VARIANCE] = (2 * POSITION_STD * height) ** 2
    state[VELOCITY_VARIANCE] = (10 * VELOCITY_STD * REFERENCE_FPS * height) ** 2
    return state


def predict(state: FloatArray, dt_s: float) -> NDArray[np.float64]:
    """State after `dt_s` seconds without a measurement.

    The noise is white in position and in velocity, so variances grow with time and not with frames: one step of 0.1 s
    equals three of 1/30 s (up to the change of height in between). A step of 1/30 s adds DeepSORT's noise, (h/20)^2 to
    a position (0.5 % more, from the velocity's noise within the step) and (h/160)^2 per squared frame to x's velocity.

    Args:
        state: (5, 4, T); not changed.
        dt_s: seconds, >= 0.
    """
    transition, noise = _step(dt_s)
    later: NDArray[np.float64] = transition.dot(state.reshape(5, -1)).reshape(state.shape)
    covariances = later[VARIANCE:].reshape(12, -1)
    covariances += noise.dot(np.square(state[POSITION, HEIGHT:]))
    sizes = later[POSITION, 2:]
    np.maximum(sizes, _MIN_SIZE, out=sizes)
    return later


@lru_cache(maxsize=16)
def _step(dt_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(5, 5) transition of a coordinate's state, and (12, 1) noise that `predict` adds, in squared heights.

    position += dt * velocity; variance += 2 dt * covariance + dt^2 * velocity's variance;
    covariance += dt * velocity's variance.
    """
    transition = np.eye(5)
    transition[POSITION, VELOCITY] = transition[COVARIANCE, VELOCITY_VARIANCE] = dt_s
    transition[VARIANCE, COVARIANCE:] = 2 * dt_s, dt_s**2
    growth = VELOCITY_INTENSITY * dt_s
    noise = np.stack([POSITION_INTENSITY * dt_s + growth * dt_s**2 / 3, growth * dt_s / 2, growth])
    return transition, noise.reshape(12, 1)


def measurement_variance(height: Any, confidence: Any) -> Any:
    """Variance of a measured coordinate: (h/20)^2 * max(1 - confidence, floor); the shapes broadcast.

    A confident box counts for more than a doubtful one (NSA Kalman). Without the floor a confidence of 1 would make the
    filter copy the detection, jitter included, into its velocity.

    >>> round(float(measurement_variance(100.0, 0.0)), 6), round(float(measurement_variance(100.0, 1.0)), 6)
    (25.0, 12.5)
    """
    return np.square(_STD * height) * np.maximum(_CERTAIN - confidence, _FLOOR)


def update(state: FloatArray, xywh: FloatArray, confidence: FloatArray) -> NDArray[np.float64]:
    """State of T tracks after one measurement each: xywh (4, T) with confidence (T,) in [0, 1].

    A coordinate far from the expected one is trusted less, as a Student distribution would have it: when half a person
    is hidden, the box halves, which says nothing about where they will be next.

    The variance is computed in a form that stays positive: pp * r / s, never pp - k * pp.
    """
    height = state[POSITION, HEIGHT]
    error = xywh - state[POSITION]  # (4, T)
    noise = np.divide(error, _SURPRISE * height)
    np.square(noise, out=noise)
    noise += _ONE
    noise *= measurement_variance(height, confidence)
    total = state[VARIANCE] + noise  # (4, T) variance of the innovation
    np.divide(noise, total, out=noise)  # what remains of the variance
    covariance = state[COVARIANCE]
    gain = np.empty((2, *total.shape))  # of position and velocity
    np.subtract(_ONE, noise, out=gain[0])
    np.divide(covariance, total, out=gain[1])
    later = np.empty(state.shape)
    np.multiply(state[VARIANCE:VELOCITY_VARIANCE], noise, out=later[VARIANCE:VELOCITY_VARIANCE])
    np.subtract(state[VELOCITY_VARIANCE], gain[1] * covariance, out=later[VELOCITY_VARIANCE])
    gain *= error
    np.add(state[:VARIANCE], gain, out=later[:VARIANCE])
    sizes = later[POSITION, 2:]
    np.maximum(sizes, _MIN_SIZE, out=sizes)
    return later


def rescale(state: FloatArray, factors: tuple[float, float]) -> NDArray[np.float64]:
    """The state in an image whose width and height were multiplied by `factors`, as when a stream changes resolution.

    >>> state = rescale(initiate(np.array([[50, 50, 40, 80.0]]).T), (0.5, 0.5))
    >>> state[POSITION, :, 0], float(state[VARIANCE, 0, 0])
    (array([25., 25., 20., 40.]), 16.0)
    """
    factor = np.array([*factors, *factors])[:, None]  # (4, 1)
    return np.concatenate([state[:VARIANCE] * factor, state[VARIANCE:] * np.square(factor)])


def transform(state: FloatArray, affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """The state in a picture that moved: `affine` (2, 3) maps pixels of before to pixels of now.

    Centres and their velocities are mapped; sizes grow by the root of the determinant, since a box stays upright when
    the camera rolls. Covariances of x with y, which a rotation makes, are left out: the filter has none.

    >>> state = transform(initiate(np.array([[50, 50, 40, 80.0]]).T), np.array([[2, 0, 5], [0, 2, -7.0]]))
    >>> state[POSITION, :, 0], float(state[VARIANCE, 0, 0])
    (array([105.,  93.,  80., 160.]), 256.0)
    """
    linear = affine[:, :2]
    size = np.sqrt(abs(np.linalg.det(linear)))
    later = np.array(state, dtype=np.float64)
    later[:VARIANCE, :2] = np.einsum("ij,kjt->kit", linear, state[:VARIANCE, :2])
    later[POSITION, :2] += affine[:, 2:]
    later[VARIANCE:, :2] = np.einsum("ij,kjt->kit", np.square(linear), state[VARIANCE:, :2])
    later[:VARIANCE, 2:] *= size
    later[VARIANCE:, 2:] *= size**2
    return later
