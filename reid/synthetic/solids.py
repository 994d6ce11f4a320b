"""Triangles of places: boxes, panels, tubes, extrusions, leaves, with texture coordinates in repeats.

A `Solid` is immutable data; functions make solids, `place` moves copies, `join` puts them together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import FormatError
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
    return Solid(
        *(np.concatenate([getattr(part, field) for part in solids])
          for field in ("position", "normal", "uv", "colour", "material")),
        texture=np.concatenate(
            [np.array([names.index(n) for n in part.textures], np.int32)[part.texture] for part in solids]
        ),
        triangles=np.concatenate([part.triangles + start for part, start in zip(solids, starts, strict=False)]),
        textures=names,
    )  # fmt: skip


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
_CORNERS = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]], np.float64) / 2
_QUAD = np.array([[0, 1, 2], [0, 2, 3]])


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
    local = axes[:, :, None, 0] / 2 + np.einsum("ck,nfkd->nfcd", _CORNERS, axes[:, :, 1:])
    cos, sin = np.cos(angle), np.sin(angle)
    turn = np.zeros((count, 3, 3))
    turn[:, 0, 0], turn[:, 0, 1], turn[:, 1, 0], turn[:, 1, 1], turn[:, 2, 2] = cos, -sin, sin, cos, 1
    position = np.einsum("nij,nfcj->nfci", turn, local) + centre[:, None, None, :]
    normal = np.repeat(np.einsum("nij,fj->nfi", turn, _FACES[:, 0])[:, :, None], 4, axis=2)
    if surface.repeat_m > 0:
        lengths = np.linalg.norm(axes[:, :, 1:], axis=3)  # (N, 6, 2) metres
        offset = (centre.sum(1) * 7.31 % 1)[:, None, None, None]  # copies show different parts of the texture
        uv = (_CORNERS + 0.5) * lengths[:, :, None] / surface.repeat_m + offset
    else:
        uv = picture_uv(np.zeros(count) if cells is None else cells, grid)[:, None].repeat(6, axis=1)
    quads = np.arange(count * 6)[:, None, None] * 4 + _QUAD
    paint = None if colours is None else np.repeat(np.asarray(colours, np.float64).reshape(-1, 3), 24, axis=0)
    return solid(position, normal.reshape(-1, 3), uv, quads, surface, paint)


def box(centre: ArrayLike, size: ArrayLike, surface: Surface, yaw: float = 0.0) -> Solid:
    """One box around `centre`."""
    return boxes([centre], [size], surface, yaw)


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


def tube(points: Sequence[ArrayLike], radii: ArrayLike, surface: Surface, sides: int = 8) -> Solid:
    """A round bar through points (K, 3) with one radius or K of them; its ends are closed."""
    path = np.asarray(points, np.float64)
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
    normal = np.cross(rim[:, 1] - rim[:, 0], rim[:, 3] - rim[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-9)
    repeat = surface.repeat_m or 1.0
    uv = np.stack([rim[:, :, 0] + rim[:, :, 2], rim[:, :, 1]], -1) / repeat
    quads = np.arange(len(outline))[:, None, None] * 4 + _QUAD
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
    corners = centre[:, None] + np.einsum("ck,nkd->ncd", _CORNERS, frame[:, :2] * size[:, None, None])
    outward = centre - np.asarray(middle, np.float64)
    outward = outward / np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    normal = outward + 0.35 * rng.normal(size=(count, 3)) + [0, 0, 0.25]
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    uv = picture_uv(rng.integers(cells * cells, size=count), (cells, cells))
    quads = np.arange(count)[:, None, None] * 4 + _QUAD
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
