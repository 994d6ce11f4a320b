"""Tracks that hold two people, and views that do not belong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.trackers.crosscamera import Correction, Knowledge, LinkConfig, OfflineLinker, Sighting
from mdpr.trackers.crosscamera.purify import MOST_VIEWS, Levels, cut_of, outliers, pieces_of, to_compare
from simulated_tracklets import World, make_tracklet, simulate


def test_cut_needs_two_people_in_two_runs_of_time():
    level = Levels(0.0, 1.0)
    one = np.ones((6, 6), np.float32)
    two = np.kron(np.eye(2), np.ones((3, 3))).astype(np.float32)
    assert cut_of(one, level) is None
    assert cut_of(two, level) == 3
    assert cut_of(two[:4, :4], level) is None  # a single other view is an outlier, not a person
    order = [0, 3, 1, 4, 2, 5]
    assert cut_of(two[np.ix_(order, order)], level) is None
    assert cut_of(one * 0.2 + two * 0.1, level) is None  # nothing agrees with anything


def test_outliers():
    level = Levels(0.0, 1.0)
    cosine = np.full((5, 5), 0.9, np.float32)
    cosine[2, :] = cosine[:, 2] = 0.05
    np.fill_diagonal(cosine, 1)
    assert outliers(cosine, level).tolist() == [False, False, True, False, False]
    assert not outliers(np.full((5, 5), 0.9, np.float32), level).any()
    assert not outliers(np.eye(5, dtype=np.float32), level).any()
    assert not outliers(np.array([[1, 0], [0, 1]], np.float32), level).any()


def test_the_best_views_are_compared():
    """A track of several visits that is not cut has more views; what has no embedding is none."""
    tracklet = make_tracklet("a", 3, 2.0, 40.0, np.eye(20))
    embeddings = tracklet.embeddings.copy()
    embeddings[19] = 0
    quality = np.arange(1, 21, dtype=np.float32)
    used = to_compare(Sighting.of("r", replace(tracklet, view_quality=quality, embeddings=embeddings)), 0.5)
    assert np.flatnonzero(used).tolist() == list(range(19 - MOST_VIEWS, 19))
    few = to_compare(Sighting.of("r", replace(tracklet, view_quality=quality, embeddings=embeddings)), 0.8)
    assert np.flatnonzero(few).tolist() == [15, 16, 17, 18]


def test_pieces_share_nothing_and_lose_nothing():
    whole = Sighting.of("r", make_tracklet("a", 3, 2.0, 11.0, np.eye(8)))
    first, second = pieces_of(whole, 3)
    one, two = first.tracklet, second.tracklet
    assert (first.key.part, second.key.part) == (1, 2)
    assert (one.start_s, two.end_s) == (2.0, 11.0)
    assert one.end_s < two.start_s
    assert one.end_frame + 1 == two.start_frame
    assert one.detections + two.detections == whole.tracklet.detections
    np.testing.assert_array_equal(np.concatenate([one.embeddings, two.embeddings]), whole.tracklet.embeddings)
    assert one.view_time_s.max() <= one.end_s
    assert two.view_time_s.min() >= two.start_s


@pytest.mark.parametrize("started_s", [0.0, 1_760_000_300.0])
@pytest.mark.parametrize("seconds", [9.0, 0.9])
def test_pieces_follow_each_other_by_the_time_of_day_too(started_s, seconds):
    """The least step of a time of day is a quarter of a microsecond, of which `nextafter` near 0 knows nothing."""
    whole = Sighting.of("r", make_tracklet("a", 3, 2.0, 2.0 + seconds, np.eye(8)), started_s)
    first, second = pieces_of(whole, 3)
    assert first.start_s < first.end_s < second.start_s < second.end_s


def mixed():
    """A simulated scene in which one track went on as another person."""
    simulated = simulate(World(people=10, views=8, view=0.6))
    rows = {one.key: one for one in simulated.sightings}
    a = next(one for one in simulated.sightings if len(one.tracklet.view_frame) >= 6)
    b = next(one for one in simulated.sightings if simulated.person[one.key] != simulated.person[a.key]
             and len(one.tracklet.view_frame) >= 6 and one.key.camera == a.key.camera)  # fmt: skip
    views = np.concatenate([a.tracklet.embeddings[:4], b.tracklet.embeddings[:4]])
    wrong = make_tracklet(a.key.camera, 999, 5000.0, 5030.0, views)
    rows[(*a.key[:2], 999, 0)] = Sighting.of("run", wrong)
    return simulated, [*rows.values()], a.key, b.key


def test_a_track_of_two_people_is_cut():
    _simulated, sightings, a, b = mixed()
    linking = OfflineLinker().link(sightings)
    number = linking.number
    (track,) = linking.split
    assert track.track_id == 999
    first, second = (piece.key for piece in linking.split[track])
    assert number[first] == number[a]
    assert number[second] == number[b]
    assert number[a] != number[b]


def test_tracks_are_left_alone_when_told_so():
    _, sightings, a, _ = mixed()
    assert not OfflineLinker(LinkConfig(split_tracks=False)).link(sightings).split
    track = next(one.key for one in sightings if one.key.track_id == 999)
    assert not OfflineLinker().link(sightings, Knowledge([Correction("cannot-link", track, a)])).split
