"""How likely one track continues another, by the ways they go.

People walk with a velocity that they forget within about a second: an Ornstein-Uhlenbeck process. So a gap of one frame
must fit exactly, after a second the direction still counts, and after ten only what distance somebody can have gone.
What is compared is the density of the next track's start, given the end of this one, with the density of starts in
general; the ratio needs no threshold in pixels.

Reference: Uhlenbeck, Ornstein, "On the Theory of the Brownian Motion", 1930 (moments of position and velocity); Singer,
"Estimating Optimal Tracking Filter Performance for Manned Maneuvering Targets", 1970; Zhang, Li, Nevatia, "Global Data
Association for Multi-Object Tracking Using Network Flows", CVPR 2008 (links as likelihood ratios).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.refine.trajectory import Trajectory

Floats = NDArray[np.float64]

SPEED_STD = 0.5
"""Standard deviation of a walking person's velocity along one axis of the picture, in heights a second."""

MEMORY_S = 1.0
"""Time within which a velocity is forgotten."""

POSITION_STD = 0.06
"""Of a box's position, in heights; detectors stray by 1 to 7 %."""

SIZE_STD, SIZE_DRIFT, ANY_SIZE_STD = 0.12, 0.08, 0.6
"""Of the logarithm of a height: between boxes of one person, what a second adds, and between any two people."""

END_WINDOW_S = 0.8
"""How much of a track's end or start says where it is going."""


@dataclass(frozen=True, eq=False)
class Ends:
    """Where N tracks begin or end, in heights of the person; x is the centre and y the top of the box.

    The top, because what hides people mostly hides their feet.

    Attributes:
        time_s: (N,).
        position: (N, 2) pixels.
        velocity: (N, 2) heights a second, drawn to 0 where few boxes tell.
        velocity_variance: (N,) of each.
        height: (N,) pixels.
    """

    time_s: Floats
    position: Floats
    velocity: Floats
    velocity_variance: Floats
    height: Floats


def ends_of(trajectories: list[Trajectory], is_start: bool) -> Ends:
    """The starts or the ends of trajectories."""
    rows = [_end_of(one, is_start) for one in trajectories]
    columns = [np.array(column, np.float64) for column in zip(*rows, strict=True)]
    return Ends(*columns) if rows else Ends(*(np.empty((0, 2)) if axis in (1, 2) else np.empty(0) for axis in range(5)))


def _end_of(one: Trajectory, is_start: bool) -> tuple[float, Floats, Floats, float, float]:
    at = 0 if is_start else -1
    near = np.abs(one.time_s - one.time_s[at]) <= END_WINDOW_S
    time_s = one.time_s[near] - one.time_s[at]
    box = one.xyxy[near]
    height = max(float(np.percentile(box[:, 3] - box[:, 1], 75)), 1.0)
    point = np.stack([(box[:, 0] + box[:, 2]) / 2, box[:, 1]], axis=1) / height
    spread = float(np.square(time_s - time_s.mean()).sum())
    if spread > 0:
        slope = (time_s - time_s.mean()) @ (point - point.mean(axis=0)) / spread
        noise = POSITION_STD**2 / spread
    else:
        slope, noise = np.zeros(2), np.inf
    kept = SPEED_STD**2 / (SPEED_STD**2 + noise)  # the posterior of a velocity that is N(0, SPEED_STD) before
    here = point[at] if len(point) < 3 else point.mean(axis=0) - slope * time_s.mean()
    return float(one.time_s[at]), here * height, slope * kept, SPEED_STD**2 * (1 - kept), height


def log_ratio(ends: Ends, starts: Ends, a: NDArray[np.intp], b: NDArray[np.intp], starts_per_s_px2: float) -> Floats:
    """(P,) log of how much likelier start `b[i]` is as the continuation of end `a[i]` than as one of any other.

    Args:
        ends, starts: of the tracks.
        a, b: (P,) rows; every start is later than its end.
        starts_per_s_px2: starts of tracks by a second and a square pixel.
    """
    gap_s = starts.time_s[b] - ends.time_s[a]
    height = np.sqrt(ends.height[a] * starts.height[b])
    kept, reach = np.exp(-gap_s / MEMORY_S), MEMORY_S * -np.expm1(-gap_s / MEMORY_S)
    u = gap_s / MEMORY_S
    # moments of position and velocity after the gap, from a known state; for small u the first is SPEED^2 * 2/3 u^3
    growth = np.where(u < 1e-3, 2 / 3 * u**3, 2 * u - 3 + 4 * kept - kept**2)
    prior = ends.velocity_variance[a]
    xx = SPEED_STD**2 * MEMORY_S**2 * growth + prior * reach**2 + 2 * POSITION_STD**2
    xv = SPEED_STD**2 * MEMORY_S * (1 - kept) ** 2 + prior * reach * kept
    measured = starts.velocity_variance[b]
    vv = SPEED_STD**2 * (1 - kept**2) + prior * kept**2 + measured + POSITION_STD**2
    moved = (starts.position[b] - ends.position[a]) / height[:, None] - ends.velocity[a] * reach[:, None]  # (P, 2)
    turned = starts.velocity[b] - ends.velocity[a] * kept[:, None]
    determinant = xx * vv - xv**2
    distance = (moved**2 * vv[:, None] - 2 * moved * turned * xv[:, None] + turned**2 * xx[:, None]) / determinant[
        :, None
    ]
    joint = -0.5 * distance.sum(axis=1) - np.log(determinant) - 2 * np.log(2 * np.pi)  # both axes
    any_vv = SPEED_STD**2 + measured + POSITION_STD**2
    anyone = -0.5 * (starts.velocity[b] ** 2).sum(axis=1) / any_vv - np.log(2 * np.pi * any_vv)
    anywhere = np.log(starts_per_s_px2 * height**2)  # by a second and a square height
    return joint - anyone - anywhere + _size_ratio(ends.height[a], starts.height[b], gap_s)


def _size_ratio(before: Floats, after: Floats, gap_s: Floats) -> Floats:
    """(P,) the same for the heights; nobody is likelier to be as tall as somebody else than they themselves are."""
    change = np.log(after / before)
    std = np.minimum(SIZE_STD + SIZE_DRIFT * gap_s, ANY_SIZE_STD)
    return -0.5 * (change / std) ** 2 + 0.5 * (change / ANY_SIZE_STD) ** 2 + np.log(ANY_SIZE_STD / std)
