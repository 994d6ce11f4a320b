"""`mdpr eval plaza DIR`: track and link the scenes of SynthPlaza and score that, or score somebody's results."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mdpr.errors import ConfigError, FormatError, MdprError
from mdpr.files import results_folder, write_text
from mdpr.pipeline import truetracks
from mdpr.pipeline.benchmark import BenchmarkFolder, SceneScores, all_values, predictions_of, score_scene, table
from mdpr.pipeline.commands import link, track
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.formats.recordings import read_recordings
from mdpr.pipeline.linking.runs import TRACKLETS_FILE, read_run
from mdpr.reid.synthetic.cameras import camera_from_dict, ground_homography
from mdpr.types import Tracklet
from mdpr.versions import versions

log = logging.getLogger("mdpr")

SCORES_FILE = "scores.json"
_TRACK_FLAGS = ("detector", "weights", "conf", "imgsz", "reid", "reid_weights", "tracker", "device", "config")
_EPILOG = """\
DIR is made by `mdpr data synth plaza`. Without --run every scene is tracked by mdpr-track and linked by mdpr-link, with
the flags given here, into RESULTS/SCENE, and scores.json is written there. With --run nothing is tracked: RESULTS/SCENE
is a run of mdpr-track, or holds MOTChallenge text, cam1.txt to cam4.txt; or RESULTS/SCENE.txt is multi-camera text
(camera id frame left top width height world_x world_y). Results of other trackers are scored in the same way.

