"""Judge the tracker on real and simulated detections: python tests/real_tracker.py [--looks] [OPTION=VALUE...]

Prints HOTA / IDF1 of each group: the real detections of MOT16-02 and TUD-Campus as they are; the same varied, the mean
(backwards, every second frame, 5 % left out and 1 % jitter, only confident ones); and detections simulated from the
truth of six sequences, the mean. A rule or an option should help most of them, not one.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent / "helpers"))

from simulated_detections import DENSE, SPARSE, Simulated, simulate

from mdpr.components import build_config
from mdpr.pipeline.formats.mot import read_mot
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.evaluate import evaluate_sequence
from mdpr.pipeline.sinks.renaming import Renames
from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame

MOT = Path(__file__).resolve().parents[2] / "shared" / "data" / "mot"
REAL = {"MOT16-02": (30.0, (1920, 1080), 600), "TUD-Campus": (25.0, (640, 480), 71)}  # frames a second, size, frames
SIMULATED = {
    "MOT16-02": REAL["MOT16-02"],
    "MOT16-05": (14.0, (640, 480), 837),
    "MOT16-09": (30.0, (1920, 1080), 525),
    "MOT16-10": (30.0, (1920, 1080), 654),
    "MOT16-11": (30.0, (1920, 1080), 900),
    "MOT16-13": (25.0, (1920, 1080), 750),
}


@dataclasses.dataclass(frozen=True)
class Case:
    """Detections, and looks if any, of a sequence whose truth is known."""

    truth: Recording
    detections: list[Detections]
    looks: list[NDArray[np.float32]] | None = None


def truth_of(name: str, fps: float, size: tuple[int, int], frames: int) -> Recording:
    """The truth of one of the sequences above."""
    return Recording(name, read_mot(MOT / name / "gt" / "gt.txt"), name, frames=frames, fps=fps, size=size)


def real(name: str) -> Case:
    """A sequence with its real detections."""
    truth = truth_of(name, *REAL[name])
    rows = np.loadtxt(MOT / name / "det" / "det.txt", delimiter=",")
    boxes = np.concatenate([rows[:, 2:4], rows[:, 2:4] + rows[:, 4:6]], axis=1)
    at = [np.flatnonzero(rows[:, 0] == index + 1) for index in range(REAL[name][2])]
    return Case(truth, [Detections(boxes[here], rows[here, 6], np.zeros(len(here))) for here in at])


def reordered(case: Case, order: NDArray[np.intp], fps: float) -> Case:
    """The frames in `order`, as a sequence of their own."""
    boxes = case.truth.boxes
    place = np.full(len(case.detections), -1)
    place[order] = np.arange(len(order))
    kept = np.flatnonzero(place[boxes.frame] >= 0)
    moved = TrackBoxes.of(
        place[boxes.frame[kept]],
        boxes.track_id[kept],
        boxes.ltwh[kept],
        score=boxes.score[kept],
        class_id=boxes.class_id[kept],
        visibility=boxes.visibility[kept],
        first_pixel=boxes.first_pixel,
    )
    truth = dataclasses.replace(case.truth, boxes=moved, frames=len(order), fps=fps)
    return Case(truth, [case.detections[index] for index in order.tolist()])


def disturbed(case: Case, seed: int) -> Case:
    """5 % of the detections are left out, and all edges stray by 1 % of the height."""
    rng, changed = np.random.default_rng(seed), []
    for detections in case.detections:
        kept = detections.select(np.flatnonzero(rng.random(len(detections)) > 0.05))
        height = (kept.xyxy[:, 3] - kept.xyxy[:, 1])[:, None]
        strayed = kept.xyxy + 0.01 * height * rng.standard_normal(kept.xyxy.shape)
        changed.append(dataclasses.replace(kept, xyxy=strayed.astype(np.float32)))
    return Case(case.truth, changed)


def varied(case: Case) -> Iterator[Case]:
    """The sequence itself and its variations."""
    count, fps = len(case.detections), case.truth.fps or 30.0
    yield case
    yield reordered(case, np.arange(count)[::-1], fps)
    yield reordered(case, np.arange(0, count, 2), fps / 2)
    yield reordered(case, np.arange(1, count, 2), fps / 2)
    for seed in range(6 if count < 100 else 2):
        yield disturbed(case, seed)
    least = 0.7 if case.truth.name == "TUD-Campus" else 0.5  # its detections begin at 0.5
    yield Case(case.truth, [d.select(np.flatnonzero(d.confidence >= least)) for d in case.detections])


def score(case: Case, options: dict[str, Any]) -> tuple[float, float]:
    """HOTA and IDF1 in percent of a tracker that has seen nothing before."""
    tracker = DeepSort(build_config(DeepSort.Config, options, "tracker"))
    truth, shown, right = case.truth, [], Renames()
    for index, detections in enumerate(case.detections):
        frame = Frame("cam", index, index / (truth.fps or 30.0), size=truth.size)
        tracks = tracker.update(detections, frame, None if case.looks is None else case.looks[index])
        right.add(tracks.renamed)
        ltwh = np.concatenate([tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]], axis=1)
        shown.append((np.full(len(tracks), index), tracks.track_id, ltwh, tracks.confidence))
    number, track_id, ltwh, confidence = (np.concatenate(column) for column in zip(*shown, strict=True))
    track_id = np.array([right.right(one) for one in track_id.tolist()])
    rows = TrackBoxes.of(number, track_id, ltwh.round(2), score=confidence, first_pixel=1)
    values = evaluate_sequence(truth, rows, "tracks").scores.values()
    return 100 * values["HOTA"], 100 * values["IDF1"]


def groups(seed: int, looks: bool) -> Iterator[tuple[str, list[Case]]]:
    """Name and cases of each group."""
    if not looks:
        for name in REAL:
            yield name, [real(name)]
            yield f"{name} varied", list(varied(real(name)))
    for kind, detector in (("sparse", SPARSE), ("dense", DENSE)):
        cases = []
        for name, (fps, size, frames) in SIMULATED.items():
            truth = truth_of(name, fps, size, frames)
            made: Simulated = simulate(truth.boxes, frames, fps, size, detector, seed)
            cases.append(Case(truth, made.detections, made.embeddings if looks else None))
        yield f"{kind}, seed {seed}", cases


def main() -> None:
    """See the top of the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("options", nargs="*", metavar="OPTION=VALUE", help="of the tracker")
    parser.add_argument("--seed", type=int, default=0, help="of the simulation (0)")
    parser.add_argument("--looks", action="store_true", help="with simulated embeddings")
    flags = parser.parse_args()
    options = {name: yaml.safe_load(value) for name, _, value in (one.partition("=") for one in flags.options)}
    for name, cases in groups(flags.seed, flags.looks):
        hota, idf1 = np.mean([score(case, options) for case in cases], axis=0)
        sys.stdout.write(f"{name:20}{hota:6.1f} / {idf1:.1f}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
