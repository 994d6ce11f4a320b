"""The measure of the tracker on MOT sequences: that its score counts ids as they are at the end."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.types import Detections

_SPEC = importlib.util.spec_from_file_location("real_tracker", Path(__file__).with_name("real_tracker.py"))
real_tracker = importlib.util.module_from_spec(_SPEC)
sys.modules["real_tracker"] = real_tracker  # dataclasses look there
_SPEC.loader.exec_module(real_tracker)


@pytest.mark.parametrize(("return_s", "identity"), [(65.0, 100.0), (0.0, 50.0)])
def test_who_comes_back_is_scored_under_their_first_id(return_s: float, identity: float) -> None:
    """One person stands for 3 s, is away for 5 s, and stands there for 3 s again."""
    fps, box = 10, np.array([[300.0, 300.0, 340.0, 400.0]])
    is_there = (np.arange(110) < 30) | (np.arange(110) >= 80)
    at = np.flatnonzero(is_there)
    truth = TrackBoxes.of(at, np.ones(len(at), int), np.tile([300, 300, 40, 100], (len(at), 1)))
    case = real_tracker.Case(
        Recording("one", truth, frames=110, fps=fps, size=(1920, 1080)),
        [Detections(box, [0.9], [0]) if there else Detections.empty() for there in is_there],
        [np.eye(1, 8, dtype=np.float32)[: int(there)] for there in is_there],
    )
    _, idf1 = real_tracker.score(case, {"return_s": return_s})
    assert idf1 == pytest.approx(identity, abs=3.0)  # a new track is shown once it is believed
