"""Where people stand, learned without calibration; tracks that were lost are linked by visit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from simulated_walks import simulate_walks

from mdpr.trackers.crosscamera import Boxes, OfflineLinker, Sighting, evidence
from mdpr.trackers.crosscamera.groupodds import OTHER, RATIO
from mdpr.trackers.crosscamera.inquiry import inquire
from mdpr.trackers.crosscamera.overlap import learn_floors
from mdpr.trackers.crosscamera.purify import pieces_of
from mdpr.trackers.crosscamera.scene import make_scene
from mdpr.trackers.crosscamera.travel import learned_times
from mdpr.trackers.crosscamera.visits import visits_of
from simulated_tracklets import make_tracklet, score


def floors_of(simulated, wrong=0.0, is_guess=False):
    """Learned from the truth, of which a part is taken the wrong way; as a guess: nobody is held for anybody."""
    scene = make_scene(simulated.sightings)
    a, b = np.triu_indices(len(scene), 1)
    use = scene.at_once(a, b) & (scene.camera[a] != scene.camera[b])
    a, b = a[use], b[use]
    person = np.array([simulated.person[key] for key in scene.keys])
    is_same = person[a] == person[b]
    said = is_same.copy()
    rng = np.random.default_rng(0)
    flip = rng.choice(np.flatnonzero(~is_same), int(wrong * is_same.sum()), replace=False)
    said[flip] = True
    floors = learn_floors(scene, a, b, said & ~is_guess, said if is_guess else None)
    return floors, a, b, is_same


@pytest.mark.parametrize(("wrong", "is_guess"), [(0.0, False), (0.3, False), (0.3, True)])
def test_places_tell_one_person_from_two(wrong, is_guess):
    floors, a, b, is_same = floors_of(simulate_walks(people=12), wrong, is_guess)
    assert floors.relates_cameras
    term = floors.log_ratio(a, b)
    assert np.median(term[is_same]) > 2
    assert (term[is_same] > 0).mean() > 0.9
    assert (term[~is_same] < 0).mean() > 0.8


def test_guesses_need_more_that_agree_than_what_is_held_for_one_person():
    """Nearly as many wrong pairs as right ones, or seven right ones."""
    many = simulate_walks(people=12)
    assert floors_of(many, 1.3)[0].relates_cameras
    assert not floors_of(many, 1.3, is_guess=True)[0].relates_cameras


def test_how_often_places_of_one_person_disagree_is_learned():
    """A third of those who are held for one person is two: then to stand apart speaks less against one person."""
    sure, a, b, is_same = floors_of(simulate_walks(people=12))
    unsure = floors_of(simulate_walks(people=12), 0.5)[0]
    related = [pair for pair in unsure.by_cameras if pair[0] != pair[1]]
    assert related
    assert all(sure.by_cameras[pair].hidden == 0.05 for pair in related)  # the least, however many agree
    assert all(0.12 < unsure.by_cameras[pair].hidden < 0.28 for pair in related)  # 0.05 counts like 20 pairs
    assert unsure.log_ratio(a, b)[~is_same].min() > sure.log_ratio(a, b)[~is_same].min() + 0.8


def test_who_was_never_seen_clearly_is_linked_by_place_and_spoils_nothing():
    """Every eighth tracklet has no view to look at; others of their people are found as before."""
    scores = []
    for seed in (1, 2):
        simulated = simulate_walks(people=20, seed=seed)
        rows = [
            replace(one, tracklet=replace(one.tracklet, embeddings=np.zeros_like(one.tracklet.embeddings)))
            if number % 8 == 0 else one
            for number, one in enumerate(simulated.sightings)
        ]  # fmt: skip
        blank = {one.key for one in rows if not one.tracklet.embeddings.any()}
        number = _whole(OfflineLinker().link(rows))
        found = {key for key in blank if any(
            number[key] == number[other] and simulated.person[key] == simulated.person[other]
            for other in number if other != key and other in simulated.person
        )}  # fmt: skip
        scores.append((len(found) / len(blank), score(number, simulated)))
    assert np.mean([part for part, _ in scores]) > 0.6
    assert np.mean([one.precision for _, one in scores]) > 0.95
    assert np.mean([one.recall for _, one in scores]) > 0.9


def test_why_not_tells_what_places_say():
    """Two people who are in two cameras at once: together they stood apart, and that is in the answer."""
    simulated = simulate_walks(people=12, view=0.2)
    linking, learned = OfflineLinker().link_and_learn(simulated.sightings)
    person = {key: simulated.person[key._replace(part=0)] for key in learned.scene.keys}
    groups = [[key for key in learned.scene.keys if person[key] == one] for one in sorted(set(person.values()))]
    told = [inquire(learned, one, two) for number, one in enumerate(groups) for two in groups[:number]]
    assert np.mean([found.group_position_term < -1 for found in told]) > 0.5
    assert all(found.group_position_term <= 0.5 for found in told)
    for found in told:
        assert found.group_log_odds < found.group_position_term
    joined = [link for link in linking.links if link.is_joined]
    assert np.mean([link.reasons.group_position_term > 1 for link in joined]) > 0.5


def test_places_do_not_tell_how_long_ways_take(monkeypatch):
    """What teaches travel times is how alike people look; where they stood comes with it only once."""
    said = []

    def spy(scene, topology, group, sample):
        said.append(sample)
        return learned_times(scene, topology, group, sample)

    monkeypatch.setattr(evidence, "learned_times", spy)
    simulated = simulate_walks(people=12)
    _, learned = OfflineLinker().link_and_learn(simulated.sightings)
    weighed, sample = learned.weighed, said[-1]
    pairs = weighed.pairs
    looked = (pairs.code == 0) & np.isfinite(pairs.similarity)
    place = pairs.position_term[looked]
    assert (np.abs(place) > 2).sum() > 50
    terms = weighed.evidence.terms[np.isin(pairs.code, 0).nonzero()[0].searchsorted(looked.nonzero()[0])]
    assert sample.ratio[: len(terms)] == pytest.approx(terms[:, RATIO] - terms[:, OTHER] - place)


@pytest.mark.parametrize("is_guess", [False, True])
def test_cameras_that_see_different_places_are_not_related(is_guess):
    floors, a, b, _ = floors_of(simulate_walks(people=12, are_apart=True), is_guess=is_guess)
    assert not floors.relates_cameras
    assert not floors.log_ratio(a, b).any()


def test_learned_places_find_who_embeddings_cannot_tell():
    """Single views are four times as noisy as people differ; what is found is what appearance alone does not find."""
    scores = []
    for simulated in (simulate_walks(view=4.0, seed=seed) for seed in (1, 2)):
        nowhere = Boxes(np.empty(0), np.empty((0, 4), np.float32), np.empty(0, np.int64))
        without = [replace(one, boxes=nowhere) for one in simulated.sightings]
        with_places, alone = (OfflineLinker().link(rows) for rows in (simulated.sightings, without))
        scores.append([score(_whole(one), simulated) for one in (with_places, alone)])
    assert np.mean([found.f1 for found, _ in scores]) > np.mean([before.f1 for _, before in scores]) + 0.05
    assert np.mean([found.precision for found, _ in scores]) > 0.9


def test_a_camera_in_which_people_look_otherwise_is_related_by_who_looks_most_alike():
    """A camera changes looks nearly as much as people differ, so that hardly anybody is held for one person."""
    found = []
    for seed in (2, 3, 4):
        simulated = simulate_walks(people=20, seed=seed)
        rng = np.random.default_rng(seed)
        camera = max(one.key.camera for one in simulated.sightings)
        size = simulated.sightings[0].tracklet.embeddings.shape[1]
        looks = {person: rng.standard_normal(size) / np.sqrt(size) for person in set(simulated.person.values())}
        rows = []
        for one in simulated.sightings:
            views = one.tracklet.embeddings
            if one.key.camera == camera:
                views = views + 0.8 * looks[simulated.person[one.key]]
                views = views / np.linalg.norm(views, axis=1, keepdims=True)
            rows.append(replace(one, tracklet=replace(one.tracklet, embeddings=views.astype(np.float32))))
        found.append(score(_whole(OfflineLinker().link(rows)), simulated).f1)
    assert np.mean(found) > 0.8


def _whole(linking):
    """Number of each track, also of those that were cut: that of their first part."""
    return dict(linking.number) | {track: linking.number[parts[0].key] for track, parts in linking.split.items()}


def boxes_at(times, frames):
    xyxy = np.tile(np.array([[0, 0, 10, 30]], np.float32), (len(times), 1))
    return Boxes(times, xyxy, np.round(frames).astype(np.int64))


def test_visits_begin_with_the_frame_of_their_first_box():
    """Whatever the clock: the frames of boxes are known, and a box before the visit would be somebody else's."""
    for fps in (7, 10, 25, 29.97, 30):
        frames = np.concatenate([np.arange(40), np.arange(40) + 617, np.arange(40) + 1401])
        times = frames / fps + 0.013
        seen = [3, 20, 47, 63, 84, 110]
        tracklet = make_tracklet("a", 1, times[0], times[-1], np.eye(8)[[0] * len(seen)])
        tracklet = replace(
            tracklet, start_frame=0, end_frame=1440, view_time_s=times[seen], view_frame=frames[seen],
        )  # fmt: skip
        visits = visits_of(Sighting(Sighting.of("r", tracklet).key, tracklet, boxes=boxes_at(times, frames)))
        assert [one.tracklet.start_frame for one in visits] == [0, 617, 1401]
        assert visits[-1].tracklet.end_frame == 1440


