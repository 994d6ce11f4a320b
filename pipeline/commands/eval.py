"""`mdpr eval KIND ...`: measure how good something is."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

KINDS: dict[str, tuple[str, str]] = {
    "reid": ("mdpr.pipeline.commands.eval_reid", "a re-identification model on a data set"),
    "mot": ("mdpr.pipeline.commands.eval_mot", "tracks against ground truth: HOTA, IDF1, MOTA, returns"),
    "mtmc": ("mdpr.pipeline.commands.eval_mtmc", "identities over several cameras: IDF1, HOTA, links, returns"),
    "detector": ("mdpr.pipeline.commands.eval_detector", "a detector on boxes, or against another detector"),
    "plaza": ("mdpr.pipeline.commands.eval_plaza", "SynthPlaza: tracking and identities in three scenes, one table"),
    "speed": ("mdpr.pipeline.commands.eval_speed", "how many crops a second the engines embed on this machine"),
}
"""Name to (module with `main`, what it measures)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr eval`; returns the exit code."""
    parser = argparse.ArgumentParser(
        "mdpr eval",
        description=__doc__,
        epilog="kinds:\n" + "\n".join(f"  {name:<8} {purpose}" for name, (_, purpose) in KINDS.items()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", metavar="KIND", choices=KINDS, help="what is measured; see below")
    given = list(sys.argv[1:] if arguments is None else arguments)
    flags = parser.parse_args(given[:1])
    return int(import_module(KINDS[flags.kind][0]).main(given[1:]))


if __name__ == "__main__":
    sys.exit(main())
