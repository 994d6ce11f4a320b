"""What trackers share below the matching."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers.appearance import FIRST_CAPACITY
from mdpr.trackers.lifecycle import Lifecycle
from mdpr.trackers.lifecycle_rules import LifecycleRules
from mdpr.trackers.motion import HEIGHT, VELOCITY
from mdpr.types import Detections, Frame


@pytest.fixture
def lifecycle():
    return Lifecycle(
        LifecycleRules(
            new_track_conf=0.6,
            clear_conf=0.5,
            max_age_s=1.0,
            confirm_s=0.0,
            confirm_border_s=0.0,
            duplicate_iou=0.85,
            same_person_distance=0.4,
            max_covered=0.3,
            views=3,
            view_spacing_s=0.5,
            appearance_memory_s=1.0,
            embedding_interval_s=1.0,
            hidden_s=1.0,
            max_exposed_s=1.0,
        )
    )


def nothing(lifecycle):
    return np.full(len(lifecycle.table), -1)


def test_an_unseen_person_keeps_their_size_and_their_way(lifecycle, detect):
    for i in range(20):
        frame = Frame("cam", i, i / 30)
        scene = lifecycle.begin(detect([[300 + 2 * i, 300]], size=(40 + i, 100 + 3 * i)), frame, None)
        lifecycle.finish(scene, np.zeros(len(lifecycle.table), dtype=np.intp))
    assert lifecycle.table.motion[VELOCITY, HEIGHT, 0] > 20  # it grows while it is seen
    boxes = []
    for i in range(20, 30):
        scene = lifecycle.begin(Detections.empty(), Frame("cam", i, i / 30), None)
        boxes.append(scene.boxes[:, 0])
        lifecycle.finish(scene, nothing(lifecycle))
    sizes = np.array(boxes)[1:, 2:] - np.array(boxes)[1:, :2]
    np.testing.assert_allclose(sizes, sizes[:1].repeat(9, axis=0), rtol=1e-5)
    assert boxes[-1][0] - boxes[0][0] == pytest.approx(9 * 2, rel=0.2)


def test_slots_are_used_again(lifecycle, detect):
    for i in range(200):
        scene = lifecycle.begin(detect([[300, 300]] * 10), Frame("cam", i, i * 2.0), np.zeros((10, 4), np.float32))
        tracks = lifecycle.finish(scene, nothing(lifecycle))
        assert tracks.track_id.tolist() == list(range(10 * i + 1, 10 * i + 11))
        assert len(lifecycle.table) == 10
    assert len(lifecycle.bank.count) == FIRST_CAPACITY
    assert len(lifecycle.bank._free) == FIRST_CAPACITY - 10
    assert len({*lifecycle.bank._free, *lifecycle.table.slot.tolist()}) == FIRST_CAPACITY


def test_lost_and_seen_duplicates_end_the_younger(lifecycle, detect):
    lifecycle.finish(lifecycle.begin(detect([[300, 300]]), Frame("cam", 0, 0.0), None), nothing(lifecycle))
    scene = lifecycle.begin(detect([[301, 300]]), Frame("cam", 1, 0.1), None)
    tracks = lifecycle.finish(scene, nothing(lifecycle))  # a new track on the lost one
    assert len(tracks) == 0
    assert not tracks.ended  # it was never shown
    assert lifecycle.table.track_id.tolist() == [1]
    elsewhere = detect([[301, 300], [100, 100]])
    scene = lifecycle.begin(elsewhere, Frame("cam", 2, 0.2), None)
    tracks = lifecycle.finish(scene, np.array([0]))
    assert tracks.track_id.tolist() == [1, 2]  # nor has it used up an id
    assert len(tracks.confirmed) == 1


def test_different_looks_are_no_duplicates(lifecycle, detect):
    looks = np.eye(4, dtype=np.float32)
    lifecycle.finish(lifecycle.begin(detect([[300, 300]]), Frame("cam", 0, 0.0), looks[:1]), nothing(lifecycle))
    scene = lifecycle.begin(detect([[301, 300]]), Frame("cam", 1, 0.1), looks[1:2])
    assert lifecycle.finish(scene, nothing(lifecycle)).track_id.tolist() == [2]
    assert lifecycle.table.track_id.tolist() == [1, 2]
