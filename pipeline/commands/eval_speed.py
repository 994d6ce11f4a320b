"""`mdpr eval speed`: how many crops a second each engine embeds on this machine."""

from __future__ import annotations

import argparse
import json
import logging
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.reid.inference.engines import ENGINES, PRECISIONS, EngineOptions
from mdpr.reid.network.config import PRESETS

log = logging.getLogger("mdpr")


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser("mdpr eval speed", description=__doc__)
    parser.add_argument(
        "model", metavar="MODEL", help=f"{', '.join(PRESETS)} (with random weights), or a .safetensors checkpoint"
    )
    parser.add_argument("--engines", nargs="+", choices=list(ENGINES), default=list(ENGINES), help="default: all")
    parser.add_argument(
        "--precisions", nargs="+", choices=PRECISIONS, default=["auto"], help="default: auto, the engine's fastest"
    )
    parser.add_argument("--batch", type=int, default=8, metavar="N", help="crops a call (8)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="timed calls; the fastest counts (5)")
    parser.add_argument("--device", default="", help="cpu, cuda, tensorrt (CUDA where torch has it)")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    parser = make_parser()
    flags = parser.parse_args(arguments)
    if min(flags.batch, flags.rounds) < 1:
        parser.error("--batch and --rounds must be 1 or more")
    keep_freed_memory()
    return run_command(lambda: _measure(flags))


def _measure(flags: argparse.Namespace) -> int:
    import torch

    from mdpr.reid.inference import benchmark
    from mdpr.reid.network.checkpoint import load_model
    from mdpr.reid.network.description import fingerprint
    from mdpr.reid.network.model import build_model

    if flags.model in PRESETS:
        model = build_model(flags.model).eval()
        benchmark.randomise(model)
        name = f"{flags.model}-random-0"
    else:
        model, name = load_model(Path(flags.model)), fingerprint(Path(flags.model))
    variants = {
        f"{engine} {precision}": EngineOptions(engine, precision, flags.device)
        for engine in flags.engines
        for precision in flags.precisions
    }
    rows = benchmark.measure(model, name, variants, flags.batch, flags.rounds)
    if flags.json:
        sys.stdout.write(json.dumps([vars(row) for row in rows], indent=2) + "\n")
        return 0
    height, width = model.config.input_size
    log.info("%s, %dx%d crops, batch %d, %d threads", flags.model, height, width, flags.batch, torch.get_num_threads())
    first = rows[0].ms_a_crop  # as published, in a process that has nothing of ours
    for row in rows:
        if math.isnan(row.ms_a_crop):
            log.info("%-55s does not run here: %s", row.name, row.note)
        else:
            speed = 1e3 / row.ms_a_crop
            log.info(
                "%-55s %8.1f ms a crop %8.1f crops/s %6.2fx", row.name, row.ms_a_crop, speed, first / row.ms_a_crop
            )
    return 0
