"""Stand-ins for tests of synthetic people: a flat place without textures, jobs that spawned processes can import."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np

from mdpr.errors import DependencyError, FormatError
from mdpr.reid.synthetic import plate_library
from mdpr.reid.synthetic.cameras import Camera, ground_point, look_at, project
from mdpr.reid.synthetic.lights import sample_light
from mdpr.reid.synthetic.plates import Plate
from mdpr.reid.synthetic.sensor import Sensor

NEUTRAL = Sensor(
    (1.0, 1.0, 1.0), ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), 1.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 95,
    False,
)  # fmt: skip
"""A camera that changes nothing but the brightest lights."""


def flat_camera(width: int = 640, height: int = 360, eye: tuple[float, float, float] = (0.0, 0.0, 3.0)) -> Camera:
    """Looks along +x, down to the ground 9 m away."""
    return look_at(eye, (eye[0] + 9, eye[1], 0.5), 60, width, height)


def flat_plate(camera: Camera, light: str = "overcast", grey: int = 150, seed: int = 0) -> Plate:
    """Grey ground up to 40 m away under a grey sky; nothing on it."""
    rows, columns = np.mgrid[: camera.height, : camera.width] + 0.5
    points = ground_point(camera, np.column_stack([columns.ravel(), rows.ravel()]))
    near = np.isfinite(points).all(1) & (np.linalg.norm(points - camera.position[:2], axis=1) < 40)
    depth = np.full(len(points), np.inf, np.float32)
    depth[near] = project(camera, np.column_stack([points[near], np.zeros(near.sum())]))[1]
    size = (camera.height, camera.width)
    image = np.full((*size, 3), grey, np.uint8)
    return Plate(
        camera,
        sample_light(light, np.random.default_rng(seed)),
        image,
        image // 2,
        depth.reshape(size),
        near.reshape(size),
        np.full(size, 255, np.uint8),
    )


def save_plates(folder: Path, count: int = 3) -> list[Path]:
    """Files of flat plates, as `render_plates` leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"{number}.npz" for number in range(1, count + 1)]
    lights = ("overcast", "noon", "warm")
    for number, file in enumerate(files):
        camera = flat_camera(eye=(0.0, 0.0, 2.5 + number))
        plate_library.save_plate(file, flat_plate(camera, lights[number % 3], 110 + 30 * number))
    return files


def start(folder: Path, trouble: str = "") -> None:
    """Set up a process for `job`; `trouble` names what goes wrong."""
    global _folder, _trouble
    _folder, _trouble = folder, trouble
    if trouble == "start":
        raise DependencyError("anny", "making synthetic people", "synth")


_folder: Path
_trouble: str


def job(number: int) -> dict[str, Any]:
    """Leaves a file behind, so that tests see what was done; number 3 meets the trouble."""
    if number == 3 and _trouble == "job":
        raise FormatError("cow.mhclo: not a garment")
    if number == 3 and _trouble == "killed":
        os._exit(9)
    path = _folder / f"{number}.txt"
    path.write_text(path.read_text() + "again" if path.exists() else "once")
    return {"number": number, "square": number**2}
