"""Things that people carry or wear besides clothes: bags, a trolley case, a phone, a scarf. All made of two primitives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mdpr.reid.synthetic.base_mesh import BODY, BaseMesh, Floats, Ints
from mdpr.reid.synthetic.materials import Material
from mdpr.reid.synthetic.parts import Part, rigid

CARRIED = ("backpack", "shoulder-bag", "cross-body", "handbag", "shopping-bags", "trolley", "phone", "scarf")


def rounded_box(size: Floats, sharp: float = 0.3, around: int = 14, up: int = 9) -> tuple[Floats, Ints]:
    """A closed box with rounded edges about the origin: vertices (n, 3), triangles (m, 3).

    Args:
        size: half of its width, height and depth.
        sharp: exponent of the superellipsoid: 1 is an ellipsoid, towards 0 a box.
        around, up: points around and from bottom to top.
    """
    angles = np.linspace(-np.pi, np.pi, around, endpoint=False)
    heights = np.linspace(-np.pi / 2, np.pi / 2, up)
    height, angle = np.meshgrid(heights, angles, indexing="ij")

    def bend(value: Floats) -> Floats:
        return np.sign(value) * np.abs(value) ** sharp

    points = np.stack(
        [bend(np.cos(height)) * bend(np.cos(angle)), bend(np.sin(height)), bend(np.cos(height)) * bend(np.sin(angle))],
        axis=-1,
    )
    grid = np.arange(around * up).reshape(up, around)
    right = np.roll(grid, -1, axis=1)
    quads = np.stack([grid[:-1], grid[1:], right[1:], right[:-1]], axis=-1).reshape(-1, 4)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    return (points.reshape(-1, 3) * size).astype(np.float32), triangles


def tube(path: Floats, radius: float, closed: bool = False, around: int = 6) -> tuple[Floats, Ints]:
    """A tube along points (n, 3): vertices and triangles."""
    path = np.asarray(path, np.float64)
    ahead = np.gradient(path, axis=0) if not closed else np.roll(path, -1, 0) - np.roll(path, 1, 0)
    ahead /= np.linalg.norm(ahead, axis=1, keepdims=True)
    aside = np.cross(ahead, [0.31, 0.17, 0.93])
    aside /= np.linalg.norm(aside, axis=1, keepdims=True)
    over = np.cross(ahead, aside)
    turn = np.linspace(0, 2 * np.pi, around, endpoint=False)
    ring = np.cos(turn)[:, None, None] * aside + np.sin(turn)[:, None, None] * over  # (around, n, 3)
    points = (path + radius * ring).transpose(1, 0, 2).reshape(-1, 3)
    grid = np.arange(len(points)).reshape(len(path), around)
    rows = len(path) if closed else len(path) - 1
    here, there = grid[:rows], np.roll(grid, -1, axis=0)[:rows]
    quads = np.stack([here, there, np.roll(there, -1, 1), np.roll(here, -1, 1)], axis=-1).reshape(-1, 4)
    return points.astype(np.float32), np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def carry(
    kind: str, base: BaseMesh, shape: Floats, joints: Floats, material: Material, rng: np.random.Generator
) -> list[Part]:
    """The parts of something carried, one of `CARRIED`.

    Args:
        kind: what; straps of bags are drawn on the clothes, see `Material.strap`.
        base: for the numbers of bones.
        shape: (19158, 3) the body, dm.
        joints: (bones, 3) heads of the bones in it.
        material: of the main body of the thing.
        rng: its size.
    """
    at = {name: joints[base.bones.index(name)] for name in ("spine02", "root", "wrist.L", "wrist.R", "neck01")}
    skin = shape[BODY]
    dark = replace(material, pattern="leather", first=(0.06, 0.06, 0.07), shine=0.2)
    side = 1.0 if rng.random() < 0.5 else -1.0
    if kind == "backpack":
        size = np.array([rng.uniform(1.2, 1.6), rng.uniform(1.8, 2.4), rng.uniform(0.5, 0.8)])
        back = skin[(np.abs(skin[:, 1] - at["spine02"][1]) < 1.2) & (np.abs(skin[:, 0]) < 1), 2].min()
        centre = np.array([0, at["spine02"][1] + 0.5, back - size[2] - 0.12])
        points, faces = rounded_box(size, 0.42)
        points[:, [0, 2]] *= 1 - 0.12 * np.maximum(points[:, 1:2] / size[1], 0)
        pocket, pocket_faces = rounded_box(size * [0.78, 0.42, 0.35], 0.4)
        pocket += [0, -0.42 * size[1], -size[2] * 0.95]
        return [
            rigid(points + centre, faces, "spine02", material),
            rigid(pocket + centre, pocket_faces, "spine02", material),
        ]
    if kind in ("shoulder-bag", "cross-body"):
        big = 1.0 if kind == "shoulder-bag" else 0.7
        size = np.array([rng.uniform(0.3, 0.5), rng.uniform(0.8, 1.2) * big, rng.uniform(1.0, 1.5) * big])
        near = skin[np.abs(skin[:, 1] - at["root"][1] - 0.2) < 0.6]
        centre = np.array(
            [side * (np.abs(near[np.abs(near[:, 0]) < 2.4, 0]).max() + size[0] + 0.1), at["root"][1] + 0.1, 0.1]
        )
        points, faces = rounded_box(size, 0.35)
        return [rigid(points + centre, faces, "root", material)]
    if kind in ("handbag", "shopping-bags"):
        parts = []
        for name, sign in (("wrist.L", 1.0), ("wrist.R", -1.0)) if kind == "shopping-bags" else (("wrist.R", -1.0),):
            shopping = kind == "shopping-bags"
            size = np.array([0.35 if shopping else 0.45, rng.uniform(1.4, 1.9) if shopping else 0.85, 1.2])
            hand = at[name] + np.array([sign * 0.1, -0.85, 0.2])  # `hang` moves with the wrist but stays upright
            points, faces = rounded_box(size, 0.22 if shopping else 0.4)
            arch = np.linspace(0, np.pi, 9)
            loop = np.stack([0 * arch, 0.7 * np.sin(arch), 0.7 * np.cos(arch)], axis=1) + [0, size[1] * 0.95, 0]
            handle, handle_faces = tube(loop, 0.06)
            hang = hand - [0, size[1] + 0.75, 0]
            parts.append(rigid(points + hang, faces, f"hang.{name[-1]}", material))
            parts.append(rigid(handle + hang, handle_faces, f"hang.{name[-1]}", dark))
        return parts
    if kind == "trolley":
        size = np.array([rng.uniform(1.6, 2.1), rng.uniform(2.4, 3.1), rng.uniform(0.9, 1.2)])
        points, faces = rounded_box(size, 0.25)
        centre = np.array([-2.3, skin[:, 1].min() + size[1] + 0.4, -3.0])
        handle, handle_faces = tube(np.array([[0, size[1], 0], [0, size[1] + 2, 0.9], [0, size[1] + 3.6, 1.7]]), 0.09)
        return [rigid(points + centre, faces, "ground", material), rigid(handle + centre, handle_faces, "ground", dark)]
    if kind == "phone":
        points, faces = rounded_box(np.array([0.36, 0.75, 0.06]), 0.15, 8, 6)
        return [rigid(points + at["wrist.R"] + np.array([-0.55, -0.75, 0.75]), faces, "wrist.R", dark)]
    turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    ring = np.stack([0.92 * np.cos(turn), 0.12 * np.sin(2 * turn), 0.85 * np.sin(turn)], axis=1)
    points, faces = tube(ring + at["neck01"] + np.array([0, 0.25, 0.1]), 0.42, closed=True, around=8)
    return [rigid(points, faces, "neck01", material)]
