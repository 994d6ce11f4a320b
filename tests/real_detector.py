"""Judge detectors on frames of real cameras that they never saw: python tests/real_detector.py DETECTOR..."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent / "helpers"))

from mdpr.components import build_config, find_class
from mdpr.contracts import Detector
from mdpr.detectors import DETECTORS
from mdpr.detectors.yolox.metrics import Measures, measure
from mdpr.types import Detections
from real_frames import SETS, RealFrames, load_real_frames

SHARED = Path(__file__).resolve().parents[2] / "shared"
_LOW_CONF = 0.01  # average precision counts weak boxes too
_COLUMNS = 3
_SHOWN = 6  # frames of a sheet
_HEAD = (
    f"{'set':10}{'frames':>7}{'people':>7} | {'AP':>6}{'AP50':>7} | {'recall':>7}{'prec.':>7} at conf"
    f" | {'F1':>6} at conf | {'ms/frame':>8}"
)


@dataclasses.dataclass(frozen=True)
class Judged:
    """One detector on one set.

    Attributes:
        name: of the set.
        frames: how many.
        measures: against the people of the set.
        ms: CPU milliseconds of the process a frame, at the fastest third of the frames.
    """

    name: str
    frames: int
    measures: Measures
    ms: float


def make_detector(name: str, settings: dict[str, Any]) -> Detector:
    """The detector that `name` stands for: a key of `DETECTORS`, weights of `--detector yolo`, or an ONNX file.

    Raises:
        MdprError: there is no such detector, or its weights are not there.
    """
    kind = name if name in DETECTORS else "onnx" if name.endswith(".onnx") else "yolo"
    cls = find_class("detector", kind, DETECTORS)
    options = {"conf": _LOW_CONF, "device": "cpu", **settings, **({} if kind == name else {"weights": name})}
    detector: Detector = cls(build_config(cls.Config, options, "detector"))
    return detector


def judge(detector: Detector, frames: RealFrames, conf: float) -> tuple[Judged, list[Detections]]:
    """How good a detector is on a set, and what it found."""
    detector.detect(frames.frames[:1])
    found, times = [], []
    for frame in frames.frames:
        start = time.process_time()
        found += detector.detect([frame])
        times.append(time.process_time() - start)
    ms = 1000 * float(np.mean(sorted(times)[: max(len(times) // 3, 1)]))
    return Judged(frames.name, len(found), measure(frames.truths, found, conf), ms), found


def table(judged: Sequence[Judged]) -> str:
    """One line a set."""
    lines = [_HEAD]
    for one in judged:
        m = one.measures
        lines.append(
            f"{one.name:10}{one.frames:7}{m.people:7} | {m.ap:6.3f}{m.ap50:7.3f} | {m.recall:7.3f}{m.precision:7.3f} "
            f"at {m.conf:4.2f} | {m.best_f1:6.3f} at {m.best_conf:4.2f} | {one.ms:8.1f}"
        )
    return "\n".join(lines)


def draw(frames: RealFrames, found: Sequence[Detections], conf: float, path: Path) -> None:
    """A PNG of some frames: the people of the set in white, boxes found in green, those below `conf` in orange."""
    cells = []
    for number in np.linspace(0, len(found) - 1, min(_SHOWN, len(found))).astype(int):
        image = frames.frames[number].image.copy()
        thin = max(1, image.shape[1] // 500)
        rows = [(box, (255, 255, 255), 3 * thin) for box in frames.truths[number].xyxy]
        order = np.argsort(found[number].confidence)
        for row in order[found[number].confidence[order] >= min(0.1, conf)]:
            is_sure = found[number].confidence[row] >= conf
            rows.append((found[number].xyxy[row], (0, 220, 0) if is_sure else (0, 150, 255), thin))
        for box, colour, width in rows:
            x1, y1, x2, y2 = (int(value) for value in box)
            cv2.rectangle(image, (x1, y1), (x2, y2), colour, width)
        cells.append(cv2.resize(image, (640, round(640 * image.shape[0] / image.shape[1]))))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % _COLUMNS)
    rows_of_cells = [np.hstack(cells[start : start + _COLUMNS]) for start in range(0, len(cells), _COLUMNS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.vstack(rows_of_cells))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser("real_detector.py", description=__doc__)
    parser.add_argument("detectors", nargs="+", metavar="DETECTOR", help="weights of --detector yolo, or a .onnx file")
    parser.add_argument("--conf", type=float, default=0.25, help="from which on a box counts as found (0.25)")
    parser.add_argument("--imgsz", type=int, metavar="N", help="longer side of the detectors' input")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with the development data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument("--draw", type=Path, metavar="FOLDER", help="frames with boxes, a PNG a set and detector")
    options = parser.parse_args(arguments)
    settings = {} if options.imgsz is None else {"imgsz": options.imgsz}
    sets = [load_real_frames(name, options.shared) for name in options.sets]
    results = []
    for name in options.detectors:
        detector = make_detector(name, settings)
        judged = []
        for frames in sets:
            one, found = judge(detector, frames, options.conf)
            judged.append(one)
            if options.draw:
                draw(frames, found, options.conf, options.draw / f"{Path(name).stem}-{frames.name}.png")
        results.append(
            {"detector": name, "description": detector.description, "sets": [dataclasses.asdict(one) for one in judged]}
        )
        if not options.json:
            sys.stdout.write(f"{name}: {detector.description}\n{table(judged)}\n\n")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
