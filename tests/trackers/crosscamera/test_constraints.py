"""Constraints against hand-worked cases; corrections; positions on the ground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera import (
    Correction,
    Grounds,
    Knowledge,
    OfflineLinker,
    Sighting,
    Topology,
    TrackletKey,
)
from mdpr.trackers.crosscamera.constraints import APART, CORRECTION, NONE, POSITION, SAME_CAMERA, TRAVEL, Constraints
from mdpr.trackers.crosscamera.ground import Positions, to_ground
from mdpr.trackers.crosscamera.scene import make_scene
from simulated_tracklets import make_tracklet


def sighting(camera, track_id, begin, end, row=None, run="r", started_s=0.0):
    rows = np.eye(4)[:1] if row is None else np.atleast_2d(row)
    return Sighting.of(run, make_tracklet(camera, track_id, begin, end, rows), started_s)


def code(one, two, knowledge=None):
    """What forbids the pair; the other tracklets only bring in the cameras b and c."""
    scene = make_scene([one, two, sighting("b", 99, 1e6, 1e6 + 1), sighting("c", 99, 1e6, 1e6 + 1)])
    constraints = Constraints(scene, knowledge or Knowledge())
    a, b = (np.array([scene.keys.index(key)]) for key in (one.key, two.key))
    assert constraints.forbidding(a, b) == constraints.forbidding(b, a)
    return int(constraints.forbidding(a, b)[0])


WINDOW = Knowledge(topology=Topology.parse({"a -> b": "5..40 s"}))


@pytest.mark.parametrize(
    ("one", "two", "knowledge", "expected"),
    [
        (("a", 1, 0, 5), ("a", 2, 5, 9), None, SAME_CAMERA),
        (("a", 1, 0, 5), ("a", 2, 5.2, 9), None, NONE),
        (("a", 1, 0, 5), ("b", 2, 3, 9), None, NONE),
        (("a", 1, 0, 5), ("b", 2, 3, 9), Knowledge(topology=Topology.parse({"a <-> b": "apart"})), APART),
        (("a", 1, 0, 5), ("b", 2, 5.5, 9), Knowledge(topology=Topology.parse({"a <-> b": "apart"})), NONE),
        (("a", 1, 0, 5), ("b", 2, 3, 9), Knowledge(topology=Topology.parse({"a <-> b": "overlapping"})), NONE),
        (("a", 1, 0, 5), ("b", 2, 4, 9), WINDOW, APART),
        (("a", 1, 0, 5), ("b", 2, 9, 12), WINDOW, TRAVEL),
        (("a", 1, 0, 5), ("b", 2, 10, 12), WINDOW, NONE),
        (("a", 1, 0, 5), ("b", 2, 500, 512), WINDOW, NONE),
        (("a", 1, 20, 25), ("b", 2, 17, 18), WINDOW, NONE),  # nothing is known about b -> a
        (("a", 1, 0, 5), ("c", 2, 6, 7), WINDOW, NONE),
    ],
)
def test_pairs(one, two, knowledge, expected):
    assert code(sighting(*one), sighting(*two), knowledge) == expected


def test_frames_count_within_a_run_only():
    assert code(sighting("a", 1, 0, 5), sighting("a", 1, 3, 9, run="s")) == NONE


def test_corrections_bind_groups():
    """a = b and b != c leave a != c, although a and c look the same."""
    rows = [sighting(camera, 1, begin, begin + 5) for camera, begin in (("a", 0), ("b", 100), ("c", 200))]
    a, b, c = (row.key for row in rows)
    knowledge = Knowledge([Correction("must-link", a, b), Correction("cannot-link", c, b)])
    linking = OfflineLinker().link(rows, knowledge)
    assert [identity.members for identity in linking.identities] == [(a, b), (c,)]
    assert linking.links[0].reasons.constraint == "must-link"
    scene = make_scene(rows)
    assert Constraints(scene, knowledge).forbidding(np.array([1]), np.array([2])) == CORRECTION
    assert Constraints(scene, knowledge).between(np.array([0, 1]), np.array([2])) == CORRECTION


def test_parts_of_a_track_may_be_joined_by_hand_although_they_touch():
    """Galleries have parts of which one ends when the next begins, as far as a time of day tells."""
    noon = 1_760_000_000.0
    one, two = sighting("a", 3, 0, 5, started_s=noon), sighting("a", 3, 5 + 1e-9, 9, started_s=noon)
    later = replace(two.tracklet, start_frame=one.tracklet.end_frame + 1)
    one = replace(one, key=TrackletKey("r", "a", 3, 1))
    two = replace(two, key=TrackletKey("r", "a", 3, 2), tracklet=later)
    assert one.end_s == two.start_s
    knowledge = Knowledge([Correction("must-link", one.key, two.key)])
    assert len(OfflineLinker().link([one, two], knowledge).identities) == 1
    assert len(OfflineLinker().link([one, two]).identities) == 2
    other = replace(two, key=TrackletKey("r", "a", 4), tracklet=replace(later, track_id=4))
    with pytest.raises(ConfigError, match="overlap in one camera"):
        OfflineLinker().link([one, other], Knowledge([Correction("must-link", one.key, other.key)]))


def test_must_link_joins_what_looks_different():
    rows = [sighting("a", 1, 0, 5, np.eye(4)[0]), sighting("b", 1, 50, 55, np.eye(4)[1])]
    assert len(OfflineLinker().link(rows).identities) == 2
    knowledge = Knowledge([Correction("must-link", rows[0].key, rows[1].key)])
    assert len(OfflineLinker().link(rows, knowledge).identities) == 1


def test_contradictions_are_named():
    rows = [sighting("a", 1, 0, 5), sighting("a", 2, 3, 9), sighting("b", 1, 50, 55)]
    one, two, three = (row.key for row in rows)
    with pytest.raises(ConfigError, match="r/a/1 and r/a/2 one person, but overlap in one camera"):
        OfflineLinker().link(
            rows, Knowledge([Correction("must-link", one, three), Correction("must-link", two, three)])
        )
    both = [Correction("must-link", one, three), Correction("cannot-link", three, one)]
    with pytest.raises(ConfigError, match="cannot-link"):
        OfflineLinker().link(rows, Knowledge(both))
    unknown = Correction("must-link", one, TrackletKey("r", "z", 7))
    with pytest.raises(ConfigError, match="r/z/7, which is not among"):
        OfflineLinker().link(rows, Knowledge([unknown]))


def test_unknown_cameras_are_named():
    with pytest.raises(ConfigError, match="topology names cameras that do not exist: cellar"):
        OfflineLinker().link([sighting("a", 1, 0, 5)], Knowledge(topology=Topology.parse({"a -> cellar": "5..40 s"})))
    knowledge = Knowledge(topology=Topology.parse({"a -> cellar": "5..40 s"}), cameras=["cellar"])  # nobody is there
    assert len(OfflineLinker().link([sighting("a", 1, 0, 5)], knowledge).identities) == 1
    with pytest.raises(ConfigError, match="ground plane names cameras"):
        OfflineLinker().link([sighting("a", 1, 0, 5)], Knowledge(grounds=Grounds({"cellar": np.eye(3)})))


def walk(camera, track_id, x_m, begin=0.0, look=0):
    """Ten seconds along a line, seen with 100 pixels a metre."""
    tracklet = make_tracklet(camera, track_id, begin, begin + 10, np.eye(16)[[look] * 6])
    feet = np.array([100 * x_m, 200.0]) + np.arange(6)[:, None] * [20.0, 0.0]
    boxes = np.column_stack([feet[:, 0] - 20, feet[:, 1] - 100, feet[:, 0] + 20, feet[:, 1]])
    return Sighting.of("r", type(tracklet)(**{**tracklet.__dict__, "view_xyxy": boxes.astype(np.float32)}))


def test_positions():
    metres = np.diag([0.01, 0.01, 1.0])
    np.testing.assert_allclose(to_ground(np.array([[100, 0, 300, 400]], np.float32), metres), [[2, 4]])
    scene = make_scene([walk("a", 1, 1.0), walk("b", 1, 1.3), walk("b", 2, 5.0)])
    positions = Positions(scene, Grounds({"a": metres, "b": metres}))
    np.testing.assert_allclose(positions.distance_m(np.array([0, 0]), np.array([1, 2])), [0.3, 4.0], atol=1e-4)
    assert np.isnan(positions.distance_m(np.array([1]), np.array([2]))).all()  # one camera
    near, far = positions.log_ratio(np.array([0, 0]), np.array([1, 2]))
    assert near > 0 > far
    constraints = Constraints(scene, Knowledge(), positions)
    assert constraints.forbidding(np.array([0, 0]), np.array([1, 2])).tolist() == [NONE, POSITION]


def test_positions_decide_between_twins():
    metres = np.diag([0.01, 0.01, 1.0])
    rows = [walk("a", 1, 1.0), walk("a", 2, 5.0), walk("b", 1, 5.2), walk("b", 2, 1.1)]
    others = range(1, 9)
    rows += [walk(camera, 10 + look, 2.0, 60.0 * look, look) for look in others for camera in "ab"]
    linking = OfflineLinker().link(rows, Knowledge(grounds=Grounds({"a": metres, "b": metres})))
    number = linking.number
    assert number["r", "a", 1, 0] == number["r", "b", 2, 0] != number["r", "a", 2, 0] == number["r", "b", 1, 0]


@pytest.mark.parametrize("matrix", [np.eye(2), np.zeros((3, 3)), np.full((3, 3), np.nan)])
def test_bad_homography(matrix):
    with pytest.raises(ConfigError, match="invertible 3 x 3"):
        Grounds({"a": matrix})
