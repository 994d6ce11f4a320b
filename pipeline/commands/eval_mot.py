"""`mdpr eval mot GT PRED`: HOTA, IDF1, MOTA, switches and return recall of tracks, a row a sequence."""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence

from mdpr.pipeline.commands.eval_tracks import config_of, make_parser, put_out
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.formats.recordings import read_recordings
from mdpr.pipeline.metrics.evaluate import Scores, combined_scores, evaluate_sequence
from mdpr.pipeline.metrics.pairing import pair_sequences, warn_of_emptiness
from mdpr.pipeline.metrics.table import csv_text, returns_text, text_table

log = logging.getLogger("mdpr")

COMBINED = "COMBINED"


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr eval mot`; returns the exit code."""
    flags = make_parser("mdpr eval mot", __doc__).parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    start = time.perf_counter()
    config = config_of(flags)
    truth, predicted = read_recordings(flags.truth, "truth"), read_recordings(flags.prediction, "prediction")
    pairs = pair_sequences(truth, predicted, flags.only)
    warn_of_emptiness([one for one, _ in pairs.values()], [one for _, one in pairs.values()], config.ignores_crowds)
    scores: dict[str, Scores] = {
        name: evaluate_sequence(true, found.boxes, found.where, config).scores for name, (true, found) in pairs.items()
    }
    together = combined_scores(list(scores.values()))
    rows = {**scores, COMBINED: together} if len(scores) > 1 else scores
    values = {
        "sequences": {name: one.values() for name, one in scores.items()},
        "combined": together.values(),
    }
    timeless = [name for name, one in scores.items() if one.returns is None]
    if timeless and together.returns is not None:
        log.warning("returns are without %s, whose frame rate nothing says; --fps does", ", ".join(timeless))
    text = text_table(rows, "sequence", flags.details) + "\n\n" + returns_text(together.returns)
    put_out(flags, values, text, csv_text({**scores, COMBINED: together}, "sequence"), time.perf_counter() - start)
    return 0


if __name__ == "__main__":
    sys.exit(main())
