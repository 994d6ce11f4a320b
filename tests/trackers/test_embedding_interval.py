"""How often somebody who walks alone is looked at: at the interval that was asked for, once enough views are there."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame


@pytest.mark.parametrize(
    ("interval_s", "least", "most"),
    [(0.05, 15, 31), (1.0, 4, 5), (3.0, 3, 3)],  # of 60 frames at 25 a second
)
def test_looks_of_somebody_alone(interval_s: float, least: int, most: int) -> None:
    tracker, looks = DeepSort(DeepSort.Config(embedding_interval_s=interval_s)), 0
    look = np.full((1, 8), 8**-0.5, np.float32)
    for index in range(60):
        box = np.array([[100 + 3 * index, 100, 140 + 3 * index, 200.0]])
        found, frame = Detections(box, np.array([0.9]), np.zeros(1)), Frame("cam", index, index / 25)
        is_needed = tracker.embedding_needed(found, frame)
        looks += int(is_needed.sum())
        tracker.update(found, frame, np.where(is_needed[:, None], look, np.nan).astype(np.float32))
    assert least <= looks <= most
