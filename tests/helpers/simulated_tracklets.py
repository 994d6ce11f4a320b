"""People who walk past cameras, as tracklets with controlled embedding noise, and how well a linking finds them again.

An embedding is the unit vector of: what all people share + the person + the camera + the person in that camera +
view noise. Single views are spoilt, with a low quality.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.optimize import linear_sum_assignment

from mdpr.trackers.crosscamera.types import Sighting, TrackletKey
from mdpr.types import Tracklet


@dataclass(frozen=True)
class World:
    """Size and difficulty; the parts of an embedding are given by the lengths of their vectors."""

    people: int = 30
    cameras: int = 4
    visits: int = 3
    overlapping: bool = False
    dimension: int = 128
    views: int = 8
    common: float = 1.0
    person: float = 1.0
    camera: float = 0.8
    person_in_camera: float = 0.6
    visit: float = 0.4
    view: float = 1.0
    bad_views: float = 0.1
    day_s: float = 3600.0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Simulated:
    sightings: list[Sighting]
    person: dict[TrackletKey, int]


def simulate(world: World) -> Simulated:
    rng = np.random.default_rng(world.seed)

    def vectors(count, length):
        return rng.standard_normal((count, world.dimension)) * length / np.sqrt(world.dimension)

    common, people, cameras = vectors(1, world.common), vectors(world.people, world.person), None
    cameras = vectors(world.cameras, world.camera)
    inside = vectors(world.people * world.cameras, world.person_in_camera).reshape(world.people, world.cameras, -1)
    walks = []  # (camera, start, end, person)
    for person in range(world.people):
        for _ in range(world.visits):
            now = rng.uniform(0, world.day_s)
            if world.overlapping:
                length = rng.uniform(10, 40)
                for camera in np.flatnonzero(rng.random(world.cameras) < 0.85):
                    begin = now + rng.uniform(0, 4)
                    walks.append((camera, begin, begin + length * rng.uniform(0.6, 1), person))
            else:
                route = rng.permutation(world.cameras)[: rng.integers(2, world.cameras + 1)]
                for camera in route:
                    length = rng.uniform(5, 20)
                    walks.append((camera, now, now + length, person))
                    now += length + rng.uniform(8, 30)
    walks = _without_doubles(walks)
    sightings, truth = [], {}
    ids = defaultdict(int)
    for camera, begin, end, person in sorted(walks):
        ids[camera] += 1
        count = int(rng.integers(max(1, world.views // 2), world.views + 1))
        noise = np.full(count, world.view)
        quality = rng.uniform(0.6, 1, count)
        is_bad = rng.random(count) < world.bad_views
        noise[is_bad] *= 2.5
        quality[is_bad] *= 0.35
        rows = common + people[person] + cameras[camera] + inside[person, camera] + vectors(1, world.visit)
        rows = rows + vectors(count, 1.0) * noise[:, None]
        tracklet = make_tracklet(f"c{camera}", ids[camera], begin, end, rows, quality)
        sightings.append(Sighting.of("run", tracklet))
        truth[sightings[-1].key] = person
    return Simulated(sightings, truth)


def make_tracklet(camera, track_id, begin, end, rows, quality=None, fps=10):
    rows = np.atleast_2d(np.asarray(rows, np.float64))
    count = len(rows)
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    times = np.linspace(begin, end, count) if count > 1 else np.array([begin])
    box = np.tile(np.array([100.0, 100, 150, 250]), (count, 1))
    return Tracklet(
        camera=camera, track_id=track_id, class_id=0, start_frame=int(begin * fps), end_frame=int(end * fps),
        start_s=begin, end_s=end, detections=int((end - begin) * fps) + 1, confidence=0.9,
        view_frame=(times * fps).astype(np.int64), view_time_s=times, view_xyxy=box.astype(np.float32),
        view_confidence=np.full(count, 0.9, np.float32),
        view_quality=np.asarray(np.ones(count) if quality is None else quality, np.float32),
        embeddings=rows.astype(np.float32),
    )  # fmt: skip


def _without_doubles(walks):
    """Without walks in which a person is in one camera twice at a time."""
    kept, last = [], {}
    for camera, begin, end, person in sorted(walks, key=lambda walk: walk[1]):
        if begin > last.get((camera, person), -1.0) + 1:
            kept.append((camera, begin, end, person))
            last[camera, person] = end
    return kept


@dataclass(frozen=True)
class Scores:
    idf1: float
    precision: float
    recall: float

    @property
    def f1(self):
        return 2 * self.precision * self.recall / max(self.precision + self.recall, 1e-12)


def score(found: Mapping[TrackletKey, int], simulated: Simulated) -> Scores:
    """IDF1 over detections, and precision and recall of pairs of tracklets."""
    keys = [sighting.key for sighting in simulated.sightings]
    weight = np.array([sighting.tracklet.detections for sighting in simulated.sightings], float)
    _, guess = np.unique([found[key] for key in keys], return_inverse=True)
    _, true = np.unique([simulated.person[key] for key in keys], return_inverse=True)
    table = np.zeros((true.max() + 1, guess.max() + 1))
    np.add.at(table, (true, guess), weight)
    rows, columns = linear_sum_assignment(table, maximize=True)
    counts = np.zeros_like(table)
    np.add.at(counts, (true, guess), 1)
    pairs = lambda values: float((values * (values - 1) / 2).sum())  # noqa: E731
    both = pairs(counts)
    return Scores(
        float(table[rows, columns].sum() / weight.sum()),
        both / max(pairs(counts.sum(axis=0)), 1),
        both / max(pairs(counts.sum(axis=1)), 1),
    )


def best_baseline(simulated: Simulated) -> Scores:
    """Mean embedding and one global threshold (average linkage), with the threshold that gives the best IDF1."""
    means = np.array([sighting.tracklet.embedding for sighting in simulated.sightings], float)
    tree = linkage(means, "average", metric="cosine")
    keys = [sighting.key for sighting in simulated.sightings]
    cuts = np.unique(np.quantile(tree[:, 2], np.linspace(0, 1, 80)))
    results = [score(dict(zip(keys, fcluster(tree, cut, "distance"), strict=True)), simulated) for cut in cuts]
    return max(results, key=lambda result: result.idf1)
