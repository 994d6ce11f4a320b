"""Textures of floors: each function returns (SIZE, SIZE, 4) display values, RGB detail and alpha = shine."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.noise import SIZE, Pattern, bond, cracks, fractal, grain, lattice, spots, stones

Values = NDArray[np.floating]


def detail(brightness: Values, shine: Values | float = 1.0, hue: Values | None = None) -> Pattern:
    """A texture from relative brightness (mean near 1) and warm-cold variation `hue`; linear mean becomes 1/2."""
    rgb = np.repeat(np.clip(brightness, 0.03, 3)[..., None], 3, axis=2)
    if hue is not None:
        rgb = rgb * (1 + hue[..., None] * np.array([0.5, 0.05, -0.6]))
    rgb = np.clip(rgb, 0.02, None) ** 2.2
    rgb = (rgb * (0.5 / rgb.mean())) ** (1 / 2.2)
    alpha = np.broadcast_to(np.asarray(shine, np.float32), (SIZE, SIZE))
    return np.clip(np.dstack([rgb, alpha]), 0, 1).astype(np.float32)


def each(rng: np.random.Generator, number: np.ndarray, spread: float) -> Pattern:
    """One normal value a brick, laid out on the texels of `number`."""
    return np.clip(rng.normal(0, spread, int(number.max()) + 1), -2 * spread, 2 * spread).astype(np.float32)[number]


def asphalt(rng: np.random.Generator) -> Pattern:
    """Aggregate, stains, cracks; 4 m."""
    value = 1 + 0.05 * fractal(rng, 3, 5) + 0.075 * grain(rng, 0.6) + 0.035 * grain(rng, 1.6)
    value *= 1 - 0.28 * cracks(rng, int(rng.integers(0, 4)), 220) - 0.14 * spots(rng, int(rng.integers(0, 10)), (3, 12))
    return detail(value, np.clip(0.6 + 0.2 * fractal(rng, 4, 3), 0, 1), 0.012 * fractal(rng, 3, 3))


def concrete(rng: np.random.Generator) -> Pattern:
    """Cast floor: clouds, pores, hairline cracks, stains; 4 m."""
    value = 1 + 0.07 * fractal(rng, 2, 7, 0.6) + 0.03 * grain(rng, 0.6)
    value *= (
        1
        - 0.20 * cracks(rng, int(rng.integers(0, 4)), 260)
        - 0.04 * spots(rng, 5, (4, 30))
        - 0.25 * spots(rng, 60, (1, 2))
    )
    return detail(value, np.clip(0.7 + 0.3 * fractal(rng, 3, 4), 0, 1), 0.01 * fractal(rng, 2, 3))


def _paving(rng: np.random.Generator, columns: int, rows: int, shift: float, spread: float, joint: float) -> Pattern:
    number, gap = bond(columns, rows, shift, joint)
    value = (
        1 + each(rng, number, spread) + 0.05 * fractal(rng, 3, 6) + 0.06 * grain(rng, 0.7) + 0.03 * fractal(rng, 16, 3)
    )
    value *= 1 - 0.45 * gap * np.clip(1 + 0.4 * fractal(rng, 6, 3), 0.2, 1)
    value *= 1 - 0.22 * spots(rng, int(rng.integers(10, 50)), (1.5, 4)) - 0.10 * spots(rng, 8, (8, 40))
    return detail(value, np.clip(0.5 + 0.2 * fractal(rng, 4, 3) - 0.5 * gap, 0, 1), 0.02 * each(rng, number, 1.0))


def slabs(rng: np.random.Generator) -> Pattern:
    """Concrete slabs, square or half as high as wide, in rows or shifted; 4.8 m."""
    columns, rows, shift = [(10, 10, 0.0), (8, 16, 0.5), (12, 12, 0.5), (8, 12, 0.5), (12, 12, 0.0)][
        int(rng.integers(5))
    ]
    return _paving(rng, columns, rows, shift, rng.uniform(0.02, 0.09), rng.uniform(1.2, 2.0))


def setts(rng: np.random.Generator) -> Pattern:
    """Small stones, regular or not; 2 m."""
    if rng.random() < 0.5:
        return _paving(rng, 14, 20, 0.5, 0.13, 3.5)
    number, inside = stones(rng, 400, 0.7)
    value = (1 + each(rng, number, 0.14)) * (0.55 + 0.45 * inside) + 0.06 * grain(rng, 0.7)
    return detail(value, inside * 0.5, 0.03 * each(rng, number, 1.0))


def floor_tiles(rng: np.random.Generator) -> Pattern:
    """Ceramic or stone tiles with grout; 2.4 m."""
    count = int(rng.choice([4, 6, 8]))
    number, gap = bond(count, count, 0.0, 2.2)
    value = 1 + each(rng, number, rng.uniform(0.01, 0.045)) + rng.uniform(0.01, 0.05) * fractal(rng, 6, 6, 0.7)
    value += 0.015 * grain(rng, 0.6)
    value *= 1 + gap * rng.choice([-0.35, -0.2, -0.12, 0.1]) - 0.06 * spots(rng, 10, (4, 30))
    shine = np.clip(0.9 + 0.08 * fractal(rng, 3, 4) - 0.8 * gap, 0, 1)
    return detail(value, shine, 0.008 * each(rng, number, 1.0))


def terrazzo(rng: np.random.Generator) -> Pattern:
    """Chips of stone in cement, with thin metal joints; 2 m."""
    number, inside = stones(rng, 9000, 1.0)
    chips = each(rng, number, 0.16) * (inside > 0.4)
    _, gap = bond(2, 2, 0.0, 1.5)
    value = 1 + chips + 0.03 * fractal(rng, 3, 4) - 0.25 * gap
    return detail(value, np.clip(0.9 + 0.1 * fractal(rng, 3, 4), 0, 1), 0.06 * chips)


def vinyl(rng: np.random.Generator) -> Pattern:
    """Mottled sheet flooring of schools, hospitals and laboratories, scuffed; 3 m."""
    value = 1 + 0.045 * fractal(rng, 40, 3, 0.9) + 0.012 * fractal(rng, 3, 3) + 0.035 * grain(rng, 0.8)
    value *= 1 - 0.16 * cracks(rng, int(rng.integers(4, 14)), 60) - 0.08 * spots(rng, 14, (3, 26))
    return detail(value, np.clip(0.8 + 0.2 * fractal(rng, 4, 5), 0, 1), 0.008 * fractal(rng, 12, 3))


def carpet(rng: np.random.Generator) -> Pattern:
    """Loops, in tiles that are turned by a quarter each, walked on; 2 m."""
    fine = grain(rng, 0.8)
    number, _ = bond(4, 4, 0.0, 1)
    turned = (number % 4 + number // 4) % 2 == 0
    pile = np.where(turned, lattice(rng, 128, 20), lattice(rng, 20, 128))
    value = 1 + 0.11 * fine + 0.05 * pile + 0.035 * turned + 0.05 * fractal(rng, 2, 5)
    return detail(value * (1 - 0.15 * spots(rng, 8, (2, 18))), 0.0, 0.02 * fine)


def planks(rng: np.random.Generator) -> Pattern:
    """Wood boards or laminate; 2 m, boards 14 to 20 cm wide along x."""
    rows = int(rng.choice([10, 12, 14]))
    number, gap = bond(2, rows, rng.choice([0.5, 0.33]), 1.6)
    y = (np.arange(SIZE) * rows // SIZE)[:, None].repeat(SIZE, 1)
    fibre = fractal(rng, 24, 4, 0.8, stretch=16)
    value = 1 + each(rng, number, rng.uniform(0.04, 0.12)) + 0.07 * fibre + 0.03 * grain(rng, 0.6)
    value += 0.03 * np.sin(fibre * 2 + each(rng, y, 3.0))
    value *= 1 - 0.5 * gap - 0.1 * spots(rng, 10, (2, 8))
    return detail(value, np.clip(0.8 + 0.1 * fibre - 0.5 * gap, 0, 1), 0.03 * each(rng, number, 1.0) + 0.02 * fibre)


def gravel(rng: np.random.Generator) -> Pattern:
    """Loose stones, as under rails; 2 m."""
    number, inside = stones(rng, 1600, 1.0)
    value = (1 + each(rng, number, 0.22)) * (0.35 + 0.65 * inside) + 0.08 * grain(rng, 0.7)
    return detail(value, 0.0, 0.04 * each(rng, number, 1.0))


def grass(rng: np.random.Generator) -> Pattern:
    """A lawn, thin and dry in places; 3 m."""
    blades = grain(rng, 0.9)
    value = 1 + 0.17 * blades + 0.12 * fractal(rng, 4, 6, 0.7)
    return detail(value, 0.0, 0.05 * fractal(rng, 4, 5) + 0.03 * blades)


def rubber(rng: np.random.Generator) -> Pattern:
    """Studs on strips for the blind and on ramps; 0.6 m."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    stud = np.hypot(x % 64 - 31.5, y % 64 - 31.5)
    value = 1 + 0.14 * (np.abs(stud - 19) < 3) - 0.16 * (np.abs(stud - 24) < 3) + 0.05 * grain(rng, 0.8)
    return detail(value * (1 - 0.1 * np.clip(fractal(rng, 2, 5), 0, 2)), 0.3)
