"""Textures that show things: goods, posters, papers, screens, books, rooms behind windows, signs.

Each is a grid of cells (`GRIDS` in `mdpr.reid.synthetic.textures`), (SIZE, SIZE, 4) display values; alpha is the shine.
"""

from __future__ import annotations

import cv2
import numpy as np

from mdpr.reid.synthetic.noise import Pattern
from mdpr.reid.synthetic.picture_cells import (
    SHOP_WORDS,
    brand,
    draw_cells,
    fill,
    ink_on,
    text_lines,
    write_words,
)


def _package(cell: Pattern, rng: np.random.Generator) -> None:
    base, second = brand(rng), brand(rng)
    cell[:] = base
    for _ in range(int(rng.integers(1, 4))):
        fill(
            cell,
            0 if rng.random() < 0.6 else rng.uniform(0.05, 0.4),
            rng.uniform(0, 0.8),
            1.0,
            rng.uniform(0.06, 0.4),
            brand(rng),
        )
    h, w = cell.shape[:2]
    if rng.random() < 0.6:
        centre, axes = (
            (w // 2, int(h * rng.uniform(0.3, 0.6))),
            (int(w * rng.uniform(0.2, 0.4)), int(h * rng.uniform(0.1, 0.25))),
        )
        cv2.ellipse(cell, centre, axes, 0, 0, 360, second, -1, cv2.LINE_AA)
    if rng.random() < 0.7:
        word = "".join(rng.choice(list("AEIOURSTLNMK"), int(rng.integers(3, 7))))
        write_words(cell, rng, word, (0.1, rng.uniform(0.1, 0.6), 0.8, 0.16), ink_on(base))
    text_lines(cell, rng, (0.15, 0.8, 0.7, 0.14), 0.06, ink_on(base))
    cell *= np.linspace(0.8, 1.05, h)[::-1, None, None] * (0.8 + 0.35 * np.sin(np.linspace(0.3, 2.6, w)))[None, :, None]
    edge = max(2, w // 24)
    cell[:, :edge] *= 0.35  # the gap between two packages
    cell[:edge] *= 0.45


def _bottle(cell: Pattern, rng: np.random.Generator) -> None:
    h, w = cell.shape[:2]
    cell[:] = np.array([0.06, 0.055, 0.05])
    glass = [
        (0.08, 0.16, 0.08),
        (0.20, 0.10, 0.05),
        (0.55, 0.56, 0.55),
        (0.75, 0.20, 0.12),
        (0.80, 0.72, 0.40),
        (0.70, 0.72, 0.74),
    ]
    body = np.array(glass[int(rng.integers(len(glass)))]) * rng.uniform(0.8, 1.2)
    neck, shoulder = rng.uniform(0.1, 0.2), rng.uniform(0.25, 0.42)
    fill(cell, 0.5 - neck / 2, 0.04, neck, shoulder, tuple(body))
    cv2.ellipse(
        cell,
        (w // 2, int(h * (shoulder + 0.06))),
        (int(w * 0.42), int(h * 0.14)),
        0,
        0,
        360,
        tuple(map(float, body)),
        -1,
        cv2.LINE_AA,
    )
    fill(cell, 0.08, shoulder + 0.06, 0.84, 1, tuple(body))
    label = brand(rng)
    fill(cell, 0.08, shoulder + 0.16, 0.84, 0.3, label)
    text_lines(cell, rng, (0.16, shoulder + 0.22, 0.68, 0.2), 0.07, ink_on(label))
    fill(cell, 0.5 - neck / 2, 0.02, neck, 0.06, brand(rng))
    cell *= (0.55 + 0.6 * np.sin(np.linspace(0.2, 2.7, w)))[None, :, None]


def goods(rng: np.random.Generator) -> Pattern:
    """Fronts of packages and bottles; 8 x 8."""
    return draw_cells(rng, 8, 8, lambda cell, r: _package(cell, r) if r.random() < 0.7 else _bottle(cell, r))


def _poster(cell: Pattern, rng: np.random.Generator) -> None:
    h, w = cell.shape[:2]
    low, high = np.array(brand(rng)), np.array(brand(rng))
    ramp = np.linspace(0, 1, h)[:, None, None]
    cell[:] = low * (1 - ramp) + high * ramp
    for _ in range(int(rng.integers(2, 7))):  # a landscape, a product, shapes
        centre = (int(rng.uniform(0, w)), int(rng.uniform(0.2, 0.9) * h))
        axes = (int(rng.uniform(0.05, 0.5) * w), int(rng.uniform(0.05, 0.3) * h))
        cv2.ellipse(cell, centre, axes, rng.uniform(0, 180), 0, 360, brand(rng), -1, cv2.LINE_AA)
    cell[:] = cv2.GaussianBlur(cell, (0, 0), rng.choice([0.8, 3.0, 8.0]))
    if rng.random() < 0.7:
        band = brand(rng)
        y = rng.choice([0.0, 0.7, 0.8])
        fill(cell, 0, y, 1, 0.2, band)
        write_words(cell, rng, str(rng.choice(SHOP_WORDS)), (0.1, y + 0.03, 0.8, 0.12), ink_on(band))
    text_lines(cell, rng, (0.1, rng.uniform(0.45, 0.6), 0.8, 0.12), 0.04, ink_on(brand(rng)))
    if rng.random() < 0.5:
        cv2.rectangle(cell, (0, 0), (w - 1, h - 1), (0.85, 0.85, 0.83), max(2, w // 20))


def posters(rng: np.random.Generator) -> Pattern:
    """Advertisements and prints; 4 x 4."""
    return draw_cells(rng, 4, 4, _poster)


def _paper(cell: Pattern, rng: np.random.Generator) -> None:
    h, w = cell.shape[:2]
    paper = [
        (0.87, 0.87, 0.85),
        (0.85, 0.86, 0.88),
        (0.88, 0.85, 0.70),
        (0.84, 0.70, 0.62),
        (0.68, 0.80, 0.70),
        (0.66, 0.76, 0.86),
    ]
    cell[:] = paper[int(rng.choice(6, p=[0.5, 0.2, 0.1, 0.08, 0.06, 0.06]))]
    ink = (0.3, 0.3, 0.33)
    fill(cell, 0.1, 0.07, rng.uniform(0.3, 0.8), 0.05, (0.15, 0.15, 0.2))
    if rng.random() < 0.3:
        for y in np.arange(0.2, 0.9, 0.08):
            cv2.line(cell, (int(0.1 * w), int(y * h)), (int(0.9 * w), int(y * h)), ink, 2)
        for x in np.arange(0.1, 0.95, 0.2):
            cv2.line(cell, (int(x * w), int(0.2 * h)), (int(x * w), int(0.88 * h)), ink, 2)
    else:
        text_lines(cell, rng, (0.1, 0.18, 0.8, rng.uniform(0.3, 0.7)), 0.05, ink)
    if rng.random() < 0.4:
        fill(cell, rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.5), 0.28, brand(rng))


def papers(rng: np.random.Generator) -> Pattern:
    """Sheets of paper on boards and desks; 4 x 4."""
    return draw_cells(rng, 4, 4, _paper)


def _screen(cell: Pattern, rng: np.random.Generator) -> None:
    kind, (h, _w) = rng.random(), cell.shape[:2]
    if kind < 0.3:  # switched off: the room's reflection
        cell[:] = 0.025 + 0.02 * np.linspace(1, 0, h)[:, None, None]
        return
    cell[:] = [(0.10, 0.16, 0.26), (0.09, 0.10, 0.11), (0.80, 0.82, 0.84), (0.16, 0.30, 0.38)][int(rng.integers(4))]
    for _ in range(int(rng.integers(1, 4))):
        x, y, width, height = rng.uniform(0, 0.4), rng.uniform(0.02, 0.3), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.7)
        window = [(0.88, 0.88, 0.88), (0.13, 0.14, 0.16), (0.93, 0.93, 0.9)][int(rng.integers(3))]
        fill(cell, x, y, width, height, window)
        fill(cell, x, y, width, 0.05, (0.4, 0.45, 0.52))
        text_lines(cell, rng, (x + 0.03, y + 0.1, min(width, 1 - x) - 0.06, height - 0.14), 0.05, (0.45, 0.48, 0.5))
    fill(cell, 0, 0.95, 1, 0.05, (0.15, 0.17, 0.2))


def screens(rng: np.random.Generator) -> Pattern:
    """What monitors show; 4 x 4."""
    return draw_cells(rng, 4, 4, _screen)


def _shelf_of_books(cell: Pattern, rng: np.random.Generator) -> None:
    h, _w = cell.shape[:2]
    cell[:] = 0.05
    at = 0.0
    while at < 0.97:
        thick, tall = rng.uniform(0.02, 0.075), rng.uniform(0.6, 0.97)
        spine = np.array(brand(rng)) * 0.9
        fill(cell, at, 1 - tall, thick * 0.92, tall, tuple(spine))
        fill(cell, at, 1 - tall * rng.uniform(0.5, 0.85), thick * 0.92, tall * 0.12, ink_on(tuple(spine)))
        at += thick + (rng.random() < 0.06) * 0.12
    cell *= np.linspace(0.55, 1, h)[:, None, None]


def books(rng: np.random.Generator) -> Pattern:
    """Shelves of books and binders; 2 x 4."""
    return draw_cells(rng, 2, 4, _shelf_of_books)
