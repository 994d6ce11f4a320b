"""`mdpr-link RUN...`: one identity a person across the cameras of one or several runs; no video needed."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.linking.jobs import LinkJob, link_runs, summary_of, summary_text
from mdpr.trackers.crosscamera import Cameras, LinkConfig

log = logging.getLogger("mdpr")

_EPILOG = """\
Written into each RUN: identities.json (who is who; mdpr eval mtmc reads it), links.jsonl (a line a decision, with
its reasons), and a column `identity` in its Parquet tables. Identities are numbered over all runs, or by the gallery.
Times of two runs are compared where it is known when their cameras began: see mdpr-track --started-at.

With --gallery everybody in it takes part: who is known keeps their number, who is new gets one, and what people have
corrected (mdpr correct) binds. The runs are put into the gallery; the same run once more changes nothing.

cameras.yaml says what is known about the cameras, all of it optional:
  entrance -> hall: 5..40 s        seconds from leaving the first to entering the second
  hall <-> stairs: 2..20 s         both directions
  hall <-> gallery: overlapping    see the same place
  yard <-> roof: apart             nobody is in both at once
  hall: {homography: [[...], [...], [...]]}    3 x 3, pixels of its pictures to metres on the ground
  door: {points: [[x, y, X, Y], ...]}          or four places and more, in pixels and in metres

exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr-link", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folder of a run of mdpr-track")
    parser.add_argument(
        "--gallery", type=Path, metavar="FILE", help="link with everybody in it, and put the runs into it"
    )
    parser.add_argument("--no-crops", action="store_true", help="put no pictures into the gallery")
    parser.add_argument(
        "--render", action="store_true", help="write CAMERA/identities.mp4, from the sources of the runs"
    )
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="YAML about the cameras; see below")
    parser.add_argument(
        "--false-link-rate", type=float, metavar="X",
        help=f"part of the links that may be wrong, in expectation ({LinkConfig.false_link_rate}; and of few links, as "
        "many as are more likely than not to be right, all of them)",
    )  # fmt: skip
    parser.add_argument("--no-split", action="store_true", help="do not cut tracks that hold two people")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--quiet", action="store_true", help="only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr-link`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    begin = time.perf_counter()
    job = LinkJob(
        folders=tuple(flags.runs),
        gallery=flags.gallery,
        config=_config(flags),
        cameras=Cameras.read(flags.cameras),
        with_crops=not flags.no_crops,
    )
    answer, runs = link_runs(job)
    summary = summary_of(answer, runs, time.perf_counter() - begin)
    if flags.json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        log.info("%s", summary_text(summary, flags.gallery))
    if flags.render:
        from mdpr.pipeline.linking.rendering import render_run  # decodes and encodes video

        for run in runs:
            for path in render_run(answer, run):
                log.info("wrote %s", path)
    return 0


def _config(flags: argparse.Namespace) -> LinkConfig:
    """Options; a rate that is given decides alone."""
    config = LinkConfig(split_tracks=not flags.no_split)
    if flags.false_link_rate is None:
        return config
    return replace(config, false_link_rate=flags.false_link_rate, all_right=None)


if __name__ == "__main__":
    sys.exit(main())
