"""What times say: declared and learned gaps, cameras that seem to lie apart, and the order of visits."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.trackers.crosscamera import Knowledge, LinkConfig, OfflineLinker, Sighting, Topology
from mdpr.trackers.crosscamera.apart import APART_TERM, apart_term, at_once_excess
from mdpr.trackers.crosscamera.groupodds import RATIO
from mdpr.trackers.crosscamera.journeys import MOST_GAIN, Journeys
from mdpr.trackers.crosscamera.scene import make_scene
from mdpr.trackers.crosscamera.travel import MOST_TERM, PairSample, TravelTimes, declared_times, learned_times, slot_of
from simulated_tracklets import World, make_tracklet, score, simulate

NOBODY = np.eye(4)[0]


def scene_of(rows):
    return make_scene([Sighting.of("r", make_tracklet(*row, NOBODY)) for row in rows])


def sample_of(scene, ratio=None, prior=-3.0):
    a, b = np.triu_indices(len(scene), 1)
    return PairSample(a, b, np.ones(len(a)), np.zeros(len(a)) if ratio is None else ratio[a, b], np.full(len(a), prior))


def people_who_walk(count, from_s=9.0, to_s=13.0, seed=6, cameras="ab"):
    """Each passes the cameras one after the other; the number of a track is the person's, 1000 more the next time."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(count):
        now = rng.uniform(0, 20_000)
        for visit, camera in enumerate(cameras):
            again = 1000 * cameras[:visit].count(camera)
            rows.append((camera, who + again, now, now + 5))
            now += 5 + rng.uniform(from_s, to_s)
    return scene_of(rows)


def persons(scene):
    return np.array([key.track_id % 1000 for key in scene.keys])


def test_declared_times():
    topology = Topology.parse({"a -> b": "5..40 s"})
    scene = scene_of([("a", 1, 0, 10), ("b", 1, 25, 30), ("b", 2, 300, 310), ("b", 3, 960, 1000)])
    travel = declared_times(scene, topology)
    inside, late, back = travel.term(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([15.0, 290.0, 15.0]))
    assert inside == pytest.approx(math.log(0.5 * 1000 / 35 + 0.5))
    assert late == pytest.approx(math.log(0.5))
    assert back == 0
    assert declared_times(scene, Topology()).says_nothing
    assert not travel.says_nothing


@pytest.mark.parametrize("count", [12, 60])
def test_times_are_learned_from_known_people(count):
    scene = people_who_walk(count)
    travel = learned_times(scene, Topology(), persons(scene), sample_of(scene))
    direct, late, back = travel.term(np.array([0, 0, 1]), np.array([1, 1, 0]), np.array([11.0, 5000.0, 5000.0]))
    assert direct > (1.5 if count == 60 else 1)
    assert late < 0
    assert back < 0
    returns = travel.term(np.array([0, 1]), np.array([0, 1]), np.array([11.0, 5000.0]))
    assert returns.tolist() == [0, 0]  # nobody came back: nothing is known about that


def test_one_pair_of_cameras_tells_about_others():
    """30 people walk from a to b, two from c to d: their gap is likelier than one that nobody needed."""
    many, few = people_who_walk(30), people_who_walk(2, cameras="cd", seed=1)
    scene = make_scene([*many.sightings, *few.sightings])
    who = np.array([key.track_id % 1000 + 100 * (key.camera in "cd") for key in scene.keys])
    travel = learned_times(scene, Topology(), who, sample_of(scene))
    usual, odd = travel.term(np.full(2, 2), np.full(2, 3), np.array([11.0, 1500.0]))
    assert usual > 1
    assert odd < 0


def test_what_few_visits_do_not_show_is_taken_from_all_cameras():
    """From a to b half take 10 s, half a minute; the three who were seen from c to d took a minute."""
    quick, slow = people_who_walk(30), people_who_walk(30, 60, 80, seed=2)
    few = people_who_walk(3, 60, 80, cameras="cd", seed=1)
    rows = [*quick.sightings, *(replace(one, key=one.key._replace(run="s")) for one in slow.sightings), *few.sightings]
    scene = make_scene(rows)
    who = np.array([key.track_id % 1000 + 100 * (key.camera in "cd") + 200 * (key.run == "s") for key in scene.keys])
    travel = learned_times(scene, Topology(), who, sample_of(scene))
    unseen, seen, odd = travel.term(np.full(3, 2), np.full(3, 3), np.array([11.0, 70.0, 1500.0]))
    assert min(seen, unseen) > 0 > odd


