"""Real detections, motion only, at the defaults: the tracker against the best that peers reach at theirs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mdpr.pipeline.formats.mot import read_mot, write_mot
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.evaluate import evaluate_sequence
from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame

MOT = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "mot"


@pytest.mark.shared
@pytest.mark.skipif(not MOT.is_dir(), reason="needs the development data beside the checkout: ../shared/data/mot")
@pytest.mark.parametrize(
    ("sequence", "fps", "size", "frames", "least_hota", "least_idf1"),
    [("MOT16-02", 30, (1920, 1080), 600, 0.385, 0.459), ("TUD-Campus", 25, (640, 480), 71, 0.544, 0.773)],
)
def test_against_peers(tmp_path, sequence, fps, size, frames, least_hota, least_idf1):
    """A point above the best peers, which reach 37.5 / 44.9 on MOT16-02 and 53.4 / 76.3 on TUD-Campus."""
    found = np.loadtxt(MOT / sequence / "det" / "det.txt", delimiter=",")
    tracker, numbers, ids, boxes, confidence = DeepSort(), [], [], [], []
    for index in range(frames):
        here = found[found[:, 0] == index + 1]
        xyxy = np.concatenate([here[:, 2:4], here[:, 2:4] + here[:, 4:6]], axis=1)
        tracks = tracker.update(
            Detections(xyxy, here[:, 6], np.zeros(len(here))), Frame("cam", index, index / fps, size=size)
        )
        numbers += [index] * len(tracks)
        ids.append(tracks.track_id)
        boxes.append(np.concatenate([tracks.xyxy[:, :2], tracks.xyxy[:, 2:] - tracks.xyxy[:, :2]], axis=1))
        confidence.append(tracks.confidence)
    rows = TrackBoxes.of(
        np.array(numbers), np.concatenate(ids), np.concatenate(boxes), score=np.concatenate(confidence), first_pixel=1
    )
    write_mot(tmp_path / "tracks.txt", rows)
    truth = Recording(sequence, read_mot(MOT / sequence / "gt" / "gt.txt"), sequence, frames=frames, fps=fps)
    scores = evaluate_sequence(truth, read_mot(tmp_path / "tracks.txt"), "tracks.txt").scores.values()
    assert scores["HOTA"] >= least_hota
    assert scores["IDF1"] >= least_idf1
