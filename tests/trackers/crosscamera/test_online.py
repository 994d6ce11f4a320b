"""Tracklets that come one by one: the end is the offline answer, and the events tell the whole story."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.trackers.crosscamera import (
    Correction,
    Knowledge,
    OfflineLinker,
    OnlineLinker,
    Sighting,
    Topology,
    TrackletKey,
)
from mdpr.trackers.crosscamera.events import keep_numbers
from simulated_tracklets import World, make_tracklet, score, simulate

WORLD = World(people=8, visits=2, view=1.4, dimension=64)


def replay(events):
    """Identity of each tracklet as the events tell it."""
    number = {}
    for event in events:
        if event.identity is None:
            del number[event.key]
        else:
            number[event.key] = event.identity
    return number


@pytest.mark.parametrize("seed", [0, 1])
def test_any_order_ends_with_the_offline_answer(seed):
    simulated = simulate(WORLD)
    online = OnlineLinker()
    for place in np.random.default_rng(seed).permutation(len(simulated.sightings)):
        online.add(simulated.sightings[place])
    assert replay(online.events) == online.number
    finished, offline = online.finish(), OfflineLinker().link(simulated.sightings)
    assert finished.identities == offline.identities
    assert finished.links == offline.links
    assert replay(online.events) == online.number
    groups = {
        frozenset(key for key, one in online.number.items() if one == number) for number in online.number.values()
    }
    assert groups == {frozenset(identity.members) for identity in offline.identities}
    assert [event.number for event in online.events] == list(range(1, len(online.events) + 1))


def test_good_before_the_end():
    """Even between the times at which everything is linked anew, most is right."""
    simulated = simulate(World(people=12, view=1.0, dimension=64))
    online = OnlineLinker()
    for one in simulated.sightings:
        online.add(one)
    number = online.number
    for key in simulated.person:
        number.setdefault(key, number.get(TrackletKey(*key[:3], 1)))
    assert score(number, simulated).idf1 > 0.9


def blank(sighting):
    """Somebody who was never seen clearly."""
    looks = np.zeros_like(sighting.tracklet.embeddings)
    return replace(sighting, tracklet=replace(sighting.tracklet, embeddings=looks))


def test_who_was_never_seen_clearly_does_not_join_a_group_for_its_size():
    """Two people who were seen forty times each; without times and places nothing is known about the one who comes."""
    simulated = simulate(World(people=2, cameras=2, visits=20, view=0.5, dimension=64))
    rows = [replace(one, clock=str(number)) for number, one in enumerate(simulated.sightings)]
    online = OnlineLinker()
    for one in rows[:-1]:
        online.add(one)
    assert len(online._sightings) + 1 < online._next_refit  # the next one is placed by itself
    evidence = online._learned.weighed.evidence
    assert evidence.prior + np.log(np.bincount(list(online.number.values())).max()) > 0
    before = set(online.number.values())
    online.add(blank(rows[-1]))
    assert online.number[rows[-1].key] not in before


def test_an_identity_is_compared_by_those_who_were_seen_clearly():
    simulated = simulate(World(people=3, cameras=3, visits=4, dimension=64))
    first = {}
    for one in simulated.sightings:
        first.setdefault(simulated.person[one.key], one.key)
    must = [
        Correction("must-link", one.key, first[simulated.person[one.key]])
        for one in simulated.sightings[::4] if one.key != first[simulated.person[one.key]]
    ]  # fmt: skip
    online = OnlineLinker(knowledge=Knowledge(must))
    hidden = {one.a for one in must}
    for one in simulated.sightings:
        online.add(blank(one) if one.key in hidden else one)
    for number in set(online.number.values()):
        members = [key for key, one in online.number.items() if one == number]
        side = online._side(members, online._learned)
        assert side.size.tolist() == [len(members)]
        assert side.seen.tolist() == [sum(key._replace(part=0) not in hidden for key in members)]
    assert any(online.number.get(one.a) == online.number.get(one.b) for one in must)


def test_never_overlaps_on_the_way():
    """Look-alikes in one camera at one time, whenever they come."""
    online = OnlineLinker()
    for number in range(30):
        begin = float(number % 10) * 3
        tracklet = make_tracklet(f"c{number % 3}", number, begin, begin + 4, np.eye(4)[[0, 0]])
        online.add(Sighting.of("r", tracklet))
        by_identity = {}
        for key, identity in online.number.items():
            by_identity.setdefault(identity, []).append(key)
        for keys in by_identity.values():
            for a in keys:
                for b in keys:
                    apart = abs(a.track_id % 10 - b.track_id % 10) * 3
                    assert a == b or a.camera != b.camera or apart > 4


def test_knowledge_about_what_is_still_to_come():
    knowledge = Knowledge(
        [Correction("must-link", TrackletKey("r", "a", 1), TrackletKey("r", "b", 1))],
        Topology.parse({"a -> b": "5..40 s"}),
    )
    online = OnlineLinker(knowledge=knowledge)
    online.add(Sighting.of("r", make_tracklet("a", 1, 0, 5, np.eye(4)[0])))
    online.add(Sighting.of("r", make_tracklet("b", 1, 20, 25, np.eye(4)[1])))
    assert len(set(online.number.values())) == 1


def test_numbers_follow_the_majority():
    keys = [TrackletKey("r", "a", number) for number in range(6)]
    before = dict.fromkeys(keys[:4], 3) | dict.fromkeys(keys[4:], 5)
    number, fresh = keep_numbers(before, [keys[:1], keys[1:5], keys[5:]], 9)
    assert [number[key] for key in keys] == [9, 3, 3, 3, 3, 5]
    assert fresh == 10


@pytest.mark.parametrize("late", [0, 1])
def test_a_new_tracklet_goes_to_the_twin_who_left_when_it_takes_so_long(late):
    """Everybody takes 9 to 13 s from a to b; twins are in a at once, one leaves 11 s before somebody comes to b."""
    rng = np.random.default_rng(3)
    looks = rng.standard_normal((41, 64))
    sightings = []

    def add(camera, track_id, begin, end, who):
        rows = looks[who] + 0.3 * rng.standard_normal((6, 64))
        sightings.append(Sighting.of("run", make_tracklet(camera, track_id, begin, end, rows)))

    for who in range(40):
        now = 100.0 * who
        add("a", who, now, now + 5, who)
        now += 5 + rng.uniform(9, 13)
        add("b", who, now, now + 5, who)
    for twin in (0, 1):
        add("a", 100 + twin, 5000, 5100 if twin == late else 5020, 40)
    linker = OnlineLinker()
    linker._next_refit = 82  # all so far, and then no more: the last one is placed
    for sighting in sightings:
        linker.add(sighting)
    add("b", 100, 5111, 5116, 40)
    linker.add(sightings[-1])
    assert len(linker.number) == 83
    assert linker.number[sightings[-1].key] == linker.number[sightings[80 + late].key]
    assert linker.number[sightings[-1].key] != linker.number[sightings[81 - late].key]
