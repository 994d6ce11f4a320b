"""The simulated detector that trackers are judged with."""

from __future__ import annotations

import numpy as np
from simulated_detections import DENSE, SPARSE, simulate

from mdpr.boxes import iou_matrix
from mdpr.pipeline.formats.trackboxes import TrackBoxes

FRAMES = 60


def two_people():
    """Ann stands in full view; Bob is covered to nine tenths."""
    frame = np.arange(FRAMES).repeat(2)
    boxes = np.tile([[300, 300, 80, 200], [330, 280, 80, 200]], (FRAMES, 1))
    return TrackBoxes.of(frame, np.tile([1, 2], FRAMES), boxes, class_id=1, visibility=np.tile([1.0, 0.1], FRAMES))


def test_it_finds_who_is_visible_and_suppresses_overlaps():
    for detector in (SPARSE, DENSE):
        made = simulate(two_people(), FRAMES, 30, (1920, 1080), detector, seed=0)
        ann = np.array([[300, 300, 380, 500]], np.float32)
        found = [iou_matrix(ann, one.xyxy).max(initial=0) > 0.7 for one in made.detections]
        assert np.mean(found) > 0.9
        for detections, looks in zip(made.detections, made.embeddings, strict=True):
            overlap = iou_matrix(detections.xyxy, detections.xyxy)
            assert overlap[np.triu_indices(len(detections), 1)].max(initial=0) < detector.max_iou + 1e-3
            np.testing.assert_allclose(np.linalg.norm(looks, axis=1), 1, rtol=1e-5)


def test_the_covered_are_missed():
    made = simulate(two_people(), FRAMES, 30, (1920, 1080), SPARSE, seed=1)
    assert np.mean([len(one) >= 2 for one in made.detections]) < 0.5


def test_same_seed_same_detections():
    first, again, other = (simulate(two_people(), FRAMES, 30, (1920, 1080), DENSE, seed) for seed in (3, 3, 4))
    same = [np.array_equal(a.xyxy, b.xyxy) for a, b in zip(first.detections, again.detections, strict=True)]
    assert all(same)
    assert any(not np.array_equal(a.xyxy, b.xyxy) for a, b in zip(first.detections, other.detections, strict=True))