def test_returns_to_a_camera_are_learned_by_themselves():
    scene = people_who_walk(30, 20, 30, cameras="aa")
    others = people_who_walk(30, 300, 400, seed=3)
    both = make_scene([*scene.sightings, *(replace(one, key=one.key._replace(run="s")) for one in others.sightings)])
    who = np.array([key.track_id % 1000 + 100 * (key.run == "s") for key in both.keys])
    travel = learned_times(both, Topology(), who, sample_of(both))
    back, soon, later = travel.term(np.zeros(3, int), np.array([0, 1, 1]), np.array([25.0, 25.0, 350.0]))
    assert back > 1
    assert later > 1
    assert soon < 0


def test_a_pair_counts_as_many_as_it_stands_for():
    """Of pairs far apart in time one of eight was looked at, which stands for eight."""
    scene = people_who_walk(60, 100, 2000)
    every = sample_of(scene)
    is_far = np.abs(scene.start_s[every.a] - scene.start_s[every.b]) > 3000
    keep = ~is_far | (np.arange(len(is_far)) % 8 == 0)
    arrays = every.a, every.b, np.where(is_far, 8.0, 1.0), every.ratio, every.prior
    term = [
        learned_times(scene, Topology(), persons(scene), one).term(np.array([0]), np.array([1]), np.array([700.0]))[0]
        for one in (every, PairSample(*(value[keep] for value in arrays)))
    ]
    assert 0.5 < term[0] < MOST_TERM
    assert term[1] == pytest.approx(term[0], abs=0.2)


def test_what_is_declared_is_not_learned_otherwise():
    scene = people_who_walk(60)
    topology = Topology.parse({"a -> b": "100..200 s"})
    travel = learned_times(scene, topology, persons(scene), sample_of(scene))
    inside, learned = travel.term(np.zeros(2, int), np.ones(2, int), np.array([150.0, 11.0]))
    assert inside > 0
    assert learned == pytest.approx(math.log(0.5))
    overlapping = Topology.parse({"a <-> b": "overlapping"})
    travel = learned_times(scene, overlapping, persons(scene), sample_of(scene))
    assert not travel.learned[0, 1].any()
    assert not travel.learned[1, 0].any()


def test_nothing_is_learned_where_times_cannot_be_compared():
    """The same people, each camera with a clock of its own."""
    scene = people_who_walk(60)
    apart = make_scene([replace(one, clock=one.key.camera) for one in scene.sightings])
    assert learned_times(apart, Topology(), persons(apart), sample_of(apart)).says_nothing


def test_visits_of_two_clocks_do_not_come_between_one_another():
    """Each person is seen by the same cameras in another run, whose clock is not known."""
    scene = people_who_walk(60)
    other = [replace(one, key=one.key._replace(run="s"), clock="s", started_s=7.0) for one in scene.sightings]
    both = make_scene([*scene.sightings, *other])
    terms = [
        learned_times(one, Topology(), persons(one), sample_of(one)).term(
            np.array([0]), np.array([1]), np.array([11.0])
        )
        for one in (scene, both)
    ]
    assert terms[1] > terms[0] - 0.1  # twice as many visits tell it


def at_once_scene(overlapping, seed=0):
    """People in two cameras, at once in both or one after the other, with what their pairs look like."""
    rng = np.random.default_rng(seed)
    rows = []
    for who in range(60):
        now = rng.uniform(0, 600)
        rows.append(("a", who, now, now + 20))
        now += rng.uniform(0, 5) if overlapping else rng.uniform(22, 40)
        rows.append(("b", who, now, now + 20))
    scene = scene_of(rows)
    who = persons(scene)
    likely = np.where(who[:, None] == who[None, :], 4.0, -4.0) + rng.normal(0, 2, (len(who), len(who)))
    return scene, np.triu(likely) + np.triu(likely, 1).T


