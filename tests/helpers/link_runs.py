"""Folders of runs, written from simulated tracklets as `mdpr-track` would write them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mdpr.pipeline.sinks.parquet import TrackletSink, TrackSink
from mdpr.trackers.crosscamera.types import Sighting
from mdpr.types import Frame, Tracks


def write_run(
    folder: Path, sightings: Sequence[Sighting], dimension: int, started_s: float, model: str = "model-1",
    known_from: str = "run",
) -> Path:  # fmt: skip
    """Tables and run.json; all cameras began at `started_s`, those without anybody too."""
    cameras = sorted({one.key.camera for one in sightings})
    run_of(folder, sightings, started_s, dict.fromkeys(cameras, model), dimension)
    add_report(folder, dict.fromkeys(cameras, started_s), known_from, started_s)
    return folder


def run_of(
    folder: Path, sightings: Sequence[Sighting], started_s: float, models: Mapping[str, str], dimension: int = 0
) -> Path:
    """Tables with a model for each camera, and run.json."""
    dimension = dimension or sightings[0].tracklet.embeddings.shape[1]
    for camera, model in models.items():
        (folder / camera).mkdir(parents=True)
        here = [one.tracklet for one in sightings if one.key.camera == camera]
        with TrackletSink(folder / camera / "tracklets.parquet", dimension, model) as sink:
            sink.end(here)
        with TrackSink(folder / camera / "tracks.parquet") as sink:
            for frame in sorted({one for row in here for one in range(row.start_frame, row.end_frame + 1)}):
                ids = np.array([one.track_id for one in here if one.start_frame <= frame <= one.end_frame], np.int64)
                boxes = np.tile(np.array([[100.0, 100, 150, 250]], np.float32), (len(ids), 1))
                sink.write(
                    Frame(camera, frame, frame / 10),
                    Tracks(ids, boxes, np.full(len(ids), 0.9), np.zeros(len(ids)), np.arange(len(ids))),
                )
    add_report(folder, dict.fromkeys(models, started_s), "run", started_s)
    return folder


def add_report(
    folder: Path, started_s: Mapping[str, float], known_from: str = "run", begun_s: float | None = None
) -> None:
    """run.json."""
    cameras = {
        camera: {"source": "", "started_s": at_s, "started_from": known_from} for camera, at_s in started_s.items()
    }
    begun_s = max(started_s.values()) if begun_s is None else begun_s
    (folder / "run.json").write_text(json.dumps({"started_s": begun_s, "cameras": cameras}))
