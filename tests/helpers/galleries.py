"""Small runs to put into a store, and a clock that stands still."""

from __future__ import annotations

import itertools

import numpy as np

from mdpr.pipeline.store import EmbeddingModel, Run, RunCamera, Store, TrackletKey, TrackletRecord
from mdpr.pipeline.store.checks import Clock
from mdpr.types import Tracklet

NOON = 1_760_000_000.0
"""Wall time of second 0 of all cameras."""

MODEL = EmbeddingModel("mdpr-test-1", 8)


class FakeClock(Clock):
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time_s = NOON + 3600
        self.moved_s = 0.0

    def now_s(self) -> float:
        return self.time_s

    def jump_s(self) -> float:
        return self.moved_s


def make_run(
    name: str = "monday",
    cameras: tuple[str, ...] = ("hall", "door"),
    model: EmbeddingModel = MODEL,
    start_s: float = NOON,
) -> Run:
    return Run(
        name, start_s, model, {camera: RunCamera(f"{camera}.mp4", start_s) for camera in cameras}, {"conf": 0.25}
    )


def unit_rows(rng: np.random.Generator, rows: int, dimension: int = MODEL.dimension) -> np.ndarray:
    """(rows, dimension) float32 of unit length."""
    values = rng.standard_normal((rows, dimension))
    return (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)


def make_tracklet(
    camera: str = "hall",
    track_id: int = 1,
    frames: tuple[int, int] = (0, 9),
    embeddings: np.ndarray | None = None,
    seed: int = 0,
    views: int = 2,
) -> Tracklet:
    """A tracklet at 10 frames a second; its numbers follow from `seed` and `track_id`."""
    rng = np.random.default_rng([seed, track_id])
    embeddings = unit_rows(rng, views) if embeddings is None else np.asarray(embeddings, np.float32)
    count, (start, end) = len(embeddings), frames
    at = np.sort(rng.integers(start, end + 1, count))
    corner = rng.uniform(0, 500, (count, 2))
    return Tracklet(
        camera, track_id, 0, start, end, start / 10, end / 10, end - start + 1, float(np.float32(rng.uniform())),
        at, at / 10, np.concatenate([corner, corner + np.array([40, 100])], axis=1), rng.uniform(0, 1, count),
        rng.uniform(0, 10, count), embeddings,
    )  # fmt: skip


def make_record(run: str = "monday", crops: tuple[bytes, ...] = (), part: int = 0, **values: object) -> TrackletRecord:
    return TrackletRecord.of(run, make_tracklet(**values), crops, part)  # type: ignore[arg-type]


def people(store: Store, *places: tuple[str, int, int], run: str = "monday", **values: object) -> list[TrackletKey]:
    """Put a tracklet for each (camera, first frame, last frame), with track ids from 1; returns their keys."""
    store.add_run(make_run(run))
    records = [
        make_record(run, camera=camera, track_id=number, frames=(start, end), **values)
        for number, (camera, start, end) in zip(itertools.count(1), places)
    ]
    store.put(records)
    return [record.key for record in records]


def same_tracklet(a: Tracklet, b: Tracklet) -> bool:
    """Whether all fields are equal, bit for bit."""
    return all(
        np.array_equal(one, other) and np.asarray(one).dtype == np.asarray(other).dtype
        for one, other in ((getattr(a, name), getattr(b, name)) for name in vars(a))
    )
