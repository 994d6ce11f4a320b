"""Random patterns that repeat without a seam: the raw material of textures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Pattern = NDArray[np.float32]

SIZE = 512
"""Texels along each side of a texture."""


def lattice(rng: np.random.Generator, columns: int, rows: int, size: int = SIZE) -> Pattern:
    """Smooth noise (size, size) of mean 0 and deviation about 1, with `columns` x `rows` bumps."""
    values = np.pad(rng.normal(size=(rows, columns)).astype(np.float32), 2, mode="wrap")
    step_x, step_y = size / columns, size / rows
    x, y = (
        (np.arange(size, dtype=np.float32) + 0.5) / step_x + 1.5,
        (np.arange(size, dtype=np.float32) + 0.5) / step_y + 1.5,
    )
    grid_x, grid_y = np.meshgrid(x, y)
    return cv2.remap(values, grid_x, grid_y, cv2.INTER_CUBIC).astype(np.float32)


def fractal(
    rng: np.random.Generator, bumps: int = 4, octaves: int = 6, gain: float = 0.55, stretch: int = 1
) -> Pattern:
    """Noise of several scales, (SIZE, SIZE), mean 0, deviation 1; `stretch` draws it out along x."""
    total = np.zeros((SIZE, SIZE), np.float32)
    for octave in range(octaves):
        across = min(max(bumps * 2**octave // stretch, 1), SIZE)
        total += gain**octave * lattice(rng, across, min(bumps * 2**octave, SIZE))
    return ((total - total.mean()) / total.std()).astype(np.float32)


def grain(rng: np.random.Generator, blur: float = 0.7) -> Pattern:
    """Fine grain (SIZE, SIZE), mean 0, deviation 1, about `blur` texels wide."""
    noise = rng.normal(size=(SIZE, SIZE)).astype(np.float32)
    if blur > 0:
        noise = cv2.GaussianBlur(np.pad(noise, 8, mode="wrap"), (0, 0), blur)[8:-8, 8:-8]
    return (noise / noise.std()).astype(np.float32)


def bond(columns: int, rows: int, shift: float = 0.0, joint: float = 2.0) -> tuple[NDArray[np.int64], Pattern]:
    """Bricks, slabs or tiles: the number of the brick at each texel, 1 in joints (`joint` texels wide), 0 elsewhere.

    `shift` moves every second row by that share of a brick; `rows` must be even then, or the pattern has a seam.
    """
    y, x = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    row = (y * rows / SIZE).astype(np.int64)
    along = x * columns / SIZE + shift * (row % 2)
    column = np.floor(along).astype(np.int64) % columns
    from_x = np.minimum(along % 1, 1 - along % 1) * SIZE / columns
    down = y * rows / SIZE % 1
    from_y = np.minimum(down, 1 - down) * SIZE / rows
    edge = np.minimum(from_x, from_y)
    return row * columns + column, np.clip(joint / 2 + 0.5 - edge, 0, 1).astype(np.float32)


def stones(rng: np.random.Generator, count: int, jitter: float = 1.0) -> tuple[NDArray[np.int64], Pattern]:
    """Irregular stones: the number of the nearest of about `count` points, and 0 at their borders up to 1 inside."""
    side = max(int(np.sqrt(count)), 2)
    y, x = np.mgrid[0:side, 0:side]
    points = np.stack([x, y], -1).reshape(-1, 2) + 0.5 + jitter * rng.uniform(-0.5, 0.5, (side * side, 2))
    points = points * SIZE / side % SIZE
    tree = cKDTree(points, boxsize=SIZE)
    rows, columns = np.mgrid[0:SIZE:2, 0:SIZE:2]
    distance, index = tree.query(np.stack([columns, rows], -1).reshape(-1, 2) + 0.5, k=2)
    half = (SIZE // 2, SIZE // 2)
    gap = ((distance[:, 1] - distance[:, 0]) / (SIZE / side)).reshape(half)
    inside = cv2.resize(np.clip(gap / 0.35, 0, 1).astype(np.float32), (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    return index[:, 0].reshape(half).repeat(2, 0).repeat(2, 1), inside


def cracks(rng: np.random.Generator, count: int, length: float = 200.0, width: int = 1) -> Pattern:
    """Wandering lines, 1 on the line and 0 elsewhere; they wrap around."""
    picture = np.zeros((SIZE, SIZE), np.float32)
    for _ in range(count):
        point, angle = rng.uniform(0, SIZE, 2), rng.uniform(0, 2 * np.pi)
        for _ in range(int(length * rng.uniform(0.4, 1.4) / 8)):
            angle += rng.normal(0, 0.45)
            following = point + 8 * np.array([np.cos(angle), np.sin(angle)])
            if (following // SIZE == point // SIZE).all():
                ends = [tuple(int(v) for v in p % SIZE) for p in (point, following)]
                cv2.line(picture, ends[0], ends[1], 1.0, width, cv2.LINE_AA)
            point = following
    return picture


def spots(rng: np.random.Generator, count: int, radius: tuple[float, float]) -> Pattern:
    """Soft round spots, 1 in the middle and 0 elsewhere; they wrap around."""
    pad = int(radius[1] * 2) + 2
    picture = np.zeros((SIZE + 2 * pad, SIZE + 2 * pad), np.float32)
    for x, y, r, strength in zip(
        *rng.uniform(0, SIZE, (2, count)), rng.uniform(*radius, count), rng.uniform(0.4, 1, count), strict=True
    ):
        for dx in (-SIZE, 0, SIZE):
            for dy in (-SIZE, 0, SIZE):
                if 0 <= x + dx + pad < SIZE + 2 * pad and 0 <= y + dy + pad < SIZE + 2 * pad:
                    centre = (round(x + dx + pad), round(y + dy + pad))
                    axes = (max(1, round(r)), max(1, round(r * (0.6 + 0.4 * strength))))
                    cv2.ellipse(picture, centre, axes, strength * 180, 0, 360, float(strength), -1, cv2.LINE_AA)
    return cv2.GaussianBlur(picture, (0, 0), max(radius[0] / 3, 0.5))[pad:-pad, pad:-pad]
