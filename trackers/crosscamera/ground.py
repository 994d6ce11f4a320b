"""Positions on the ground, from homographies of calibrated cameras: who stands apart is not one person.

A box stands on the ground at the middle of its lower edge. Two tracklets of different cameras are compared at the
views of either that lie between views of the other, whose position is interpolated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times


@dataclass(frozen=True, eq=False)
class Grounds:
    """Homographies.

    Attributes:
        homography: for each calibrated camera (3, 3): pixels (x, y, 1) to metres on a common ground plane.
        spread_m: standard deviation of the distance of one person's positions in two cameras.
        far_m: people at this distance at the same time are two.
        max_gap_s: positions are interpolated between views at most this far apart.
    """

    homography: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    spread_m: float = 0.5
    far_m: float = 2.5
    max_gap_s: float = 3.0

    def __post_init__(self) -> None:
        for camera, matrix in self.homography.items():
            values = np.asarray(matrix, np.float64)
            if values.shape != (3, 3) or not np.isfinite(values).all() or abs(np.linalg.det(values)) < 1e-12:
                raise ConfigError(f"ground plane of {camera}: expected an invertible 3 x 3 matrix, got {matrix!r}")


class Positions:
    """Where the tracklets of a scene were; those of cameras without homography were nobody knows where."""

    def __init__(self, scene: Scene, grounds: Grounds) -> None:
        self._grounds = grounds
        self._scene = scene
        self._time_s: list[Times] = []
        self._xy: list[Times] = []
        for sighting in scene.sightings:
            tracklet = sighting.tracklet
            matrix = grounds.homography.get(sighting.key.camera)
            known = matrix is not None
            self._time_s.append(sighting.started_s + tracklet.view_time_s if known else np.empty(0))
            self._xy.append(to_ground(tracklet.view_xyxy, matrix) if matrix is not None else np.empty((0, 2)))

    def distance_m(self, a: Integers, b: Integers) -> Times:
        """(P,) median distance of two tracklets of different cameras at the same moments; NaN where it is unknown."""
        found = np.full(len(a), np.nan)
        camera = self._scene.camera
        for pair in np.flatnonzero(self._scene.at_once(a, b) & (camera[a] != camera[b])):
            i, j = int(a[pair]), int(b[pair])
            apart = np.concatenate([self._distances(i, j), self._distances(j, i)])
            if len(apart):
                found[pair] = np.median(apart)
        return found

    def disagree(self, a: Integers, b: Integers) -> Flags:
        """(P,) whether two tracklets were at different places at the same time."""
        far: Flags = self.distance_m(a, b) >= self._grounds.far_m  # False for NaN
        return far

    def log_ratio(self, a: Integers, b: Integers) -> Times:
        """(P,) log of how much likelier the distance is for one person than for two; 0 where it is unknown.

        For one person, coordinates differ with standard deviation `spread_m` / sqrt(2) each; two people that are not
        `far_m` apart are taken as evenly spread over that circle.
        """
        distance = self.distance_m(a, b)
        spread, far = self._grounds.spread_m, self._grounds.far_m
        ratio = np.log(far**2 / spread**2) - (distance / spread) ** 2
        return np.where(np.isnan(distance), 0.0, np.clip(ratio, -6, 6))

    def _distances(self, i: int, j: int) -> Times:
        """Distances at the views of i that lie between views of j."""
        times, known = self._time_s[i], self._time_s[j]
        if not len(times) or not len(known):
            return np.empty(0)
        after = np.searchsorted(known, times)
        before = np.clip(np.searchsorted(known, times, side="right") - 1, 0, len(known) - 1)
        after = np.minimum(after, len(known) - 1)
        is_near = (known[before] <= times) & (known[after] >= times)
        is_near &= known[after] - known[before] <= self._grounds.max_gap_s
        where = np.column_stack([np.interp(times, known, self._xy[j][:, axis]) for axis in (0, 1)])
        apart: Times = np.linalg.norm(self._xy[i] - where, axis=1)[is_near]
        return apart


def to_ground(xyxy: NDArray[np.float32], homography: NDArray[np.float64]) -> Times:
    """(V, 2) metres of the middle of the lower edge of (V, 4) boxes.

    >>> to_ground(np.array([[0, 0, 4, 6.0]], np.float32), np.diag([0.5, 0.5, 1.0])).tolist()
    [[1.0, 3.0]]
    """
    feet = np.column_stack([(xyxy[:, 0] + xyxy[:, 2]) / 2, xyxy[:, 3], np.ones(len(xyxy))])
    ground = feet @ np.asarray(homography, np.float64).T
    return np.asarray(ground[:, :2] / ground[:, 2:], np.float64)
