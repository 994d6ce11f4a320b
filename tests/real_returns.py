"""How many real people get their old id back after 3 to 60 s out of sight: python tests/real_returns.py EMBEDDER...

Detections (YOLO11n) and embeddings of the development videos are computed once and kept. Our annotations say who each
track is. A trial shows some of the people for some seconds, then nobody for a while, then some of the people as they
look elsewhere in the video; everybody is in their place, but all tracks have ended, so only looks can decide. Some of
those who were there do not come back, and some who come were not there before.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent / "helpers"))

from mdpr.components import build_config
from mdpr.pipeline.config import with_thresholds
from mdpr.pipeline.flags import config_from_flags
from mdpr.pipeline.settings import parse_setting
from mdpr.pipeline.sinks.renaming import Renames
from mdpr.pipeline.sources import expand_sources
from mdpr.pipeline.tuning.cache import CachedSequence, obtain
from mdpr.trackers.deepsort import DeepSort
from mdpr.trackers.geometry import areas, intersections, overlaps, to_planes
from mdpr.types import Detections, Frame
from mdpr.weights import cache_folder
from real_crops import VIDEOS, read_annotations

SHARED = Path(__file__).resolve().parents[2] / "shared"
CLIPS = ("shop", "table")
GAPS_S = (3.2, 10.0, 30.0, 60.0)
WINDOW_S = 4.0
EMPTY_FPS = 10
LEAST_S = 1.0
"""Somebody counts in a window when they were detected for so long."""

FrameItem = tuple[Detections, Frame, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Trial:
    """One scene: its frames, who each detection is, and the part of the scene (0, 1, ...; -1 = empty) of each frame."""

    frames: list[FrameItem]
    people: list[NDArray[np.int64]]
    part: list[int]


@dataclass(frozen=True)
class Returns:
    """Counts: people who came back, of those who have their id; ids that came back, of those that are right."""

    came_back: int = 0
    found: int = 0
    claimed: int = 0
    right: int = 0

    def __add__(self, other: Returns) -> Returns:
        return Returns(*(a + b for a, b in zip(self.values(), other.values(), strict=True)))

    def values(self) -> tuple[int, int, int, int]:
        """In order."""
        return self.came_back, self.found, self.claimed, self.right

    def __str__(self) -> str:
        recall, precision = self.found / max(self.came_back, 1), self.right / max(self.claimed, 1)
        return f"recall {recall:.3f} of {self.came_back}, precision {precision:.3f} of {self.claimed}"


def sequence_of(clip: str, reid: str, shared: Path, folder: Path) -> CachedSequence:
    """Detections and embeddings of a clip, from the cache where they are there."""
    os.environ.setdefault("MDPR_MODELS", str(shared / "models"))
    source = str(shared / VIDEOS[clip][1])
    config = config_from_flags((source,), {"detector": "yolo", "weights": "yolo11n", "reid": reid}, None, ())
    return obtain(config, expand_sources(config.sources)[0], folder)


def tracker_for(sequence: CachedSequence, **options: object) -> DeepSort:
    """The default tracker with the thresholds of the sequence's embedder."""
    component = with_thresholds(config_from_flags((), {}, None, ()).tracker, sequence.facts)
    values = {name: getattr(component.options, name) for name in component.options.__dataclass_fields__}
    return DeepSort(build_config(DeepSort.Config, values | options, "tracker"))


def items_of(sequence: CachedSequence) -> Iterator[tuple[slice, FrameItem]]:
    """The frames of a cached sequence, and the rows of each one's detections."""
    ends = np.cumsum(sequence.count)
    for row, (start, end) in enumerate(zip(ends - sequence.count, ends, strict=True)):
        at, size = slice(start, end), tuple(sequence.size[row].tolist())
        frame = Frame(sequence.camera, int(sequence.index[row]), float(sequence.time_s[row]), size=size)
        detections = Detections(sequence.xyxy[at], sequence.confidence[at], sequence.class_id[at])
        yield at, (detections, frame, sequence.embeddings[at])


