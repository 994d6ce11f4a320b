"""What all tests share: the development data beside the checkout, and small clips made on the spot."""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch's threads wait by spinning, and tiny networks gain nothing

DRAWING = "tests/reid/synthetic/"
"""Tests that open an OpenGL context in this process."""

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(scope="session")
def _converted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where networks are kept that were converted for an engine, which takes seconds: one folder for all tests."""
    return tmp_path_factory.mktemp("converted")


@pytest.fixture(autouse=True)
def _no_models_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, _converted: Path
) -> None:
    """Tests see no weights but those they name and those that come with the package, and download nothing."""
    monkeypatch.delenv("MDPR_MODELS", raising=False)
    cache = tmp_path_factory.mktemp("cache")
    (cache / "reid").symlink_to(_converted)
    monkeypatch.setenv("MDPR_CACHE", str(cache))
    monkeypatch.setenv("MDPR_OFFLINE", "1")
    monkeypatch.setenv("YOLO_OFFLINE", "1")


def pytest_collection_finish() -> None:
    """What is imported by now stays: every full look for garbage would go through all of it, half a second long."""
    gc.collect()
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that draw come last: the software renderer's LLVM crashes libraries that load another one after it."""
    items.sort(key=lambda item: item.nodeid.startswith(DRAWING))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with development data; the test is skipped where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("the development data (../shared) is not beside this checkout")
    return SHARED


@pytest.fixture(scope="session")
def kept_walk(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`kept_walk(frames, walkers, size)`: a clip as by `make_walk`, encoded once for all tests; not to be changed."""
    folder = tmp_path_factory.mktemp("walks")

    def keep(frames: int = 40, walkers: int = 2, size: tuple[int, int] = (320, 240)) -> Path:
        path = folder / f"{frames}-{walkers}-{size[0]}x{size[1]}.mp4"
        if not path.exists():
            _draw_walk(path, frames, walkers, size)
        return path

    return keep


@pytest.fixture
def make_walk(tmp_path: Path, kept_walk: Callable[..., Path]) -> Callable[..., Path]:
    """A clip of dark rectangles that walk over a grey, noisy ground: `make_walk(name, frames, walkers, size)`."""

    def make(name: str = "walk.mp4", frames: int = 40, walkers: int = 2, size: tuple[int, int] = (320, 240)) -> Path:
        return Path(shutil.copyfile(kept_walk(frames, walkers, size), tmp_path / name))

    return make


def _draw_walk(path: Path, frames: int, walkers: int, size: tuple[int, int]) -> None:
    noise = np.random.default_rng(0)
    ground = noise.normal(150, 6, (size[1], size[0], 3))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"preset": "ultrafast", "crf": "18"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for index in range(frames):
            picture = ground + noise.normal(0, 2, ground.shape)
            for walker in range(walkers):
                left = 10 + 5 * index if walker % 2 == 0 else size[0] - 40 - 5 * index
                top = 20 + 100 * (walker % 2)
                colour = (40 + 60 * walker, 30, 90 - 30 * walker)
                picture[top : top + 80, max(left, 0) : max(left + 30, 0)] = colour
            frame = av.VideoFrame.from_ndarray(np.clip(picture, 0, 255).astype(np.uint8), "bgr24")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
