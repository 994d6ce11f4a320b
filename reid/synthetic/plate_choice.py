"""A plate for every number: a place, a view and a light drawn at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from mdpr.reid.synthetic.cameras import Camera, ground_point, look_at
from mdpr.reid.synthetic.lights import INDOOR_LIGHTS, OUTDOOR_LIGHTS, Light, sample_light
from mdpr.reid.synthetic.place_types import Place
from mdpr.reid.synthetic.place_views import blocked_share
from mdpr.reid.synthetic.places import BACKGROUNDS, make_place
from mdpr.reid.synthetic.plates import Plate, exposed, render_plate

if TYPE_CHECKING:
    import moderngl

_VIEWS_A_PLACE = 4
_TRIES = 12
_LEAST_GROUND = 0.12  # share of the picture that shows walkable ground within _REACH_M
_MOST_BLOCKED = 0.08
_REACH_M = 25.0
_HEIGHTS_M = (1.5, 7.0)
_FOVS_DEG = (38.0, 95.0)


def plate_for(
    seed: int, context: moderngl.Context, kinds: Sequence[str] = BACKGROUNDS
) -> tuple[Place, Camera, Light, Plate]:
    """The place, view, light and plate of a seed; four seeds in a row (from a multiple of four) share a place.

    Args:
        seed: of all of these.
        context: to render with.
        kinds: of places, which come in turns.
    """
    number = seed // _VIEWS_A_PLACE
    place = make_place(sorted(kinds)[number % len(kinds)], number)
    rng = np.random.default_rng([seed, 31])
    camera = sample_camera(place, rng, f"plate-{seed}")
    light = exposed(place, camera, fitting_light(place, rng), context, float(rng.uniform(0.34, 0.48)))
    return place, camera, light, render_plate(place, camera, light, context)


def fitting_light(place: Place, rng: np.random.Generator) -> Light:
    """A light of a kind that fits the place: one of rooms, or one of the open air."""
    names = INDOOR_LIGHTS if place.is_indoor else OUTDOOR_LIGHTS
    return sample_light(names[int(rng.integers(len(names)))], rng)


def sample_camera(place: Place, rng: np.random.Generator, name: str) -> Camera:
    """A view near one of the place's own: moved, turned, of another height and lens, and nothing right before it."""
    for _ in range(_TRIES):
        base = place.cameras[int(rng.integers(len(place.cameras)))]
        camera = _varied(place, base, rng, name)
        if ground_share(place, camera) >= _LEAST_GROUND and blocked_share(place.solid, camera) <= _MOST_BLOCKED:
            return camera
    return replace(place.cameras[int(rng.integers(len(place.cameras)))], name=name)


def _varied(place: Place, base: Camera, rng: np.random.Generator, name: str) -> Camera:
    x_min, y_min, x_max, y_max = place.bounds
    ceiling = float(base.position[2]) + 0.15 if place.is_indoor else _HEIGHTS_M[1]
    eye = base.position + rng.normal(0, 1.2, 3) * [1, 1, 0]
    eye[2] = np.clip(base.position[2] * rng.uniform(0.55, 1.4), _HEIGHTS_M[0], min(ceiling, _HEIGHTS_M[1]))
    eye[:2] = np.clip(eye[:2], (x_min + 0.9, y_min + 0.9), (x_max - 0.9, y_max - 0.9))
    distance = base.position[2] / max(-float(base.direction[2]), 0.05)  # to the ground in the middle of the picture
    target = base.position + base.direction * min(distance, 14.0)
    target = target + rng.normal(0, 1.8, 3) * [1, 1, 0.25]
    return look_at(eye, target, float(rng.uniform(*_FOVS_DEG)), base.width, base.height, name)


def ground_share(place: Place, camera: Camera, columns: int = 16, rows: int = 9) -> float:
    """Share of the picture, in [0, 1], where free ground is within reach, whatever stands before it."""
    u, v = np.meshgrid((np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows)
    points = ground_point(camera, np.column_stack([u.ravel() * camera.width, v.ravel() * camera.height]))
    near = np.linalg.norm(points - camera.position[:2], axis=1) < _REACH_M
    return float((near & place.ground.is_free(np.where(np.isfinite(points), points, 1e9))).mean())
