"""`mdpr-track SOURCE...`: follow people through videos and streams."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
from collections.abc import Sequence
from typing import Any

from tqdm import tqdm

from mdpr import __version__
from mdpr.configs import preset_names
from mdpr.detectors import DETECTORS
from mdpr.pipeline.commands.running import run_command, stop_on_signals
from mdpr.pipeline.embedding import every_of
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.linking.aftertracking import check_before, link_after, linking_meanwhile
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.pipeline.run import TrackRun
from mdpr.pipeline.settings import parse_setting
from mdpr.pipeline.threads import compute_in_the_calling_thread
from mdpr.reid import EMBEDDERS, MODELS
from mdpr.trackers import TRACKERS
from mdpr.trackers.camera_motion import MODES

log = logging.getLogger("mdpr")

_EPILOG = """\
sources: video file, folder, 'glob*', image folder, MOT sequence folder, webcam number, rtsp:// or http:// URL,
         list.streams (one source a line); NAME=SOURCE names the camera.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 some sources failed, 4 no frame read, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags; those with a YOLO name mean what they mean there. Defaults live in the configuration, not here."""
    parser = argparse.ArgumentParser(
        "mdpr-track",
        description="Follow people through videos and streams: annotated video, tracks, and tracklets with embeddings.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    switch = argparse.BooleanOptionalAction
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="what to read; see below")
    parser.add_argument("--version", action="version", version=f"mdpr-track {__version__}")

    group = parser.add_argument_group("detector")
    group.add_argument("--detector", metavar="NAME", help=f"{', '.join(DETECTORS)} or package.module:Class (yolo)")
    group.add_argument("--weights", metavar="PATH", help="weights of the detector (yolo11n)")
    group.add_argument(
        "--detections", metavar="FILE", help="det.txt (MOTChallenge) instead of a detector; {camera} is filled in"
    )
    group.add_argument("--conf", type=float, help="lowest confidence of a detection (0.1)")
    group.add_argument("--iou", type=float, help="IoU above which NMS drops the weaker box (0.7)")
    group.add_argument(
        "--imgsz", type=int, metavar="PIXELS", help="longer side of its input (640, more where people are small)"
    )
    group.add_argument("--classes", type=int, nargs="+", metavar="ID", help="class ids to keep (0 = person)")
    group.add_argument("--max-det", type=int, metavar="N", help="most detections a frame (300)")
    group.add_argument("--half", action=switch, help="half precision (on by itself on CUDA)")
    group.add_argument("--device", help="cpu, or 0, 1, ... for a GPU (the first GPU, else the CPU)")

    group = parser.add_argument_group("appearance and tracker")
    names = ", ".join([*EMBEDDERS, *MODELS])
    group.add_argument("--reid", metavar="NAME|FILE", help=f"{names}, or a .safetensors or .onnx model (mdpr-s)")
    group.add_argument("--reid-weights", metavar="FILE", help="model of --reid onnx or mdpr")
    group.add_argument(
        "--reid-every", type=every_of, metavar="auto|SECONDS",
        help="embed only people who are new, lost or in a crowd, and everybody else every so often "
        "(0: everybody in every frame)",
    )  # fmt: skip
    group.add_argument(
        "--camera-motion", choices=MODES, help="follow the motion of the camera; auto stops on a fixed one (auto)"
    )
    group.add_argument("--tracker", metavar="NAME", help=f"{', '.join(TRACKERS)} or package.module:Class (deepsort)")

    group = parser.add_argument_group("reading")
    group.add_argument("--start", type=float, metavar="SECONDS", help="begin here (0)")
    group.add_argument("--end", type=float, metavar="SECONDS", help="end here")
    group.add_argument("--vid-stride", type=int, metavar="N", help="take every Nth frame (1)")
    group.add_argument("--fps", type=float, help="rate of image folders that do not state one (25)")
    group.add_argument(
        "--started-at", action="append", metavar="[CAMERA=]TIME",
        help="when second 0 was, where the file does not tell: 2026-11-26T08:30:00; may be repeated",
    )  # fmt: skip
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="silence that ends a stream (10)")
    group.add_argument(
        "--reconnect", type=float, metavar="SECONDS",
        help="how long a live source that broke off or is not there yet is looked for (300; 0: not, inf: for ever)",
    )  # fmt: skip

    group = parser.add_argument_group("results")
    group.add_argument("--project", metavar="FOLDER", help="where results go (runs/track)")
    group.add_argument("--name", help="folder of this run (run, run2, ...)")
    group.add_argument("--exist-ok", action=switch, help="write into an existing folder")
    group.add_argument("--save", action=switch, help="the annotated video (on)")
    group.add_argument("--save-txt", action=switch, help="tracks.txt (on)")
    group.add_argument("--save-parquet", action=switch, help="tracks.parquet and tracklets.parquet (on)")
    group.add_argument("--save-crop", action=switch, help="the best picture of each person (off)")
    group.add_argument("--link", action=switch, help="one identity a person across cameras (on with several cameras)")
    group.add_argument("--gallery", metavar="FILE", help="link with everybody in it, and put this run into it")
    group.add_argument(
        "--link-every", type=float, metavar="SECONDS",
        help="put those who have left into the gallery while tracking (60 with live sources; 0: at the end only)",
    )  # fmt: skip
    group.add_argument("--crops", action=switch, help="pictures of the people in the gallery (on)")
    group.add_argument("--cameras", metavar="FILE", help="YAML about the cameras, to link with: see mdpr-link")
    group.add_argument("--line-width", type=int, metavar="PIXELS", help="of the boxes (by the size of the picture)")
    group.add_argument("--refine", action=switch, help="refine the tracks at the end, as `mdpr refine` does (off)")
    group.add_argument("--show", action=switch, help="a window while tracking; q closes it and ends the run")

    group = parser.add_argument_group("configuration")
    group.add_argument("--config", metavar="FILE", help=f"YAML file or preset: {', '.join(preset_names())}")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="any option: tracker.max_age_s=3"
    )
    group.add_argument("--print-config", action="store_true", help="print the resolved configuration and stop")
    group.add_argument("--json", action="store_true", help="print the summary as JSON")
    group.add_argument("--quiet", action="store_true", help="no summary, only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr-track`; returns the exit code."""
    flags = vars(make_parser().parse_args(arguments))
    own = {name: flags.pop(name) for name in ("sources", "config", "set", "print_config", "json", "quiet")}
    return run_command(lambda: _run(own, flags), is_quiet=own["quiet"])


