"""Rules of the tracker, each in a scene in which it decides."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from mdpr.trackers.claims import Claims
from mdpr.trackers.deepsort import DeepSort, DeepSortConfig
from mdpr.trackers.matching import Matching
from mdpr.types import Detections

ANN = np.eye(8, dtype=np.float32)[:1]


@pytest.mark.parametrize(("speed_px_s", "is_found"), [(200, True), (0, False)])
def test_who_walks_is_sought_farther_off_than_who_stands(detect, play, speed_px_s, is_found):
    """After 0.7 s without a detection, Ann is 160 pixels short of where she was expected, and looks like herself."""
    frames = [(detect([[300 + speed_px_s * index / 30, 300]]), ANN) for index in range(30)]
    frames += [(Detections.empty(), np.empty((0, 8), np.float32))] * 20
    expected = 300 + speed_px_s * 50 / 30
    frames += [(detect([[expected - 160, 300]]), ANN)] * 6
    last = play(DeepSort(DeepSortConfig(return_s=0)), frames)[-1].track_id.tolist()
    assert last == ([1] if is_found else [2])


@pytest.mark.parametrize(
    ("centre", "frames_until_shown"),
    [([18, 300], 3), ([1904, 300], 3), ([600, 1033], 3), ([600, 300], 4)],  # left, right, bottom, middle
)
def test_who_comes_in_at_the_border_is_believed_sooner(detect, play, centre, frames_until_shown):
    shown = play(DeepSort(), [Detections.empty()] + [detect([centre])] * 8)
    assert [len(tracks) for tracks in shown[1:]].index(1) == frames_until_shown - 1


def test_a_border_that_needs_longer_than_the_middle_is_as_the_middle(detect, play):
    config = DeepSortConfig(confirm_s=0.0, confirm_border_s=1.0)
    assert len(play(DeepSort(config), [Detections.empty(), detect([[18, 300]])])[-1]) == 1


@pytest.mark.parametrize("seed", range(5))
def test_claims_that_are_given_up_are_as_if_they_had_not_been_made(detect, monkeypatch, seed):
    """Also for the pairs beside them: without them the best matching may be another one altogether."""
    rng = np.random.default_rng(seed)
    tracks, detections = 5, detect(rng.uniform(0, 900, (6, 2)))
    at = np.flatnonzero(rng.random((tracks, 6)) < 0.7)
    rows, columns = np.divmod(at, 6)
    overlap = np.where(rng.random(len(at)) < 0.8, 0.15, 0.5).astype(np.float32)
    claims = Claims(rows, columns, rng.uniform(0, 1, len(at)), overlap, are_settled=False)
    is_given_up = (rng.random((tracks, 6)) < 0.5) & np.isin(np.arange(tracks * 6), at[overlap < 0.2]).reshape(-1, 6)
    tracker = DeepSort()
    tracker._gallery._held = [None]
    monkeypatch.setattr(tracker, "_of_who_left", lambda one, other, *_: is_given_up[one, other])
    scene = SimpleNamespace(has_area=np.ones(6, bool), detections=detections, embeddings=np.zeros((6, 8), np.float32))
    found, expected = Matching(tracks, scene, 0.1), Matching(tracks, scene, 0.1)
    tracker._settle(found, claims, scene, claims.cost < 0.9, 0.9)
    left = np.flatnonzero(~is_given_up[rows, columns] & (claims.cost < 0.9))
    expected.assign(rows[left], columns[left], claims.cost[left], "scipy", 0.9)
    np.testing.assert_array_equal(found.column, expected.column)
    np.testing.assert_array_equal(found.is_free, expected.is_free)


def test_settled_claims_are_given_up_too(detect, monkeypatch):
    detections, each = detect([[100, 100], [300, 300]]), np.arange(2)
    claims = Claims(each, each[::-1], np.full(2, 0.3), np.array([0.1, 0.5], np.float32), are_settled=True)
    tracker = DeepSort()
    tracker._gallery._held = [None]
    monkeypatch.setattr(tracker, "_of_who_left", lambda one, *_: one == 0)
    scene = SimpleNamespace(has_area=np.ones(2, bool), detections=detections, embeddings=np.zeros((2, 8), np.float32))
    found = Matching(2, scene, 0.1)
    tracker._settle(found, claims, scene, np.ones(2, bool), 0.9)
    assert found.column.tolist() == [-1, 0]
    assert found.is_free.tolist() == [False, True]


@pytest.mark.parametrize("clear", [0, 30])
def test_a_part_of_somebody_is_not_hidden_behind_them(detect, play, tracker_class, clear):
    """A small box on Bob for 15 frames, then none: only who was seen beside him before is now behind him."""
    bob = detect([[300, 300]])
    frames = []
    for index in range(clear + 15):
        beside = max(clear - index, 0) * 2
        box = detect([[300 + beside, 275]], size=(30, 40))
        frames.append(
            Detections(np.concatenate([bob.xyxy, box.xyxy]), np.full(2, 0.9, np.float32), np.zeros(2, dtype=np.int32))
        )
    shown = play(tracker_class(), [*frames, bob])
    assert len(shown[-2]) == 2
    assert len(shown[-1]) == (2 if clear else 1)


@pytest.mark.parametrize(
    ("bob", "options", "ann_is"),
    [([800, 304], {}, 1), ([800, 304], {"open_iou": 0.2}, 3), ([334, 304], {}, 3)],  # free; not allowed; covered by Bob
)
def test_a_small_overlap_is_enough_in_the_open_only(detect, play, bob, options, ann_is):
    """Ann jumps by three quarters of her width: an overlap of 0.14."""
    frames = [detect([[300, 300], bob])] * 10 + [detect([[330, 300], bob])] * 6
    last = play(DeepSort(DeepSortConfig(hidden_s=0, **options)), frames)[-1]
    assert dict(zip(last.detection_index.tolist(), last.track_id.tolist(), strict=True)) == {0: ann_is, 1: 2}


@pytest.mark.parametrize(
    ("options", "bob_x", "bob_is"),
    [
        ({}, 300, 1),
        ({"return_s": 0.0}, 300, 2),  # he is forgotten
        ({"return_margin": 0.3}, 300, 2),  # he is not nearer by enough
        ({}, 362, 2),  # he stood elsewhere
    ],
)
def test_a_lost_track_does_not_take_who_stood_there_before(detect, play, options, bob_x, bob_is):
    """Bob stands, is not found for 2.5 s, and is found again while Ann, who stands beside him, is lost.

    Her box overlaps his by 0.13, on either side. His looks are 0.25 from hers: near enough for her track.
    """
    bob, ann = np.eye(8, dtype=np.float32)[0], np.array([0.75, np.sqrt(1 - 0.75**2), *[0] * 6], np.float32)
    both, alone = detect([[300, 300], [331, 304]]), detect([[331, 304]])
    frames = [(both, np.array([bob, ann]))] * 60 + [(alone, ann[None])] * 75
    frames += [(Detections.empty(), np.empty((0, 8), np.float32))] * 3
    frames += [(detect([[bob_x, 300]]), bob[None])] * 15
    config = DeepSortConfig(appearance_threshold=0.8, reid_threshold=0.5, **options)
    shown = play(DeepSort(config), frames)
    assert shown[59].track_id.tolist() == [1, 2]
    last = shown[-1]
    assert last.track_id[last.detection_index == 0].tolist() == [bob_is]
