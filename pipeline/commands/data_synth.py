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
    synth = commands.add_parser("synth", help="make people who do not exist: ReID sets")
    products = synth.add_subparsers(dest="product", metavar="PRODUCT", required=True)

    reid = products.add_parser(
        "reid", help="crops of people as a ReID data set in Market-1501's layout, with a manifest"
    )
    reid.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the set; goes on where it was")
    reid.add_argument("--identities", type=int, default=100, metavar="N", help="how many people (100)")
    reid.add_argument("--views", type=int, default=16, metavar="N", help="pictures of each (16)")
    reid.add_argument("--cameras", type=int, default=48, metavar="N", help="cameras in the world (48)")
    reid.add_argument("--seed", type=int, default=0, help="of the world: people, places, cameras (0)")
    reid.add_argument("--first", type=int, default=0, metavar="N", help="number of the first person (0)")
    reid.add_argument(
        "--alike", type=float, default=0.5, metavar="PART", help="people dressed like others, 0 to 1 (0.5)"
    )
    reid.add_argument("--hold-out", type=float, default=0.1, metavar="PART", help="people for query and gallery (0.1)")
    _add_common(reid)


def run(flags: argparse.Namespace) -> int:
    """Make the product that the flags name; returns the exit code."""
    from mdpr.reid.synthetic.reid_set import MANIFEST, ReidSetConfig, make_reid_set

    config = ReidSetConfig(
        out=flags.out,
        seed=flags.seed,
        first=flags.first,
        identities=flags.identities,
        views=flags.views,
        cameras=flags.cameras,
        alike=flags.alike,
        hold_out=flags.hold_out,
        assets=find_assets(flags.assets),
        workers=flags.workers,
    )
    speed = make_reid_set(config)
    sys.stdout.write(f"{config.identities} people in {flags.out}, {speed:.1f} crops/s; {flags.out / MANIFEST}\n")
    return 0


def find_assets(assets: Path | None) -> Path | None:
    """The folder of MakeHuman's clothes, if one was named.

    Raises:
        ConfigError: it does not exist.
    """
    if assets is not None and not assets.is_dir():
        raise ConfigError(f"--assets {assets}: no such folder; expected MakeHuman's clothes (*.mhclo and *.obj)")
    return assets


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--assets", type=Path, metavar="DIR", help="MakeHuman's clothes, shoes and hair (CC0)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, metavar="N", help="processes (one a core)")
