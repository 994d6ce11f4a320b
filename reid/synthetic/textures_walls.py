"""Textures of walls, ceilings, materials: (SIZE, SIZE, 4) display values, RGB detail and alpha = shine or coverage."""

from __future__ import annotations

import cv2
import numpy as np

from mdpr.reid.synthetic.noise import SIZE, Pattern, bond, cracks, fractal, grain, lattice, spots, stones
from mdpr.reid.synthetic.textures_ground import detail, each


def plain(rng: np.random.Generator) -> Pattern:
    """Paint or plastic: hardly any structure; 2 m."""
    return detail(1 + 0.018 * fractal(rng, 3, 5) + 0.008 * grain(rng, 0.8), 1.0)


def plaster(rng: np.random.Generator) -> Pattern:
    """Painted wall: roller texture, scuffs, faint runs; 3 m."""
    runs = cv2.GaussianBlur(lattice(rng, 96, 2), (0, 0), 1.0) * np.clip(lattice(rng, 3, 2), 0, None)
    value = 1 + 0.022 * fractal(rng, 2, 6, 0.6) + 0.012 * grain(rng, 1.0) - 0.012 * np.clip(runs, 0, None)
    return detail(value * (1 - 0.06 * cracks(rng, 5, 30)), 0.5, 0.006 * fractal(rng, 2, 3))


def render(rng: np.random.Generator) -> Pattern:
    """Outside plaster: blotched, streaked by rain; 5 m."""
    runs = np.clip(fractal(rng, 6, 5, 0.6, stretch=1), 0, None) * 0.3 + np.clip(lattice(rng, 80, 3), 0, None)
    value = 1 + 0.05 * fractal(rng, 3, 7, 0.65) + 0.03 * grain(rng, 0.8) - 0.04 * runs
    return detail(value * (1 - 0.15 * cracks(rng, 3, 160)), 0.0, 0.015 * fractal(rng, 2, 5))


def brick(rng: np.random.Generator) -> Pattern:
    """Bricks in running bond; 2 m, courses of 8 cm."""
    number, gap = bond(8, 26, 0.5, 2.6)
    value = 1 + each(rng, number, 0.14) + 0.06 * fractal(rng, 3, 5) + 0.07 * grain(rng, 0.8)
    mortar = rng.choice([0.75, 1.35])
    value = value * (1 - gap) + gap * mortar * (1 + 0.05 * grain(rng, 0.8))
    return detail(value, 0.1, 0.03 * each(rng, number, 1.0) * (1 - gap) - 0.05 * gap * (mortar > 1))


def blocks(rng: np.random.Generator) -> Pattern:
    """Large stone blocks; 3 m."""
    number, gap = bond(4, 8, 0.5, 2.0)
    value = 1 + each(rng, number, 0.06) + 0.05 * fractal(rng, 4, 6, 0.65) + 0.05 * grain(rng, 0.8)
    return detail(value * (1 - 0.35 * gap), 0.1, 0.02 * each(rng, number, 1.0))


def wall_tiles(rng: np.random.Generator) -> Pattern:
    """Glazed wall tiles; 1.5 m."""
    columns, rows, shift = [(10, 10, 0.0), (8, 16, 0.5), (5, 10, 0.0)][int(rng.integers(3))]
    number, gap = bond(columns, rows, shift, 2.2)
    value = 1 + each(rng, number, 0.025) + 0.015 * fractal(rng, 4, 4)
    return detail(value * (1 - 0.28 * gap), np.clip(1 - gap, 0, 1))


def concrete_wall(rng: np.random.Generator) -> Pattern:
    """Cast wall: board or panel joints, anchor holes, streaks; 5 m."""
    number, gap = bond(2, 4, 0.0, 2.0)
    runs = np.clip(lattice(rng, 70, 3), 0, None)
    value = 1 + each(rng, number, 0.03) + 0.06 * fractal(rng, 3, 7, 0.65) + 0.03 * grain(rng, 0.7) - 0.04 * runs
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    hole = np.hypot(x % 128 - 64, y % 128 - 64) < 2.5
    return detail(
        value * (1 - 0.3 * gap) * (1 - 0.4 * hole) * (1 - 0.3 * spots(rng, 50, (1, 2))), 0.1, 0.01 * fractal(rng, 2, 4)
    )


def wood(rng: np.random.Generator) -> Pattern:
    """Veneer with grain along y; 1.2 m."""
    fibre = fractal(rng, 20, 4, 0.8, stretch=16).T
    rings = np.sin(fractal(rng, 3, 2, 0.5, stretch=3).T * 5)
    return detail(1 + 0.06 * fibre + 0.03 * rings + 0.02 * grain(rng, 0.6), 0.7, 0.02 * fibre)


