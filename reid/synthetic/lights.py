"""Light that people and places share: one far light (the sun, or lamps above) and what comes from all around.

A surface of albedo a and unit normal n shows a * (sun * max(n . direction, 0) + mix(ground, sky, n_z / 2 + 1/2)), all
linear RGB, before `tone_map`. White under full light is near 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import ConfigError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Light:
    """`direction` (3,) unit, towards the light; `sun`, `sky`, `ground` (3,) linear RGB irradiance, two of them ambient.

    `is_dark` tells that lamps and windows shine; `softness` is how wide the edge of a shadow is, in radians.
    """

    name: str
    direction: Array
    sun: Array
    sky: Array
    ground: Array
    softness: float
    is_dark: bool


@dataclass(frozen=True)
class _Preset:
    """Ranges that a light is drawn from: colours are linear RGB, amounts are their brightness (green)."""

    elevation_deg: tuple[float, float]
    sun: tuple[float, float]
    sun_colour: tuple[float, float, float]
    sky: tuple[float, float]
    sky_colour: tuple[float, float, float]
    ground: tuple[float, float]  # as a share of the sky's
    tint: float  # spread of the colour cast
    softness: float
    is_dark: bool = False


_PRESETS = {
    "noon": _Preset((42, 68), (0.75, 1.15), (1.05, 1.0, 0.93), (0.28, 0.42), (0.88, 1.0, 1.2), (0.45, 0.7), 0.02, 0.01),
    "overcast": _Preset((55, 80), (0.08, 0.2), (1, 1, 1), (0.55, 0.85), (0.96, 1.0, 1.05), (0.4, 0.6), 0.025, 0.35),
    "low-sun": _Preset((12, 28), (0.6, 1.0), (1.25, 1.0, 0.7), (0.22, 0.34), (0.85, 1.0, 1.3), (0.4, 0.6), 0.03, 0.012),
    "evening": _Preset(
        (50, 75), (0.22, 0.4), (1.5, 1.0, 0.55), (0.08, 0.16), (0.85, 1.0, 1.35), (0.5, 0.8), 0.06, 0.08, True
    ),
    "neon": _Preset(
        (65, 85), (0.3, 0.5), (0.96, 1.02, 1.0), (0.45, 0.65), (0.96, 1.02, 1.02), (0.5, 0.75), 0.035, 0.25
    ),
    "warm": _Preset((60, 82), (0.25, 0.5), (1.12, 1.0, 0.84), (0.35, 0.55), (1.07, 1.0, 0.9), (0.5, 0.75), 0.04, 0.22),
    "mixed": _Preset(
        (30, 60), (0.3, 0.55), (0.98, 1.0, 1.04), (0.35, 0.55), (1.05, 1.0, 0.93), (0.5, 0.75), 0.04, 0.15
    ),
}

OUTDOOR_LIGHTS = ("noon", "overcast", "low-sun", "evening")
INDOOR_LIGHTS = ("neon", "warm", "mixed")
LIGHTS = OUTDOOR_LIGHTS + INDOOR_LIGHTS


def sample_light(name: str, rng: np.random.Generator) -> Light:
    """A light of the named kind (`LIGHTS`): direction, brightness and colour cast vary with `rng`.

    Raises:
        ConfigError: there is no such kind.
    """
    if name not in _PRESETS:
        raise ConfigError(f"no light is called {name!r}; there are: {', '.join(LIGHTS)}")
    preset = _PRESETS[name]
    elevation, azimuth = np.radians(rng.uniform(*preset.elevation_deg)), rng.uniform(0, 2 * np.pi)
    across = np.cos(elevation)
    cast = np.exp(rng.normal(0, preset.tint, 3) * [1, 0.5, 1])  # cameras err along blue and yellow, hardly in green
    sky = rng.uniform(*preset.sky) * np.array(preset.sky_colour) * cast
    return Light(
        name=name,
        direction=np.array([across * np.cos(azimuth), across * np.sin(azimuth), np.sin(elevation)]),
        sun=rng.uniform(*preset.sun) * np.array(preset.sun_colour) * cast,
        sky=sky,
        ground=sky * rng.uniform(*preset.ground) * np.array([1.03, 1.0, 0.95]),
        softness=preset.softness,
        is_dark=preset.is_dark,
    )


def scaled(light: Light, factor: float) -> Light:
    """The same light `factor` times as bright: a longer exposure of everything but what shines by itself."""
    return replace(light, sun=light.sun * factor, sky=light.sky * factor, ground=light.ground * factor)


def irradiance(light: Light, normals: ArrayLike) -> Array:
    """Light that reaches surfaces in the open with unit normals (N, 3): linear RGB (N, 3), without shadows."""
    normals = np.asarray(normals, np.float64).reshape(-1, 3)
    up = normals[:, 2:] / 2 + 0.5
    direct = np.maximum(normals @ light.direction, 0)[:, None]
    return direct * light.sun + (1 - up) * light.ground + up * light.sky
