"""Textures that show things: goods, posters, papers, screens, books, rooms behind windows, signs.

Each is a grid of cells (`GRIDS` in `mdpr.reid.synthetic.textures`), (SIZE, SIZE, 4) display values; alpha is the shine.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mdpr.reid.synthetic.noise import SIZE, Pattern, fractal, grain

Rgb = tuple[float, float, float]

BRANDS: list[Rgb] = [  # what packages, posters and signs are printed in, muted as under real light
    (0.72, 0.13, 0.12),
    (0.80, 0.42, 0.10),
    (0.84, 0.70, 0.20),
    (0.20, 0.42, 0.22),
    (0.42, 0.58, 0.26),
    (0.12, 0.24, 0.46),
    (0.24, 0.44, 0.64),
    (0.42, 0.22, 0.38),
    (0.86, 0.85, 0.80),
    (0.90, 0.89, 0.87),
    (0.80, 0.76, 0.66),
    (0.55, 0.38, 0.24),
    (0.30, 0.20, 0.15),
    (0.12, 0.12, 0.13),
    (0.62, 0.62, 0.60),
    (0.82, 0.60, 0.58),
    (0.20, 0.46, 0.48),
    (0.74, 0.64, 0.46),
]
_SHOP_WORDS = [
    "MARKET",
    "CAFE",
    "BOOKS",
    "BAKERY",
    "PHARMACY",
    "FLOWERS",
    "OPTIK",
    "HAIR",
    "SHOES",
    "BANK",
    "HOTEL",
    "BAR",
    "TRAVEL",
    "PHONE",
    "SPORT",
    "MODA",
    "PIZZA",
    "KIOSK",
    "TABAK",
    "FRESH",
    "SALE",
    "-50%",
    "COPY",
    "STUDIO",
    "GYM",
]
_SERVICE_WORDS = [
    "EXIT",
    "WC",
    "INFO",
    "PLATFORM 2",
    "TICKETS",
    "ROOM 12",
    "LAB 3",
    "P1",
    "LEVEL B",
    "LIBRARY",
    "OFFICE",
    "NO ENTRY",
    "GATE 4",
    "TRACK 7",
    "LIFT",
    "RECEPTION",
    "HALL A",
    "STAIRS",
    "1-24",
    "B 107",
]
_FONTS = (cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_TRIPLEX, cv2.FONT_HERSHEY_COMPLEX)


def _cells(rng: np.random.Generator, columns: int, rows: int, draw: Callable[..., None]) -> Pattern:
    """A picture texture whose cells `draw(picture, rng)` paints, twice as large as they end up."""
    width, height = 2 * SIZE // columns, 2 * SIZE // rows
    sheet = np.zeros((2 * SIZE, 2 * SIZE, 3), np.float32)
    for row in range(rows):
        for column in range(columns):
            cell = np.zeros((height, width, 3), np.float32)
            draw(cell, rng)
            sheet[row * height : (row + 1) * height, column * width : (column + 1) * width] = cell
    sheet = cv2.resize(sheet, (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    sheet *= 1 + 0.02 * grain(rng, 0.8)[..., None]
    return np.clip(np.dstack([sheet, np.ones((SIZE, SIZE), np.float32)]), 0, 1)


def _brand(rng: np.random.Generator) -> Rgb:
    red, green, blue = np.clip(np.array(BRANDS[int(rng.integers(len(BRANDS)))]) * rng.normal(1, 0.1), 0.03, 0.93)
    return float(red), float(green), float(blue)


def _fill(cell: Pattern, x: float, y: float, width: float, height: float, colour: Rgb) -> None:
    """A rectangle in shares of the cell."""
    h, w = cell.shape[:2]
    cell[max(int(y * h), 0) : int((y + height) * h), max(int(x * w), 0) : int((x + width) * w)] = colour


def _lines(
    cell: Pattern, rng: np.random.Generator, area: tuple[float, float, float, float], pitch: float, ink: Rgb
) -> None:
    """Lines of text too small to read, in the area x, y, width, height (shares of the cell)."""
    x, y, width, height = area
    for top in np.arange(y, y + height, pitch):
        at, end = x, x + width * rng.uniform(0.5, 1)
        while at < end:
            word = rng.uniform(0.02, 0.12) * width / 0.8
            _fill(cell, at, top, min(word, end - at), pitch * 0.45, ink)
            at += word + 0.02


def _text(
    cell: Pattern, rng: np.random.Generator, words: str, box: tuple[float, float, float, float], ink: Rgb
) -> None:
    """Words as large as the box (shares of the cell) allows."""
    h, w = cell.shape[:2]
    font, (x, y, width, height) = _FONTS[int(rng.integers(len(_FONTS)))], box
    (text_w, text_h), _ = cv2.getTextSize(words, font, 1.0, 2)
    scale = min(width * w / text_w, height * h / text_h)
    thickness = max(1, round(scale * 2.2))
    origin = (int(x * w + (width * w - text_w * scale) / 2), int((y + height) * h - (height * h - text_h * scale) / 2))
    stencil = np.zeros((h, w), np.uint8)
    cv2.putText(stencil, words, origin, font, scale, 255, thickness, cv2.LINE_AA)
    cell += (np.array(ink, np.float32) - cell) * (stencil[..., None] / np.float32(255))


def _contrast(colour: Rgb) -> Rgb:
    return (0.92, 0.91, 0.88) if np.mean(colour) < 0.5 else (0.1, 0.1, 0.12)


def _package(cell: Pattern, rng: np.random.Generator) -> None:
    base, second = _brand(rng), _brand(rng)
    cell[:] = base
    for _ in range(int(rng.integers(1, 4))):
        _fill(
            cell,
            0 if rng.random() < 0.6 else rng.uniform(0.05, 0.4),
            rng.uniform(0, 0.8),
            1.0,
            rng.uniform(0.06, 0.4),
            _brand(rng),
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
        _text(cell, rng, word, (0.1, rng.uniform(0.1, 0.6), 0.8, 0.16), _contrast(base))
    _lines(cell, rng, (0.15, 0.8, 0.7, 0.14), 0.06, _contrast(base))
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
    _fill(cell, 0.5 - neck / 2, 0.04, neck, shoulder, tuple(body))
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
    _fill(cell, 0.08, shoulder + 0.06, 0.84, 1, tuple(body))
    label = _brand(rng)
    _fill(cell, 0.08, shoulder + 0.16, 0.84, 0.3, label)
    _lines(cell, rng, (0.16, shoulder + 0.22, 0.68, 0.2), 0.07, _contrast(label))
    _fill(cell, 0.5 - neck / 2, 0.02, neck, 0.06, _brand(rng))
    cell *= (0.55 + 0.6 * np.sin(np.linspace(0.2, 2.7, w)))[None, :, None]


def goods(rng: np.random.Generator) -> Pattern:
    """Fronts of packages and bottles; 8 x 8."""
    return _cells(rng, 8, 8, lambda cell, r: _package(cell, r) if r.random() < 0.7 else _bottle(cell, r))


def _poster(cell: Pattern, rng: np.random.Generator) -> None:
    h, w = cell.shape[:2]
    low, high = np.array(_brand(rng)), np.array(_brand(rng))
    ramp = np.linspace(0, 1, h)[:, None, None]
    cell[:] = low * (1 - ramp) + high * ramp
    for _ in range(int(rng.integers(2, 7))):  # a landscape, a product, shapes
        centre = (int(rng.uniform(0, w)), int(rng.uniform(0.2, 0.9) * h))
        axes = (int(rng.uniform(0.05, 0.5) * w), int(rng.uniform(0.05, 0.3) * h))
        cv2.ellipse(cell, centre, axes, rng.uniform(0, 180), 0, 360, _brand(rng), -1, cv2.LINE_AA)
    cell[:] = cv2.GaussianBlur(cell, (0, 0), rng.choice([0.8, 3.0, 8.0]))
    if rng.random() < 0.7:
        band = _brand(rng)
        y = rng.choice([0.0, 0.7, 0.8])
        _fill(cell, 0, y, 1, 0.2, band)
        _text(cell, rng, str(rng.choice(_SHOP_WORDS)), (0.1, y + 0.03, 0.8, 0.12), _contrast(band))
    _lines(cell, rng, (0.1, rng.uniform(0.45, 0.6), 0.8, 0.12), 0.04, _contrast(_brand(rng)))
    if rng.random() < 0.5:
        cv2.rectangle(cell, (0, 0), (w - 1, h - 1), (0.85, 0.85, 0.83), max(2, w // 20))


def posters(rng: np.random.Generator) -> Pattern:
    """Advertisements and prints; 4 x 4."""
    return _cells(rng, 4, 4, _poster)


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
    _fill(cell, 0.1, 0.07, rng.uniform(0.3, 0.8), 0.05, (0.15, 0.15, 0.2))
    if rng.random() < 0.3:
        for y in np.arange(0.2, 0.9, 0.08):
            cv2.line(cell, (int(0.1 * w), int(y * h)), (int(0.9 * w), int(y * h)), ink, 2)
        for x in np.arange(0.1, 0.95, 0.2):
            cv2.line(cell, (int(x * w), int(0.2 * h)), (int(x * w), int(0.88 * h)), ink, 2)
    else:
        _lines(cell, rng, (0.1, 0.18, 0.8, rng.uniform(0.3, 0.7)), 0.05, ink)
    if rng.random() < 0.4:
        _fill(cell, rng.uniform(0.1, 0.4), rng.uniform(0.4, 0.6), rng.uniform(0.3, 0.5), 0.28, _brand(rng))


def papers(rng: np.random.Generator) -> Pattern:
    """Sheets of paper on boards and desks; 4 x 4."""
    return _cells(rng, 4, 4, _paper)


def _screen(cell: Pattern, rng: np.random.Generator) -> None:
    kind, (h, _w) = rng.random(), cell.shape[:2]
    if kind < 0.3:  # switched off: the room's reflection
        cell[:] = 0.025 + 0.02 * np.linspace(1, 0, h)[:, None, None]
        return
    cell[:] = [(0.10, 0.16, 0.26), (0.09, 0.10, 0.11), (0.80, 0.82, 0.84), (0.16, 0.30, 0.38)][int(rng.integers(4))]
    for _ in range(int(rng.integers(1, 4))):
        x, y, width, height = rng.uniform(0, 0.4), rng.uniform(0.02, 0.3), rng.uniform(0.4, 0.7), rng.uniform(0.4, 0.7)
        window = [(0.88, 0.88, 0.88), (0.13, 0.14, 0.16), (0.93, 0.93, 0.9)][int(rng.integers(3))]
        _fill(cell, x, y, width, height, window)
        _fill(cell, x, y, width, 0.05, (0.4, 0.45, 0.52))
        _lines(cell, rng, (x + 0.03, y + 0.1, min(width, 1 - x) - 0.06, height - 0.14), 0.05, (0.45, 0.48, 0.5))
    _fill(cell, 0, 0.95, 1, 0.05, (0.15, 0.17, 0.2))


def screens(rng: np.random.Generator) -> Pattern:
    """What monitors show; 4 x 4."""
    return _cells(rng, 4, 4, _screen)


def _shelf_of_books(cell: Pattern, rng: np.random.Generator) -> None:
    h, _w = cell.shape[:2]
    cell[:] = 0.05
    at = 0.0
    while at < 0.97:
        thick, tall = rng.uniform(0.02, 0.075), rng.uniform(0.6, 0.97)
        spine = np.array(_brand(rng)) * 0.9
        _fill(cell, at, 1 - tall, thick * 0.92, tall, tuple(spine))
        _fill(cell, at, 1 - tall * rng.uniform(0.5, 0.85), thick * 0.92, tall * 0.12, _contrast(tuple(spine)))
        at += thick + (rng.random() < 0.06) * 0.12
    cell *= np.linspace(0.55, 1, h)[:, None, None]


def books(rng: np.random.Generator) -> Pattern:
    """Shelves of books and binders; 2 x 4."""
    return _cells(rng, 2, 4, _shelf_of_books)


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
        _fill(cell, 0, 0.7, 1, 0.3, (0.2, 0.17, 0.14))
        _fill(cell, rng.uniform(0.1, 0.6), 0.45, 0.25, 0.3, _brand(rng))
        cell *= 0.6
    cell *= np.linspace(0.8, 1.1, h)[:, None, None]


def rooms(rng: np.random.Generator) -> Pattern:
    """Behind window panes; 4 x 4."""
    return _cells(rng, 4, 4, _room)


def _display(cell: Pattern, rng: np.random.Generator) -> None:
    """A shop window: back wall, lit goods on stands and shelves, price cards, stickers."""
    h, w = cell.shape[:2]
    cell[:] = np.array([0.34, 0.29, 0.23]) * rng.uniform(0.5, 1.2)
    cell[:] += (0.16 * np.exp(-((np.linspace(-1, 1, w) - rng.uniform(-0.5, 0.5)) ** 2) * 4))[None, :, None]
    for level in np.sort(rng.uniform(0.3, 0.95, int(rng.integers(2, 5)))):
        _fill(cell, 0, level, 1, 0.02, (0.2, 0.17, 0.14))
        at = rng.uniform(0, 0.1)
        while at < 0.95:
            width, height = rng.uniform(0.03, 0.1), rng.uniform(0.05, 0.2)
            _fill(cell, at, level - height, width, height, _brand(rng))
            at += width + rng.exponential(0.05)
    if rng.random() < 0.5:
        sign = _brand(rng)
        x, y = rng.uniform(0.05, 0.6), rng.uniform(0.15, 0.6)
        _fill(cell, x, y, 0.3, 0.14, sign)
        _text(
            cell,
            rng,
            str(rng.choice(["SALE", "NEW", "OPEN", "-30%", "CAFE"])),
            (x + 0.03, y + 0.03, 0.24, 0.08),
            _contrast(sign),
        )
    cell *= np.clip(np.linspace(0.9, 0.55, h), 0, 1)[:, None, None]


def displays(rng: np.random.Generator) -> Pattern:
    """Shop windows; 2 x 4."""
    return _cells(rng, 2, 4, _display)


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
        ground = _brand(r) if is_shop else service[int(r.integers(5))]
        cell[:] = ground
        _text(
            cell,
            r,
            str(r.choice(_SHOP_WORDS if is_shop else _SERVICE_WORDS)),
            (0.06, 0.2, 0.88, 0.6),
            _contrast(ground),
        )

    return _cells(rng, 2, 8, draw)


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
