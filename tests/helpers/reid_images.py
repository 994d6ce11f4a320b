"""Small pictures of made-up people, and a data set of them in Market-1501's folders."""

from __future__ import annotations

import colorsys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_GOLDEN = 0.6180339887498949


def person_picture(
    identity: int, seed: int = 0, camera: int = 1, size: tuple[int, int] = (64, 32)
) -> NDArray[np.uint8]:
    """(height, width, 3) uint8 RGB: clothes tell the identity; seed moves the body, camera tints the light."""
    height, width = size
    noise = np.random.default_rng([identity, seed, camera])
    picture = np.full((height, width, 3), 0.35 + 0.1 * noise.random())
    rows, columns = np.mgrid[0:height, 0:width]
    row = rows / height - noise.uniform(-0.04, 0.04)
    column = (columns + 0.5) / width - 0.5 - noise.uniform(-0.08, 0.08)

    shirt = np.array(colorsys.hsv_to_rgb(identity * _GOLDEN % 1, 0.9, 0.9))
    trousers = np.array(colorsys.hsv_to_rgb((0.4 + identity * _GOLDEN * _GOLDEN) % 1, 0.7, 0.6))
    is_dark_band = np.sin(row * 2 * np.pi * (4 + 3 * (identity % 4))) > 0.3
    torso = (np.abs(column) < 0.28) & (row >= 0.2) & (row < 0.55)
    legs = (np.abs(column) < 0.22) & (np.abs(column) > 0.03) & (row >= 0.55) & (row < 0.95)
    head = (column / 0.16) ** 2 + ((row - 0.11) / 0.08) ** 2 < 1
    picture[torso] = np.where((is_dark_band & (identity % 2 == 1))[torso][:, None], 0.2 * shirt, shirt)
    picture[legs] = trousers
    picture[head] = (0.85, 0.65, 0.5)

    light = 1 + 0.06 * np.random.default_rng(camera).normal(size=3)
    picture = picture * light * noise.uniform(0.9, 1.1) + noise.normal(0, 0.02, picture.shape)
    return (np.clip(picture, 0, 1) * 255).astype(np.uint8)


def save_person(path: Path, identity: int, seed: int = 0, camera: int = 1, size: tuple[int, int] = (64, 32)) -> Path:
    """`person_picture` as a file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(person_picture(identity, seed, camera, size)).save(path, quality=92)
    return path


def make_market(
    root: Path,
    identities: int = 4,
    cameras: int = 2,
    images: int = 3,
    size: tuple[int, int] = (64, 32),
    test_identities: int | None = None,
) -> Path:
    """A data set in Market-1501's folders and names; reads with `load_dataset("market1501", root)`.

    Args:
        root: becomes the folder of the data set.
        identities: people in training, numbered from 1.
        cameras: each person is seen by all of them.
        images: of a person in one camera; of a test person the first is a query, the others are gallery.
        size: (height, width) of a picture.
        test_identities: other people, numbered on from the training's; None = as many as in training.

    Returns:
        `root`.
    """
    tested = identities if test_identities is None else test_identities
    for folder in ("bounding_box_train", "bounding_box_test", "query"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    for identity in range(1, identities + tested + 1):
        for camera in range(1, cameras + 1):
            for index in range(images):
                name = f"{identity:04d}_c{camera}s1_{index + 1:06d}_01.jpg"
                folder = "bounding_box_train"
                if identity > identities:
                    folder = "bounding_box_test" if index else "query"
                save_person(root / folder / name, identity, index, camera, size)
    return root
