"""`mdpr eval mtmc GT PRED`: IDF1, HOTA, links and return recall of identities that hold over several cameras."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace

from mdpr.pipeline.commands.eval_tracks import config_of, make_parser, put_out
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.formats.recordings import Recordings, read_recordings
from mdpr.pipeline.metrics.multicamera import MultiCameraScores, evaluate_cameras, global_ids_of
from mdpr.pipeline.metrics.pairing import pair_cameras, warn_of_emptiness
from mdpr.pipeline.metrics.table import csv_text, links_text, returns_text, text_table

log = logging.getLogger("mdpr")

TOGETHER = "ALL CAMERAS"
_EPILOG = """
Identities: in a run of mdpr-track, ids are local to a camera and identities.json in the run says who is who; a track
that it does not name is a person of its own. In other files an id is the same person in every camera.
ALL CAMERAS: HOTA and IDF1 take each frame of each camera as a frame of one sequence; MOTA, switches and the other
counts are sums over the cameras. Links: pairs of tracklets of different cameras that share an identity, against those
that should, among tracklets of which at least half matches one person.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr eval mtmc`; returns the exit code."""
    parser = make_parser("mdpr eval mtmc", __doc__, _EPILOG)
    parser.add_argument(
        "--ids",
        choices=("auto", "local", "global"),
        default="auto",
        help="whether an id of PRED means a person of its camera or of all; auto: local in a run (auto)",
    )
    flags = parser.parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    start = time.perf_counter()
    config = config_of(flags)
    truth, predicted = read_recordings(flags.truth, "truth"), read_recordings(flags.prediction, "prediction")
    true, found = pair_cameras(_with_global_ids(truth), predicted, flags.only)
    warn_of_emptiness(list(true.values()), list(found.values()), config.ignores_crowds)
    are_local = predicted.are_ids_local if flags.ids == "auto" else flags.ids == "local"
    _say_whose_ids(predicted, are_local)
    result = evaluate_cameras(true, found, global_ids_of(predicted, are_local), config)
    rows = {**result.cameras, TOGETHER: result.together}
    text = "\n\n".join(
        [text_table(rows, "camera", flags.details), _links_text(result), returns_text(result.together.returns)]
    )
    put_out(flags, result.values(), text, csv_text(rows, "camera"), time.perf_counter() - start)
    return 0


def _with_global_ids(truth: Recordings) -> Recordings:
    """Truth in which an id is the same person everywhere, even where it is a corrected run."""
    ids = global_ids_of(truth)
    boxes = {name: replace(one, boxes=one.boxes.with_ids(ids[name])) for name, one in truth.by_name.items()}
    return replace(truth, by_name=boxes)


def _say_whose_ids(predicted: Recordings, are_local: bool) -> None:
    if not are_local:
        log.info("%s: an id is the same person in every camera", predicted.path)
    elif predicted.identities is None:
        log.warning("%s: no identities.json, so nobody is the same person in two cameras", predicted.path)
    else:
        elsewhere = sorted({camera for camera, _ in predicted.identities} - set(predicted.by_name))
        log.info("%s: identities from identities.json", predicted.path)
        if elsewhere:
            log.warning("identities.json also names cameras that are not here: %s", ", ".join(elsewhere))


def _links_text(result: MultiCameraScores) -> str:
    pairs = {f"  {a} {b}": one for (a, b), one in result.links_by_cameras.items()}
    return links_text({"links": result.links, **(pairs if len(pairs) > 1 else {})})


if __name__ == "__main__":
    sys.exit(main())
