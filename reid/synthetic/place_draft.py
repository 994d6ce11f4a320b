"""Putting a place together: parts, footprints, lamps, ways in, views."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike

from mdpr.errors import FormatError
from mdpr.reid.synthetic.cameras import Camera, look_at
from mdpr.reid.synthetic.place_types import Lamp, Place, WalkGrid
from mdpr.reid.synthetic.place_views import unobstructed
from mdpr.reid.synthetic.solids import Solid, join, place

CELL_M = 0.25
PERSON_RADIUS_M = 0.28
_SHIN_M, _HEAD_M = 0.15, 1.9  # people walk over what is lower and under what is higher
_FINE = 4  # footprints are drawn on cells this many times as fine

Rectangle = tuple[float, float, float, float]  # x_min, y_min, x_max, y_max


class Draft:
    """A place in the making; `finish` gives the immutable one."""

    def __init__(self, kind: str, seed: int, bounds: Rectangle, height: float, is_indoor: bool) -> None:
        self.kind, self.seed, self.bounds, self.height, self.is_indoor = kind, seed, bounds, height, is_indoor
        self.rng = np.random.default_rng([seed, 77])
        self.lamps: list[Lamp] = []
        self.entrances: list[tuple[float, float]] = []
        self.waypoints: list[tuple[float, float, float]] = []
        self.cameras: list[Camera] = []
        self._parts: list[Solid] = []
        self._obstacles: list[np.ndarray] = []
        self._floors: list[np.ndarray] = []

    def add(
        self, part: Solid, at: ArrayLike = (0, 0, 0), yaw: float = 0.0, scale: ArrayLike = 1.0, blocks: bool = True
    ) -> None:
        """Put a copy of a part somewhere; with `blocks`, nobody walks where it stands between shin and head."""
        moved = place(part, at, yaw, scale)
        self._parts.append(moved)
        if blocks:
            heights = moved.position[moved.triangles, 2]
            met = moved.triangles[(heights.min(1) < _HEAD_M) & (heights.max(1) > _SHIN_M)]
            if len(met):
                self._obstacles.append(cv2.convexHull(moved.position[met.ravel(), :2].astype(np.float32))[:, 0])

    def block(self, x_min: float, y_min: float, x_max: float, y_max: float) -> None:
        """Nobody walks in this rectangle."""
        self._obstacles.append(np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]], np.float32))

    def block_outline(self, points: ArrayLike) -> None:
        """Nobody walks in this convex polygon (K, 2)."""
        self._obstacles.append(np.asarray(points, np.float32).reshape(-1, 2))

    def walk(self, x_min: float, y_min: float, x_max: float, y_max: float) -> None:
        """People walk in this rectangle, where nothing stands."""
        self._floors.append(np.array([[x_min, y_min], [x_max, y_min], [x_max, y_max], [x_min, y_max]], np.float32))

    def camera(self, eye: Sequence[float], target: Sequence[float], fov_deg: float) -> None:
        """A good view."""
        self.cameras.append(look_at(eye, target, fov_deg, 1280, 720, f"{self.kind}-{len(self.cameras)}"))

    def occupied(self, points: ArrayLike, margin: float = 0.0) -> np.ndarray:
        """Which points (N, 2) lie in an obstacle or nearer to one than `margin` metres; (N,) bool."""
        xy = np.asarray(points, np.float32).reshape(-1, 2)
        hit = np.zeros(len(xy), bool)
        for hull in self._obstacles:
            outline = hull.reshape(-1, 1, 2).astype(np.float32)
            hit |= [cv2.pointPolygonTest(outline, (float(x), float(y)), True) > -margin for x, y in xy]
        return hit

    def _grid(self) -> WalkGrid:
        x_min, y_min, x_max, y_max = self.bounds
        shape = int(np.ceil((y_max - y_min) / CELL_M)), int(np.ceil((x_max - x_min) / CELL_M))
        fine = np.zeros((shape[0] * _FINE, shape[1] * _FINE), np.uint8)
        scale = _FINE / CELL_M
        for outlines, value in ((self._floors, 1), (self._obstacles, 0)):
            for outline in outlines:
                points = np.rint((outline - [x_min, y_min]) * scale * 16 - 8).astype(np.int32)
                cv2.fillPoly(fine, [points], value, cv2.LINE_8, 4)
        fine[[0, -1]], fine[:, [0, -1]] = 0, 0
        room = cv2.distanceTransform(fine, cv2.DIST_L2, 5) / scale
        free = room[_FINE // 2 :: _FINE, _FINE // 2 :: _FINE] >= PERSON_RADIUS_M
        return WalkGrid(_largest_region(free), (x_min, y_min), CELL_M)

    def finish(self) -> Place:
        """The place: entrances and waypoints are moved to the nearest free cell.

        Raises:
            FormatError: there is no floor, no entrance, or no camera.
        """
        ground = self._grid()
        if not ground.free.any() or not self.entrances or not self.cameras:
            raise FormatError(f"place {self.kind} {self.seed}: needs free floor, entrances and cameras")
        free = ground.centre_of(np.argwhere(ground.free))

        def nearest(points: ArrayLike) -> np.ndarray:
            xy = np.asarray(points, np.float64).reshape(-1, 2)
            return np.array([free[np.argmin(((free - p) ** 2).sum(1))] for p in xy]).reshape(-1, 2)

        stops = np.array(self.waypoints, np.float64).reshape(-1, 3)
        solid = join(self._parts)
        if not (np.isfinite(solid.position).all() and np.isfinite(solid.normal).all() and np.isfinite(solid.uv).all()):
            raise FormatError(f"place {self.kind} {self.seed}: some of its triangles are not finite")
        cameras = tuple(unobstructed(solid, camera) for camera in self.cameras)
        for array in (ground.free, solid.position):
            array.flags.writeable = False
        return Place(
            self.kind,
            self.seed,
            solid,
            tuple(self.lamps),
            self.is_indoor,
            ground,
            nearest(self.entrances),
            np.column_stack([nearest(stops[:, :2]), stops[:, 2]]),
            cameras,
            self.bounds,
            self.height,
        )


def _largest_region(free: np.ndarray) -> np.ndarray:
    """The largest connected part of the free cells (4-connected): every cell can be reached from every other."""
    count, labels, sizes, _ = cv2.connectedComponentsWithStats(free.astype(np.uint8), connectivity=4)
    if count < 2:
        return free
    return labels == 1 + int(np.argmax(sizes[1:, cv2.CC_STAT_AREA]))
