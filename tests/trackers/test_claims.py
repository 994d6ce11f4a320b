"""Who may claim whom: by overlap, and from afar only what no overlapping track surely looks like."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers import claims as claims_module
from mdpr.trackers.claims import LookLimits, claims_of
from mdpr.trackers.deepsort import DeepSort
from mdpr.types import Detections, Frame

SIZE = (1000, 500)
LIMITS = LookLimits(sure=0.25, match=0.4, again=0.125)


def boxes_at(*centres):
    centre, half = np.array(centres, np.float64).reshape(-1, 2), np.array([20, 50])
    boxes = np.concatenate([centre - half, centre + half], axis=1)
    return Detections(boxes, np.full(len(boxes), 0.9), np.zeros(len(boxes)))


def look(*values):
    vector = np.zeros(8, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def rows_of(looks):
    return None if looks is None else np.array(looks).reshape(-1, 8)


def pairs_in_the_last_frame(frames):
    """Pairs (row, column) in the last frame, after the others were tracked."""
    claims = claims_in_the_last_frame(frames)
    return list(zip(claims.rows.tolist(), claims.columns.tolist(), strict=True))


def claims_in_the_last_frame(frames):
    """The same as `Claims`."""
    tracker = DeepSort()
    for index, (detections, looks) in enumerate(frames[:-1]):
        tracker.update(detections, Frame("c", index, index / 10, size=SIZE), rows_of(looks))
    detections, looks = frames[-1]
    lifecycle, frame = tracker._lifecycle, Frame("c", len(frames), len(frames) / 10, size=SIZE)
    scene = lifecycle.begin(detections, frame, rows_of(looks))
    offered = np.ones(len(detections), dtype=bool)
    return claims_of(lifecycle.table, lifecycle.bank, scene, offered, tracker.config, LIMITS)


ONE, TWIN, OTHER = look(1), look(1, 0.3), look(0, 0, 1)


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (ONE, [(0, 0)]),  # where the first one is expected and like them: not the second one's, who would look so too
        (OTHER, []),  # unlike both
    ],
)
def test_a_detection_that_its_track_looks_like_is_nobody_elses(shown, expected):
    both = boxes_at((300, 200), (350, 200)), [ONE, TWIN]
    frames = [both] * 5 + [(boxes_at((300, 200)), [ONE])] * 3 + [(boxes_at((300, 200)), [shown])]
    assert pairs_in_the_last_frame(frames) == expected


def test_a_lost_track_claims_from_afar_what_looks_like_it():
    """The first one has gone on; the second one, lost for 0.3 s, appears 50 pixels farther than expected."""
    both = boxes_at((300, 200), (700, 200)), [ONE, OTHER]
    frames = [both] * 5 + [(boxes_at((300, 200)), [ONE])] * 3 + [(boxes_at((300, 200), (750, 200)), [ONE, OTHER])]
    assert pairs_in_the_last_frame(frames) == [(0, 0), (1, 1)]
    frames[-1] = (frames[-1][0], [ONE, TWIN])
    assert pairs_in_the_last_frame(frames) == [(0, 0)]


@pytest.mark.parametrize("looks", [[ONE, OTHER], None])
def test_claims_are_settled_where_nobody_shares_and_nothing_is_too_dear(looks, monkeypatch):
    """Then the cost is a bound of what it would be; it is what it is for two who claim the same."""
    alone = [(boxes_at((300, 200), (700, 200)), looks)] * 6
    claims = claims_in_the_last_frame(alone)
    monkeypatch.setattr(claims_module, "have_only_each_other", lambda rows, columns: False)
    exact = claims_in_the_last_frame(alone)
    assert claims.are_settled
    assert not exact.are_settled
    assert (claims.cost >= exact.cost).all()
    assert (claims.cost < DeepSort.Config().max_cost).all()
    monkeypatch.undo()
    together = [(boxes_at((300, 200), (320, 200)), looks)] * 6
    assert not claims_in_the_last_frame(together).are_settled
    aside = [*alone[:-1], (boxes_at((323, 200), (700, 200)), looks)]  # overlaps by 0.27: too dear unless alike
    assert claims_in_the_last_frame(aside).are_settled is (looks is not None)


@pytest.mark.parametrize("has_looks", [True, False])
def test_whether_claims_are_settled_changes_nothing(crowd, play, has_looks, monkeypatch):
    frames = [item if has_looks else item[0] for seed in (1, 2) for item in crowd(seed, people=5)]
    shown = play(DeepSort(), frames)
    monkeypatch.setattr(claims_module, "have_only_each_other", lambda rows, columns: False)
    for one, two in zip(shown, play(DeepSort(), frames), strict=True):
        np.testing.assert_array_equal(one.track_id, two.track_id)
        np.testing.assert_array_equal(one.xyxy, two.xyxy)
