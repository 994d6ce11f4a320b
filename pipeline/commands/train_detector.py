"""`mdpr train-detector`: train a YOLOX person detector on pictures with boxes."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdpr.errors import ConfigError, DependencyError
from mdpr.pipeline.commands.running import run_command, stop_on_signals
from mdpr.pipeline.exits import EXIT_DONE, EXIT_INTERRUPTED
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.pipeline.settings import merge_settings, parse_setting
from mdpr.pipeline.threads import compute_in_the_calling_thread

if TYPE_CHECKING:
    from mdpr.detectors.yolox.config import TrainConfig

log = logging.getLogger("mdpr")

FLAG_KEYS: dict[str, str] = {
    "data": "train.data",
    "val": "train.val",
    "size": "train.size",
    "init_from": "train.init_from",
    "imgsz": "train.imgsz",
    "epochs": "train.epochs",
    "minutes": "train.minutes",
    "batch": "train.batch",
    "optimiser": "train.optimiser",
    "lr": "train.lr",
    "seed": "train.seed",
    "device": "run.device",
    "precision": "run.precision",
    "workers": "run.workers",
    "cache_mib": "run.cache_mib",
    "project": "run.project",
    "name": "run.name",
    "exist_ok": "run.exist_ok",
}
"""Flag to "section.key"."""

_NOT_WITH_RESUME = ("init_from", "project", "name", "exist_ok")
ONNX_FILE = "best.onnx"

_EPILOG = """\
DATA:       a folder with images/ and one annotation file in COCO JSON (or that file): category person, bbox, and
            optionally iscrowd and visibility.
results:    best.onnx for --detector onnx --weights best.onnx, best.safetensors, last.safetensors (to resume),
            metrics.csv, run.json, config.json.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (go on with --resume).
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags. Defaults live in the configuration, not here."""
    parser = argparse.ArgumentParser(
        "mdpr train-detector", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    group = parser.add_argument_group("what")
    group.add_argument("--data", nargs="+", metavar="DATA", help="pictures to train on")
    group.add_argument(
        "--val", nargs="+", metavar="DATA", help="pictures to measure on; without them the last network is kept"
    )
    group.add_argument("--size", help="of the network: nano, micro, tiny, s, m (nano)")
    group.add_argument(
        "--init-from", metavar="FILE",
        help="begin with the weights of another run (.safetensors, .onnx), or `person`: the shipped ones, --size micro",
    )  # fmt: skip
    group.add_argument(
        "--imgsz", type=int, nargs=2, metavar=("H", "W"), help="input in training, multiples of 32 (320 544)"
    )
    group.add_argument("--epochs", type=int, metavar="N", help="through all pictures (30)")
    group.add_argument("--minutes", type=float, metavar="M", help="time budget; the schedule fits into it (none)")
    group.add_argument("--batch", type=int, metavar="N", help="pictures of a step (16)")
    group.add_argument("--optimiser", help="adamw or sgd (adamw)")
    group.add_argument("--lr", type=float, help="learning rate after the warm-up (that of the optimiser)")
    group.add_argument("--seed", type=int, help="of weights, order and samples (0)")
    group.add_argument("--resume", type=Path, metavar="RUN", help="go on with an interrupted run")

    group = parser.add_argument_group("how")
    group.add_argument("--device", help="cpu, or 0, 1, ... for a GPU (the first GPU, else the CPU)")
    group.add_argument("--precision", help="fp32, bf16, or auto: bf16 where the device has it (auto)")
    group.add_argument("--workers", type=int, metavar="N", help="processes that read pictures (2)")
    group.add_argument("--cache-mib", type=int, metavar="N", help="room for decoded pictures (2048)")

    group = parser.add_argument_group("results")
    group.add_argument("--project", metavar="FOLDER", help="where results go (runs/train-detector)")
    group.add_argument("--name", help="folder of this run (run, run2, ...)")
    group.add_argument("--exist-ok", action=argparse.BooleanOptionalAction, help="write into an existing folder")

    group = parser.add_argument_group("configuration")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any option: augment.mosaic=0.5")
    group.add_argument("--print-config", action="store_true", help="print the resolved configuration and stop")
    group.add_argument("--json", action="store_true", help="print the summary as JSON")
    group.add_argument("--quiet", action="store_true", help="no summary, only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr train-detector`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet)


def config_of(flags: argparse.Namespace) -> TrainConfig:
    """The configuration: `--set`, then flags. With `--resume` they change that of the run.

    Raises:
        ConfigError: anything unknown or of the wrong type, or flags that do not go together.
        ModelError: nothing to resume.
    """
    from mdpr.detectors.yolox.checkpoint import read_checkpoint
    from mdpr.detectors.yolox.config import SECTIONS, build_train_config

    values: dict[str, Any] = {}
    if flags.resume is not None:
        for name in _NOT_WITH_RESUME:
            if getattr(flags, name) is not None:
                raise ConfigError(
                    f"--{name.replace('_', '-')} does not go with --resume: the run goes on in its folder"
                )
        values = read_checkpoint(flags.resume).config.as_mapping()
    settings = list(map(parse_setting, flags.set))
    settings += [(key, value) for flag, key in FLAG_KEYS.items() if (value := getattr(flags, flag)) is not None]
    return build_train_config(merge_settings(values, settings, SECTIONS))


def _run(flags: argparse.Namespace) -> int:
    config = config_of(flags)
    if flags.print_config:
        sys.stdout.write(json.dumps(config.as_mapping(), indent=2) + "\n")
        return EXIT_DONE
    keep_freed_memory()
    compute_in_the_calling_thread()
    from mdpr.detectors.yolox.train import DetectorRun

    run = DetectorRun(config, flags.resume)
    with stop_on_signals(run.interrupt, "finishing the step and writing a checkpoint"):
        is_complete = run.execute()
    if is_complete:
        _export(run.folder)
    if flags.json:
        sys.stdout.write(json.dumps(run.report, indent=2) + "\n")
    elif not flags.quiet:
        sys.stdout.write(run.summary() + "\n")
    return EXIT_DONE if is_complete else EXIT_INTERRUPTED


def _export(folder: Path) -> None:
    """The best network as ONNX; a missing package is said, but is no failure of the training."""
    from mdpr.detectors.yolox.export import export_checkpoint

    try:
        difference = export_checkpoint(folder, folder / ONNX_FILE)
    except DependencyError as error:
        log.warning("%s was not written: %s", folder / ONNX_FILE, error)
    else:
        log.info("exported  %s (differs from torch by %.1g)", folder / ONNX_FILE, difference)


if __name__ == "__main__":
    sys.exit(main())
