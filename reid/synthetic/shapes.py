"""Round and bent parts: tubes, extrusions, tufts of leaves, rounded blobs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import FormatError
from mdpr.reid.synthetic.solids import CORNERS, QUAD, Solid, join, picture_uv, solid
from mdpr.reid.synthetic.surfaces import Surface


def tube(
    points: Sequence[ArrayLike] | NDArray[np.floating], radii: ArrayLike, surface: Surface, sides: int = 8
) -> Solid:
    """A round bar through points (K, 3) with one radius or K of them; its ends are closed."""
    path = np.array(points, np.float64)
    radius = np.broadcast_to(np.asarray(radii, np.float64), (len(path),))
    direction = np.gradient(path, axis=0)
    lengths = np.linalg.norm(direction, axis=1, keepdims=True)
    if not (lengths > 1e-9).all():
        raise FormatError(f"a tube needs points that differ, got {path.tolist()}")
    direction /= lengths
    helper = np.where(np.abs(direction[:, 2:]) < 0.9, [[0.0, 0.0, 1.0]], [[1.0, 0.0, 0.0]])
    side = np.cross(direction, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(direction, side)
    angle = np.linspace(0, 2 * np.pi, sides + 1)
    around = np.cos(angle)[None, :, None] * side[:, None] + np.sin(angle)[None, :, None] * other[:, None]
    ring = path[:, None] + around * radius[:, None, None]  # (K, sides + 1, 3)
    length = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    repeat = max(surface.repeat_m, 1e-3)
    uv = np.stack(np.broadcast_arrays(angle[None] * radius.max() / repeat, length[:, None] / repeat), -1)
    first = (np.arange(len(path) - 1)[:, None] * (sides + 1) + np.arange(sides)).ravel()
    step = sides + 1
    triangles = np.concatenate(
        [np.stack([first, first + 1, first + step + 1], -1), np.stack([first, first + step + 1, first + step], -1)]
    )
    parts = [solid(ring, around.reshape(-1, 3), uv, triangles, surface)]
    fan = np.stack([np.zeros(sides - 2, int), np.arange(1, sides - 1), np.arange(2, sides)], -1)
    for end, sign in ((0, -1), (-1, 1)):
        disc = (ring[end, :-1] - path[end]) / repeat
        parts.append(solid(ring[end, :-1], sign * direction[end], disc[:, :2], fan, surface))
    return join(parts)


def upright(x: float, y: float, z: tuple[float, float], radius: float, surface: Surface, sides: int = 10) -> Solid:
    """A vertical round bar."""
    return tube([(x, y, z[0]), (x, y, z[1])], radius, surface, sides)


def extrude(profile: ArrayLike, width: float, surface: Surface, inset: ArrayLike = 0.0) -> Solid:
    """A body of side profile (K, 2) in x and z, counter-clockwise as seen from -y, `width` along y, around y = 0.

    `inset` (K,) metres draws both sides in at each profile point (the narrower roof of a car). Faces are flat.
    """
    outline = np.asarray(profile, np.float64)
    half = width / 2 - np.broadcast_to(np.asarray(inset, np.float64), (len(outline),))
    near = np.column_stack([outline[:, 0], -half, outline[:, 1]])
    far = near * [1, -1, 1]
    following = np.roll(np.arange(len(outline)), -1)
    rim = np.stack([near, near[following], far[following], far], 1)  # (K, 4, 3)
    normal = np.cross(rim[:, 3] - rim[:, 0], rim[:, 1] - rim[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    repeat = surface.repeat_m or 1.0
    uv = np.stack([rim[:, :, 0] + rim[:, :, 2], rim[:, :, 1]], -1) / repeat
    quads = np.arange(len(outline))[:, None, None] * 4 + QUAD
    parts = [solid(rim, np.repeat(normal, 4, axis=0), uv, quads, surface)]
    fan = np.stack([np.arange(len(outline)), following], -1)
    for ring, sign in ((near, -1.0), (far, 1.0)):
        points = np.concatenate([ring, [ring.mean(0)]])
        triangles = np.column_stack([fan, np.full(len(outline), len(outline))])
        parts.append(solid(points, (0, sign, 0), points[:, ::2] / repeat, triangles, surface))
    return join(parts)


def leaves(
    centres: ArrayLike,
    sizes: ArrayLike,
    middle: ArrayLike,
    surface: Surface,
    rng: np.random.Generator,
    cells: int = 4,
    colours: ArrayLike | None = None,
) -> Solid:
    """Square tufts of leaves at centres (N, 3), turned at random, lit as the round crown around `middle` (3,)."""
    centre = np.asarray(centres, np.float64)
    count = len(centre)
    frame, _ = np.linalg.qr(rng.normal(size=(count, 3, 3)))
    size = np.broadcast_to(np.asarray(sizes, np.float64), (count,))
    corners = centre[:, None] + np.einsum("ck,nkd->ncd", CORNERS, frame[:, :2] * size[:, None, None])
    outward = centre - np.asarray(middle, np.float64)
    outward = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    normal = outward + 0.35 * rng.normal(size=(count, 3)) + [0, 0, 0.25]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    uv = picture_uv(rng.integers(cells * cells, size=count), (cells, cells))
    quads = np.arange(count)[:, None, None] * 4 + QUAD
    paint = None if colours is None else np.repeat(np.asarray(colours, np.float64), 4, axis=0)
    return solid(corners, np.repeat(normal, 4, axis=0), uv, quads, surface, paint)


def blob(centre: ArrayLike, radii: ArrayLike, surface: Surface, sides: int = 12, power: float = 1.0) -> Solid:
    """An ellipsoid, or with `power` below 1 a rounded box."""
    azimuth, height = np.meshgrid(
        np.linspace(0, 2 * np.pi, sides + 1), np.linspace(-np.pi / 2, np.pi / 2, sides // 2 + 1)
    )
    unit = np.stack([np.cos(height) * np.cos(azimuth), np.cos(height) * np.sin(azimuth), np.sin(height)], -1)
    shape = np.sign(unit) * np.abs(unit) ** power
    radius = np.broadcast_to(np.asarray(radii, np.float64), (3,))
    normal = unit / radius
    normal /= np.linalg.norm(normal, axis=-1, keepdims=True)
    repeat = surface.repeat_m or 1.0
    uv = np.stack([azimuth * radius[0], height * radius[2]], -1) / repeat
    first = (np.arange(sides // 2)[:, None] * (sides + 1) + np.arange(sides)).ravel()
    step = sides + 1
    triangles = np.concatenate(
        [np.stack([first, first + 1, first + step + 1], -1), np.stack([first, first + step + 1, first + step], -1)]
    )
    return solid(shape * radius + np.asarray(centre), normal.reshape(-1, 3), uv, triangles, surface)
