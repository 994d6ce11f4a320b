"""`mdpr data synth`: pictures and videos of people who do not exist."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError


def add_parser(commands: Any) -> None:
    """Add `synth` and what it can make to the subcommands of `mdpr data`."""
    synth = commands.add_parser("synth", help="make people who do not exist: ReID sets, scenes, pictures with boxes")
    products = synth.add_subparsers(dest="product", metavar="PRODUCT", required=True)

    reid = products.add_parser("reid", help="a ReID data set in Market-1501's layout, with a manifest")
    _add_common(reid)
    reid.add_argument("--identities", type=int, default=100, metavar="N", help="how many people (100)")
    reid.add_argument("--views", type=int, default=16, metavar="N", help="pictures of each (16)")
    reid.add_argument("--cameras", type=int, default=48, metavar="N", help="cameras in the world (48)")
    reid.add_argument("--first", type=int, default=0, metavar="N", help="number of the first person (0)")
    reid.add_argument("--hold-out", type=float, default=0.1, metavar="PART", help="people for query and gallery (0.1)")
    _add_alike(reid)

    scene = products.add_parser("scene", help="videos of a place by several cameras, with exact truth")
    _add_common(scene)
    scene.add_argument("--place", default="plaza", metavar="KIND", help="kind of place (plaza)")
    scene.add_argument("--light", default="", metavar="KIND", help="noon, overcast, evening, ... (one that suits)")
    scene.add_argument("--people", type=int, default=12, metavar="N", help="how many come by (12)")
    scene.add_argument("--first", type=int, default=0, metavar="N", help="number of the first person (0)")
    scene.add_argument("--cameras", type=int, default=4, metavar="N", help="how many see the place (4)")
    scene.add_argument("--duration", type=float, default=120.0, metavar="SECONDS", help="of the videos (120)")
    scene.add_argument("--fps", type=float, default=10.0, metavar="N", help="frames a second (10)")
    scene.add_argument("--height", type=int, default=720, metavar="PIXELS", help="of the pictures (720)")
    _add_alike(scene)

    detection = products.add_parser("detection", help="pictures of places with boxes of people, in COCO's format")
    _add_common(detection)
    detection.add_argument("--images", type=int, default=1000, metavar="N", help="how many (1000)")
    detection.add_argument("--cameras", type=int, default=96, metavar="N", help="views of places (96)")
    detection.add_argument("--places", nargs="+", default=(), metavar="KIND", help="kinds of places (all but crossing)")
    detection.add_argument("--most-people", type=int, default=24, metavar="N", help="in one picture (24)")
    detection.add_argument("--height", type=int, default=540, metavar="PIXELS", help="of the pictures (540)")

    plaza = products.add_parser("plaza", help="the benchmark SynthPlaza: three scenes with fixed seeds")
    plaza.add_argument("--split", choices=("dev", "test"), default="dev", help="set thresholds on dev (dev)")
    _add_place_of_work(plaza)


def run(flags: argparse.Namespace) -> int:
    """Make the product that the flags name; returns the exit code."""
    if flags.assets is not None and not flags.assets.is_dir():
        raise ConfigError(f"--assets {flags.assets}: no such folder; expected MakeHuman's clothes (*.mhclo and *.obj)")
    common = {"out": flags.out, "assets": flags.assets, "workers": flags.workers}
    products = {"reid": _reid, "scene": _scene, "detection": _detection, "plaza": _plaza}
    line = products[flags.product](flags, common)
    sys.stdout.write(f"{flags.out}: {line}\n")
    return 0


def _reid(flags: argparse.Namespace, common: dict[str, Any]) -> str:
    from mdpr.reid.synthetic.reid_set import ReidSetConfig, make_reid_set

    chosen = {name: getattr(flags, name) for name in ("identities", "views", "cameras", "first", "hold_out", "alike")}
    speed = make_reid_set(ReidSetConfig(**common, seed=flags.seed, **chosen))
    return f"{flags.identities} people, {flags.views} views each, {speed:.1f} crops/s"


def _scene(flags: argparse.Namespace, common: dict[str, Any]) -> str:
    from mdpr.reid.synthetic.scenes import SceneConfig, make_scene

    chosen = {
        name: getattr(flags, name)
        for name in ("place", "light", "people", "first", "cameras", "fps", "height", "alike")
    }
    boxes = make_scene(SceneConfig(**common, seed=flags.seed, **chosen, duration_s=flags.duration))
    return f"{flags.people} people, {flags.cameras} cameras, {boxes} boxes"


def _detection(flags: argparse.Namespace, common: dict[str, Any]) -> str:
    from mdpr.reid.synthetic.detection_set import DetectionSetConfig, make_detection_set

    chosen = {name: getattr(flags, name) for name in ("images", "cameras", "most_people", "height")}
    chosen["places"] = tuple(flags.places)
    people = make_detection_set(DetectionSetConfig(**common, seed=flags.seed, **chosen))
    return f"{flags.images} pictures, {people} people"


def _plaza(flags: argparse.Namespace, common: dict[str, Any]) -> str:
    from mdpr.reid.synthetic.synthplaza import make_split

    boxes = make_split(flags.split, **common)
    return f"{flags.split}: " + ", ".join(f"{scene} {count} boxes" for scene, count in boxes.items())


def _add_common(parser: argparse.ArgumentParser) -> None:
    _add_place_of_work(parser)
    parser.add_argument("--seed", type=int, default=0, help="of the world: people, places, cameras (0)")


def _add_place_of_work(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="results; an interrupted run goes on")
    parser.add_argument("--assets", type=Path, metavar="DIR", help="MakeHuman's clothes, shoes and hair (CC0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (one a core)")


def _add_alike(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--alike", type=float, default=0.5, metavar="PART", help="people dressed like others, 0 to 1 (0.5)"
    )