def people_of(sequence: CachedSequence, clip: str) -> NDArray[np.int64]:
    """(M,) who each detection is, by annotation; 0 = unknown.

    The tracks of the whole video carry the annotations from frame to frame; a track with annotations of two people,
    or with fewer than two annotations, is nobody's.
    """
    tracker = tracker_for(sequence, return_s=0)  # who is who must not depend on what is judged
    track, right = np.zeros(len(sequence.xyxy), np.int64), Renames()
    rows_of_frame = {}
    for at, (detections, frame, embeddings) in items_of(sequence):
        tracks = tracker.update(detections, frame, embeddings)
        shown = tracks.detection_index >= 0
        track[at][tracks.detection_index[shown]] = tracks.track_id[shown]
        right.add(tracks.renamed)
        rows_of_frame[frame.index] = at
    track = np.array([right.right(one) for one in track.tolist()], np.int64)
    votes: dict[int, Counter[int]] = defaultdict(Counter)
    for note in read_annotations(clip):
        at = rows_of_frame.get(int(note["frame"]))
        if at is None or at.start == at.stop:
            continue
        box = to_planes(np.array([[float(note[key]) for key in ("x1", "y1", "x2", "y2")]]))
        boxes = to_planes(sequence.xyxy[at])
        overlap = overlaps(intersections(box, boxes), areas(box), areas(boxes))[0]
        if overlap.max() >= 0.5:
            votes[int(track[at][overlap.argmax()])][int(note["person"])] += 1
    names = {key: next(iter(found)) for key, found in votes.items() if len(found) == 1 and found.total() >= 2}
    names.pop(0, None)
    return np.array([names.get(one, 0) for one in track.tolist()], np.int64)


def trial(
    sequence: CachedSequence,
    people: NDArray[np.int64],
    parts: Sequence[tuple[float, float, set[int]]],
    gap_s: Sequence[float],
) -> Trial:
    """A scene of parts (from, to, who is shown) of a video, with `gap_s[i]` of nobody after part i."""
    made, now, index = Trial([], [], []), 0.0, 0
    dimension = sequence.embeddings.shape[1]
    items = list(items_of(sequence))
    for number, (start_s, end_s, shown) in enumerate(parts):
        if number:
            for _ in range(int(gap_s[number - 1] * EMPTY_FPS)):
                now += 1 / EMPTY_FPS
                index += 1
                made.frames.append(
                    (Detections.empty(), Frame("c", index, now), np.empty((0, dimension), np.float32)),
                )
                made.people.append(np.empty(0, np.int64))
                made.part.append(-1)
        began = now + 0.05
        for at, (detections, frame, embeddings) in items:
            if start_s <= frame.time_s < end_s:
                rows = np.flatnonzero(np.isin(people[at], list(shown)) & (people[at] > 0))
                now = began + frame.time_s - start_s
                index += 1
                here = Frame("c", index, now, size=frame.size)
                made.frames.append((detections.select(rows), here, np.ascontiguousarray(embeddings[rows])))
                made.people.append(people[at][rows])
                made.part.append(number)
    return made


def present(sequence: CachedSequence, people: NDArray[np.int64], start_s: float, end_s: float) -> set[int]:
    """Who is detected for at least `LEAST_S` in a window."""
    seconds: Counter[int] = Counter()
    step_s = float(np.median(np.diff(sequence.time_s)))
    for at, (_, frame, _) in items_of(sequence):
        if start_s <= frame.time_s < end_s:
            seconds.update(people[at].tolist())
    return {who for who, count in seconds.items() if who and count * step_s >= LEAST_S}


