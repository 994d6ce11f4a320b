"""People who leave and come back: found again by their looks, in one tracklet, and in the results that were written."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest

from mdpr.pipeline.sinks.renaming import Renames
from mdpr.trackers import returning
from mdpr.trackers.appearance import spread_of
from mdpr.trackers.deepsort import DeepSort, DeepSortConfig
from mdpr.trackers.geometry import to_planes
from mdpr.trackers.merging import MOST_VISITS, merge_tracklets
from mdpr.trackers.returning import ReturnGallery, ReturnRules
from mdpr.types import Detections, Frame, Tracklet

FPS = 10


def looks_like(rng, person, noise):
    """A crop of a person: unit length, `noise` is the length of what differs from crop to crop."""
    crop = person + noise * rng.standard_normal(len(person)) / np.sqrt(len(person))
    return (crop / np.linalg.norm(crop)).astype(np.float32)


def visits(seed, people=40, newcomers=20, noise=0.6, common=0.7, seconds=200, dimension=128):
    """Frames of people who cross the picture for 5 s; `people` return once after 3 to 60 s, `newcomers` never.

    Yields detections, embeddings, and who each detection is. Crops of one person are about
    0.2 apart, crops of two 0.7.
    """
    rng = np.random.default_rng(seed)
    shared = rng.standard_normal(dimension)
    persons = rng.standard_normal((people + newcomers, dimension)) / np.sqrt(dimension)
    persons = persons + common * shared / np.linalg.norm(shared)
    begins = [(float(rng.uniform(0, seconds - 80)), who) for who in range(people + newcomers)]
    begins += [(begin + 5 + rng.uniform(3.2, 55), who) for begin, who in begins[:people]]
    lanes = {at: float(rng.integers(0, 8)) for at in sorted(begins)}
    for index in range(int(seconds * FPS)):
        now, boxes, looks, whose = index / FPS, [], [], []
        for (begin, who), lane in lanes.items():
            if 0 <= now - begin < 5:
                x, y = 200 + 100 * (now - begin) + rng.normal(0, 1), 100 + 120 * lane
                boxes.append([x - 20, y - 50, x + 20, y + 50])
                looks.append(looks_like(rng, persons[who], noise))
                whose.append(who)
        count = len(boxes)
        detections = Detections(np.reshape(boxes, (-1, 4)), np.full(count, 0.9), np.zeros(count))
        yield detections, np.reshape(looks, (-1, dimension)).astype(np.float32), np.array(whose, dtype=int)


def returns_found(tracker, frames):
    """Recall and precision of returns after renaming, and how many there were.

    Recall: of the people who were away for over 3 s, who has the first id at the end. Precision: of the ids that come
    back after over 3 s, which are the same person's.
    """
    right, seen = Renames(), []  # renamed ids; (person, id, frame)
    for index, (detections, looks, whose) in enumerate(frames):
        tracks = tracker.update(detections, Frame("cam", index, index / FPS, size=(1920, 1080)), looks)
        right.add(tracks.renamed)
        for track_id, row in zip(tracks.track_id.tolist(), tracks.detection_index.tolist(), strict=True):
            if row >= 0:
                seen.append((int(whose[row]), track_id, index))
    assert len({(index, right.right(track_id)) for _, track_id, index in seen}) == len(seen)  # nobody is at two places
    by_person = {}
    for who, track_id, index in seen:
        by_person.setdefault(who, []).append((index, right.right(track_id)))
    first_id, came_back, found = {}, 0, 0
    for who, sightings in by_person.items():
        cut = next((k for k in range(1, len(sightings)) if sightings[k][0] - sightings[k - 1][0] > 3 * FPS), None)
        first_id[who] = sightings[0][1]
        if cut is not None:
            came_back += 1
            found += sightings[-1][1] == first_id[who]
    by_id, right_returns, all_returns = {}, 0, 0
    for who, track_id, index in seen:
        by_id.setdefault(right.right(track_id), []).append((index, who))
    for sightings in by_id.values():
        for (before, who), (after, other) in itertools.pairwise(sightings):
            if after - before > 3 * FPS:
                all_returns += 1
                right_returns += who == other
    return found / came_back, right_returns / max(all_returns, 1), came_back


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)])
def test_returners_are_found_and_others_are_not(seed):
    recall, precision, count = returns_found(DeepSort(), visits(seed))
    assert count >= 35
    assert recall >= 0.9
    assert precision >= 0.95


def test_nobody_is_at_two_places_where_people_hardly_differ():
    """`returns_found` checks it; many visits become one here, rightly or not."""
    frames = visits(3, people=20, newcomers=5, noise=0.5, common=2.0, seconds=100, dimension=16)
    recall, _, _ = returns_found(DeepSort(), frames)
    assert recall > 0


@pytest.mark.slow
def test_without_a_gallery_nobody_returns():
    assert returns_found(DeepSort(DeepSortConfig(return_s=0)), visits(0))[0] == 0


@pytest.mark.parametrize(("match", "returns"), [(0.4, True), (0.8, False)])
def test_how_much_nearer_the_best_must_be_follows_the_embedder(detect, match, returns):
    """Who comes back is 0 from one of those who left and 0.12 from the other; another embedder differs by 0.18."""
    ann = np.eye(1, 16, dtype=np.float32)[0]
    eve = np.array([0.88, np.sqrt(1 - 0.88**2), *[0] * 14], dtype=np.float32)
    tracker = DeepSort(DeepSortConfig(appearance_threshold=match, reid_threshold=0.25))
    for index in range(150):
        looks = np.stack([ann, eve]) if index < 30 else ann[None] if index >= 80 else np.empty((0, 16), np.float32)
        detections = [detect([[300, 300], [800, 300]]), detect([[500, 300]]), Detections.empty()][2 - len(looks)]
        tracks = tracker.update(detections, Frame("cam", index, index / FPS, size=(1920, 1080)), looks)
    assert tracks.track_id.tolist() == [1 if returns else 3]


def test_a_return_is_decided_with_more_views_and_renamed(detect):
    """On return Ann looks a little different: the new id is shown at first, then taken back."""
    tracker, ann = DeepSort(), np.eye(1, 16, dtype=np.float32)[0]
    poor = np.array([0.9, *[0] * 14, np.sqrt(1 - 0.9**2)], dtype=np.float32)  # 0.1 apart: too far for few views only
    shown, renamed, ended = [], [], []
    for index in range(150):
        is_here, look = index < 30 or index >= 80, ann if index < 30 else poor
        detections = detect([[300, 300]]) if is_here else Detections.empty()
        frame = Frame("cam", index, index / FPS)
        tracks = tracker.update(detections, frame, look[None] if is_here else np.empty((0, 16), np.float32))
        shown.append(tracks.track_id.tolist())
        renamed += tracks.renamed
        ended += tracks.ended
    assert shown[29] == [1]
    assert [2] in shown
    assert shown[-1] == [1]
    assert renamed == [(2, 1)]
    (whole,) = tracker.flush()
    assert ended == []
    assert (whole.track_id, whole.start_frame, whole.end_frame) == (1, 0, 149)
    assert whole.detections == 30 + 70
    assert (np.diff(whole.view_frame) > 0).all()
    for visit in (whole.view_frame < 40, whole.view_frame > 70):  # each keeps views of its own
        assert 0 < visit.sum() <= DeepSortConfig().views


def test_who_is_still_here_or_looks_like_two_is_nobody(detect):
    rules = ReturnRules(60.0, 10, 2, 0.3, 0.2, 0.3, 0.05, 10)
    gallery, look = ReturnGallery(rules), np.eye(3, 8, dtype=np.float32)
    assert gallery.hold([tracklet_of(1, look[0], 5.0), tracklet_of(2, look[1], 6.0)], 6.0) == []
    assert who_is(gallery, look[:1], 4.0, 0) == 0  # began before 1 had left
    assert who_is(gallery, look[:1], 7.0, 1) == 0  # another class
    assert who_is(gallery, look[2:], 7.0, 0) == 0  # a stranger
    both = (look[:1] + look[1:2]) / np.sqrt(2)
    assert who_is(gallery, both, 7.0, 0) == 0
    assert who_is(gallery, look[:1], 7.0, 0) == 1
    assert who_is(gallery, look[:1], 8.0, 0) == 0  # taken
    assert len(gallery) == 1


def who_is(gallery, *question):
    """The id that is found, 0 for none; nobody is in these galleries twice."""
    found = gallery.find(*question)
    assert len(found) < 2
    return found[0] if found else 0


def tracklet_of(track_id, look, end_s, views=3, start_s=0.0):
    times = np.linspace(start_s, end_s, views)
    return Tracklet("cam", track_id, 0, int(start_s * FPS), int(end_s * FPS), start_s, end_s, 20, 0.8,
                    (times * FPS).astype(int), times, np.tile([0, 0, 40, 100], (views, 1)), np.full(views, 0.8),
                    np.linspace(1, 2, views), np.tile(look, (views, 1)))  # fmt: skip


def test_how_near_and_where_those_are_who_left():
    """Also after one came back and another left: the mean over their views, and the box of the last one."""
    rng = np.random.default_rng(0)
    gallery = ReturnGallery(ReturnRules(60.0, 10, 2, 0.9, 0.2, 0.9, 0.05, 10))
    held = []
    for who in range(3):
        views = np.stack([looks_like(rng, np.eye(4)[who], 0.5) for _ in range(3)])
        boxes = np.array([[0, 0, 40, 100]] * 2 + [[20 * who, 0, 20 * who + 40, 100]])
        held.append(replace(tracklet_of(who + 1, views[0], 5.0 + who), embeddings=views, view_xyxy=boxes))
    gallery.hold(held[:2], 6.0)
    assert who_is(gallery, np.eye(4, dtype=np.float32)[:1].repeat(3, axis=0), 8.0, 0) == 1
    gallery.hold(held[2:], 8.0)
    boxes = to_planes(np.array([[20.0, 0, 60, 100], [0, 0, 40, 100], [20, 0, 60, 100]]))
    overlap = gallery.overlaps(boxes, np.array([0, 0, 1], np.int32))
    np.testing.assert_allclose(overlap, [[1, 1 / 3], [1 / 3, 0], [0, 0]], atol=1e-6)  # the last one is of another class
    crops, own = unit_rows(rng, 60, 4), rng.uniform(0, 1.5, 60).astype(np.float32)
    asked = rng.random((60, 2)) < 0.7
    mean = [[np.mean(1 - one.embeddings @ crop) for one in held[1:]] for crop in crops]
    expected = [
        any(is_asked and value < 0.9 and value < mine - 0.05 for value, is_asked in zip(row, which, strict=True))
        for row, mine, which in zip(mean, own, asked, strict=True)
    ]
    assert 5 < sum(expected) < 55
    assert (np.array(mean)[asked] >= 0.9).any()
    np.testing.assert_array_equal(gallery.are_nearer(crops, own, asked), expected)
    assert not gallery.are_nearer(crops, np.full(60, np.nan, np.float32), asked).any()


def unit_rows(rng, count, dimension):
    rows = rng.standard_normal((count, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def test_the_gallery_is_bounded_in_time_and_number():
    rules = ReturnRules(60.0, 3, 2, 0.3, 0.2, 0.3, 0.05, 10)
    gallery, looks = ReturnGallery(rules), np.eye(8, dtype=np.float32)
    gone = [t.track_id for i in range(6) for t in gallery.hold([tracklet_of(i + 1, looks[i], i)], float(i))]
    assert gone == [1, 2, 3]
    assert [t.track_id for t in gallery.hold([], 63.5)] == [4]
    assert who_is(gallery, looks[4:5], 63.5, 0) == 5
    assert [t.track_id for t in gallery.hold([tracklet_of(9, 0 * looks[7], 63.0)], 63.5)] == [9]  # no looks
    assert [t.track_id for t in gallery.flush([])] == [6]
    assert len(gallery) == 0


def test_who_may_still_have_been_shown_as_hidden_is_not_asked():
    """Or one id would be at two places: where it was expected, and where the new track was seen."""
    look = np.eye(2, dtype=np.float32)
    for start_s, expected in ((5.5, 0), (5.8, 1)):
        gallery = ReturnGallery(ReturnRules(60.0, 10, 2, 0.3, 0.2, 0.3, 0.05, 10, hidden_s=0.7))
        gallery.hold([tracklet_of(1, look[0], 5.0)], 6.0)
        may = gallery.may_find(look, np.zeros(2), np.array([start_s, start_s])).tolist()
        assert may == [bool(expected), False]  # by looks alone the second is nobody
        assert who_is(gallery, look[:1].repeat(3, axis=0), start_s, 0) == expected


def test_whoever_is_found_may_be_found():
    """What is asked of all new tracks at once never leaves out anybody; the exact answer rests on more."""
    rng, found = np.random.default_rng(5), 0
    people = unit_rows(rng, 12, 6)
    gallery = ReturnGallery(ReturnRules(60.0, 30, 2, 0.15, 0.1, 0.3, 0.02, 10, hidden_s=0.7))
    for number, look in enumerate(people, 1):
        views = int(rng.integers(1, 5))
        held = np.stack([looks_like(rng, look, 0.4) for _ in range(views)])
        gallery.hold([replace(tracklet_of(number, look, float(number), views=views), embeddings=held)], 12.0)
    for _ in range(60):
        new = np.stack([looks_like(rng, people[rng.integers(12)], 0.4) for _ in range(rng.integers(1, 5))])
        start_s = rng.uniform(3, 14)
        may = gallery.may_find(new.mean(axis=0)[None], np.array([spread_of(new)]), np.array([start_s]))
        answer = who_is(gallery, new, float(start_s), 0)
        found += answer > 0
        assert may[0] or not answer
    assert found > 3


def test_few_views_must_be_surer():
    near = np.array([[0.75, 0, 0, np.sqrt(1 - 0.75**2)]], dtype=np.float32)  # 0.25 apart; few views: below 0.2
    for held_views, new_views, expected in [(3, 3, 1), (2, 3, 0), (3, 2, 0)]:
        gallery = ReturnGallery(ReturnRules(60.0, 10, 3, 0.3, 0.2, 0.3, 0.05, 10))
        gallery.hold([tracklet_of(1, np.eye(4)[0], 5.0, views=held_views)], 5.0)
        assert who_is(gallery, near.repeat(new_views, axis=0), 7.0, 0) == expected


@pytest.mark.parametrize(("held", "new"), [(5, 4), (1, 4), (5, 1), (1, 1)])
@pytest.mark.parametrize("spread", [0.1, 0.5])
def test_what_views_of_one_visit_differ_by_is_taken_off(held, new, spread):
    """The limit holds for the mean over pairs of two visits, less that over pairs within each, counted one by one."""
    rng = np.random.default_rng(3)
    first, second = (
        np.stack([looks_like(rng, look, spread) for _ in range(count)])
        for look, count in ((np.array([1.0, 0, 0, 0]), held), (np.array([0.8, 0.6, 0, 0]), new))
    )
    apart = np.mean([1 - a @ b for a in first for b in second])
    within = [
        np.mean([1 - views[i] @ views[j] for i in range(len(views)) for j in range(i)])
        for views in (first, second)
        if len(views) > 1
    ]
    naive = apart - (np.mean(within) if within else 0)
    for limit, expected in ((naive + 1e-4, 1), (naive - 1e-4, 0)):
        gallery = ReturnGallery(ReturnRules(60.0, 10, 1, limit, 0.0, 2.0, 0.0, 10))
        gallery.hold([replace(tracklet_of(1, first[0], 5.0, views=held), embeddings=first)], 5.0)
        assert who_is(gallery, second, 7.0, 0) == expected


def test_merging_keeps_the_best_views_of_each_visit_in_order():
    first, second = (
        tracklet_of(3, np.eye(2)[0], 5.0, views=6),
        tracklet_of(8, np.eye(2)[1], 30.0, views=6, start_s=20.0),
    )
    whole = merge_tracklets([second, first], 4)
    assert (whole.track_id, whole.start_s, whole.end_s, whole.detections) == (3, 0.0, 30.0, 40)
    for visit in (first, second):
        kept = np.isin(whole.view_frame, visit.view_frame)
        assert sorted(whole.view_quality[kept]) == pytest.approx(sorted(visit.view_quality)[-4:])
    assert (np.diff(whole.view_time_s) > 0).all()
    assert whole.confidence == pytest.approx(0.8)


def test_tracklets_that_follow_closely_are_one_visit():
    first, second = tracklet_of(3, leaning(1), 5.0, views=6), tracklet_of(8, leaning(1), 12.0, views=6, start_s=6.5)
    whole = merge_tracklets([first, second], 4)
    best = sorted(np.concatenate([first.view_quality, second.view_quality]))[-4:]
    assert sorted(whole.view_quality) == pytest.approx(best)


def test_many_visits_share_the_room_of_a_few():
    """However often somebody comes back, there is an end; and no visit is left without views."""
    whole, spans = tracklet_of(1, leaning(1), 5.0, views=4), [(0.0, 5.0)]
    for visit in range(1, 12):
        start_s = 20.0 * visit
        spans.append((start_s, start_s + 5))
        next_one = tracklet_of(visit + 1, leaning(1), start_s + 5, views=4, start_s=start_s)
        next_one = replace(next_one, view_quality=next_one.view_quality / (visit + 1))  # worse and worse
        whole = merge_tracklets([whole, next_one], 4, spans)
    of_visit = np.bincount((whole.view_time_s // 20).astype(int), minlength=12)
    assert of_visit.sum() == 4 * MOST_VISITS
    assert (of_visit >= 1).all()


def test_the_best_views_of_all_visits_tell_who_returns():
    """More are kept of somebody who was here often, but as many are compared as of anybody else."""
    tracklet = replace(tracklet_of(1, leaning(1), 5.0, views=4), view_quality=np.array([1, 9, 8, 2], np.float32))
    turned = np.stack([-leaning(1), leaning(1), leaning(1), -leaning(1)])
    gallery = ReturnGallery(ReturnRules(60.0, 10, 1, 0.15, 0.15, 0.3, 0.1, 2))
    gallery.hold([replace(tracklet, embeddings=turned)], 5.0)
    assert who_is(gallery, np.tile(leaning(1), (2, 1)), 9.0, 0) == 1


def test_a_view_without_an_embedding_gives_way():
    first, second = tracklet_of(1, leaning(1), 5.0, views=2), tracklet_of(2, leaning(1), 6.0, views=2, start_s=5.5)
    blank = replace(first, embeddings=np.zeros_like(first.embeddings), view_quality=np.full(2, 99.0, np.float32))
    whole = merge_tracklets([blank, second], 2)
    assert whole.view_frame.tolist() == second.view_frame.tolist()


def test_a_track_asks_until_it_has_all_its_views(detect):
    """Ann comes back turned away for three seconds, which is more than `return_views`, and then turns round."""
    tracker, ann = DeepSort(), np.eye(1, 16, dtype=np.float32)[0]
    turned = np.array([0.7, *[0] * 14, np.sqrt(1 - 0.7**2)], dtype=np.float32)  # 0.3 apart: one track, but no return
    found, renamed = [], []
    for index in range(200):
        is_here = index < 30 or index >= 80
        look = turned if 80 <= index < 110 else ann
        frame = Frame("cam", index, index / FPS)
        rows = look[None] if is_here else np.empty((0, 16), np.float32)
        tracks = tracker.update(detect([[300, 300]]) if is_here else Detections.empty(), frame, rows)
        found.append(tracks.track_id.tolist())
        renamed += tracks.renamed
    assert found[112] == [2]
    assert found[-1] == [1]
    assert renamed == [(2, 1)]


@pytest.mark.parametrize(
    ("apart", "spread", "expected"), [(None, -1.0, 1), (0.04, -1.0, 0), (0.06, -1.0, 1), (0.3, 0.6, 0), (0.0, -1.0, 0)]
)
def test_of_two_who_come_at_once_neither_is_taken_unless_one_is_nearer_by_the_margin(apart, spread, expected):
    """The one who asks looks exactly like who left; the other one differs by `apart`, with views of that spread."""
    gallery = ReturnGallery(ReturnRules(60.0, 10, 1, 0.3, 0.3, 0.3, 0.05, 10))
    look = np.eye(2, 8, dtype=np.float32)
    gallery.hold([tracklet_of(1, look[0], 5.0)], 5.0)
    asked = []

    def rivals():
        asked.append(apart)
        near = (1 - apart) * look[0] + np.sqrt(1 - (1 - apart) ** 2) * look[1]
        return np.stack([look[1], near]).astype(np.float32), np.array([-1.0, spread])

    assert who_is(gallery, look[1:], 7.0, 0, rivals if apart is not None else None) == 0
    assert asked == []  # only where it matters
    assert who_is(gallery, look[:1], 7.0, 0, rivals if apart is not None else None) == expected


def leaning(*lengths):
    """(8,) unit row that is `lengths` along the first axes, and the rest of it along the last."""
    row = np.zeros(8, np.float32)
    row[: len(lengths)], row[-1] = lengths, np.sqrt(max(1 - np.square(lengths).sum(), 0))
    return row


@pytest.mark.parametrize(
    ("second", "third", "expected"),
    [
        ((6.0, 8.0, 0.99), (10.0, 12.0, 0.98), (1, 2, 3)),  # one person in three visits
        ((3.0, 8.0, 0.99), (10.0, 12.0, 0.98), ()),  # the first two were there at once: two people who look alike
        ((5.5, 8.0, 0.99), (10.0, 12.0, 0.98), ()),  # the first one may have been shown as hidden then
        ((6.0, 8.0, 0.99), (7.0, 12.0, 0.98), ()),  # the other two were there at once
        ((6.0, 8.0, 0.8), (10.0, 12.0, 0.98), (1, 3)),  # the second one is somebody else, far enough
        ((6.0, 8.0, 0.99), (7.0, 12.0, 0.8), (1, 2)),
        ((6.0, 8.0, 0.99), (10.0, 13.6, 0.98), (1, 2)),  # the third one may still be shown as hidden
        ((6.0, 8.0, 0.99), (10.0, 15.0, 0.98), ()),  # the third one was there when the new one began: another than all
    ],
)
def test_who_was_lost_now_and_then_is_not_their_own_rival(second, third, expected):
    gallery = ReturnGallery(ReturnRules(60.0, 10, 2, 0.15, 0.1, 0.3, 0.1, 10, hidden_s=0.7))
    held = [tracklet_of(1, leaning(1), 5.0)]
    held += [tracklet_of(number, leaning(along), end_s, start_s=start_s)
             for number, (start_s, end_s, along) in enumerate((second, third), 2)]  # fmt: skip
    gallery.hold(held, 15.0)
    new = np.tile(leaning(1), (3, 1))
    assert gallery.find(new, 14.0, 0) == expected
    assert len(gallery) == 3 - len(expected)
    if expected:
        ended = gallery.flush([tracklet_of(1, leaning(1), 20.0, start_s=14.0)])
        assert [one.track_id for one in ended] == sorted({1, 2, 3} - set(expected[1:]))
        assert (ended[0].start_s, ended[0].end_s, ended[0].detections) == (0.0, 20.0, 20 * (len(expected) + 1))
        assert (np.diff(ended[0].view_time_s) >= 0).all()


def test_another_class_is_somebody_else():
    gallery = ReturnGallery(ReturnRules(60.0, 10, 2, 0.15, 0.1, 0.3, 0.1, 10))
    look = np.tile(leaning(1), (3, 1))
    gallery.hold([tracklet_of(1, look[0], 5.0), replace(tracklet_of(2, look[0], 8.0, start_s=6.0), class_id=1)], 8.0)
    assert gallery.find(look, 14.0, 0) == ()


def test_visits_between_visits_are_merged_in_order():
    first, second = tracklet_of(1, leaning(1), 25.0, views=4), tracklet_of(2, leaning(1), 12.0, start_s=10.0)
    whole = merge_tracklets([first, second], 10)
    assert (whole.start_s, whole.end_s, whole.start_frame, whole.end_frame) == (0.0, 25.0, 0, 250)
    assert whole.view_time_s.tolist() == pytest.approx([0, 25 / 3, 10, 11, 12, 50 / 3, 25])
    assert (np.diff(whole.view_frame) > 0).all()


def test_the_times_of_all_visits_count():
    """1 was there from 0 to 5 s and from 20 to 25 s; 2 in between, from 10 to 12 s: one person, if they look alike."""
    for start_s, expected in ((10.0, (1, 2)), (22.0, ()), (3.0, ())):
        gallery = ReturnGallery(ReturnRules(60.0, 10, 2, 0.15, 0.1, 0.3, 0.1, 10, hidden_s=0.7))
        look = np.tile(leaning(1), (3, 1))
        gallery.hold([tracklet_of(1, look[0], 5.0)], 5.0)
        assert gallery.find(look, 20.0, 0) == (1,)
        late = tracklet_of(2, look[0], start_s + 2, start_s=start_s)
        gallery.hold([late, tracklet_of(1, look[0], 25.0, start_s=20.0)], 25.0)
        assert gallery.find(look, 30.0, 0) == expected


def test_visits_beyond_number_count_as_one_that_lasted():
    """2 was there while 1, who came back again and again, was away for the first time: long ago, so nobody knows."""
    look = np.tile(leaning(1), (3, 1))
    for visits_of_one, expected in ((32, (1, 2)), (33, ()), (50, ())):
        gallery = ReturnGallery(ReturnRules(1000.0, 10, 2, 0.15, 0.1, 0.3, 0.1, 10))
        for visit in range(visits_of_one):
            gallery.hold([tracklet_of(1, look[0], 20.0 * visit + 5, start_s=20.0 * visit)], 20.0 * visit + 5)
            if visit < visits_of_one - 1:
                assert gallery.find(look, 20.0 * (visit + 1), 0) == (1,)
        now = 20.0 * visits_of_one
        gallery.hold([tracklet_of(2, look[0], 12.0, start_s=10.0)], now)
        assert gallery.find(look, now, 0) == expected


def test_visits_that_become_one_are_told(detect):
    """On her second visit Ann looks as much like Eve, who left with her; the third one settles both."""
    tracker, renames, shown = DeepSort(DeepSortConfig(return_margin=0.05)), Renames(), []
    ann, between, eve = (leaning(np.cos(angle), np.sin(angle)) for angle in (0.0, 0.17, 0.38))  # Eve is 0.07 from Ann
    nobody = np.empty((0, 8), np.float32)
    for index in range(190):
        part, when = divmod(index, 80)
        rows = [np.stack([ann, eve]), between[None], ann[None]][part] if when < 30 else nobody
        detections = [Detections.empty(), detect([[300, 300]]), detect([[300, 300], [800, 300]])][len(rows)]
        tracks = tracker.update(detections, Frame("cam", index, index / FPS, size=(1920, 1080)), rows)
        renames.add(tracks.renamed)
        shown.append(tracks.track_id.tolist())
    assert (shown[20], shown[100], shown[-1]) == ([1, 2], [3], [1])
    assert [renames.right(one) for one in (1, 2, 3, 4)] == [1, 2, 1, 1]
    assert [(one.track_id, one.detections) for one in tracker.flush()] == [(1, 90), (2, 30)]


@pytest.mark.parametrize("most", [1, 50, 100, 10_000])
def test_products_by_parts_are_those_of_the_whole(monkeypatch, most):
    monkeypatch.setattr(returning, "SMALL_PRODUCT", most)
    rng = np.random.default_rng(0)
    for new, held in ((3, 20), (0, 20), (4, 1)):
        first, second = rng.normal(size=(new, 8)).astype(np.float32), rng.normal(size=(held, 8)).astype(np.float32)
        np.testing.assert_allclose(returning._products(first, second), first @ second.T, atol=1e-5)
