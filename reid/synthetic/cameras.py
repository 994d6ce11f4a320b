"""Pinhole cameras in metres: where they stand, what they see, and their matrices for OpenGL.

The world has z up and the ground at z = 0. Cameras follow OpenCV: x right, y down, z forward, x_camera = R x_world + t.
Pixel coordinates have their origin at the picture's top left corner, pixel centres at .5, as boxes everywhere in mdpr.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import FormatError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """A calibrated camera: `intrinsics` (3, 3) in pixels; `rotation` (3, 3), `translation` (3,): world to camera."""

    name: str
    width: int
    height: int
    intrinsics: Array
    rotation: Array
    translation: Array

    def __post_init__(self) -> None:
        for field, shape in (("intrinsics", (3, 3)), ("rotation", (3, 3)), ("translation", (3,))):
            value = np.array(getattr(self, field), np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise FormatError(
                    f"camera {self.name}: {field} must be {shape} finite numbers, got {value.shape}: {value.tolist()}"
                )
            value.flags.writeable = False
            object.__setattr__(self, field, value)

    @property
    def position(self) -> Array:
        """Where the camera is in the world, (3,) metres."""
        return -self.rotation.T @ self.translation

    @property
    def direction(self) -> Array:
        """Unit vector of the optical axis in the world, (3,)."""
        return self.rotation[2]


def look_at(
    eye: ArrayLike, target: ArrayLike, horizontal_fov_deg: float, width: int, height: int, name: str = "camera"
) -> Camera:
    """A level camera at `eye` (3,) that has `target` (3,) in the middle of its picture; square pixels.

    Raises:
        FormatError: eye and target are the same point, or the camera would look straight up or down.
    """
    position, forward = np.asarray(eye, np.float64), np.asarray(target, np.float64) - np.asarray(eye, np.float64)
    right = np.cross(forward, [0.0, 0.0, 1.0])
    if not np.linalg.norm(right) > 1e-9:
        raise FormatError(f"camera {name}: {position.tolist()} cannot look at {np.asarray(target).tolist()}: no level")
    forward, right = forward / np.linalg.norm(forward), right / np.linalg.norm(right)
    rotation = np.stack([right, np.cross(forward, right), forward])
    focal = width / 2 / np.tan(np.radians(horizontal_fov_deg) / 2)
    intrinsics = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1]])
    return Camera(name, width, height, intrinsics, rotation, -rotation @ position)


def clip_matrix(camera: Camera, near: float, far: float) -> NDArray[np.float32]:
    """World to OpenGL's clip space, (4, 4) for column vectors: clip = M @ [x, y, z, 1].

    Buffers are column-major: pass `M.T.tobytes()` to a uniform.
    """
    (fx, skew, cx), (_, fy, cy) = camera.intrinsics[0], camera.intrinsics[1]
    w, h = camera.width, camera.height
    projection = np.array(
        [
            [2 * fx / w, 2 * skew / w, 2 * cx / w - 1, 0],
            [0, -2 * fy / h, 1 - 2 * cy / h, 0],
            [0, 0, (far + near) / (far - near), -2 * far * near / (far - near)],
            [0, 0, 1, 0],
        ]
    )
    view = np.eye(4)
    view[:3, :3], view[:3, 3] = camera.rotation, camera.translation
    return (projection @ view).astype(np.float32)


def project(camera: Camera, points: ArrayLike) -> tuple[Array, Array]:
    """Where points (N, 3) appear: pixels (N, 2) and depth along the optical axis (N,) metres.

    Points with depth 0 or below are behind the camera; their pixels mean nothing.
    """
    seen = np.asarray(points, np.float64).reshape(-1, 3) @ camera.rotation.T + camera.translation
    image = seen @ camera.intrinsics.T
    with np.errstate(divide="ignore", invalid="ignore"):
        return image[:, :2] / image[:, 2:], seen[:, 2]


def ground_point(camera: Camera, pixels: ArrayLike) -> Array:
    """The points of the ground (z = 0) seen at pixels (N, 2): world x, y (N, 2) metres; nan at or above the horizon."""
    pixels = np.asarray(pixels, np.float64).reshape(-1, 2)
    rays = np.linalg.solve(camera.intrinsics, np.column_stack([pixels, np.ones(len(pixels))]).T).T @ camera.rotation
    eye = camera.position
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = np.where(rays[:, 2] * eye[2] < 0, -eye[2] / rays[:, 2], np.nan)
    return eye[:2] + distance[:, None] * rays[:, :2]


def ground_homography(camera: Camera) -> Array:
    """The (3, 3) homography that maps pixels (x, y, 1) to metres on the ground (z = 0), up to scale."""
    columns = np.column_stack([camera.rotation[:, :2], camera.translation])
    matrix = np.linalg.inv(camera.intrinsics @ columns)
    return np.asarray(matrix / np.abs(matrix).max(), np.float64)


def crop_camera(camera: Camera, xyxy: ArrayLike, width: int, height: int) -> Camera:
    """The camera whose picture is the box `xyxy` of this camera's picture, resampled to (height, width).

    The box may reach outside the picture.
    """
    x1, y1, x2, y2 = np.asarray(xyxy, np.float64)
    if not (x2 > x1 and y2 > y1):
        raise FormatError(f"camera {camera.name}: a crop needs a box with x1 < x2 and y1 < y2, got {[x1, y1, x2, y2]}")
    sx, sy = width / (x2 - x1), height / (y2 - y1)
    resample = np.array([[sx, 0, -sx * x1], [0, sy, -sy * y1], [0, 0, 1]])
    return Camera(camera.name, width, height, resample @ camera.intrinsics, camera.rotation, camera.translation)


def camera_to_dict(camera: Camera) -> dict[str, Any]:
    """Plain numbers and lists, ready for JSON; `camera_from_dict` reads it."""
    return {
        "name": camera.name,
        "width": camera.width,
        "height": camera.height,
        "intrinsics": camera.intrinsics.tolist(),
        "rotation": camera.rotation.tolist(),
        "translation": camera.translation.tolist(),
    }


def camera_from_dict(values: Mapping[str, Any]) -> Camera:
    """The camera that `camera_to_dict` wrote.

    Raises:
        FormatError: a key is missing or a matrix has the wrong shape.
    """
    keys = ("name", "width", "height", "intrinsics", "rotation", "translation")
    missing = [key for key in keys if key not in values]
    if missing:
        raise FormatError(f"a camera needs {', '.join(keys)}; missing: {', '.join(missing)}")
    return Camera(
        str(values["name"]),
        int(values["width"]),
        int(values["height"]),
        np.array(values["intrinsics"], np.float64),
        np.array(values["rotation"], np.float64),
        np.array(values["translation"], np.float64),
    )
