"""`mdpr eval detector`: average precision on pictures with boxes, or agreement with another detector on any source."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import logging
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdpr.components import build_config, find_class
from mdpr.detectors import DETECTORS
from mdpr.detectors.yolox.metrics import agree, measure
from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.pipeline.settings import parse_setting
from mdpr.types import Detections, Frame

if TYPE_CHECKING:
    from mdpr.contracts import Detector

log = logging.getLogger("mdpr")

_LOW_CONF = 0.01  # average precision counts weak boxes too
_EPILOG = """\
With --truth: DATA is a folder with images/ and a .json in COCO's format, or that .json.
With --against: DATA is anything that mdpr-track reads: a video, a folder of images, a MOT sequence.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    parser = argparse.ArgumentParser(
        "mdpr eval detector", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", metavar="DATA", help="what is looked at; see below")
    group = parser.add_argument_group("detector")
    group.add_argument("--detector", default="onnx", help=f"{', '.join(DETECTORS)} (onnx)")
    group.add_argument("--weights", help="its weights")
    group.add_argument("--imgsz", type=int, metavar="N", help="longer side of its input")
    group.add_argument("--device", help="cpu, 0, ...")
    group.add_argument("--conf", type=float, default=0.25, help="from which on a box counts as found (0.25)")
    group.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="any other option: iou=0.5")
    group = parser.add_argument_group("reference: one of")
    group.add_argument("--truth", action="store_true", help="the boxes of DATA (the default)")
    group.add_argument("--against", metavar="DETECTOR", help="another detector's boxes: yolo, onnx, ...")
    group.add_argument("--against-weights", metavar="WEIGHTS", help="its weights")
    group.add_argument("--against-conf", type=float, default=0.5, help="from which on its boxes count (0.5)")
    group.add_argument("--against-set", action="append", default=[], metavar="KEY=VALUE", help="any other option of it")
    group = parser.add_argument_group("counting")
    group.add_argument("--iou", type=float, default=0.5, help="least overlap of two boxes that agree (0.5)")
    group.add_argument("--min-height", type=float, default=0.0, metavar="PX", help="lower people do not count (0)")
    group.add_argument("--stride", type=int, default=1, metavar="N", help="with --against, every N-th frame (1)")
    group.add_argument("--json", action="store_true", help="print the measures as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.json)


def _run(flags: argparse.Namespace) -> int:
    if flags.truth and flags.against:
        raise ConfigError("--truth and --against: give one of them")
    keep_freed_memory()
    values = _against(flags) if flags.against else _with_truth(flags)
    if flags.json:
        sys.stdout.write(json.dumps(values, indent=2) + "\n")
    else:
        sys.stdout.write("".join(f"{name:<10} {_text(value)}\n" for name, value in values.items()))
    return 0


def _with_truth(flags: argparse.Namespace) -> dict[str, Any]:
    from mdpr.detectors.yolox.data import ReadOptions, read_pictures
    from mdpr.detectors.yolox.inference import detect_in_pictures, truths_of

    pictures = read_pictures(Path(flags.data), ReadOptions(min_height_px=flags.min_height))
    log.info("data      %s", pictures.describe())
    detector = _build(flags.detector, _LOW_CONF, _options_of(flags))
    found = detect_in_pictures(detector.detect, pictures, threads=1)
    return dataclasses.asdict(measure(truths_of(pictures), found, flags.conf))


def _against(flags: argparse.Namespace) -> dict[str, Any]:
    settings = dict(map(parse_setting, flags.against_set))
    weights = {"weights": flags.against_weights} if flags.against_weights is not None else {}
    reference = _build(flags.against, flags.against_conf, weights | settings)
    detector = _build(flags.detector, flags.conf, _options_of(flags))
    expected: list[Detections] = []
    found: list[Detections] = []
    for frame in _frames(flags.data, flags.stride):
        expected += reference.detect([frame])
        found += detector.detect([frame])
    result = agree(expected, found, flags.iou, flags.min_height)
    return {**dataclasses.asdict(result), "recall": result.recall, "precision": result.precision}


def _options_of(flags: argparse.Namespace) -> dict[str, Any]:
    given = {key: value for key in ("weights", "imgsz", "device") if (value := getattr(flags, key)) is not None}
    return given | dict(map(parse_setting, flags.set))


def _frames(source: str, stride: int) -> Iterator[Frame]:
    from mdpr.pipeline.sources.expand import expand_sources
    from mdpr.pipeline.sources.opening import open_source
    from mdpr.pipeline.sources.spec import SourceConfig

    config = SourceConfig(vid_stride=stride)
    for spec in expand_sources([source]):
        with contextlib.closing(open_source(spec, config)) as frames:
            yield from frames


def _build(name: str, conf: float, options: Mapping[str, Any]) -> Detector:
    """A detector by name; `conf` where it has one."""
    cls = find_class("detector", name, DETECTORS)
    has_conf = any(field.name == "conf" for field in dataclasses.fields(cls.Config))
    options = {**({"conf": conf} if has_conf else {}), **options}
    detector: Detector = cls(build_config(cls.Config, options, "detector"))
    log.info("detector  %s", detector.description)
    return detector


def _text(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    sys.exit(main())