def test_visits_hold_views_of_which_the_boxes_were_thinned_out():
    """A box of each second only: views lie before the first and after the last of a visit. In between the camera was
    away, and its frames were not counted."""
    frames, seen = np.arange(200), [3, 98, 101, 150, 197]
    times = frames / 10 + np.where(frames < 100, 0, 50)
    tracklet = make_tracklet("a", 1, times[0], times[-1], np.eye(8)[[0] * len(seen)])
    tracklet = replace(tracklet, end_frame=199, view_time_s=times[seen], view_frame=frames[seen])
    kept = np.arange(5, 200, 10)
    one, two = visits_of(Sighting(Sighting.of("r", tracklet).key, tracklet, boxes=boxes_at(times[kept], frames[kept])))
    assert (one.tracklet.start_frame, one.tracklet.end_frame) == (0, 98)
    assert (two.tracklet.start_frame, two.tracklet.end_frame) == (101, 199)
    assert two.tracklet.end_s == pytest.approx(69.9)


def test_a_track_that_was_lost_is_linked_by_visit():
    tracklet = make_tracklet("a", 1, 0.0, 30.0, np.eye(8)[[0] * 10])
    seen_s = np.array([0.0, 2, 4, 6, 8, 20, 22, 24, 26, 28])
    tracklet = replace(tracklet, view_time_s=seen_s, view_frame=(seen_s * 10).astype(np.int64))
    times = np.concatenate([np.arange(0, 9, 0.2), np.arange(20, 30, 0.2)])
    one = Sighting.of("r", tracklet)
    assert visits_of(one) == [one]  # views alone do not tell
    first, second = visits_of(Sighting(one.key, tracklet, boxes=boxes_at(times, times * 10)))
    assert (first.key.part, second.key.part) == (10, 20)
    assert first.tracklet.start_s == 0
    assert first.tracklet.end_s == pytest.approx(9.8)  # somebody hidden is shown for a while
    assert second.tracklet.start_s == pytest.approx(20)
    assert second.tracklet.end_s == 30
    assert len(first.tracklet.view_frame) + len(second.tracklet.view_frame) == 10
    assert first.tracklet.view_time_s.max() < 9 < 20 <= second.tracklet.view_time_s.min()
    assert first.tracklet.end_frame < second.tracklet.start_frame


