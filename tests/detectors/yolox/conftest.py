"""Drawn people: a head, a body and legs in plain colours, before grounds that are full of other things."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

Scene = tuple[np.ndarray, list[dict[str, Any]]]


def draw_scene(rng: np.random.Generator, size: tuple[int, int], people: int, height: tuple[float, float]) -> Scene:
    """A picture of `size` = (width, height), and its annotations, from what is left of each figure."""
    width, rows = size
    corners = rng.integers(40, 215, (2, 2, 3)).astype(np.float32)
    image = cv2.resize(corners, size, interpolation=cv2.INTER_LINEAR)
    for _ in range(8):  # things that are no people: bars, boxes, balls
        colour = rng.integers(0, 256, 3).tolist()
        x, y = int(rng.integers(0, width)), int(rng.integers(0, rows))
        w, h = (int(v) for v in rng.integers(6, rows // 3, 2))
        if rng.random() < 0.6:
            cv2.rectangle(image, (x, y), (x + w, y + h), colour, -1)
        else:
            cv2.circle(image, (x, y), h // 3, colour, -1)
    owner = np.zeros((rows, width), np.int32)
    whole = []
    for number in range(1, people + 1):
        tall = float(rng.uniform(*height))
        x, foot = float(rng.uniform(0, width)), float(rng.uniform(0.7 * tall, rows + 0.1 * tall))
        mask = np.zeros_like(owner, np.uint8)
        parts = [  # centre y, half width, half height, as shares of the height; from the foot upwards
            (-0.93, 0.065, 0.07),
            (-0.65, 0.13, 0.22),
            (-0.23, 0.11, 0.23),
        ]
        for middle, across, up in parts:
            colour = rng.integers(0, 256, 3).tolist()
            centre = (round(x), round(foot + middle * tall))
            axes = (max(round(across * tall), 1), max(round(up * tall), 1))
            cv2.ellipse(image, centre, axes, 0, 0, 360, colour, -1)
            cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
        owner[mask > 0] = number
        whole.append(int(mask.sum()))
    annotations = []
    for number in range(1, people + 1):
        ys, xs = np.nonzero(owner == number)
        if len(xs) == 0:
            continue
        box = [int(xs.min()), int(ys.min()), int(xs.max() - xs.min() + 1), int(ys.max() - ys.min() + 1)]
        annotations.append({"category_id": 1, "bbox": box, "visibility": round(len(xs) / whole[number - 1], 3)})
    noisy = np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)
    return noisy, annotations


def write_scenes(
    folder: Path,
    count: int,
    seed: int = 0,
    size: tuple[int, int] = (224, 160),
    most: int = 4,
    height: tuple[float, float] = (40, 110),
) -> Path:
    """A data set of drawn scenes, with 0 to `most` people each."""
    rng = np.random.default_rng(seed)
    (folder / "images").mkdir(parents=True)
    images, annotations = [], []
    for number in range(count):
        picture, boxes = draw_scene(rng, size, int(rng.integers(0, most + 1)), height)
        name = f"{number:05}.jpg"
        cv2.imwrite(str(folder / "images" / name), picture)
        images.append({"id": number, "file_name": name, "width": size[0], "height": size[1]})
        annotations += [{"id": len(annotations) + i, "image_id": number, **box} for i, box in enumerate(boxes)]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (folder / "annotations.json").write_text(json.dumps(content))
    return folder


@pytest.fixture(scope="session")
def make_scenes() -> Callable[..., Path]:
    """See `write_scenes`."""
    return write_scenes


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors gain nothing by a second thread, and bit for bit needs the same number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
