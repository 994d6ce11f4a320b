"""Triangles of places: boxes, panels, tubes, extrusions, leaves, with texture coordinates in repeats.

A `Solid` is immutable data; functions make solids, `place` moves copies, `join` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.reid.synthetic.surfaces import Role, Surface, linear

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Solid:
    """Triangles with their material: arrays of one row a vertex, and `triangles` (T, 3) indices.

    `texture` (V,) numbers rows of `textures`; `material` (V, 4) is gloss, emission, wear, role; `colour` is linear.
    """

    position: Floats
    normal: Floats
    uv: Floats
    colour: Floats
    material: Floats
    texture: NDArray[np.int32]
    triangles: NDArray[np.int32]
    textures: tuple[str, ...]


def solid(
    position: ArrayLike,
    normal: ArrayLike,
    uv: ArrayLike,
    triangles: ArrayLike,
    surface: Surface,
    colour: ArrayLike | None = None,
) -> Solid:
    """A solid of one material; `colour` (V, 3) in display values replaces the material's."""
    points = np.asarray(position, np.float32).reshape(-1, 3)
    count = len(points)
    paint = np.asarray(surface.colour if colour is None else colour, np.float64)
    return Solid(
        points,
        np.broadcast_to(np.asarray(normal, np.float32), (count, 3)).copy(),
        np.asarray(uv, np.float32).reshape(count, 2),
        np.broadcast_to(linear(paint), (count, 3)).astype(np.float32),
        np.tile(np.array([surface.gloss, surface.emission, surface.wear, surface.role], np.float32), (count, 1)),
        np.zeros(count, np.int32),
        np.asarray(triangles, np.int32).reshape(-1, 3),
        (surface.texture,),
    )


def join(parts: Iterable[Solid]) -> Solid:
    """All parts as one solid; none gives an empty one."""
    solids = list(parts)
    if not solids:
        return solid(np.zeros((0, 3)), (0, 0, 1), np.zeros((0, 2)), np.zeros((0, 3)), Surface())
    names = tuple(dict.fromkeys(name for part in solids for name in part.textures))
    starts = np.cumsum([0, *(len(part.position) for part in solids)])
    position, normal, uv, colour, material = (
        np.concatenate([getattr(part, field) for part in solids])
        for field in ("position", "normal", "uv", "colour", "material")
    )
    texture = np.concatenate([np.array([names.index(n) for n in part.textures])[part.texture] for part in solids])
    triangles = np.concatenate([part.triangles + start for part, start in zip(solids, starts, strict=False)])
    return Solid(position, normal, uv, colour, material, texture.astype(np.int32), triangles.astype(np.int32), names)


def place(part: Solid, at: ArrayLike, yaw: float = 0.0, scale: ArrayLike = 1.0) -> Solid:
    """A copy turned by `yaw` (rad, counter-clockwise), scaled (one factor, or three along x, y, z first) and moved."""
    cos, sin = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    size = np.broadcast_to(np.asarray(scale, np.float64), (3,))
    normal = part.normal / size
    normal = normal / np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    return Solid(
        ((part.position * size) @ turn.T + np.asarray(at, np.float64)).astype(np.float32),
        (normal @ turn.T).astype(np.float32),
        part.uv, part.colour, part.material, part.texture, part.triangles, part.textures,
    )  # fmt: skip


def recast(part: Solid, role: int) -> Solid:
    """The same solid with another `Role` for the renderer; what is cut out stays so."""
    material = part.material.copy()
    material[material[:, 3] != Role.CUTOUT, 3] = role
    return replace(part, material=material)


_FACES = np.array([  # normal, tangent to the right, tangent up, as seen from outside
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]], [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    [[0, 1, 0], [-1, 0, 0], [0, 0, 1]], [[0, -1, 0], [1, 0, 0], [0, 0, 1]],
    [[0, 0, 1], [1, 0, 0], [0, 1, 0]], [[0, 0, -1], [1, 0, 0], [0, -1, 0]],
], np.float64)  # fmt: skip
CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) / 2
QUAD = np.array([[0, 1, 2], [0, 2, 3]])


