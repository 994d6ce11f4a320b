"""Cameras against OpenCV's projection, and against their own inverses."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdpr.errors import FormatError
from mdpr.reid.synthetic.cameras import (
    Camera,
    camera_from_dict,
    camera_to_dict,
    clip_matrix,
    crop_camera,
    ground_point,
    look_at,
    project,
)

_POINTS = np.array([[0, 0, 0], [1, 2, 0], [-2, 3, 1.8], [4, 6, 0.5], [-3.0, 1.0, 2.5]])


def _camera() -> Camera:
    return look_at((5, -7, 3.5), (0, 2, 0.5), 70, 1280, 720, "gate")


def test_project_equals_opencv() -> None:
    camera = _camera()
    vector, _ = cv2.Rodrigues(camera.rotation)
    expected, _ = cv2.projectPoints(_POINTS, vector, camera.translation, camera.intrinsics, None)
    pixels, depth = project(camera, _POINTS)
    assert np.allclose(pixels, expected[:, 0], atol=1e-6)
    assert np.allclose(depth, [(camera.rotation @ p + camera.translation)[2] for p in _POINTS])


def test_look_at_is_level_upright_and_looks_at_its_target() -> None:
    camera = _camera()
    assert np.allclose(camera.rotation @ camera.rotation.T, np.eye(3))
    assert np.linalg.det(camera.rotation) == pytest.approx(1)
    assert np.allclose(camera.position, [5, -7, 3.5])
    (middle,), (distance,) = project(camera, [0, 2, 0.5])
    assert np.allclose(middle, [640, 360])
    assert distance == pytest.approx(np.linalg.norm([5, -9, 3]))
    (foot, head), _ = project(camera, [[0, 2, 0], [0, 2, 1.8]])
    assert foot[0] == pytest.approx(head[0])  # what stands upright in the middle appears upright
    assert head[1] < foot[1]
    left = camera.position + camera.direction * 4 - np.cross(camera.direction, [0, 0, 1])
    assert project(camera, left)[0][0, 0] < 640


def test_horizontal_field_of_view() -> None:
    camera = look_at((0, 0, 2), (0, 10, 2), 90, 800, 600)
    assert np.allclose(project(camera, [[-10, 10, 2], [10, 10, 2]])[0], [[0, 300], [800, 300]])


@given(st.floats(1, 7), st.floats(-1.5, 1.5), st.floats(30, 100), st.floats(-4, 4), st.floats(5, 30))
def test_clip_matrix_agrees_with_project(height: float, tilt: float, fov: float, x: float, y: float) -> None:
    camera = look_at((0, 0, height), (0, 10, height + tilt * 4), fov, 640, 360)
    near, far = 0.2, 80.0
    clip = clip_matrix(camera, near, far).astype(np.float64) @ [x, y, 1.0, 1.0]
    (pixel,), (depth,) = project(camera, [x, y, 1.0])
    assert clip[3] == pytest.approx(depth, abs=1e-4)
    assert (clip[0] / clip[3] / 2 + 0.5) * 640 == pytest.approx(pixel[0], abs=0.01)
    assert (0.5 - clip[1] / clip[3] / 2) * 360 == pytest.approx(pixel[1], abs=0.01)
    assert clip[2] / clip[3] == pytest.approx((far + near - 2 * far * near / depth) / (far - near), abs=1e-4)


def test_ground_point_inverts_project_and_knows_the_horizon() -> None:
    camera = _camera()
    ground = np.array([[0, 2], [3, 4], [-6.0, 9.0]])
    pixels, _ = project(camera, np.column_stack([ground, np.zeros(3)]))
    assert np.allclose(ground_point(camera, pixels), ground)
    assert np.isnan(ground_point(camera, [[640, -2000]])).all()


def test_crop_camera_sees_the_box() -> None:
    camera = _camera()
    crop = crop_camera(camera, (300, 100, 400, 350), 64, 128)
    pixels, depth = project(camera, _POINTS)
    cropped, cropped_depth = project(crop, _POINTS)
    assert np.allclose(cropped, (pixels - [300, 100]) * [64 / 100, 128 / 250])
    assert np.allclose(depth, cropped_depth)
    assert (crop.width, crop.height) == (64, 128)
    with pytest.raises(FormatError, match="x1 < x2"):
        crop_camera(camera, (5, 5, 5, 9), 64, 128)


def test_a_camera_survives_json() -> None:
    camera = _camera()
    again = camera_from_dict(json.loads(json.dumps(camera_to_dict(camera))))
    assert again.name == "gate"
    assert (again.width, again.height) == (1280, 720)
    for field in ("intrinsics", "rotation", "translation"):
        assert np.array_equal(getattr(again, field), getattr(camera, field))
    with pytest.raises(FormatError, match="missing: rotation, translation"):
        camera_from_dict({"name": "a", "width": 1, "height": 1, "intrinsics": np.eye(3)})


def test_wrong_shapes_and_views_without_a_level_are_refused() -> None:
    with pytest.raises(FormatError, match=r"camera a: translation must be \(3,\)"):
        Camera("a", 1, 1, np.eye(3), np.eye(3), np.zeros(2))
    with pytest.raises(FormatError, match="no level"):
        look_at((0, 0, 5), (0, 0, 0), 60, 640, 360)
