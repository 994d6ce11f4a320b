"""`mdpr refine RUN...`: split, connect, fill and smooth the tracks of runs; no video needed."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.refining import ORIGINALS, refine_run, restore_run
from mdpr.trackers.refine.config import RefineConfig

log = logging.getLogger("mdpr")

_EPILOG = f"""\
Rewrites tracks.txt, tracks.parquet (with a column is_interpolated) and tracklets.parquet of each camera. The files as
mdpr-track wrote them stay in CAMERA/{ORIGINALS}; --undo puts them back, and refining again begins with them. The video
and what mdpr-link found are of the tracks before: link again afterwards.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    default = RefineConfig()
    parser = argparse.ArgumentParser(
        "mdpr refine", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folder of a run of mdpr-track")
    parser.add_argument("--undo", action="store_true", help="put the original tracks back")
    parser.add_argument("--no-split", action="store_true", help="do not cut tracks that hold two people")
    parser.add_argument("--no-connect", action="store_true", help="do not connect tracks that continue each other")
    parser.add_argument("--no-smooth", action="store_true", help="leave boxes of detections as they are")
    parser.add_argument(
        "--min-probability", type=float, default=default.min_probability, metavar="X",
        help=f"least probability of a connection ({default.min_probability})",
    )  # fmt: skip
    parser.add_argument(
        "--max-gap", type=float, default=default.max_gap_s, metavar="SECONDS",
        help=f"longest time out of sight that is bridged ({default.max_gap_s:g})",
    )  # fmt: skip
    parser.add_argument(
        "--max-fill", type=float, default=default.max_fill_s, metavar="SECONDS",
        help=f"longest gap that is filled with boxes ({default.max_fill_s:g}; 0 fills none)",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print what was changed as JSON")
    parser.add_argument("--quiet", action="store_true", help="only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr refine`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    config = RefineConfig(
        split=not flags.no_split,
        connect=not flags.no_connect,
        min_probability=flags.min_probability,
        max_gap_s=flags.max_gap,
        max_fill_s=flags.max_fill,
        smooth=not flags.no_smooth,
    )
    done: dict[str, Any] = {}
    for folder in flags.runs:
        if flags.undo:
            restored = restore_run(folder)
            log.info("%s: %s", folder, f"restored {', '.join(restored)}" if restored else "was not refined")
            done[str(folder)] = {"restored": restored}
            continue
        start = time.perf_counter()
        refined = refine_run(folder, config)
        for camera, change in refined.cameras.items():
            log.info("%s", change.as_text(f"{folder}/{camera}"))
        done[str(folder)] = {**refined.values(), "wall_s": round(time.perf_counter() - start, 3)}
    if flags.json:
        sys.stdout.write(json.dumps(done) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
