"""Plates that were rendered once are kept in the cache: a world has many cameras, and every process needs them all."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from mdpr.files import make_folder, write_errors
from mdpr.reid.synthetic.cameras import camera_from_dict, camera_to_dict
from mdpr.reid.synthetic.lights import Light
from mdpr.reid.synthetic.opengl import open_context
from mdpr.reid.synthetic.places import BACKGROUNDS
from mdpr.reid.synthetic.plate_choice import plate_for
from mdpr.reid.synthetic.plates import Plate
from mdpr.weights import cache_folder

if TYPE_CHECKING:
    import moderngl

_VERSION = 2  # goes up when places look different
_PLATES_A_WORLD = 4096
_MANY = 12  # plates from which on it pays to start processes


def render_plates(seed: int, count: int, kinds: Sequence[str] = BACKGROUNDS) -> list[Path]:
    """The files of a world's plates, numbered from 1; those that are missing are rendered, about a second each.

    Many are rendered by several processes, one a core.

    Args:
        seed: of the world.
        count: of plates.
        kinds: of places that they show.
    """
    folder = cache_folder() / "synthetic" / f"plates-v{_VERSION}"
    if sorted(kinds) != sorted(BACKGROUNDS):
        folder /= "-".join(sorted(kinds))
    make_folder(folder)
    files = [folder / f"{seed}-{number}.npz" for number in range(1, count + 1)]
    missing = [(seed, number, file, tuple(kinds)) for number, file in enumerate(files, 1) if not file.exists()]
    cores = os.cpu_count() or 1
    alone = len(missing) if cores == 1 or len(missing) < _MANY else 1  # the first shows whether OpenGL works
    for job in tqdm(missing[:alone], unit=" places", disable=None):
        _render(job, cores)
    if rest := missing[alone:]:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(cores, len(rest)), context, _start_process) as pool:
            for _ in tqdm(pool.map(_render, rest), total=len(rest), unit=" places", disable=None):
                pass
    return files


def _start_process() -> None:
    os.environ["LP_NUM_THREADS"] = "0"  # the software renderer draws in the caller's thread
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which lets the last ones finish


def _render(job: tuple[int, int, Path, Sequence[str]], threads: int = 1) -> None:
    seed, number, file, kinds = job
    save_plate(file, world_plate(seed, number, open_context(threads), kinds))


def world_plate(seed: int, number: int, context: moderngl.Context, kinds: Sequence[str] = BACKGROUNDS) -> Plate:
    """The plate of camera `number` (from 1) of a world; four cameras in a row see one place."""
    return plate_for(_PLATES_A_WORLD * seed + number - 1, context, kinds)[3]


def load_plates(files: Sequence[Path]) -> Iterator[Plate]:
    """The plates of `render_plates`, one after the other."""
    for file in files:
        with np.load(file) as arrays:
            about: dict[str, Any] = json.loads(arrays["about"].tobytes())
            light: dict[str, Any] = {
                key: np.array(value) if isinstance(value, list) else value for key, value in about["light"].items()
            }
            height, width = arrays["image"].shape[:2]
            ground = np.unpackbits(arrays["ground"], count=height * width).reshape(height, width).astype(bool)
            yield Plate(
                camera_from_dict(about["camera"]),
                Light(**light),
                arrays["image"],
                arrays["shaded"],
                arrays["depth"],
                ground,
                arrays["sunlit"],
            )


def save_plate(file: Path, plate: Plate) -> None:
    """Write a plate so that `load_plates` reads it; the file appears when it is whole.

    Raises:
        OutputError: it cannot be written.
    """
    light = {
        key: value.tolist() if isinstance(value, np.ndarray) else value for key, value in asdict(plate.light).items()
    }
    about = json.dumps({"camera": camera_to_dict(plate.camera), "light": light})
    part = file.with_suffix(f".{os.getpid()}.part.npz")  # several runs may need the same plate
    with write_errors(file):
        np.savez(
            part,
            image=plate.image,
            shaded=plate.shaded,
            depth=plate.depth.astype(np.float16),  # millimetres near, centimetres far away
            ground=np.packbits(plate.ground),
            sunlit=plate.sunlit,
            about=np.frombuffer(about.encode(), np.uint8),
        )
        part.replace(file)
