"""`mdpr-train CONFIG`: train MDPR on labelled person crops."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mdpr import __version__
from mdpr.configs import preset_names
from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command, stop_on_signals
from mdpr.pipeline.exits import EXIT_DONE, EXIT_INTERRUPTED
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.pipeline.settings import merge_settings, parse_setting, read_config

if TYPE_CHECKING:
    from mdpr.reid.training.config import TrainConfig

FLAG_KEYS: dict[str, str] = {
    "dataset": "data.name",
    "data": "data.root",
    "init_from": "model.init_from",
    "epochs": "schedule.epochs",
    "precision": "run.precision",
    "device": "run.device",
    "workers": "run.workers",
    "seed": "run.seed",
    "project": "run.project",
    "name": "run.name",
    "exist_ok": "run.exist_ok",
}
"""Flag to "section.key"."""

_NOT_WITH_RESUME = ("init_from", "project", "name", "exist_ok")

_EPILOG = """\
several GPUs: torchrun --nproc-per-node 4 -m mdpr.pipeline.commands.train CONFIG ...
exit codes:   0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted (go on with --resume).
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags. Defaults live in the configuration, not here."""
    parser = argparse.ArgumentParser(
        "mdpr-train",
        description="Train MDPR on labelled person crops.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "config", nargs="?", metavar="CONFIG", help=f"YAML file or preset: {', '.join(preset_names('train'))}"
    )
    parser.add_argument("--version", action="version", version=f"mdpr-train {__version__}")

    group = parser.add_argument_group("what")
    group.add_argument("--data", metavar="DIR", help="folder of the data set, or file of a manifest")
    group.add_argument("--dataset", metavar="NAME", help="kind of data set; see mdpr data --help")
    group.add_argument("--init-from", metavar="FILE", help="begin with the weights of a checkpoint, .safetensors")
    group.add_argument(
        "--resume", type=Path, metavar="RUN", help="go on with an interrupted run, as if it had not been"
    )
    group.add_argument("--epochs", type=int, metavar="N", help="in all (60)")
    group.add_argument("--batch", type=int, metavar="N", help="images of a batch, a multiple of sampler.images (256)")
    group.add_argument("--seed", type=int, help="of weights, batches and augmentations (0)")

    group = parser.add_argument_group("how")
    group.add_argument("--device", help="cpu, or 0, 1, ... for a GPU (the first GPU, else the CPU)")
    group.add_argument("--precision", help="fp32, bf16, fp16 or auto (bf16 where there is hardware for it)")
    group.add_argument("--workers", type=int, metavar="N", help="threads (on a GPU: processes) that read images (4)")

    group = parser.add_argument_group("results")
    group.add_argument("--project", metavar="FOLDER", help="where results go (runs/train)")
    group.add_argument("--name", help="folder of this run (run, run2, ...)")
    group.add_argument("--exist-ok", action=argparse.BooleanOptionalAction, help="write into an existing folder")

    group = parser.add_argument_group("configuration")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any option: optimiser.lr=1e-3")
    group.add_argument("--print-config", action="store_true", help="print the resolved configuration and stop")
    group.add_argument("--json", action="store_true", help="print the summary as JSON")
    group.add_argument("--quiet", action="store_true", help="no summary, only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr-train`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    from mdpr.reid.training.processes import Processes

    is_quiet = flags.quiet or not Processes.of_environment().is_first
    return run_command(lambda: _run(flags, is_quiet), is_quiet)


def config_of(flags: argparse.Namespace) -> TrainConfig:
    """The configuration: file or preset, then `--set`, then flags. With `--resume` alone it is that of the run.

    Raises:
        ConfigError: anything unknown or of the wrong type, or flags that do not go together.
        ModelError: nothing to resume.
    """
    from mdpr.reid.training.checkpoint import read_checkpoint
    from mdpr.reid.training.config import SECTIONS, build_train_config

    if flags.resume is not None:
        given = [name for name in _NOT_WITH_RESUME if getattr(flags, name) is not None]
        if given:
            raise ConfigError(
                f"--{given[0].replace('_', '-')} does not go with --resume: the run goes on in its folder"
            )
    if flags.config is not None:
        values: Mapping[str, Any] = read_config(flags.config, "train")
    elif flags.resume is not None:
        values = read_checkpoint(flags.resume).config.as_mapping()
    else:
        raise ConfigError(f"what should be trained? Give a YAML file or a preset: {', '.join(preset_names('train'))}")
    settings = list(map(parse_setting, flags.set))
    settings += [(key, value) for flag, key in FLAG_KEYS.items() if (value := getattr(flags, flag)) is not None]
    config = build_train_config(values := merge_settings(values, settings, SECTIONS))
    if flags.batch is None:
        return config
    people, rest = divmod(flags.batch, config.sampler.images)
    if rest:
        raise ConfigError(f"--batch {flags.batch}: expected a multiple of sampler.images, {config.sampler.images}")
    return build_train_config(merge_settings(values, [("sampler.identities", people)], SECTIONS))


def _run(flags: argparse.Namespace, is_quiet: bool) -> int:
    config = config_of(flags)
    if flags.print_config:
        sys.stdout.write(yaml.safe_dump(config.as_mapping(), sort_keys=False, allow_unicode=True))
        return EXIT_DONE
    keep_freed_memory()
    from mdpr.reid.training.run import TrainRun

    run = TrainRun(config, flags.resume)
    with stop_on_signals(run.interrupt, "finishing the step and writing a checkpoint"):
        is_complete = run.execute()
    if flags.json and run.is_first:
        sys.stdout.write(run.report.as_json())
    elif not is_quiet:
        sys.stdout.write(run.report.as_text() + "\n")
    return EXIT_DONE if is_complete else EXIT_INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
