"""`mdpr data synth detection`: pictures of places with people and their boxes, for training detectors (COCO format)."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mdpr.errors import ConfigError
from mdpr.files import make_folder, write_bytes, write_text
from mdpr.reid.synthetic.identities import sample_identity
from mdpr.reid.synthetic.jobs import claim_folder, read_journal, run_jobs
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.origin import PACKAGE, settings_of
from mdpr.reid.synthetic.people_renderer import Placed
from mdpr.reid.synthetic.person import PeopleMaker, Person
from mdpr.reid.synthetic.places import BACKGROUNDS, PLACES
from mdpr.reid.synthetic.plate_library import load_plates, render_plates
from mdpr.reid.synthetic.scene_painter import Label, ScenePainter
from mdpr.reid.synthetic.sensor import auto_exposure, compress, expose, sample_sensor
from mdpr.reid.synthetic.studio import StudioCamera, set_up_camera, stand

ANNOTATIONS = "annotations.json"
_WIDTH, _HEIGHT = 1280, 720
_CROWD = 400  # people who appear; each is made when first needed, and the last ones are kept
_KEPT = 64


@dataclass(frozen=True)
class DetectionSetConfig:
    """What to render.

    Attributes:
        out: folder: images/ and annotations.json.
        seed: of the world.
        images: how many.
        cameras: places and views of them.
        places: kinds of them; empty for those of `reid` too.
        most_people: in one picture.
        height: of the pictures in pixels; they are rendered at 720 lines.
        assets: folder of MakeHuman's clothes, or None.
        workers: processes.
    """

    out: Path
    seed: int = 0
    images: int = 1000
    cameras: int = 96
    places: tuple[str, ...] = ()
    most_people: int = 24
    height: int = 540
    assets: Path | None = None
    workers: int = max(os.cpu_count() or 1, 1)

    def __post_init__(self) -> None:
        for name, least in (("images", 1), ("cameras", 1), ("most_people", 1), ("height", 90), ("workers", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}")
        if unknown := set(self.places) - set(PLACES):
            raise ConfigError(f"no place is called {min(unknown)!r}; there are: {', '.join(PLACES)}")


def make_detection_set(config: DetectionSetConfig) -> int:
    """Render the pictures that are missing and write the annotations; returns how many people they show.

    Raises:
        ConfigError: the folder holds something made with other settings.
        DependencyError: a package or OpenGL is missing.
        OutputError: the folder cannot be written.
    """
    make_folder(config.out / "images")
    claim_folder(config.out, settings_of(config, config.assets), [PACKAGE, "images"])
    plates = render_plates(config.seed, config.cameras, config.places or BACKGROUNDS)
    for _ in run_jobs(config.out, range(config.images), _start, (config, plates), _picture, config.workers, " images"):
        pass
    rows = sorted(read_journal(config.out), key=lambda row: row["number"])
    rows = [row for row in rows if row["number"] < config.images]
    write_text(config.out / ANNOTATIONS, json.dumps(_coco(rows)))
    return sum(len(row["boxes"]) for row in rows)


@dataclass
class _Worker:
    config: DetectionSetConfig
    maker: PeopleMaker
    cameras: list[StudioCamera]
    painter: ScenePainter
    crowd: dict[int, Person]


_worker: _Worker


def _start(config: DetectionSetConfig, plates: Sequence[Path]) -> None:
    global _worker
    cv2.setNumThreads(1)
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer draws in the caller's thread
    sensor = sample_sensor(np.random.default_rng(0))  # replaced in every picture
    found = [set_up_camera(number, plate, sensor, config.seed) for number, plate in enumerate(load_plates(plates), 1)]
    cameras = [camera for camera in found if camera is not None]
    _worker = _Worker(config, PeopleMaker(config.assets), cameras, ScenePainter(open_context(1), _WIDTH, _HEIGHT), {})


def _picture(number: int) -> dict[str, Any]:
    config = _worker.config
    rng = np.random.default_rng([config.seed, 11, number])
    camera = _worker.cameras[int(rng.integers(len(_worker.cameras)))]
    people = _people(camera, rng)
    painted = _worker.painter.paint(camera.plate, people)
    sensor = auto_exposure(sample_sensor(rng), painted.image)
    image = expose(painted.image, sensor, rng)
    scale = config.height / _HEIGHT
    size = (round(_WIDTH * scale), config.height)
    flip = bool(rng.random() < 0.5)
    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    if flip:
        image = image[:, ::-1]
    name = f"{number:06d}.jpg"
    write_bytes(config.out / "images" / name, compress(np.ascontiguousarray(image), sensor.quality))
    boxes = [_box(label, scale, size, flip) for label in painted.labels]
    return {"number": number, "file": name, "width": size[0], "height": size[1], "boxes": boxes}


def _people(camera: StudioCamera, rng: np.random.Generator) -> list[Placed]:
    """None to many, alone and in groups."""
    config = _worker.config
    wanted = 0 if rng.random() < 0.06 else int(rng.integers(1, 2 + rng.integers(1, config.most_people)))
    placed: list[Placed] = []
    while len(placed) < wanted:
        place = int(rng.integers(len(camera.standing)))
        x, y = camera.standing[place]
        together = int(rng.choice([1, 2, 3, 5], p=[0.6, 0.22, 0.12, 0.06]))
        for _ in range(min(together, wanted - len(placed))):
            aside = rng.normal(0, 0.75, 2) if together > 1 else np.zeros(2)
            person = _someone(int(rng.integers(_CROWD))).for_height(camera.heights[place])
            placed.append(stand(person, x + aside[0], y + aside[1], rng, camera.sunlit[place]))
    return placed


def _someone(number: int) -> Person:
    crowd = _worker.crowd
    if number not in crowd:
        if len(crowd) >= _KEPT:
            crowd.pop(next(iter(crowd)))
        crowd[number] = _worker.maker.make(sample_identity(_worker.config.seed, number))
    return crowd[number]


def _box(label: Label, scale: float, size: tuple[int, int], flip: bool) -> list[float]:
    """x, y, width, height of what lies within the picture, and the visible share."""
    x1, y1, x2, y2 = (np.clip(label.xyxy * scale, 0, [*size, *size])).tolist()
    if flip:
        x1, x2 = size[0] - x2, size[0] - x1
    return [round(value, 2) for value in (x1, y1, x2 - x1, y2 - y1)] + [round(label.visible, 3)]


def _coco(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row in rows:
        size = {"width": row["width"], "height": row["height"]}
        images.append({"id": row["number"] + 1, "file_name": row["file"], **size})
        for x, y, width, height, visible in row["boxes"]:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": row["number"] + 1,
                    "category_id": 1,
                    "bbox": [x, y, width, height],
                    "area": round(width * height, 2),
                    "iscrowd": 0,
                    "visibility": visible,
                }
            )
    return {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
