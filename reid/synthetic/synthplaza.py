"""SynthPlaza: a benchmark of three scenes with exact truth, for tracking in and across cameras.

Its seeds are fixed, so that everybody who renders it with the same clothes gets the same people, places and paths.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.files import make_folder, write_text
from mdpr.reid.synthetic.origin import GENERATOR, assets_digest
from mdpr.reid.synthetic.path_types import PathOptions
from mdpr.reid.synthetic.scenes import SceneConfig, make_scene

NAME, VERSION = "SynthPlaza", 1
FILE = "synthplaza.json"
SPLITS = ("dev", "test")
"""Thresholds are set on dev; test is only measured on."""

_CAMERAS, _DURATION_S, _FPS, _HEIGHT = 4, 120.0, 10.0, 540
_SCENES: dict[str, dict[str, Any]] = {
    "plaza": {
        "place": "plaza",
        "people": 22,
        "alike": 0.5,
        "paths": PathOptions(present_first=0.4, returning=0.4, gap_s=(5.0, 30.0)),
    },
    "corridor": {
        "place": "crossing",
        "people": 30,
        "alike": 0.5,
        "paths": PathOptions(present_first=0.4, returning=0.5, standing=0.6, stand_s=(3.0, 12.0), gap_s=(5.0, 25.0)),
    },
    "crowd": {
        "place": "hall",
        "people": 50,
        "alike": 0.7,
        "paths": PathOptions(present_first=0.7, arrive_until=0.6, standing=0.7, in_groups=0.5, returning=0.25),
    },
}
SCENES = tuple(_SCENES)
# Of these seeds the places show something from all four views; nothing else is made with seeds above 70 000.
_SPLITS: dict[tuple[str, str], dict[str, Any]] = {
    ("dev", "plaza"): {"seed": 71_002, "light": "noon"},
    ("dev", "corridor"): {"seed": 71_001},
    ("dev", "crowd"): {"seed": 71_012},
    ("test", "plaza"): {"seed": 72_002, "light": "low-sun"},
    ("test", "corridor"): {"seed": 72_007},
    ("test", "crowd"): {"seed": 72_015},
}


def scene_config(split: str, scene: str, out: Path, assets: Path | None = None, workers: int = 1) -> SceneConfig:
    """The options of one scene.

    Args:
        split: one of `SPLITS`.
        scene: one of `SCENES`.
        out: folder of the split; the scene lies in a folder of its name.
        assets: folder of MakeHuman's clothes; without them people look simpler, and the figures are others'.
        workers: processes.

    Raises:
        ConfigError: there is no such split or scene.
    """
    for what, given, known in (("split", split, SPLITS), ("scene", scene, SCENES)):
        if given not in known:
            raise ConfigError(f"{NAME} has no {what} {given!r}; there are: {', '.join(known)}")
    return SceneConfig(
        out / scene,
        cameras=_CAMERAS,
        duration_s=_DURATION_S,
        fps=_FPS,
        height=_HEIGHT,
        assets=assets,
        workers=workers,
        **_SCENES[scene],
        **_SPLITS[split, scene],
    )


def make_split(split: str, out: Path, assets: Path | None = None, workers: int = 1) -> dict[str, int]:
    """Render what is missing of a split; returns the number of boxes of each scene.

    The file `FILE` is written first: it says what the folder holds, and what made it.

    Raises:
        ConfigError: the folder holds another split, or something made by other clothes or another generator.
        DependencyError: a package or OpenGL is missing.
        OutputError: the folder cannot be written.
    """
    configs = {scene: scene_config(split, scene, out, assets, workers) for scene in SCENES}
    make_folder(out)
    about = {
        "benchmark": NAME,
        "version": VERSION,
        "split": split,
        "scenes": list(SCENES),
        "generator": GENERATOR,
        "assets": None if assets is None else assets_digest(assets),
    }
    file = out / FILE
    if file.exists() and (there := json.loads(file.read_text("utf-8"))) != about:
        raise ConfigError(f"{file}: expected {about}, got {there}; give another --out")
    write_text(file, json.dumps(about, indent=2) + "\n")
    return {scene: make_scene(config) for scene, config in configs.items()}