def test_frames_of_visits_hold_their_views_where_frames_come_unevenly():
    """A stream that drops frames and is gone for a while: 8 frames a second, a break, then 10."""
    seen_s = np.array([0.0, 1, 2, 3, 4, 5, 35.5, 36, 36.5, 37])
    seen_frame = np.array([0, 8, 16, 24, 32, 40, 47, 52, 57, 62])
    tracklet = make_tracklet("a", 1, 0.0, 40.0, np.eye(8)[[0] * 10])
    tracklet = replace(tracklet, view_time_s=seen_s, view_frame=seen_frame, end_frame=92)
    times = np.concatenate([np.arange(0, 5.3, 0.2), np.arange(35, 40, 0.2)])
    boxes = boxes_at(times, np.where(times < 35, np.floor(times * 8 + 1e-6), 42 + (times - 35) * 10))
    visits = visits_of(Sighting(Sighting.of("r", tracklet).key, tracklet, boxes=boxes))
    assert len(visits) == 2
    assert (visits[0].tracklet.start_frame, visits[1].tracklet.start_frame) == (0, 42)  # of the first boxes
    assert visits[1].tracklet.end_frame == 92
    for visit in visits:
        assert visit.tracklet.start_frame <= visit.tracklet.view_frame[0]
        assert visit.tracklet.view_frame[-1] <= visit.tracklet.end_frame
        for cut in range(1, len(visit.tracklet.view_frame)):
            before, after = pieces_of(visit, cut)
            assert before.tracklet.end_frame < after.tracklet.start_frame <= after.tracklet.end_frame
    assert visits[0].tracklet.end_frame < visits[1].tracklet.start_frame


def test_a_visit_without_a_view_stays_with_the_one_before():
    tracklet = make_tracklet("a", 1, 0.0, 8.0, np.eye(8)[[0] * 5])
    tracklet = replace(tracklet, end_s=30.0, end_frame=300)
    times = np.concatenate([np.arange(0, 9, 0.2), np.arange(20, 30, 0.2)])
    one = Sighting(Sighting.of("r", tracklet).key, tracklet, boxes=boxes_at(times, times * 10))
    assert visits_of(one) == [one]
