"""Things that people carry or wear besides clothes: bags, a trolley case, a phone, a scarf; made of two primitives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.base_mesh import BODY, BaseMesh, Floats, Ints
from mdpr.reid.synthetic.materials import Material
from mdpr.reid.synthetic.parts import Part, rigid

Points = NDArray[np.floating]
CARRIED = ("backpack", "shoulder-bag", "cross-body", "handbag", "shopping-bags", "trolley", "phone", "scarf")


def rounded_box(size: Points, sharp: float = 0.3, around: int = 14, up: int = 9) -> tuple[Floats, Ints]:
    """A closed box with rounded edges about the origin: vertices (n, 3), triangles (m, 3).

    Args:
        size: half of its width, height and depth.
        sharp: exponent of the superellipsoid: 1 is an ellipsoid, towards 0 a box.
        around, up: points around and from bottom to top.
    """
    angles = np.linspace(-np.pi, np.pi, around, endpoint=False)
    heights = np.linspace(-np.pi / 2, np.pi / 2, up)
    height, angle = np.meshgrid(heights, angles, indexing="ij")

    def bend(value: Points) -> Points:
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


def tube(path: Points, radius: float, closed: bool = False, around: int = 6) -> tuple[Floats, Ints]:
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
    kind: str,
    base: BaseMesh,
    shape: Floats,
    joints: Floats,
    material: Material,
    rng: np.random.Generator,
    side: float = 1.0,
) -> list[Part]:
    """The parts of something carried, one of `CARRIED`.

    Args:
        kind: what; straps of bags are drawn on the clothes, see `Material.strap`.
        base: for the numbers of bones.
        shape: (19158, 3) the body, dm.
        joints: (bones, 3) heads of the bones in it.
        material: of the main body of the thing.
        rng: its size.
        side: of the hip that a bag hangs on: 1 left, -1 right.
    """
    at = {name: joints[base.bones.index(name)] for name in ("spine02", "root", "wrist.L", "wrist.R", "neck01")}
    skin = shape[BODY]
    dark = replace(material, pattern="leather", first=(0.06, 0.06, 0.07), shine=0.2)
    if kind == "backpack":
        return _backpack(at["spine02"], skin, material, rng)
    if kind in ("shoulder-bag", "cross-body"):
        return [_bag_at_hip(at["root"], skin, side, 1.0 if kind == "shoulder-bag" else 0.7, material, rng)]
    if kind == "handbag":
        return _bag_in_hand(at["wrist.R"], "R", np.array([0.45, 0.85, 1.2]), 0.4, material, dark)
    if kind == "shopping-bags":
        sizes = {hand: np.array([0.35, rng.uniform(1.4, 1.9), 1.2]) for hand in "LR"}
        bags = [_bag_in_hand(at[f"wrist.{hand}"], hand, size, 0.22, material, dark) for hand, size in sizes.items()]
        return [part for bag in bags for part in bag]
    if kind == "trolley":
        return _trolley(skin, material, dark, rng)
    if kind == "phone":
        return [_phone(base, joints, material)]
    if kind == "scarf":
        return [_scarf(at["neck01"], material)]
    raise ValueError(f"nothing carried is called {kind!r}; there are: {', '.join(CARRIED)}")


def _backpack(spine: Points, skin: Floats, material: Material, rng: np.random.Generator) -> list[Part]:
    size = np.array([rng.uniform(1.2, 1.6), rng.uniform(1.8, 2.4), rng.uniform(0.5, 0.8)])
    back = skin[(np.abs(skin[:, 1] - spine[1]) < 1.2) & (np.abs(skin[:, 0]) < 1), 2].min()
    centre = np.array([0, spine[1] + 0.5, back - size[2] - 0.12])
    points, faces = rounded_box(size, 0.42)
    points[:, [0, 2]] *= 1 - 0.12 * np.maximum(points[:, 1:2] / size[1], 0)
    pocket, pocket_faces = rounded_box(size * [0.78, 0.42, 0.35], 0.4)
    pocket += [0, -0.42 * size[1], -size[2] * 0.95]
    return [
        rigid(points + centre, faces, "spine02", material),
        rigid(pocket + centre, pocket_faces, "spine02", material),
    ]


def _bag_at_hip(
    hip: Points, skin: Floats, side: float, big: float, material: Material, rng: np.random.Generator
) -> Part:
    size = np.array([rng.uniform(0.3, 0.5), rng.uniform(0.8, 1.2) * big, rng.uniform(1.0, 1.5) * big])
    near = skin[np.abs(skin[:, 1] - hip[1] - 0.2) < 0.6]
    aside = np.abs(near[np.abs(near[:, 0]) < 2.4, 0]).max() + size[0] + 0.1
    points, faces = rounded_box(size, 0.35)
    return rigid(points + np.array([side * aside, hip[1] + 0.1, 0.1]), faces, "root", material)


def _bag_in_hand(
    wrist: Points, hand: str, size: Points, sharp: float, material: Material, dark: Material
) -> list[Part]:
    """A bag and its handle; the bone `hang` moves with the wrist but stays upright."""
    grip = wrist + np.array([0.1 if hand == "L" else -0.1, -0.85, 0.2])
    points, faces = rounded_box(size, sharp)
    arch = np.linspace(0, np.pi, 9)
    loop = np.stack([0 * arch, 0.7 * np.sin(arch), 0.7 * np.cos(arch)], axis=1) + np.array([0, size[1] * 0.95, 0])
    handle, handle_faces = tube(loop, 0.06)
    hang = grip - [0, size[1] + 0.75, 0]
    return [
        rigid(points + hang, faces, f"hang.{hand}", material),
        rigid(handle + hang, handle_faces, f"hang.{hand}", dark),
    ]


def _phone(base: BaseMesh, joints: Floats, material: Material) -> Part:
    """In the palm of the right hand, along its fingers."""
    wrist, index, middle, little = (
        joints[base.bones.index(name)] for name in ("wrist.R", "finger2-1.R", "finger3-1.R", "finger5-1.R")
    )
    along = (middle - wrist) / np.linalg.norm(middle - wrist)
    palm = np.cross(index - little, along)
    palm /= np.linalg.norm(palm)
    points, faces = rounded_box(np.array([0.36, 0.75, 0.05]), 0.15, 8, 6)
    turn = np.stack([np.cross(along, palm), along, palm])
    return rigid(points @ turn + middle + 0.25 * along + 0.26 * palm, faces, "wrist.R", material)


def _trolley(skin: Floats, material: Material, dark: Material, rng: np.random.Generator) -> list[Part]:
    size = np.array([rng.uniform(1.6, 2.1), rng.uniform(2.4, 3.1), rng.uniform(0.9, 1.2)])
    points, faces = rounded_box(size, 0.25)
    centre = np.array([-2.3, skin[:, 1].min() + size[1] + 0.4, -3.0])
    handle, handle_faces = tube(np.array([[0, size[1], 0], [0, size[1] + 2, 0.9], [0, size[1] + 3.6, 1.7]]), 0.09)
    return [rigid(points + centre, faces, "ground", material), rigid(handle + centre, handle_faces, "ground", dark)]


def _scarf(neck: Points, material: Material) -> Part:
    turn = np.linspace(0, 2 * np.pi, 18, endpoint=False)
    ring = np.stack([0.92 * np.cos(turn), 0.12 * np.sin(2 * turn), 0.85 * np.sin(turn)], axis=1)
    points, faces = tube(ring + neck + np.array([0, 0.25, 0.1]), 0.42, closed=True, around=8)
    return rigid(points, faces, "neck01", material)
