"""Textures of what is behind glass and on name boards, keys, and leaves from afar."""

from __future__ import annotations

import numpy as np

from mdpr.reid.synthetic.noise import SIZE, Pattern, fractal, grain
from mdpr.reid.synthetic.picture_cells import (
    SERVICE_WORDS,
    SHOP_WORDS,
    Rgb,
    brand,
    draw_cells,
    fill,
    ink_on,
    write_words,
)


def _room(cell: Pattern, rng: np.random.Generator) -> None:
    """What a window pane shows by day: a dark room, a curtain, a blind."""
    h, w = cell.shape[:2]
    kind = rng.random()
    cell[:] = np.array([0.10, 0.11, 0.12]) * rng.uniform(0.5, 1.5)
    if kind < 0.35:
        folds = 0.75 + 0.2 * np.sin(np.linspace(0, rng.uniform(30, 70), w)) * np.linspace(1, 0.6, w)
        cloth = np.array(
            [(0.62, 0.60, 0.55), (0.55, 0.53, 0.50), (0.45, 0.38, 0.30), (0.60, 0.62, 0.63)][int(rng.integers(4))]
        )
        opening = rng.uniform(0.0, 0.45)
        share = np.abs(np.linspace(-1, 1, w)) > opening
        cell[:, share] = (cloth * folds[share, None] * 0.6)[None]
    elif kind < 0.6:
        down = int(h * rng.uniform(0.2, 1.0))
        slats = 0.42 + 0.12 * np.sin(np.arange(down) * 2 * np.pi / max(h // 28, 3))
        cell[:down] = slats[:, None, None] * np.array([1, 0.99, 0.95])
    elif kind < 0.75:
        fill(cell, 0, 0.7, 1, 0.3, (0.2, 0.17, 0.14))
        fill(cell, rng.uniform(0.1, 0.6), 0.45, 0.25, 0.3, brand(rng))
        cell *= 0.6
    cell *= np.linspace(0.8, 1.1, h)[:, None, None]


def rooms(rng: np.random.Generator) -> Pattern:
    """Behind window panes; 4 x 4."""
    return draw_cells(rng, 4, 4, _room)


def _display(cell: Pattern, rng: np.random.Generator) -> None:
    """A shop window: back wall, lit goods on stands and shelves, price cards, stickers."""
    h, w = cell.shape[:2]
    cell[:] = np.array([0.34, 0.29, 0.23]) * rng.uniform(0.5, 1.2)
    cell[:] += (0.16 * np.exp(-((np.linspace(-1, 1, w) - rng.uniform(-0.5, 0.5)) ** 2) * 4))[None, :, None]
    for level in np.sort(rng.uniform(0.3, 0.95, int(rng.integers(2, 5)))):
        fill(cell, 0, level, 1, 0.02, (0.2, 0.17, 0.14))
        at = rng.uniform(0, 0.1)
        while at < 0.95:
            width, height = rng.uniform(0.03, 0.1), rng.uniform(0.05, 0.2)
            fill(cell, at, level - height, width, height, brand(rng))
            at += width + rng.exponential(0.05)
    if rng.random() < 0.5:
        sign = brand(rng)
        x, y = rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.6)
        fill(cell, x, y, 0.3, 0.14, sign)
        write_words(
            cell,
            rng,
            str(rng.choice(["SALE", "NEW", "OPEN", "-30%", "CAFE"])),
            (x + 0.03, y + 0.03, 0.24, 0.08),
            ink_on(sign),
        )
    cell *= np.clip(np.linspace(0.9, 0.55, h), 0, 1)[:, None, None]


def displays(rng: np.random.Generator) -> Pattern:
    """Shop windows; 2 x 4."""
    return draw_cells(rng, 2, 4, _display)


def signs(rng: np.random.Generator) -> Pattern:
    """Name boards four times as wide as high; 2 x 8: shops in the upper half, ways and rooms in the lower."""
    count = iter(range(16))

    def draw(cell: Pattern, r: np.random.Generator) -> None:
        is_shop = next(count) < 8
        service: list[Rgb] = [
            (0.10, 0.16, 0.34),
            (0.13, 0.13, 0.14),
            (0.88, 0.87, 0.84),
            (0.07, 0.34, 0.18),
            (0.72, 0.62, 0.12),
        ]
        ground = brand(r) if is_shop else service[int(r.integers(5))]
        cell[:] = ground
        write_words(
            cell,
            r,
            str(r.choice(SHOP_WORDS if is_shop else SERVICE_WORDS)),
            (0.06, 0.2, 0.88, 0.6),
            ink_on(ground),
        )

    return draw_cells(rng, 2, 8, draw)


def keyboard(rng: np.random.Generator) -> Pattern:
    """Keys; one picture, three times as wide as high."""
    sheet = np.full((SIZE, SIZE, 3), 0.09, np.float32)
    for row in range(6):
        for column in range(18):
            x, y = column * 28 + 5, row * 84 + 5
            sheet[y : y + 70, x : x + 23] = 0.15 + 0.05 * rng.random()
    return np.dstack([sheet, np.full((SIZE, SIZE), 0.3, np.float32)])


def foliage(rng: np.random.Generator) -> Pattern:
    """A hedge, or trees far away; repeats."""
    green = 0.16 + 0.05 * fractal(rng, 8, 6, 0.8) + 0.03 * grain(rng, 1.0)
    rgb = np.clip(green, 0.03, 0.5)[..., None] * np.array([0.95, 1.25, 0.55])
    return np.clip(np.dstack([rgb * 1.6, np.zeros((SIZE, SIZE), np.float32)]), 0, 1)
