"""The light of a place as many small lights with a shadow map each: patches of the sky, lamps, bright windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.cameras import Camera, clip_matrix, look_at
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.place_types import Lamp, Place

Array = NDArray[np.float64]

SKY_PATCHES = 32
ROOM_PATCHES = 20
MAX_LAMPS = 26
SOFT_SUN = 0.1
"""Radians; a sun wider than this has no shadow of its own: it is part of the sky."""
_LAMP_FOV_DEG = 150.0


@dataclass(frozen=True)
class SmallLight:
    """One of many: `source` is the direction to it, with `is_lamp` its position; `clip` is its shadow map's matrix."""

    source: Array
    is_lamp: bool
    axis: Array
    colour: Array
    clip: NDArray[np.float32]


def has_sharp_sun(place: Place, light: Light) -> bool:
    """Whether the sun is a light of its own with sharp shadows."""
    return not place.is_indoor and not light.is_dark and light.softness <= SOFT_SUN


def small_lights(place: Place, light: Light, camera: Camera) -> list[SmallLight]:
    """All lights but a sharp sun, for one view: lamps near what the camera sees come first."""
    lights = _sky(place, light)
    if place.is_indoor or light.is_dark:
        lights += _lamps(place, light, camera)
    return lights


def _sky(place: Place, light: Light) -> list[SmallLight]:
    count = ROOM_PATCHES if place.is_indoor or light.is_dark else SKY_PATCHES
    up = (np.arange(count) + 0.5) / count
    azimuth = np.arange(count) * 2.399963
    across = np.sqrt(1 - up**2)
    directions = np.stack([across * np.cos(azimuth), across * np.sin(azimuth), up], -1)
    towards = directions @ light.direction
    brightness = np.ones(count) if place.is_indoor else 1.3 - 0.5 * up + 0.5 * np.maximum(towards, 0) ** 6
    colour = (brightness / (brightness * up).sum())[:, None] * light.sky
    if light.softness > SOFT_SUN and not place.is_indoor:
        lobe = np.exp(-0.5 * (np.arccos(np.clip(towards, -1, 1)) / max(light.softness, 0.3)) ** 2) + 1e-9
        colour = colour + (lobe / (lobe * np.maximum(towards, 0)).sum())[:, None] * light.sun
    return [
        SmallLight(direction, False, -direction, tint, parallel_clip(place, direction))
        for direction, tint in zip(directions, colour, strict=True)
    ]


def _lamps(place: Place, light: Light, camera: Camera) -> list[SmallLight]:
    seen = camera.position + camera.direction * 7.0
    nearest = sorted(place.lamps, key=lambda lamp: float(np.linalg.norm(np.array(lamp.position) - seen)))[:MAX_LAMPS]
    if not nearest:
        return []
    target = light.sun * max(light.direction[2], 0.3)  # what the floor gets from lamps, on the whole
    strength = 1.0 / max(floor_level(place, list(place.lamps)), 1e-6)
    return [
        SmallLight(
            np.array(lamp.position), True, np.array(lamp.axis),
            target * strength * lamp.power * np.array(lamp.colour), lamp_clip(lamp),
        )
        for lamp in nearest
    ]  # fmt: skip


def lamp_light(lamp: Lamp, points: Array, normals: Array) -> Array:
    """Light of a lamp of strength 1 on points (N, 3) with unit normals, nothing in between; (N,)."""
    to = np.array(lamp.position) - points
    squared = (to**2).sum(1)
    to = to / np.sqrt(squared)[:, None]
    facing = np.maximum((to * normals).sum(1), 0) * np.maximum(-(to @ np.array(lamp.axis)), 0)
    return lamp.power * facing / np.maximum(squared, 0.3)


def floor_level(place: Place, lamps: list[Lamp]) -> float:
    """Mean light of lamps of strength 1 on the free floor."""
    cells = np.argwhere(place.ground.free)
    some = cells[:: max(len(cells) // 400, 1)]
    points = np.column_stack([place.ground.centre_of(some), np.zeros(len(some))])
    up = np.broadcast_to([0.0, 0.0, 1.0], points.shape)
    level = np.sum([lamp_light(lamp, points, up) for lamp in lamps], axis=0)
    return float(np.mean(level)) if place.is_indoor else float(np.percentile(level, 80))


def light_at(place: Place, light: Light, point: Array) -> Light:
    """The light for somebody at a point (3,) metres: indoors and in the evening that of the lamps around, unhindered.

    What comes from one side becomes `sun`, the rest `sky`. By day outdoors it is `light` itself; whether the sun
    reaches the point is in `Plate.sunlit`.
    """
    if not place.lamps or not (place.is_indoor or light.is_dark):
        return light
    total, towards = np.zeros(3), np.zeros((3, 3))  # per colour; per colour and axis
    for lamp in place.lamps:
        to = np.array(lamp.position) - point
        squared = float(to @ to)
        to = to / np.sqrt(squared)
        amount = lamp.power * max(-float(to @ np.array(lamp.axis)), 0.0) / max(squared, 0.3) * np.array(lamp.colour)
        total += amount
        towards += amount[:, None] * to
    strength = light.sun * max(light.direction[2], 0.3) / max(floor_level(place, list(place.lamps)), 1e-6)
    beam = np.linalg.norm(towards, axis=1)
    mean = towards.sum(0)
    length = float(np.linalg.norm(mean))
    return replace(
        light,
        direction=mean / length if length > 1e-9 else light.direction,
        sun=strength * beam,
        sky=light.sky + strength * (total - beam) * 0.5,
    )


def parallel_clip(
    place: Place, direction: Array, focus: Array | None = None, radius: float = 0.0
) -> NDArray[np.float32]:
    """Orthographic clip matrix (4, 4) that looks along -direction at the whole place, or at a ball of it."""
    x_min, y_min, x_max, y_max = place.bounds
    corners = np.array([[x, y, z] for x in (x_min, x_max) for y in (y_min, y_max) for z in (-0.1, place.height)])
    helper = np.array([0.0, 0.0, 1.0]) if abs(direction[2]) < 0.99 else np.array([1.0, 0.0, 0.0])
    right = np.cross(helper, direction)
    right /= np.linalg.norm(right)
    axes = np.stack([right, np.cross(direction, right), -direction])
    seen = corners @ axes.T
    low, high = seen.min(0), seen.max(0)
    if focus is not None:
        middle = axes @ focus
        low[:2], high[:2] = np.maximum(low[:2], middle[:2] - radius), np.minimum(high[:2], middle[:2] + radius)
    clip = np.eye(4)
    clip[:3, :3] = axes * (2 / (high - low))[:, None]
    clip[:3, 3] = -(high + low) / (high - low)
    return clip.astype(np.float32)


def lamp_clip(lamp: Lamp) -> NDArray[np.float32]:
    """Perspective clip matrix (4, 4) of a lamp's shadow map."""
    axis = np.add(lamp.axis, (1e-3, 0, 0))  # straight down has no level
    camera = look_at(lamp.position, np.array(lamp.position) + axis, _LAMP_FOV_DEG, 512, 512)
    return clip_matrix(camera, 0.15, 40.0)
