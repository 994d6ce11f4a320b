"""Poses: rotations of bones, and the mesh that follows them (linear blend skinning)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.base_mesh import BaseMesh, Floats

Rotation = NDArray[np.floating]  # (3, 3) float32
Pose = Mapping[str, Rotation]  # of bones by name, in the axes of the neutral pose
_EYE = np.eye(3)


def about(axis: str | tuple[float, float, float], degrees: float) -> Rotation:
    """Rotation (3, 3) about an axis: "x" (to the left), "y" (up), "z" (forward) or a vector; right-handed.

    Reference: Rodrigues' rotation formula.
    """
    angle, cross = np.radians(degrees), _cross(axis)
    return (_EYE + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(np.float32)


@lru_cache(maxsize=64)
def _cross(axis: str | tuple[float, float, float]) -> NDArray[np.float64]:
    """The matrix (3, 3) of the cross product with the axis' unit vector."""
    unit = _EYE["xyz".index(axis)] if isinstance(axis, str) else np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -unit[2], unit[1]], [unit[2], 0, -unit[0]], [-unit[1], unit[0], 0]])
    cross.flags.writeable = False
    return cross


def bone_transforms(base: BaseMesh, joints: Floats, pose: Pose) -> Floats:
    """Movement of every bone from the neutral pose, (bones, 3, 4).

    Args:
        base: names and parents.
        joints: (bones, 3) heads of the bones in the neutral pose.
        pose: rotations about the bones' heads; bones that are not named do not bend.
    """
    moved = np.zeros((len(base.bones), 3, 4), np.float32)
    moved[:, :, :3] = np.eye(3)
    for j, (name, parent) in enumerate(zip(base.bones, base.parents, strict=True)):
        turn = pose.get(name)
        if parent >= 0:
            moved[j] = moved[parent]
        if turn is not None:
            head = joints[j]
            moved[j, :, 3] += moved[j, :, :3] @ (head - turn @ head)
            moved[j, :, :3] = moved[j, :, :3] @ turn
    return moved


def to_world(points: Floats) -> Floats:
    """MakeHuman's decimetres (x left, y up, z forward) to metres, z up, the person facing +x: (n, 3) to (n, 3)."""
    return np.ascontiguousarray(points[:, [2, 0, 1]]) / np.float32(10)
