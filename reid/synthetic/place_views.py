"""Where a camera can hang: views that nothing close blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.cameras import Camera
from mdpr.reid.synthetic.solids import Solid
from mdpr.reid.synthetic.surfaces import Role

Array = NDArray[np.float64]

_NEAR_M, _NEAR_LEAVES_M = 2.2, 6.0
_MAX_BLOCKED = 0.08


def view_rays(camera: Camera, columns: int = 12, rows: int = 8) -> Array:
    """Unit directions (columns * rows, 3) through a grid of pixels."""
    u, v = np.meshgrid(
        (np.arange(columns) + 0.5) / columns * camera.width, (np.arange(rows) + 0.5) / rows * camera.height
    )
    pixels = np.column_stack([u.ravel(), v.ravel(), np.ones(u.size)])
    rays = np.linalg.solve(camera.intrinsics, pixels.T).T @ camera.rotation
    return rays / np.linalg.norm(rays, axis=1, keepdims=True)


def blocked_share(solid: Solid, camera: Camera) -> float:
    """Share of the picture, in [0, 1], that shows something too near: leaves up to 6 m, anything else up to 2.2 m."""
    eye, rays = camera.position, view_rays(camera)
    is_leafy = solid.material[solid.triangles[:, 0], 3] == Role.CUTOUT
    blocked = np.zeros(len(rays), bool)
    for chosen, within_m in ((~is_leafy, _NEAR_M), (is_leafy, _NEAR_LEAVES_M)):
        corners = solid.position[solid.triangles[chosen]].astype(np.float64)  # (T, 3, 3)
        corners = corners[((corners.min(1) < eye + within_m) & (corners.max(1) > eye - within_m)).all(1)]
        for start in range(0, len(corners), 4096):
            blocked |= (_distances(eye, rays, corners[start : start + 4096]) < within_m).any(1)
    return float(blocked.mean())


def _distances(eye: Array, rays: Array, corners: Array) -> Array:
    """Distance along each ray (R,) to each triangle (T,): (R, T), inf where it misses (Moeller-Trumbore)."""
    first, second = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    across = np.cross(rays[:, None], second[None])
    determinant = (across * first).sum(-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        inverse = 1.0 / determinant
        from_corner = eye - corners[:, 0]
        u = (across * from_corner).sum(-1) * inverse
        up = np.cross(from_corner, first)
        v = (rays @ up.T) * inverse
        distance = (second * up).sum(-1)[None] * inverse
        hits = (np.abs(determinant) > 1e-12) & (u >= 0) & (v >= 0) & (u + v <= 1) & (distance > 0.01)
    return np.where(hits, distance, np.inf)


def moved(camera: Camera, eye: Array) -> Camera:
    """The same camera elsewhere, turned the same way."""
    return replace(camera, translation=-camera.rotation @ eye)


def unobstructed(solid: Solid, camera: Camera) -> Camera:
    """The camera, or the nearest of some positions further along its view, or to its sides, where nothing blocks it.

    When all are blocked, the least blocked.
    """
    best, least = camera, 2.0
    level = camera.direction * [1, 1, 0]
    level /= max(float(np.linalg.norm(level)), 1e-9)
    side = np.array([-level[1], level[0], 0.0])
    for step in (0.0, 0.4, 0.8, 1.3, 1.9):
        for sideways in (0.0, 0.8, -0.8, 1.8, -1.8):
            for down in (0.0, 0.5):
                candidate = moved(camera, camera.position + level * step + side * sideways - [0, 0, down])
                blocked = blocked_share(solid, candidate)
                if blocked <= _MAX_BLOCKED:
                    return candidate
                if blocked < least:
                    best, least = candidate, blocked
    return best