def boxes(
    centres: ArrayLike,
    sizes: ArrayLike,
    surface: Surface,
    yaw: ArrayLike = 0.0,
    colours: ArrayLike | None = None,
    cells: ArrayLike | None = None,
    grid: tuple[int, int] = (1, 1),
) -> Solid:
    """Many boxes: centres (N, 3), sizes (N, 3), yaw (N,) or one; `colours` (N, 3) display values.

    With `repeat_m` 0, each side shows a picture: all of the texture, or cell number `cells` (N,) of the texture's
    `grid` (columns, rows).
    """
    centre = np.asarray(centres, np.float64).reshape(-1, 3)
    count = len(centre)
    size = np.broadcast_to(np.asarray(sizes, np.float64), (count, 3))
    angle = np.broadcast_to(np.asarray(yaw, np.float64), (count,))
    axes = _FACES[None] * size[:, None, None, :]  # (N, 6, 3, 3): normal, right, up, scaled
    local = axes[:, :, None, 0] / 2 + np.einsum("ck,nfkd->nfcd", CORNERS, axes[:, :, 1:])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.zeros((count, 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, -sin, sin, cos, 1
    position = np.einsum("nij,nfcj->nfci", turn, local) + centre[:, None, None, :]
    normal = np.repeat(np.einsum("nij,fj->nfi", turn, _FACES[:, 0])[:, :, None], 4, axis=2)
    if surface.repeat_m > 0:
        lengths = np.linalg.norm(axes[:, :, 1:], axis=3)  # (N, 6, 2) metres
        offset = (centre.sum(1) * 7.31 % 1)[:, None, None, None]  # copies show different parts of the texture
        uv = (CORNERS + 0.5) * lengths[:, :, None] / surface.repeat_m + offset
    else:
        uv = picture_uv(np.zeros(count) if cells is None else cells, grid)[:, None].repeat(6, axis=1)
    quads = np.arange(count * 6)[:, None, None] * 4 + QUAD
    paint = None if colours is None else np.repeat(np.asarray(colours, np.float64).reshape(-1, 3), 24, axis=0)
    return solid(position, normal.reshape(-1, 3), uv, quads, surface, paint)


def box(centre: ArrayLike, size: ArrayLike, surface: Surface, yaw: float = 0.0) -> Solid:
    """One box around `centre`."""
    return boxes(np.asarray([centre], np.float64), np.asarray([size], np.float64), surface, yaw)


def slab(x: tuple[float, float], y: tuple[float, float], z: tuple[float, float], surface: Surface) -> Solid:
    """The box between two values of each axis."""
    low, high = np.array([x[0], y[0], z[0]]), np.array([x[1], y[1], z[1]])
    return box((low + high) / 2, high - low, surface)


def picture_uv(cells: ArrayLike, grid: tuple[int, int]) -> NDArray[np.float64]:
    """Texture coordinates (N, 4, 2) of the corners of cells of a picture texture; cell 0 is the top left one."""
    number = np.asarray(cells, np.int64).reshape(-1)
    columns, rows = grid
    corner = np.array([[0, 1], [1, 1], [1, 0], [0, 0]]) * 0.96 + 0.02  # a margin, so that neighbours do not bleed
    return (np.stack([number % columns, number // columns % rows], -1)[:, None] + corner) / (columns, rows)


def panel(
    corner: ArrayLike,
    right: ArrayLike,
    up: ArrayLike,
    surface: Surface,
    cell: int | None = None,
    grid: tuple[int, int] = (1, 1),
    divisions: int = 1,
) -> Solid:
    """A flat rectangle: `corner` is bottom left as seen from the side it faces, `right` and `up` its edges (3,)."""
    start, across, along = (np.asarray(v, np.float64) for v in (corner, right, up))
    steps = np.linspace(0, 1, divisions + 1)
    u, v = (grid_.ravel() for grid_ in np.meshgrid(steps, steps))
    position = start + u[:, None] * across + v[:, None] * along
    if surface.repeat_m > 0:
        uv = np.stack([u * np.linalg.norm(across), v * np.linalg.norm(along)], -1) / surface.repeat_m
    else:
        four = picture_uv([cell or 0], grid)[0]
        uv = four[0] + u[:, None] * (four[1] - four[0]) + v[:, None] * (four[3] - four[0])
    first = (np.arange(divisions)[:, None] * (divisions + 1) + np.arange(divisions)).ravel()
    n = divisions + 1
    triangles = np.concatenate(
        [np.stack([first, first + 1, first + n + 1], -1), np.stack([first, first + n + 1, first + n], -1)]
    )
    normal = np.cross(across, along)
    return solid(position, normal / np.linalg.norm(normal), uv, triangles, surface)
