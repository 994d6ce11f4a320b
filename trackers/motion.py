"""A constant-velocity Kalman filter for many boxes at once, in seconds and pixels.

A box is centre x, centre y, width and height, each with a velocity. All noise is diagonal, so the four coordinates
never mix: the 8-dimensional filter is exactly four filters of position and velocity, whose 2 x 2 matrices are written
out element by element. There is no matrix product and no inverse, and a hundred tracks cost as many numpy calls as one.

State: `mean` (T, 4, 2) position and velocity; `covariance` (T, 4, 3) the variance of the position, the covariance of
position and velocity, the variance of the velocity.

Reference: Wojke et al., Simple online and realtime tracking with a deep association metric (1703.07402), section 2.1,
for the model and its noise as a fraction of the height; Du et al., StrongSORT (2202.13514), section 3.3.4 (NSA Kalman).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating]

REFERENCE_FPS = 30.0
"""The noise below is DeepSORT's, which is stated for a frame; a frame is taken as 1/30 s."""

POSITION_STD = 1 / 20
"""Standard deviation of a position, in heights: what a frame adds, and what a measurement has at confidence 0."""

VELOCITY_STD = 1 / 160
"""Standard deviation that a frame adds to a velocity, in heights a frame."""

POSITION_INTENSITY = POSITION_STD**2 * REFERENCE_FPS
VELOCITY_INTENSITY = (VELOCITY_STD * REFERENCE_FPS) ** 2 * REFERENCE_FPS

MEASUREMENT_FLOOR = 0.5
"""Smallest factor of the measurement variance: confident boxes of real detectors still stray by 1 to 7 % of the height
(measured on MOT16-02 and TUD-Campus)."""

GATE = 9.4877
"""0.95 quantile of chi-square with 4 degrees of freedom: the largest plausible squared Mahalanobis distance."""

MIN_SIZE_PX = 1.0
"""Width and height never fall below this, so that noise, gates and overlaps stay defined."""


