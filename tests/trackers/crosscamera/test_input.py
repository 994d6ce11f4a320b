"""Bad input: clear errors, or a defined answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.trackers.crosscamera import LinkConfig, OfflineLinker, OnlineLinker, Sighting
from mdpr.types import Tracklet
from simulated_tracklets import make_tracklet


def sighting(camera="a", track_id=1, begin=0.0, end=5.0, rows=None, model=""):
    rows = np.eye(4)[:2] if rows is None else rows
    return Sighting.of("r", make_tracklet(camera, track_id, begin, end, rows), model=model)


def with_values(one, **values):
    return replace(one, tracklet=replace(one.tracklet, **values))


GOOD = sighting()
NAN = np.array([[np.nan, 0, 0, 0], [1, 0, 0, 0]], np.float32)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (with_values(sighting(track_id=2), embeddings=NAN), "r/a/2: the embedding of view 0 has values .* not finite"),
        (with_values(sighting(track_id=2), embeddings=np.full((2, 4), 2.0)), "expected unit embeddings"),
        (sighting(track_id=2, rows=np.eye(5)[:2]), "two dimensions .* 4 .* 5"),
        (sighting(track_id=2, model="other"), "two models .* ''.* 'other'"),
        (with_values(sighting(track_id=2), view_time_s=np.array([0.0, 900.0])), "two clocks disagree"),
        (with_values(sighting(track_id=2), view_time_s=np.array([4.0, 1.0])), "go backwards"),
        (replace(sighting(track_id=2), started_s=float("nan")), "not finite"),
        (replace(sighting(track_id=2), key=GOOD.key._replace(track_id=3)), "r/a/3 holds tracklet 2"),
    ],
)
def test_refused(bad, message):
    with pytest.raises(FormatError, match=message):
        OfflineLinker().link([GOOD, bad])
    online = OnlineLinker()
    online.add(GOOD)
    with pytest.raises(FormatError, match=message):
        online.add(bad)
    assert list(online.number) == [GOOD.key]


def test_a_tracklet_that_ends_before_it_starts_cannot_be_made():
    with pytest.raises(FormatError, match="ends before it starts"):
        Tracklet(**{**GOOD.tracklet.__dict__, "end_s": -1.0})


def test_keys_must_differ():
    with pytest.raises(ConfigError, match="given twice"):
        OfflineLinker().link([GOOD, sighting()])
    online = OnlineLinker()
    online.add(GOOD)
    with pytest.raises(ConfigError, match="given twice"):
        online.add(sighting())


def test_without_appearance_everybody_is_one():
    nobody = [
        with_values(sighting(track_id=2, begin=10, end=12), embeddings=np.zeros((2, 4))),
        with_values(sighting(track_id=3, begin=20, end=22), embeddings=np.zeros((2, 0))),
        GOOD,
    ]
    linking = OfflineLinker().link(nobody)
    assert [len(identity.members) for identity in linking.identities] == [1, 1, 1]
    assert linking.links == ()


@pytest.mark.parametrize(
    "values",
    [
        {"false_link_rate": 0.0},
        {"false_link_rate": 0.7},
        {"candidates": 0},
        {"correlation": 0.0},
        {"same_similarity": 0.2},
        {"min_view_quality": 1.0},
    ],
)
def test_options_out_of_range(values):
    with pytest.raises(ConfigError):
        LinkConfig(**values)
