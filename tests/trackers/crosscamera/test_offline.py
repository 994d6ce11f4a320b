"""The offline linker as a whole: what it finds, what it never does, and what the order of arrival does not change."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.trackers.crosscamera import LinkConfig, OfflineLinker, Sighting, TrackletKey, reasons
from simulated_tracklets import World, best_baseline, make_tracklet, score, simulate


def overlaps(one, two):
    a, b = one.tracklet, two.tracklet
    return one.key[:2] == two.key[:2] and a.start_frame <= b.end_frame and b.start_frame <= a.end_frame


def pieces(linking, sightings):
    """All tracklets of an answer, pieces in place of what was cut."""
    return {one.key: one for one in sightings if one.key not in linking.split} | {
        piece.key: piece for parts in linking.split.values() for piece in parts
    }


@pytest.mark.parametrize(("overlapping", "least"), [(True, 0.95), (False, 0.85)])
def test_better_than_one_threshold(overlapping, least):
    simulated = simulate(World(overlapping=overlapping, person_in_camera=0.8))
    baseline = best_baseline(simulated)
    linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
    found = score(linking.number, simulated)
    assert 0.75 <= baseline.idf1 <= 0.85
    assert found.idf1 >= least
    assert found.idf1 > baseline.idf1 + 0.05


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_identity_overlaps_itself(seed):
    """Random walks whose appearance says nothing, or the same for all."""
    rng = np.random.default_rng(seed)
    spread = rng.choice([0.0, 0.3, 3.0])
    sightings = []
    for number in range(int(rng.integers(2, 40))):
        begin = rng.uniform(0, 60)
        rows = rng.standard_normal((int(rng.integers(1, 6)), 8)) * spread + np.eye(8)[0]
        tracklet = make_tracklet(f"c{rng.integers(3)}", number, begin, begin + rng.uniform(0, 30), rows)
        sightings.append(Sighting.of(f"r{rng.integers(2)}", tracklet))
    linking = OfflineLinker(LinkConfig(false_link_rate=0.5)).link(sightings)
    every = pieces(linking, sightings)
    assert sorted(linking.number) == sorted(every)
    for identity in linking.identities:
        for a, b in itertools.combinations(identity.members, 2):
            assert not overlaps(every[a], every[b])


def test_order_of_arrival_changes_nothing():
    simulated = simulate(World(people=10, visits=2, view=1.8, dimension=48))
    first = OfflineLinker().link(simulated.sightings)
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(simulated.sightings))
        again = OfflineLinker().link([simulated.sightings[place] for place in order])
        assert again.identities == first.identities
        assert again.links == first.links
        assert again.calibration == first.calibration


def test_few_people_who_are_seen_hundreds_of_times():
    """Each tracklet has more of its person than pairs are looked at a tracklet."""
    simulated = simulate(World(people=5, visits=70, day_s=60_000, views=4, dimension=64))
    assert len(simulated.sightings) > 5 * 3 * LinkConfig.candidates
    linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
    found = score(linking.number, simulated)
    assert found.precision == 1
    assert found.idf1 > 0.95


def test_links_are_trees_with_reasons():
    simulated = simulate(World(people=8))
    linking = OfflineLinker().link(simulated.sightings)
    number = linking.number
    joined = [link for link in linking.links if link.is_joined]
    assert len(joined) == len(number) - len(linking.identities)
    assert all(number[link.a] == number[link.b] for link in joined)
    assert all(number[link.a] != number[link.b] for link in linking.links if not link.is_joined)
    for link in joined:
        why = link.reasons
        assert why.margin == pytest.approx(why.similarity - why.runner_up)
        assert link.probability == pytest.approx(1 / (1 + math.exp(-why.group_log_odds - why.group_rival_term)))


def test_nobody_and_one():
    assert OfflineLinker().link([]).identities == ()
    one = Sighting.of("run", make_tracklet("a", 1, 0, 5, np.eye(4)))
    linking = OfflineLinker().link([one])
    assert [identity.members for identity in linking.identities] == [(TrackletKey("run", "a", 1),)]


def without_times(simulated):
    """The same with a clock for each camera, so that looks alone decide."""
    return replace(simulated, sightings=[replace(one, clock=one.key.camera) for one in simulated.sightings])


def test_no_more_is_cut_than_the_promised_part_asks_for(monkeypatch):
    """All links that are too many at once leave a part that is far below what was promised, and people in pieces."""
    hard = World(people=40, dimension=48, person_in_camera=1.0, visit=0.7)
    scenes = [without_times(simulate(replace(hard, seed=seed))) for seed in range(4)]
    linker = OfflineLinker(LinkConfig(false_link_rate=0.01, split_tracks=False, all_right=None))
    recall = []
    for share in (reasons.CUT_AT_ONCE, 1.0):
        monkeypatch.setattr(reasons, "CUT_AT_ONCE", share)
        found = [linker.link(scene.sightings) for scene in scenes]
        assert all(linking.calibration.expected_false_links <= 0.01 for linking in found)
        recall.append(np.mean([score(one.number, scene).recall for one, scene in zip(found, scenes, strict=True)]))
    assert recall[0] > recall[1] + 0.02