def _run(own: dict[str, Any], flags: dict[str, Any]) -> int:
    config = config_from_flags(tuple(own["sources"]), flags, own["config"], tuple(map(parse_setting, own["set"])))
    if own["print_config"]:
        sys.stdout.write(config.to_yaml())
        return 0
    keep_freed_memory()
    compute_in_the_calling_thread()
    run = TrackRun(config)
    check_before(run)
    try:
        with (
            stop_on_signals(run.interrupt, "finishing the files"),
            _Progress(run, is_shown=sys.stderr.isatty() and not own["quiet"]),
            linking_meanwhile(run) as meanwhile,
        ):
            code = run.execute()
        return link_after(run, code, meanwhile)
    finally:
        if run.report is not None and run.report.status != "running" and (own["json"] or not own["quiet"]):
            sys.stdout.write(run.report.as_json(run.times) if own["json"] else run.report.as_text(run.times) + "\n")
            sys.stdout.flush()


class _Progress:
    """A progress bar, drawn by a thread of its own twice a second."""

    def __init__(self, run: TrackRun, is_shown: bool) -> None:
        self._run = run
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._draw, daemon=True) if is_shown else None

    def _draw(self) -> None:
        with tqdm(unit=" frames", file=sys.stderr, leave=False) as bar:
            while not self._done.wait(0.5):
                bar.update(self._run.frames_done - bar.n)

    def __enter__(self) -> None:
        if self._thread is not None:
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        if self._thread is not None:
            self._thread.join()


if __name__ == "__main__":
    sys.exit(main())