def initiate(xywh: FloatArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State of new tracks at rest, with DeepSORT's uncertainty (2 position and 10 velocity deviations).

    Args:
        xywh: (N, 4) centre x, centre y, width, height; sizes below `MIN_SIZE_PX` are raised to it.

    Returns:
        mean (N, 4, 2) and covariance (N, 4, 3).

    >>> mean, covariance = initiate(np.array([[50, 50, 40, 80.0]]))
    >>> mean[0, :, 0], float(covariance[0, 0, 0])
    (array([50., 50., 40., 80.]), 64.0)
    """
    mean = np.zeros((len(xywh), 4, 2))
    mean[:, :, 0] = xywh
    np.maximum(mean[:, 2:, 0], MIN_SIZE_PX, out=mean[:, 2:, 0])
    height = mean[:, 3:, 0]  # (N, 1)
    covariance = np.zeros((len(xywh), 4, 3))
    covariance[:, :, 0] = (2 * POSITION_STD * height) ** 2
    covariance[:, :, 2] = (10 * VELOCITY_STD * REFERENCE_FPS * height) ** 2
    return mean, covariance


def predict(mean: FloatArray, covariance: FloatArray, dt_s: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State after `dt_s` seconds without a measurement.

    The noise is white in position and in velocity, so variances grow with time and not with frames: one step of 0.1 s
    equals three of 1/30 s (up to the change of height in between). A step of 1/30 s adds DeepSORT's noise, (h/20)^2 to
    a position (0.5 % more, from the velocity's noise within the step) and (h/160)^2 per squared frame to a velocity.

    Args:
        mean, covariance: state, (T, 4, 2) and (T, 4, 3); not changed.
        dt_s: seconds, >= 0.
    """
    position, velocity = mean[..., 0], mean[..., 1]
    pp, pv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    scale = np.square(mean[:, 3:, 0])  # (T, 1) squared height
    next_mean = np.empty(mean.shape)
    next_mean[..., 0] = position + dt_s * velocity
    next_mean[..., 1] = velocity
    np.maximum(next_mean[:, 2:, 0], MIN_SIZE_PX, out=next_mean[:, 2:, 0])
    next_covariance = np.empty(covariance.shape)
    within = POSITION_INTENSITY * dt_s + VELOCITY_INTENSITY * dt_s**3 / 3
    next_covariance[..., 0] = pp + (2 * dt_s) * pv + dt_s**2 * vv + within * scale
    next_covariance[..., 1] = pv + dt_s * vv + (VELOCITY_INTENSITY * dt_s**2 / 2) * scale
    next_covariance[..., 2] = vv + (VELOCITY_INTENSITY * dt_s) * scale
    return next_mean, next_covariance


def measurement_variance(height: Any, confidence: Any) -> Any:
    """Variance of a measured coordinate: (h/20)^2 * max(1 - confidence, floor); the shapes broadcast.

    A confident box counts for more than a doubtful one (NSA Kalman). Without the floor a confidence of 1 would make the
    filter copy the detection, jitter included, into its velocity.

    >>> round(float(measurement_variance(100.0, 0.0)), 6), round(float(measurement_variance(100.0, 1.0)), 6)
    (25.0, 12.5)
    """
    return np.square(POSITION_STD * height) * np.maximum(1 - confidence, MEASUREMENT_FLOOR)


def update(
    mean: FloatArray, covariance: FloatArray, xywh: FloatArray, confidence: FloatArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """State of T tracks after one measurement each: xywh (T, 4) with confidence (T,) in [0, 1].

    The covariance is computed in a form that stays positive: pp * r / s, never pp - k * pp.
    """
    pp, pv, vv = covariance[..., 0], covariance[..., 1], covariance[..., 2]
    noise = measurement_variance(mean[:, 3:, 0], confidence[:, None])  # (T, 1)
    total = pp + noise  # (T, 4) variance of the innovation
    innovation = xywh - mean[..., 0]
    rest = noise / total
    gain = pv / total
    next_mean = np.empty(mean.shape)
    next_mean[..., 0] = mean[..., 0] + (1 - rest) * innovation
    next_mean[..., 1] = mean[..., 1] + gain * innovation
    np.maximum(next_mean[:, 2:, 0], MIN_SIZE_PX, out=next_mean[:, 2:, 0])
    next_covariance = np.empty(covariance.shape)
    next_covariance[..., 0] = pp * rest
    next_covariance[..., 1] = pv * rest
    next_covariance[..., 2] = vv - gain * pv
    return next_mean, next_covariance


def squared_mahalanobis(
    mean: FloatArray, covariance: FloatArray, xywh: FloatArray, confidence: FloatArray
) -> NDArray[np.float64]:
    """Squared Mahalanobis distance of boxes from predicted tracks; compare with `GATE`.

    Args:
        mean, covariance: (T, 4, 2) and (T, 4, 3) for pairs row by row, or (T, 1, 4, 2) and (T, 1, 4, 3) for all pairs.
        xywh: (T, 4), or (N, 4) for all pairs.
        confidence: (T,) or (N,).

    Returns:
        (T,) for pairs, (T, N) for all pairs; >= 0.
    """
    noise = measurement_variance(mean[..., 3, 0], confidence)
    squares = np.square(xywh - mean[..., 0]) / (covariance[..., 0] + noise[..., None])
    distance: NDArray[np.float64] = np.sum(squares, axis=-1)
    return distance


def rescale(
    mean: FloatArray, covariance: FloatArray, factors: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The state in an image whose width and height were multiplied by `factors`, as when a stream changes resolution.

    >>> mean, covariance = rescale(*initiate(np.array([[50, 50, 40, 80.0]])), (0.5, 0.5))
    >>> mean[0, :, 0], float(covariance[0, 0, 0])
    (array([25., 25., 20., 40.]), 16.0)
    """
    factor = np.array([*factors, *factors])[:, None]  # (4, 1)
    return mean * factor, covariance * np.square(factor)
