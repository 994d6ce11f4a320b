"""What `mdpr eval mot` and `mdpr eval mtmc` share: flags, and where the result goes."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mdpr.files import write_text
from mdpr.pipeline.formats.recordings import LAYOUTS
from mdpr.pipeline.metrics.evaluate import EvaluateConfig
from mdpr.pipeline.metrics.preprocessing import AUTO, RULES
from mdpr.pipeline.metrics.returns import ReturnConfig
from mdpr.versions import versions

_EPILOG = f"""\
GT and PRED are each
{LAYOUTS}

Return recall: of the people who are out of sight for at least 3 s and come back, the share that keeps its identity;
in --json and --csv by time away (3-10 s, 10-60 s, >60 s), with the precision of identities that reappear.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser(name: str, description: str | None, epilog: str = "") -> argparse.ArgumentParser:
    """A parser with the flags of both commands."""
    parser = argparse.ArgumentParser(
        name,
        description=description,
        epilog=_EPILOG + epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("truth", metavar="GT", type=Path, help="ground truth; see below")
    parser.add_argument("prediction", metavar="PRED", type=Path, help="what was tracked; see below")
    group = parser.add_argument_group("what counts")
    group.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this sequence or camera; may be repeated"
    )
    group.add_argument(
        "--rules",
        choices=(AUTO, *RULES),
        default=AUTO,
        help="MOTChallenge's: mot15 has no classes; mot16 (also MOT17) and mot20 count pedestrians and take out what "
        "matches a distractor; auto: mot16 where the truth has classes (auto)",
    )
    group.add_argument(
        "--ignore-regions", action="store_true", help="boxes of class 13 (crowd; iscrowd in COCO) are ignore regions"
    )
    group.add_argument("--iou", type=float, default=0.5, metavar="X", help="overlap of a match for MOTA and IDF1 (0.5)")
    group.add_argument("--frames", type=int, metavar="N", help="length of the sequences, where the truth lacks it")
    group.add_argument("--fps", type=float, metavar="X", help="frames a second, where the truth lacks it; for returns")
    group.add_argument(
        "--min-visibility", type=float, default=0.1, metavar="X", help="visible part of a person in sight (0.1)"
    )
    group = parser.add_argument_group("output")
    group.add_argument("--details", action="store_true", help="also recall and precision of HOTA's parts")
    group.add_argument("--json", action="store_true", help="print everything as JSON")
    group.add_argument("--csv", type=Path, metavar="FILE", help="write a row a sequence or camera, all values")
    group.add_argument("--quiet", action="store_true", help="only the result, warnings and errors")
    return parser


def config_of(flags: argparse.Namespace) -> EvaluateConfig:
    """What the flags say.

    Raises:
        ConfigError: a value out of range.
    """
    return EvaluateConfig(
        rules=flags.rules,
        ignores_crowds=flags.ignore_regions,
        iou_threshold=flags.iou,
        returns=ReturnConfig(min_visibility=flags.min_visibility),
        frames=flags.frames,
        fps=flags.fps,
    )


def put_out(flags: argparse.Namespace, values: dict[str, Any], text: str, csv_text: str, seconds: float) -> None:
    """Write the CSV file that was asked for, and print the result as text or JSON.

    Raises:
        OutputError: the file cannot be written.
    """
    if flags.csv is not None:
        write_text(flags.csv, csv_text)
    if flags.json:
        head = {"truth": str(flags.truth), "prediction": str(flags.prediction), "seconds": round(seconds, 3)}
        text = json.dumps({**head, **values, "versions": versions()}, indent=2)
    sys.stdout.write(text + "\n")