def trials(
    sequence: CachedSequence, people: NDArray[np.int64], clip: str, gap_s: float, number: int, seed: int = 0
) -> Iterator[Trial]:
    """Scenes of a clip: two windows of the shop; of the table, where people come one at a time, halves of visits."""
    rng = np.random.default_rng([seed, int(10 * gap_s)])
    last_s = float(sequence.time_s[-1])
    for _ in range(number):
        if clip == "table":
            everybody = [int(one) for one in np.unique(people[people > 0])]
            first, second = [], []
            for who in rng.permutation(everybody).tolist():
                time_s = np.repeat(sequence.time_s, sequence.count)[people == who]
                middle = float(np.median(time_s))
                role = rng.random()
                if role < 0.8:
                    first.append((max(float(time_s.min()), middle - WINDOW_S), middle, {who}))
                if role < 0.6 or role >= 0.8:
                    second.append((middle, min(float(time_s.max()) + 0.01, middle + WINDOW_S), {who}))
            rest_s = max(gap_s - (WINDOW_S + GAPS_S[0]) * len(everybody), GAPS_S[0])  # the first one waits for others
            gaps_s = [GAPS_S[0]] * (len(first) - 1) + [rest_s] + [GAPS_S[0]] * len(second)
            yield trial(sequence, people, first + [second[at] for at in rng.permutation(len(second))], gaps_s)
            continue
        start_s = rng.uniform(0, last_s - 2 * WINDOW_S)
        again_s = rng.uniform(start_s + WINDOW_S, last_s - WINDOW_S)
        before = present(sequence, people, start_s, start_s + WINDOW_S)
        after = present(sequence, people, again_s, again_s + WINDOW_S)
        roles = {who: rng.random() for who in sorted(before | after)}
        before = {who for who in before if roles[who] < 0.8}
        after = {who for who in after if roles[who] < 0.6 or roles[who] >= 0.8}
        yield trial(
            sequence, people, [(start_s, start_s + WINDOW_S, before), (again_s, again_s + WINDOW_S, after)], [gap_s]
        )


def score(scene: Trial, ids: Sequence[NDArray[np.int64]]) -> Returns:
    """Count returns, given the final track id of every detection of every frame (0 = none).

    In each part of the scene, a person has the id that most of their detections have.
    """
    seen: dict[tuple[int, int], Counter[int]] = defaultdict(Counter)
    for part, people, found in zip(scene.part, scene.people, ids, strict=True):
        for who, one in zip(people.tolist(), found.tolist(), strict=True):
            if one:
                seen[who, part][one] += 1
    main = {key: counts.most_common(1)[0][0] for key, counts in seen.items()}
    total = Returns()
    for (who, part), one in main.items():
        earlier = [main[who, other] for other in range(part) if (who, other) in main]
        known = {main[key] for key in main if key[1] < part}
        total += Returns(
            bool(earlier), bool(earlier) and one == earlier[-1], one in known, bool(earlier) and one == earlier[-1]
        )
    return total


def ours(scene: Trial, tracker: DeepSort) -> list[NDArray[np.int64]]:
    """Final ids of all detections by our tracker."""
    found, right = [], Renames()
    for detections, frame, embeddings in scene.frames:
        tracks = tracker.update(detections, frame, embeddings)
        ids = np.zeros(len(detections), np.int64)
        shown = tracks.detection_index >= 0
        ids[tracks.detection_index[shown]] = tracks.track_id[shown]
        found.append(ids)
        right.add(tracks.renamed)
    return [np.array([right.right(one) for one in ids.tolist()], np.int64) for ids in found]


def main() -> int:
    """Print recall and precision by clip and gap."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("embedders", nargs="+", metavar="EMBEDDER", help="as for mdpr-track --reid")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the development data")
    parser.add_argument("--cache", type=Path, default=None, help="where detections and embeddings are kept")
    parser.add_argument("--trials", type=int, default=20, metavar="N", help="scenes a clip and gap (20)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="of the tracker")
    flags = parser.parse_args()
    options = dict(map(parse_setting, flags.set))
    for reid in flags.embedders:
        everything = Returns()
        for clip in CLIPS:
            sequence = sequence_of(clip, reid, flags.shared, flags.cache or cache_folder() / "tune")
            people = people_of(sequence, clip)
            known = people[people > 0]
            sys.stdout.write(f"{reid} {clip}: {len(np.unique(known))} people in {len(known)} detections\n")
            for gap_s in GAPS_S:
                total = Returns()
                for scene in trials(sequence, people, clip, gap_s, flags.trials, flags.seed):
                    total += score(scene, ours(scene, tracker_for(sequence, **options)))
                everything += total
                sys.stdout.write(f"{reid} {clip}, {gap_s:g} s away: {total}\n")
                sys.stdout.flush()
        sys.stdout.write(f"{reid}, all: {everything}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