Tracking: HOTA, IDF1, MOTA, switches and return recall of the ids of one camera. Across cameras: the same of identities
over all cameras of a scene; LinkP and LinkR: precision and recall of pairs of tracklets of different cameras.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr eval plaza", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("benchmark", metavar="DIR", type=Path, help="a rendered split of SynthPlaza")
    parser.add_argument("--run", metavar="RESULTS", type=Path, help="score these results; track nothing")
    parser.add_argument("--only", action="append", default=[], metavar="SCENE", help="only this scene; may be repeated")
    parser.add_argument(
        "--ids",
        choices=("auto", "local", "global"),
        default="auto",
        help="whether an id means a person of its camera or of all; auto: local in a run, else global (auto)",
    )
    parser.add_argument(
        "--boxes", choices=("found", "true"), default="found",
        help="true: true boxes take the place of detector and tracker, so that linking alone is measured (found)",
    )  # fmt: skip
    parser.add_argument(
        "--calibrated", action="store_true", help="link with the homographies of the cameras (cameras.json)"
    )
    group = parser.add_argument_group("what tracks: flags of mdpr-track, and its defaults")
    group.add_argument("--detector", metavar="NAME")
    group.add_argument("--weights", metavar="PATH", help="of the detector")
    group.add_argument("--conf", metavar="X", help="lowest confidence of a detection")
    group.add_argument("--imgsz", metavar="PIXELS", help="longer side of the detector's input")
    group.add_argument("--reid", metavar="NAME|FILE")
    group.add_argument("--reid-weights", metavar="FILE")
    group.add_argument("--tracker", metavar="NAME")
    group.add_argument("--device")
    group.add_argument("--config", metavar="FILE")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    group.add_argument("--refine", action="store_true", help="refine the tracks before they are linked")
    group.add_argument("--save", action="store_true", help="also write the annotated videos")
    group.add_argument("--false-link-rate", metavar="X", help="of mdpr-link")
    group = parser.add_argument_group("output")
    group.add_argument("--project", default="runs/plaza", metavar="FOLDER", help="where results go (runs/plaza)")
    group.add_argument("--name", default="run", help="folder of the results (run, run2, ...)")
    group.add_argument("--json", action="store_true", help="print everything as JSON")
    group.add_argument("--quiet", action="store_true", help="only the table, warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr eval plaza`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    start = time.perf_counter()
    folder = BenchmarkFolder.read(flags.benchmark)
    scenes = _chosen(folder, flags.only)
    if flags.run is not None:
        results = flags.run
        _refuse_tracking_flags(flags)
    else:
        results = results_folder(flags.project, flags.name, False)
        for scene in scenes:
            _track_and_link(folder, scene, results, flags)
    are_local = None if flags.ids == "auto" else flags.ids == "local"
    scores: dict[str, SceneScores] = {}
    for scene in scenes:
        truth = read_recordings(folder.path / scene, "truth")
        scores[scene] = score_scene(
            truth, predictions_of(results, scene), are_local, tracklets=_tracklets(results / scene)
        )
    values = {
        "benchmark": "SynthPlaza", "split": folder.split, "version": folder.version, "results": str(results),
        "seconds": round(time.perf_counter() - start, 1), **all_values(scores), "versions": versions(),
    }  # fmt: skip
    if flags.run is None:
        write_text(results / SCORES_FILE, json.dumps(values, indent=2) + "\n")
    head = f"SynthPlaza {folder.version}, {folder.split}: {results}\n\n"
    sys.stdout.write((json.dumps(values, indent=2) if flags.json else head + table(values)) + "\n")
    return 0


def _chosen(folder: BenchmarkFolder, only: Sequence[str]) -> tuple[str, ...]:
    unknown = sorted(set(only) - set(folder.scenes))
    if unknown:
        raise ConfigError(f"--only {unknown[0]}: {folder.path} has the scenes {', '.join(folder.scenes)}")
    wanted = tuple(scene for scene in folder.scenes if not only or scene in only)
    missing = sorted(set(wanted) - set(folder.rendered()))
    if missing:
        raise ConfigError(
            f"{folder.path}: not rendered to the end: {', '.join(missing)}. The command that began it goes on with it; "
            "--only names scenes that are there"
        )
    return wanted


def _refuse_tracking_flags(flags: argparse.Namespace) -> None:
    given = [name for name in (*_TRACK_FLAGS, "false_link_rate") if getattr(flags, name) is not None]
    given += [name for name in ("set", "save", "refine", "calibrated") if getattr(flags, name)]
    given += ["boxes"] if flags.boxes == "true" else []
    if given:
        name = given[0].replace("_", "-")
        raise ConfigError(
            f"--{name} is about tracking, but --run scores what was tracked already; leave one of them out"
        )


def _track_and_link(folder: BenchmarkFolder, scene: str, results: Path, flags: argparse.Namespace) -> None:
    """A run of mdpr-track and mdpr-link in RESULTS/SCENE.

    Raises:
        MdprError: one of them failed; its message is in the log.
    """
    videos = sorted((folder.path / scene).glob("*/video.mp4"))
    if not videos:
        raise ConfigError(f"{folder.path / scene}: no videos, CAMERA/video.mp4; --run scores results without them")
    log.info("%s: tracking %d cameras", scene, len(videos))
    tracking = [f"{video.parent.name}={video}" for video in videos]
    for name in _TRACK_FLAGS:
        value = getattr(flags, name)
        tracking += [] if value is None else [f"--{name.replace('_', '-')}", value]
    if flags.boxes == "true":
        if flags.detector or flags.tracker:
            raise ConfigError("--boxes true takes the place of --detector and --tracker; leave them out")
        tracking += ["--reid-every", "auto"]
        truth = folder.path / scene / "{camera}" / "gt" / "gt.txt"
        for kind, component in truetracks.COMPONENTS.items():
            tracking += [f"--{kind}", component, "--set", f"{kind}.path={truth}"]
    tracking += [part for setting in flags.set for part in ("--set", setting)]
    tracking += ["--project", str(results), "--name", scene, "--quiet", "--save" if flags.save else "--no-save"]
    tracking += ["--no-link"]  # mdpr-link has flags of its own
    tracking += ["--refine"] if flags.refine else []
    linking = [str(results / scene), "--quiet"]
    linking += [] if flags.false_link_rate is None else ["--false-link-rate", flags.false_link_rate]
    if flags.calibrated:
        linking += ["--cameras", str(_write_cameras(folder.path / scene / "cameras.json", results / f"{scene}.yaml"))]
    for command, program, arguments in (("mdpr-track", track.main, tracking), ("mdpr-link", link.main, linking)):
        code = program(arguments)
        if code:
            raise MdprError(f"{scene}: {command} ended with exit code {code}; see its message above")


def _write_cameras(calibration: Path, target: Path) -> Path:
    """A YAML file for `mdpr-link --cameras` from the calibration of a scene.

    Raises:
        ConfigError: there is no calibration.
        FormatError: it does not fit.
    """
    try:
        cameras = [camera_from_dict(one) for one in json.loads(calibration.read_text("utf-8"))]
    except OSError as error:
        raise ConfigError(f"--calibrated: cannot read {calibration}: {error.strerror or error}") from error
    except (ValueError, TypeError) as error:
        raise FormatError(f"{calibration}: expected a list of cameras: {error}") from error
    lines = [f"{one.name}: {{homography: {ground_homography(one).tolist()}}}\n" for one in cameras]
    write_text(target, "".join(lines))
    return target


def _tracklets(folder: Path) -> Sequence[Tracklet]:
    """Those of a run of mdpr-track; none where the results are somebody else's."""
    return read_run(folder).tracklets if any(folder.glob(f"*/{TRACKLETS_FILE}")) else ()
