"""The six lines about how cameras lie to each other."""

from __future__ import annotations

import math

import pytest

from mdpr.errors import ConfigError
from mdpr.trackers.crosscamera import Topology


def test_all_kinds_of_lines():
    topology = Topology.parse(
        {
            "entrance -> hall": "5..40 s", "hall <-> stairs": "1..2 min", "hall -> roof": "60..inf s",
            "hall <-> gallery": "overlapping", "yard <-> roof": "apart",
        }
    )  # fmt: skip
    assert topology.travel_s == {
        ("entrance", "hall"): (5, 40),
        ("hall", "stairs"): (60, 120),
        ("stairs", "hall"): (60, 120),
        ("hall", "roof"): (60, math.inf),
    }
    assert topology.overlapping == {("gallery", "hall")}
    assert topology.apart == {("roof", "yard")}
    assert topology.cameras == {"entrance", "hall", "stairs", "roof", "gallery", "yard"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"a": "5..40 s"}, "CAMERA -> CAMERA"),
        ({"a -> b -> c": "5..40 s"}, "CAMERA -> CAMERA"),
        ({"a -> a": "5..40 s"}, "two different cameras"),
        ({"a -> b": "quick"}, "5..40 s"),
        ({"a -> b": 5}, "5..40 s"),
        ({"a -> b": "40..5 s"}, "shortest <= longest"),
        ({"a -> b": "apart"}, "a <-> b"),
        ({"a -> b": "5..9 s", "a <-> b": "1..2 s"}, "two different travel times"),
        ({"a -> b": "5..9 s", "b <-> a": "overlapping"}, "declared overlapping"),
    ],
)
def test_what_is_not_understood(content, message):
    with pytest.raises(ConfigError, match=message):
        Topology.parse(content)