@pytest.mark.parametrize("overlapping", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_cameras_that_lie_apart_are_known_by_who_is_at_once(overlapping, seed):
    scene, ratio = at_once_scene(overlapping, seed)
    sample = sample_of(scene, ratio)
    pairs = sample.a, sample.b, sample.weight, sample.ratio, sample.prior
    excess = at_once_excess(scene, *pairs)
    assert excess[0, 1] == excess[1, 0]
    assert excess.diagonal().tolist() == [1, 1]
    term = apart_term(scene, *pairs)
    assert term.diagonal().tolist() == [0, 0]
    if overlapping:
        assert excess[0, 1] > 3
        assert term[0, 1] == 0
    else:
        assert excess[0, 1] < 0.6
        assert term[0, 1] == term[1, 0] == APART_TERM
    travel = learned_times(scene, Topology(), np.arange(len(scene)), sample)
    at_once = travel.term(np.array([0]), np.array([1]), np.array([-3.0]))
    assert at_once == (0 if overlapping else APART_TERM)


def test_between_chance_and_surely_apart_the_term_goes_to_nothing():
    scene, ratio = at_once_scene(True)
    found = []
    for lift in (0.0, 6.0, 6.8, 9.0):  # people in two cameras at once look less and less like one person
        which = scene.at_once(np.repeat(np.arange(120), 120), np.tile(np.arange(120), 120)).reshape(120, 120)
        sample = sample_of(scene, ratio - lift * which)
        pairs = sample.a, sample.b, sample.weight, sample.ratio, sample.prior
        found.append((at_once_excess(scene, *pairs)[0, 1], apart_term(scene, *pairs)[0, 1]))
    assert [one[0] for one in found] == sorted((one[0] for one in found), reverse=True)
    assert 0.6 < found[2][0] < 1
    for excess, term in found:
        assert term == pytest.approx(APART_TERM * min(max((1 - excess) / 0.4, 0), 1))


def test_strangers_who_look_alike_do_not_hide_that_cameras_lie_apart():
    """Looks that say little: of those at once who look alike fewer are one person than of others who do."""
    excess = []
    for seed in range(3):
        scene, _ = at_once_scene(False, seed)
        rng, who = np.random.default_rng(9 + seed), persons(scene)
        ratio = np.where(who[:, None] == who[None, :], 4.0, -4.0) + rng.normal(0, 3, (120, 120))
        sample = sample_of(scene, np.triu(ratio) + np.triu(ratio, 1).T)
        pairs = sample.a, sample.b, sample.weight, sample.ratio, sample.prior
        excess.append(at_once_excess(scene, *pairs)[0, 1])
    assert max(excess) < 0.6


def test_two_cameras_that_see_the_same_place_are_not_taken_for_apart_since_others_are():
    """People are in a and b at once, and later in c."""
    rng = np.random.default_rng(4)
    rows = []
    for who in range(60):
        now = rng.uniform(0, 600)
        rows += [("a", who, now, now + 20), ("b", who, now + 3, now + 20), ("c", who, now + 25, now + 45)]
    scene = scene_of(rows)
    who = persons(scene)
    sample = sample_of(scene, np.where(who[:, None] == who[None, :], 5.0, -5.0))
    excess = at_once_excess(scene, sample.a, sample.b, sample.weight, sample.ratio, sample.prior)
    assert excess[0, 1] > 5
    assert max(excess[0, 2], excess[1, 2]) < 0.6


def test_pairs_of_two_clocks_say_nothing_about_cameras():
    scene, ratio = at_once_scene(True)
    other = [replace(one, key=one.key._replace(run="s"), clock="s") for one in scene.sightings]
    both = make_scene([*scene.sightings, *other])
    place = np.array([{key: row for row, key in enumerate(scene.keys)}[key._replace(run="r")] for key in both.keys])
    sample = sample_of(both, ratio[np.ix_(place, place)])
    one_run = both.clock[sample.a] == both.clock[sample.b]
    pairs = sample.a, sample.b, sample.weight, sample.ratio, sample.prior
    found = at_once_excess(both, *pairs)[0, 1]
    assert found == pytest.approx(at_once_excess(both, *(value[one_run] for value in pairs))[0, 1])


def test_where_nobody_is_seen_nothing_is_known_of_cameras():
    scene = scene_of([("a", 1, 0, 5), ("b", 1, 90, 95)])
    empty = np.empty(0, np.int64)
    assert at_once_excess(scene, empty, empty, *(np.empty(0),) * 3).tolist() == [[1, 1], [1, 1]]


def random_journeys(seed, count=14):
    rng = np.random.default_rng(seed)
    camera, clock = rng.integers(0, 3, count), rng.integers(0, 2, count)
    start = np.round(rng.uniform(0, 60, count))  # some begin together
    end = start + rng.uniform(1, 9, count)
    travel = TravelTimes(rng.normal(0, 1, (3, 3, 14)), {(0, 1): (2.0, 9.0, 1.5, -0.7)})
    return Journeys(camera, start, end, clock, travel), (camera, start, end, clock, travel), rng


def naive_worth(rows, camera, start, end, clock, travel):
    total = 0.0
    rows = sorted(rows, key=lambda row: (clock[row], start[row], row))
    for one, two in itertools.pairwise(rows):
        if clock[one] != clock[two]:
            continue
        gap = start[two] - end[one]
        if (camera[one], camera[two]) == (0, 1):
            total += 1.5 if 2 <= gap <= 9 else -0.7
        else:
            total += travel.learned[camera[one], camera[two], slot_of(np.array([gap]))[0]]
    return total


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_gains_are_what_the_whole_is_worth_above_its_parts(seed):
    journeys, known, rng = random_journeys(seed)
    order = rng.permutation(14)
    one, two, three = np.sort(order[:4]), np.sort(order[4:9]), order[9:10]
    wanted = [
        naive_worth([*a, *b], *known) - naive_worth(a, *known) - naive_worth(b, *known)
        for a, b in ((one, two), (two, three), (three, one))
    ]
    assert journeys.gains([one, two, three], [two, three, one]) == pytest.approx(np.clip(wanted, -6, 6))
    assert journeys.worths([one, two, three]) == pytest.approx(
        [naive_worth(rows, *known) for rows in (one, two, three)]
    )
    members = journeys.gains_of_members(two)
    rests = [np.delete(two, place) for place in range(5)]
    assert members == pytest.approx(journeys.gains([two[[place]] for place in range(5)], rests))
    assert journeys.pair(order[:7], order[7:]) == pytest.approx(journeys.gains([*order[:7, None]], [*order[7:, None]]))
    assert journeys.pair(order[:7], order[7:]) == pytest.approx(
        [naive_worth(pair, *known) for pair in zip(order[:7], order[7:], strict=True)]
    )


def test_hundreds_of_visits_do_not_add_up_without_end():
    """Two halves of a journey back and forth, and one that nobody makes."""
    count = 300
    camera, start = np.arange(count) % 2, np.arange(count) * 10.0
    terms = np.zeros((2, 2, 14))
    for step, term in ((1.0, MOST_GAIN), (-1.0, -MOST_GAIN)):
        terms[:] = step
        terms[np.eye(2, dtype=bool)] = 0
        journeys = Journeys(camera, start, start + 5, np.zeros(count, np.int64), TravelTimes(terms, {}))
        halves = [np.arange(0, count, 2)], [np.arange(1, count, 2)]
        assert journeys.worths([np.arange(count)]) == pytest.approx((count - 1) * step)
        assert journeys.gains(*halves).tolist() == [term]
        terms[:] = 5 * step
        assert journeys.gains_of_members(np.arange(3)).tolist() == pytest.approx([5 * step, 5 * step, 5 * step])
        terms[np.eye(2, dtype=bool)] = 0
        assert journeys.gains_of_members(np.arange(3))[1] == term


def test_journeys_without_known_times_say_nothing():
    scene = people_who_walk(5)
    journeys = Journeys.of_scene(scene, declared_times(scene, Topology()))
    rows = np.arange(4)
    assert journeys.gains([rows], [rows + 4]).tolist() == [0]
    assert journeys.gains_of_members(rows).tolist() == [0] * 4
    assert journeys.worths([rows, rows + 4]).tolist() == [0, 0]
    assert journeys.gains([], []).tolist() == []


def test_terms_are_bounded():
    scene = people_who_walk(400, 9, 9.1)
    travel = learned_times(scene, Topology(), persons(scene), sample_of(scene))
    assert travel.learned.max() == MOST_TERM
    assert travel.learned.min() >= -MOST_TERM


def test_who_looks_alike_is_told_apart_by_when_they_were_there():
    """People whom cameras change nearly as much as they differ: times find what looks alone do not."""
    hard = World(people=40, dimension=48, person_in_camera=1.0, visit=0.7)
    found, without = [], []
    for seed in range(2):
        simulated = simulate(replace(hard, seed=seed))
        found.append(score(OfflineLinker().link(simulated.sightings).number, simulated).idf1)
        own_clocks = [replace(one, clock=one.key.camera) for one in simulated.sightings]
        without.append(score(OfflineLinker().link(own_clocks).number, simulated).idf1)
    assert np.mean(found) > np.mean(without) + 0.05


def test_links_say_how_long_it_took_and_what_that_adds():
    simulated = simulate(World(people=60, cameras=2, visits=1))
    linking, learned = OfflineLinker(LinkConfig(split_tracks=False)).link_and_learn(simulated.sightings)
    by_key = {one.key: one for one in simulated.sightings}
    number = {key: row for row, key in enumerate(learned.scene.keys)}
    joined = [link for link in linking.links if link.is_joined]
    assert len(joined) > 50
    for link in linking.links:
        early, late = sorted((by_key[link.a], by_key[link.b]), key=lambda one: one.start_s)
        assert link.reasons.gap_s == pytest.approx(late.start_s - early.end_s)
        assert (link.reasons.group_time_term is None) == (not link.is_joined)
    journeys = learned.weighed.evidence.journeys
    groups = {identity.number: [number[key] for key in identity.members] for identity in linking.identities}
    of_two = [link for link in joined if len(groups[linking.number[link.a]]) == 2]
    assert of_two
    for link in of_two:
        term = float(journeys.pair(np.array([number[link.a]]), np.array([number[link.b]]))[0])
        assert link.reasons.group_time_term == pytest.approx(term)
        assert link.reasons.time_term == pytest.approx(term)
    pairs, evidence = learned.weighed.pairs, learned.weighed.evidence
    is_free = pairs.code == 0
    without = evidence.terms[:, RATIO] + evidence.prior
    assert pairs.log_odds[is_free] - without == pytest.approx(journeys.pair(evidence.a, evidence.b))
    assert pairs.time_term[is_free] == pytest.approx(journeys.pair(evidence.a, evidence.b))
    assert np.abs(pairs.time_term).max() > 1
    own_clocks = [replace(one, clock=one.key.camera) for one in simulated.sightings]
    found = OfflineLinker(LinkConfig(split_tracks=False)).link(own_clocks)
    gaps = {link.reasons.gap_s is None for link in found.links if link.a.camera != link.b.camera}
    assert gaps == {True}


def test_which_cameras_seem_to_lie_apart_is_said_unless_it_is_known_otherwise():
    apart, overlapping = (simulate(World(people=80, visits=1, overlapping=way, day_s=600)) for way in (False, True))
    names = ("c0", "c1", "c2", "c3")
    found = OfflineLinker().link(apart.sightings).calibration.apart
    assert set(found) <= set(itertools.combinations(names, 2))
    assert len(found) >= 4
    assert OfflineLinker().link(overlapping.sightings).calibration.apart == ()
    one, two = found[0]
    for said in ("overlapping", "apart"):
        knowledge = Knowledge(topology=Topology.parse({f"{one} <-> {two}": said}))
        left = OfflineLinker().link(apart.sightings, knowledge).calibration.apart
        assert found[0] not in left
        assert found[1] in left
