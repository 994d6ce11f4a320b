"""`mdpr tune SEQUENCE...`: try a tracker's options on sequences with ground truth, from cached detections."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.files import write_text
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.config import RunConfig, resolve_auto, with_thresholds
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.formats.recordings import LAYOUTS, TRUTH_FILE, read_recordings
from mdpr.pipeline.formats.trackboxes import Recording
from mdpr.pipeline.metrics.evaluate import EvaluateConfig
from mdpr.pipeline.settings import parse_setting
from mdpr.pipeline.sources import expand_sources
from mdpr.pipeline.sources.spec import CameraSpec
from mdpr.pipeline.tuning.cache import CachedSequence, obtain
from mdpr.pipeline.tuning.replay import Trial, try_out, with_options
from mdpr.pipeline.tuning.space import choices_around, draws, grid, parse_choice, variations
from mdpr.pipeline.tuning.tables import Sensitivity, csv_of, points, sensitivity_table, trials_table
from mdpr.weights import cache_folder

log = logging.getLogger("mdpr")

_MEASURES = ("HOTA", "IDF1", "MOTA", "AssA")
_EPILOG = f"""\
Detections, embeddings and camera motion of each sequence are computed once and kept; every trial after that takes as
long as association alone. Without --param and --random, each option is changed on its own by factors of its default:
a default that a quarter more or less moves by over a point of HOTA or IDF1 is marked with "!", since it needs luck.
Choose by reasons, and check on sequences that were not used to choose.

Ground truth lies in SEQUENCE/{TRUTH_FILE}, or where --truth says:
{LAYOUTS}

exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags; those that `mdpr-track` has too mean the same."""
    parser = argparse.ArgumentParser(
        "mdpr tune", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sources", nargs="+", metavar="SEQUENCE", help="as for mdpr-track; NAME=SOURCE names it")
    parser.add_argument("--truth", type=Path, metavar="GT", help="ground truth; see below")
    group = parser.add_argument_group("what the tracker is given")
    group.add_argument("--detector", metavar="NAME", help="see mdpr-track (yolo)")
    group.add_argument("--weights", metavar="PATH", help="weights of the detector (yolo11n)")
    group.add_argument("--detections", metavar="FILE", help="det.txt instead; {camera} is filled in")
    group.add_argument("--reid", metavar="NAME|FILE", help="see mdpr-track (histogram; none without pictures)")
    group.add_argument("--camera-motion", choices=("auto", "on", "off"), help="see mdpr-track (auto)")
    group.add_argument("--config", metavar="FILE", help="YAML file or preset to begin with")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any option of mdpr-track")
    group.add_argument("--cache", type=Path, metavar="FOLDER", help="where it is kept (in MDPR_CACHE)")
    group.add_argument("--fresh", action="store_true", help="compute it again")
    group = parser.add_argument_group("what is tried")
    group.add_argument("--tracker", metavar="NAME", help="see mdpr-track (deepsort)")
    group.add_argument(
        "--param", action="append", default=[], metavar="OPTION=VALUES",
        help="tracker.max_age_s=1,2,4 or tracker.min_iou=0.1..0.3; all combinations, when repeated",
    )  # fmt: skip
    group.add_argument(
        "--random", type=int, metavar="N",
        help="N random settings instead, of --param, or of all numbers from half to twice their default",
    )  # fmt: skip
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of --random (0)")
    group.add_argument("--by", choices=_MEASURES, default="HOTA", help="what settings are ordered by (HOTA)")
    group.add_argument("--fps", type=float, metavar="X", help="frames a second, where the truth lacks it; for returns")
    group = parser.add_argument_group("output")
    group.add_argument("--top", type=int, default=20, metavar="N", help="settings that are printed (20)")
    group.add_argument("--csv", type=Path, metavar="FILE", help="write all settings with all scores")
    group.add_argument("--json", action="store_true", help="print everything as JSON")
    group.add_argument("--quiet", action="store_true", help="only the result, warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr tune`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    if flags.random is not None and flags.random < 1:
        raise ConfigError(f"--random: expected 1 or more, got {flags.random}")
    names = ("detector", "weights", "detections", "reid", "camera_motion", "tracker")
    given = {name: getattr(flags, name) for name in names}
    config = config_from_flags(tuple(flags.sources), given, flags.config, tuple(map(parse_setting, flags.set)))
    specs = expand_sources(config.sources)
    truths = {spec.camera: _truth_of(spec, flags.truth) for spec in specs}
    folder = flags.cache or cache_folder() / "tune"
    sequences = [obtain(_with_embedder(config, spec), spec, folder, flags.fresh) for spec in specs]
    search = Search(config, sequences, truths, EvaluateConfig(fps=flags.fps))
    log.info("defaults: %d frames in %.2f s of association", sum(map(len, sequences)), search.base.seconds)
    choices = [parse_choice(text) for text in flags.param]
    if flags.random is not None:
        choices = choices or choices_around(search.defaults)
        trials = search.tried(draws(choices, flags.random, flags.seed))
    elif choices:
        trials = search.tried(grid(choices))
    else:
        return _put_sensitivity(flags, search)
    return _put_trials(flags, search, trials, [choice.name for choice in choices])


class Search:
    """Trials of one tracker on cached sequences."""

    def __init__(
        self,
        config: RunConfig,
        sequences: Sequence[CachedSequence],
        truths: dict[str, Recording],
        evaluate: EvaluateConfig,
    ) -> None:
        self._tracker = config.tracker
        self._embedding = config.embedding
        self._sequences = sequences
        self._truths = truths
        self._evaluate = evaluate
        options = with_thresholds(config.tracker, sequences[0].facts).options
        self.defaults: dict[str, Any] = {name: getattr(options, name) for name in options.__dataclass_fields__}
        self.base = self.trial({})

    def trial(self, options: dict[str, Any]) -> Trial:
        """One setting, scored."""
        return try_out(self._tracker, options, self._sequences, self._truths, self._evaluate, self._embedding)

    def tried(self, settings: Iterable[dict[str, Any]]) -> list[Trial]:
        """All settings that the tracker does not refuse, and the defaults."""
        trials, refused = [self.base], 0
        for options in settings:
            unknown = sorted(set(options) - set(self.defaults))
            if unknown:
                raise ConfigError(f"--param: unknown option {unknown[0]!r}. Known: {', '.join(sorted(self.defaults))}")
            if self._is_refused(options):
                refused += 1
                continue
            trials.append(self.trial(options))
        if refused:
            log.warning("%d settings were left out, as the tracker refuses them", refused)
        return trials

    def sensitivity(self) -> list[Sensitivity]:
        """Each option on its own."""
        found = []
        for name, default in self.defaults.items():
            values = variations(default)
            trials = [
                (value, None if self._is_refused({name: value}) else self.trial({name: value})) for value in values
            ]
            if trials:
                log.info("%s", name)
                found.append(Sensitivity(name, default, tuple(trials), self.base))
        return found

    def _is_refused(self, options: dict[str, Any]) -> bool:
        try:
            with_options(with_thresholds(self._tracker, self._sequences[0].facts), options)
        except ConfigError as error:
            log.debug("%s", error)
            return True
        return False


def _with_embedder(config: RunConfig, spec: CameraSpec) -> RunConfig:
    """`--reid auto` is decided without opening anything: boxes from a file need no pictures."""
    has_images = config.detector.name != "file"
    return replace(config, reid=resolve_auto(config.reid, has_images))


def _truth_of(spec: CameraSpec, path: Path | None) -> Recording:
    """The ground truth of a sequence.

    Raises:
        ConfigError: there is none.
    """
    place = path or Path(spec.location)
    if path is None and not (place / TRUTH_FILE).is_file():
        raise ConfigError(f"{spec.display}: found no {TRUTH_FILE} in it; --truth says where the ground truth lies")
    by_name = read_recordings(place, "truth").by_name
    if spec.camera in by_name:
        return by_name[spec.camera]
    if len(by_name) == 1:
        return next(iter(by_name.values()))
    raise ConfigError(
        f"{place}: has no {spec.camera}; it has {', '.join(sorted(by_name))}. NAME=SOURCE names a sequence"
    )


def _put_sensitivity(flags: argparse.Namespace, search: Search) -> int:
    start = time.perf_counter()
    found = search.sensitivity()
    trials = [search.base, *(trial for one in found for _, trial in one.trials if trial is not None)]
    if flags.csv is not None:
        write_text(flags.csv, csv_of(trials))
    if flags.json:
        options = {
            one.name: {
                "default": one.default, "within_quarter": one.near,
                "trials": [
                    {"value": value, "refused": True} if trial is None else {"value": value, **_values(trial)}
                    for value, trial in one.trials
                ],
            }
            for one in found
        }  # fmt: skip
        sys.stdout.write(json.dumps({"default": _values(search.base), "options": options}, indent=1) + "\n")
        return 0
    names: list[str] = []
    sys.stdout.write(f"{trials_table([search.base], names, search.base)}\n\n{sensitivity_table(found)}\n\n")
    sys.stdout.write(
        f"{len(trials)} settings in {time.perf_counter() - start:.1f} s; change of HOTA/IDF1 in points against the "
        "defaults, - where the tracker refuses the value\n"
    )
    return 0


def _put_trials(flags: argparse.Namespace, search: Search, trials: list[Trial], names: list[str]) -> int:
    best_first = sorted(trials, key=lambda trial: -points(trial, flags.by))
    if flags.csv is not None:
        write_text(flags.csv, csv_of(best_first))
    if flags.json:
        sys.stdout.write(json.dumps({"trials": [_values(trial) for trial in best_first]}, indent=1) + "\n")
        return 0
    shown = best_first[: flags.top]
    if search.base not in shown:
        shown.append(search.base)
    sys.stdout.write(trials_table(shown, names, search.base) + "\n")
    best = best_first[0]
    if best is not search.base:
        chosen = " ".join(f"--set tracker.{name}={value}" for name, value in best.options.items())
        gain = points(best, flags.by) - points(search.base, flags.by)
        sys.stdout.write(f"\nbest by {flags.by}, {gain:+.2f} points: {chosen}\n")
    return 0


def _values(trial: Trial) -> dict[str, Any]:
    return {
        "options": trial.options, "combined": trial.combined.values(), "seconds": round(trial.seconds, 3),
        "sequences": {name: scores.values() for name, scores in trial.scores.items()},
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
