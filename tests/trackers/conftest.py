"""Small scenes for trackers, as fixtures that return functions."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers.bytetrack import ByteTrack
from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame

BOTH = {"bytetrack": ByteTrack, "deepsort": DeepSort}


@pytest.fixture(params=sorted(BOTH))
def tracker_class(request):
    return BOTH[request.param]


@pytest.fixture
def detect():
    """detect(centres, confidence, size, class_id): boxes of one size around (N, 2) centres."""

    def make(centres, confidence=0.9, size=(40, 100), class_id=0):
        centres = np.asarray(centres, dtype=np.float64).reshape(-1, 2)
        half = np.asarray(size, dtype=np.float64) / 2
        count = len(centres)
        return Detections(
            np.concatenate([centres - half, centres + half], axis=1),
            np.broadcast_to(np.asarray(confidence, np.float32), count),
            np.broadcast_to(np.asarray(class_id, np.int32), count),
        )

    return make


@pytest.fixture
def play():
    """play(tracker, frames, fps): feed detections, or pairs with embeddings; returns the list of `Tracks`."""

    def run(tracker, frames, fps=30, start=0):
        shown = []
        for index, item in enumerate(frames, start):
            detections, embeddings = item if isinstance(item, tuple) else (item, None)
            shown.append(tracker.update(detections, Frame("cam", index, index / fps, size=(1920, 1080)), embeddings))
        return shown

    return run


@pytest.fixture
def crowd():
    """crowd(seed): 40 frames of 8 people who walk, flicker and cross, with 16-d embeddings."""

    def make(seed=0, frames=40, people=8):
        rng = np.random.default_rng(seed)
        half = np.array([20, 50])
        centre, velocity = rng.uniform(200, 800, (people, 2)), rng.normal(0, 4, (people, 2))
        looks = rng.normal(size=(people, 16))
        items = []
        for _ in range(frames):
            centre = centre + velocity
            seen = np.flatnonzero(rng.random(people) < 0.9)
            at = centre[seen] + rng.normal(0, 1, (len(seen), 2))
            boxes = np.concatenate([at - half, at + half], axis=1)
            confidence = rng.uniform(0.2, 1, len(seen))
            embeddings = looks[seen] + rng.normal(0, 0.3, (len(seen), 16))
            embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
            items.append((Detections(boxes, confidence, np.zeros(len(seen))), embeddings.astype(np.float32)))
        return items

    return make