def metal(rng: np.random.Generator) -> Pattern:
    """Painted or brushed sheet with scratches and dents; 1.5 m."""
    brushed = fractal(rng, 64, 3, 0.8, stretch=32)
    value = 1 + 0.02 * brushed + 0.03 * fractal(rng, 3, 5) - 0.12 * cracks(rng, 12, 40)
    return detail(value * (1 - 0.25 * spots(rng, 8, (1, 4))), np.clip(0.85 + 0.15 * brushed, 0, 1))


def corrugated(rng: np.random.Generator) -> Pattern:
    """Ribs along y: shutters when turned, sheds, containers; 1.6 m."""
    wave = np.sin(np.arange(SIZE) * 2 * np.pi * 16 / SIZE)[None]
    value = 1 + 0.16 * wave + 0.05 * fractal(rng, 3, 6) + 0.02 * grain(rng, 0.7)
    return detail(value, np.clip(0.5 + 0.5 * wave, 0, 1) * np.ones((SIZE, 1), np.float32))


def ceiling(rng: np.random.Generator) -> Pattern:
    """Mineral fibre panels of 60 cm in a metal grid; 2.4 m."""
    number, gap = bond(4, 4, 0.0, 5.0)
    value = 1 + each(rng, number, 0.012) - 0.13 * spots(rng, 700, (0.6, 1.2)) + 0.012 * grain(rng, 0.7)
    stain = rng.random() < 0.4
    value *= 1 - stain * 0.12 * spots(rng, 2, (15, 30))
    return detail(value * (1 - gap) + 1.06 * gap - 0.1 * (gap > 0) * (gap < 1), 0.1)


def bark(rng: np.random.Generator) -> Pattern:
    """Furrows along y; 1 m."""
    return detail(1 + 0.2 * fractal(rng, 16, 4, 0.8, stretch=6).T + 0.1 * grain(rng, 0.8), 0.0)


def fabric(rng: np.random.Generator) -> Pattern:
    """Weave of chair covers and awnings; 0.8 m."""
    weave = np.sin(np.arange(SIZE) * 2 * np.pi * 128 / SIZE)
    return detail(1 + 0.05 * weave[None] * weave[:, None] + 0.04 * grain(rng, 1.0) + 0.04 * fractal(rng, 3, 4), 0.0)


def cardboard(rng: np.random.Generator) -> Pattern:
    """Boxes with tape; 1 m."""
    value = 1 + 0.04 * fractal(rng, 3, 5) + 0.02 * grain(rng, 0.8)
    value[:, 220:262] *= 1.12
    return detail(value, 0.2)


def asphalt_roof(rng: np.random.Generator) -> Pattern:
    """Roof tiles or felt seen from far; 3 m."""
    number, gap = bond(12, 18, 0.5, 4.0)
    return detail(
        (1 + each(rng, number, 0.12) + 0.05 * fractal(rng, 3, 4)) * (1 - 0.35 * gap), 0.0, 0.04 * each(rng, number, 1.0)
    )


def leaf(rng: np.random.Generator) -> Pattern:
    """Tufts of leaves in 4 x 4 cells; alpha is where there are leaves."""
    picture = np.zeros((SIZE, SIZE), np.float32)
    cover = np.zeros((SIZE, SIZE), np.float32)
    cell = SIZE // 4
    for row in range(4):
        for column in range(4):
            shade, hole = np.full((cell, cell), 0.8, np.float32), np.zeros((cell, cell), np.float32)
            for _ in range(int(rng.integers(34, 60))):
                radius, angle = cell * 0.42 * np.sqrt(rng.random()), rng.uniform(0, 2 * np.pi)
                centre = (int(cell / 2 + radius * np.cos(angle)), int(cell / 2 + radius * np.sin(angle)))
                axes = (int(rng.uniform(7, 12)), int(rng.uniform(3, 6)))
                turn = float(rng.uniform(0, 180))
                cv2.ellipse(shade, centre, axes, turn, 0, 360, float(rng.uniform(0.5, 1.35)), -1, cv2.LINE_AA)
                cv2.ellipse(hole, centre, axes, turn, 0, 360, 1.0, -1, cv2.LINE_AA)
            picture[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = shade
            cover[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell] = hole
    return detail(picture + 0.05 * grain(rng, 0.8), cover, 0.05 * (picture - 0.9))


def mesh(rng: np.random.Generator) -> Pattern:
    """A wire fence; alpha is the wire; 0.5 m."""
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    first, second = np.abs((x + y) % 64 - 32), np.abs((x - y) % 64 - 32)
    wire = np.clip(4.0 - np.minimum(first, second), 0, 1).astype(np.float32)
    return detail(1 + 0.1 * grain(rng, 1.0), wire)


def pebbles(rng: np.random.Generator) -> Pattern:
    """Fruit, nuts, sweets in bulk: many round things of many shades; 0.6 m."""
    number, inside = stones(rng, 90, 0.8)
    return detail(
        (1 + each(rng, number, 0.16)) * (0.25 + 0.85 * np.sqrt(inside)), inside, 0.12 * each(rng, number, 1.0)
    )
