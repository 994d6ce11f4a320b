"""Rotations and bones against SciPy and a chain of 4 x 4 matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mdpr.reid.synthetic.base_mesh import BaseMesh
from mdpr.reid.synthetic.skeleton import Pose, about, bone_transforms, to_world


@dataclass
class _Bones:
    """What `bone_transforms` reads of a base mesh: a trunk with an arm of two bones and a head."""

    bones = ("trunk", "upper", "lower", "head")
    parents = (-1, 0, 1, 0)


_BASE = cast(BaseMesh, _Bones())
_HEADS = np.array([[0, 0, 0], [1, 5, 0], [4, 5, 0], [0, 6, 0]], np.float32)


def _apply(moved: np.ndarray, point: list[float]) -> np.ndarray:
    return moved[:, :3] @ np.array(point, np.float32) + moved[:, 3]


@settings(max_examples=40, deadline=None)
@given(st.floats(-360, 360), st.tuples(*[st.floats(0.1, 2)] * 3))
def test_about_equals_scipy(degrees: float, axis: tuple[float, float, float]) -> None:
    unit = np.array(axis) / np.linalg.norm(axis)
    assert np.allclose(about(axis, degrees), Rotation.from_rotvec(unit * np.radians(degrees)).as_matrix(), atol=1e-6)
    for name in "xyz":
        expected = Rotation.from_euler(name, degrees, degrees=True).as_matrix()
        assert np.allclose(about(name, degrees), expected, atol=1e-6)


def test_without_a_pose_nothing_moves() -> None:
    for pose in ({}, {name: np.eye(3, dtype=np.float32) for name in _BASE.bones}):
        moved = bone_transforms(_BASE, _HEADS, cast(Pose, pose))
        assert np.allclose(moved[:, :, :3], np.eye(3))
        assert np.allclose(moved[:, :, 3], 0)


def test_an_elbow_bends_what_is_below_it_about_the_elbow() -> None:
    trunk, upper, lower, head = bone_transforms(_BASE, _HEADS, {"lower": about("z", 90)})
    for unmoved in (trunk, upper, head):
        assert np.array_equal(unmoved, np.eye(3, 4))
    assert np.allclose(_apply(lower, [4, 5, 0]), [4, 5, 0])  # the elbow stays
    assert np.allclose(_apply(lower, [7, 5, 0]), [4, 8, 0], atol=1e-6)  # the hand, 3 along x, goes up


def test_chains_equal_products_of_matrices() -> None:
    rng = np.random.default_rng(0)
    pose = {
        name: about((rng.uniform(0.1, 1), rng.uniform(0.1, 1), rng.uniform(0.1, 1)), rng.uniform(-90, 90))
        for name in _BASE.bones
    }

    def naive(bone: int) -> np.ndarray:
        """Parents first: to the head, turn, back."""
        to, turn = np.eye(4), np.eye(4)
        to[:3, 3], turn[:3, :3] = _HEADS[bone], pose[_BASE.bones[bone]]
        own = to @ turn @ np.linalg.inv(to)
        return naive(_BASE.parents[bone]) @ own if _BASE.parents[bone] >= 0 else own

    moved = bone_transforms(_BASE, _HEADS, pose)
    for bone in range(4):
        assert np.allclose(moved[bone], naive(bone)[:3], atol=1e-5)


def test_to_world_puts_left_up_and_forward_where_they_belong() -> None:
    left, up, forward = to_world(np.array([[10, 0, 0], [0, 10, 0], [0, 0, 10]], np.float32))
    assert left.tolist() == [0, 1, 0]
    assert up.tolist() == [0, 0, 1]
    assert forward.tolist() == [1, 0, 0]
    with pytest.raises(ValueError, match="substring"):
        about("w", 3)
