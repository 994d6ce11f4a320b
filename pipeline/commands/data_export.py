"""`mdpr data export-crops`: the people of a gallery as a data set to train on."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

log = logging.getLogger("mdpr")


def add_parser(commands: Any) -> None:
    """Add `export-crops` to the subcommands of `mdpr data`."""
    export = commands.add_parser("export-crops", help="the people of a gallery in Market-1501's layout, to train on")
    export.add_argument("gallery", type=Path, metavar="GALLERY", help="the gallery")
    export.add_argument("--out", required=True, type=Path, metavar="DIR", help="a folder that is new or empty")
    export.add_argument("--only-corrected", action="store_true", help="only people with a name or a correction")
    export.add_argument("--least-views", type=int, default=2, metavar="N", help="leave out people with fewer (2)")
    export.add_argument("--hold-out", type=float, default=0.1, metavar="PART", help="people to test on, 0 to 1 (0.1)")
    export.add_argument("--seed", type=int, default=0, help="chooses them (0)")


def run(flags: argparse.Namespace) -> int:
    """Write the set; returns the exit code."""
    from mdpr.pipeline.linking.exporting import MANIFEST, ExportConfig, export_crops
    from mdpr.pipeline.store import SqliteStore

    config = ExportConfig(flags.only_corrected, flags.least_views, flags.hold_out, flags.seed)
    with SqliteStore(flags.gallery, "read") as store:
        dataset = export_crops(store, flags.out, config)
    counts = [f"{split} {len(images)} images of {images.identities} people" for split, images in (
        ("train", dataset.train), ("query", dataset.query), ("gallery", dataset.gallery)
    )]  # fmt: skip
    if not len(dataset.query):
        log.warning(
            "nobody is held out for query and gallery, which takes people with two pictures in each of two cameras; "
            "read the set by its manifest: mdpr data check manifest --root %s", flags.out / MANIFEST,
        )  # fmt: skip
    sys.stdout.write(f"{flags.out}: {', '.join(counts)}\n")
    return 0
