"""Positions on the ground, from homographies of calibrated cameras: who stands apart is not one person.

A box stands on the ground at the middle of its lower edge. Two tracklets of different cameras are compared at the
boxes of either that lie between boxes of the other, whose position is interpolated. The lower edge of a box is right to
a part of its height; what that means in metres grows with the distance from the camera, and so does the tolerance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times
from mdpr.trackers.crosscamera.types import Sighting

_FAR = 4.0  # standard deviations from which on two people are told apart
_MOST_TERM = 6.0


@dataclass(frozen=True, eq=False)
class Grounds:
    """Homographies.

    Attributes:
        homography: for each calibrated camera (3, 3): pixels (x, y, 1) to metres on a common ground plane.
        spread_m: standard deviation of the distance of one person's positions in two cameras, near to both.
        far_m: people at this distance at the same time are two; more where positions are less sure.
        edge: standard deviation of a box's lower edge, as a part of its height.
        max_gap_s: positions are interpolated between boxes at most this far apart.
    """

    homography: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    spread_m: float = 0.5
    far_m: float = 2.5
    edge: float = 0.05
    max_gap_s: float = 3.0

    def __post_init__(self) -> None:
        for camera, matrix in self.homography.items():
            values = np.asarray(matrix, np.float64)
            if values.shape != (3, 3) or not is_invertible(values):
                raise ConfigError(f"ground plane of {camera}: expected an invertible 3 x 3 matrix, got {matrix!r}")


@dataclass(frozen=True, eq=False)
class Path:
    """Where a tracklet was: (B,) seconds in rising order, (B, 2) metres and (B,) their standard deviation."""

    time_s: Times
    xy: Times
    spread: Times


_NOWHERE = Path(np.empty(0), np.empty((0, 2)), np.empty(0))


class Positions:
    """Where the tracklets of a scene were; those of cameras without homography were nobody knows where."""

    def __init__(self, scene: Scene, grounds: Grounds) -> None:
        self._grounds = grounds
        self._scene = scene
        self._known: dict[int, tuple[float, float]] = {}  # by pair of rows: distance and its standard deviation
        self._paths = [_NOWHERE] * len(scene)
        for camera, matrix in grounds.homography.items():
            rows = [row for row, one in enumerate(scene.sightings) if one.key.camera == camera]
            for row, path in zip(rows, _paths([scene.sightings[row] for row in rows], matrix, grounds), strict=True):
                self._paths[row] = path

    def distance_m(self, a: Integers, b: Integers) -> Times:
        """(P,) median distance of two tracklets of different cameras at the same moments; NaN where it is unknown."""
        return self._compared(a, b)[:, 0]

    def disagree(self, a: Integers, b: Integers) -> Flags:
        """(P,) whether two tracklets were at different places at the same time."""
        distance, spread = self._compared(a, b).T
        far: Flags = distance >= np.maximum(self._grounds.far_m, _FAR * spread)  # False for NaN
        return far

    def log_ratio(self, a: Integers, b: Integers) -> Times:
        """(P,) log of how much likelier the distance is for one person than for two; 0 where it is unknown.

        For one person, coordinates differ normally; two people that are not far apart are taken as evenly spread over
        the circle in which they are not.
        """
        distance, spread = self._compared(a, b).T
        far = np.maximum(self._grounds.far_m, _FAR * spread)
        ratio = 2 * np.log(far / spread) - (distance / spread) ** 2
        return np.where(np.isnan(distance), 0.0, np.clip(ratio, -_MOST_TERM, _MOST_TERM))

    def _compared(self, a: Integers, b: Integers) -> Times:
        """(P, 2) median distance of each pair and its standard deviation; NaN where it is unknown."""
        found = np.full((len(a), 2), np.nan)
        camera, size = self._scene.camera, len(self._scene)
        for pair in np.flatnonzero(self._scene.at_once(a, b) & (camera[a] != camera[b])):
            i, j = sorted((int(a[pair]), int(b[pair])))
            code = i * size + j
            if code not in self._known:
                one, two = self._apart(i, j), self._apart(j, i)
                both = np.concatenate([one, two])
                self._known[code] = tuple(np.median(both, axis=0)) if len(both) else (np.nan, np.nan)
            found[pair] = self._known[code]
        return found

    def _apart(self, i: int, j: int) -> Times:
        """(M, 2) distance and its standard deviation at the boxes of i that lie between boxes of j."""
        mine, theirs = self._paths[i], self._paths[j]
        times, known = mine.time_s, theirs.time_s
        if not len(times) or not len(known):
            return np.empty((0, 2))
        is_near = lies_between(times, known, self._grounds.max_gap_s)
        where = np.column_stack([np.interp(times, known, theirs.xy[:, axis]) for axis in (0, 1)])
        spread = np.hypot(mine.spread, np.interp(times, known, theirs.spread))
        return np.column_stack([np.linalg.norm(mine.xy - where, axis=1), spread])[is_near]


def _paths(sightings: list[Sighting], homography: NDArray[np.float64], grounds: Grounds) -> list[Path]:
    """Of the sightings of one camera. Boxes that end beyond the horizon, on the other side of it than most, are out."""
    boxes = [one.boxes_within() for one in sightings]
    count = [len(times) for times, _ in boxes]
    xyxy = np.concatenate([one for _, one in boxes]) if boxes else np.empty((0, 4), np.float32)
    xyxy = xyxy.astype(np.float64)
    feet = np.column_stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3], np.ones(len(xyxy))])
    matrix = np.asarray(homography, np.float64)
    depth = feet @ matrix[2]
    side = np.sign(np.median(depth)) if len(depth) else 1.0
    is_ground = depth * side > 1e-12
    with np.errstate(divide="ignore", invalid="ignore"):
        xy = to_ground(xyxy, matrix)
        slope = (matrix[:2, 1] - xy * matrix[2, 1]) / depth[:, None]  # metres a pixel of the lower edge
        edge = grounds.edge * (xyxy[:, 3] - xyxy[:, 1]) * np.linalg.norm(slope, axis=1)
    spread = np.sqrt(grounds.spread_m**2 / 2 + edge**2)
    is_ground &= np.isfinite(xy).all(axis=1) & np.isfinite(spread)
    found = []
    ends = np.cumsum(count)
    for one, (times, _), end in zip(sightings, boxes, ends.tolist(), strict=True):
        here = slice(end - len(times), end)
        use = is_ground[here]
        found.append(Path(one.started_s + times[use], xy[here][use], spread[here][use]))
    return found


def lies_between(times: Times, known: Times, max_gap_s: float) -> Flags:
    """(M,) whether each time lies at or between two of the rising `known`, which are at most `max_gap_s` apart."""
    after = np.minimum(np.searchsorted(known, times), len(known) - 1)
    before = np.clip(np.searchsorted(known, times, side="right") - 1, 0, len(known) - 1)
    between: Flags = (known[before] <= times) & (known[after] >= times) & (known[after] - known[before] <= max_gap_s)
    return between


def is_invertible(matrix: NDArray[np.float64]) -> bool:
    """Whether a (3, 3) map is finite and has an inverse, whatever the units of its rows are."""
    scale = np.abs(matrix).max(axis=1, keepdims=True)
    return bool(np.isfinite(matrix).all() and scale.all() and np.linalg.cond(matrix / scale) < 1e9)


def to_ground(xyxy: NDArray[np.floating], homography: NDArray[np.float64]) -> Times:
    """(V, 2) metres of the middle of the lower edge of (V, 4) boxes.

    >>> to_ground(np.array([[0, 0, 4, 6.0]], np.float32), np.diag([0.5, 0.5, 1.0])).tolist()
    [[1.0, 3.0]]
    """
    feet = np.column_stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3], np.ones(len(xyxy))])
    ground = feet @ np.asarray(homography, np.float64).T
    return np.asarray(ground[:, :2] / ground[:, 2:], np.float64)


def homography_of(pixels: Times, metres: Times) -> NDArray[np.float64] | None:
    """The (3, 3) homography that maps (N, 2) pixels to (N, 2) metres, N >= 4; None when they do not determine one.

    Least squares of the normalised direct linear transform. Its third row is positive at all `pixels`.

    Reference: Hartley, Zisserman, "Multiple View Geometry in Computer Vision", 2nd edition, algorithm 4.2.
    """
    to_one, from_one = _normalisation(pixels), _normalisation(metres)
    if to_one is None or from_one is None:
        return None
    x, y = (_with_ones(pixels) @ to_one.T)[:, :2].T
    u, v = (_with_ones(metres) @ from_one.T)[:, :2].T
    zero, one = np.zeros_like(x), np.ones_like(x)
    rows = np.concatenate(
        [
            np.column_stack([x, y, one, zero, zero, zero, -u * x, -u * y, -u]),
            np.column_stack([zero, zero, zero, x, y, one, -v * x, -v * y, -v]),
        ]
    )
    _, values, axes = np.linalg.svd(rows)
    found: NDArray[np.float64] = np.linalg.inv(from_one) @ axes[-1].reshape(3, 3) @ to_one
    if values[7] < 1e-6 * values[0] or np.linalg.cond(axes[-1].reshape(3, 3)) > 1e6:
        return None
    depth = _with_ones(pixels) @ found[2]
    if depth.min() * depth.max() <= 0:  # the horizon lies between the places
        return None
    return found / float(depth.mean())


def _normalisation(points: Times) -> NDArray[np.float64] | None:
    """The (3, 3) map that moves points around the origin, at a mean distance of the square root of 2."""
    centre = points.mean(axis=0)
    distance = float(np.linalg.norm(points - centre, axis=1).mean())
    if not distance > 0:
        return None
    scale = np.sqrt(2) / distance
    return np.array([[scale, 0, -scale * centre[0]], [0, scale, -scale * centre[1]], [0, 0, 1]])


def _with_ones(points: Times) -> Times:
    return np.column_stack([points, np.ones(len(points))])
