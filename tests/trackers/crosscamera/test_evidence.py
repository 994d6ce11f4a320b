"""Calibration, grouping and refinement against naive restatements and known answers."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_evidence import SHARING, naive_odds, random_evidence, side_of, terms_of

from mdpr.trackers.crosscamera import Knowledge, LinkConfig, OfflineLinker, Sighting, Topology
from mdpr.trackers.crosscamera.appearance import Centred, centred, offset_of_groups, unit
from mdpr.trackers.crosscamera.calibration import DIFFERENT, UNKNOWN, Samples, fit
from mdpr.trackers.crosscamera.clustering import agglomerate
from mdpr.trackers.crosscamera.evidence import _background, camera_pair, pair_terms
from mdpr.trackers.crosscamera.groupodds import (
    ABOVE,
    ACROSS,
    ACROSS_WIDTH,
    GAP,
    STANDARD,
    TERMS,
    WIDTH,
    Evidence,
    GroupSums,
    PairTable,
    Sides,
)
from mdpr.trackers.crosscamera.inquiry import inquire
from mdpr.trackers.crosscamera.likelihood import Fit
from mdpr.trackers.crosscamera.reasons import GroupTrees, Pairs, TreeLink, cut_doubtful
from mdpr.trackers.crosscamera.refinement import Refinement
from mdpr.trackers.crosscamera.scene import make_scene
from mdpr.trackers.crosscamera.sharing import DEFAULT_CORRELATION, Sharing, sharing_of
from mdpr.trackers.crosscamera.similarity import BEST_VIEWS, candidate_pairs, set_similarity
from simulated_tracklets import World, best_baseline, make_tracklet, score, simulate

ONE_CLASS = np.zeros(1, np.int64)


def nothing_forbids(a, b):
    return 0


def no_pair_is_forbidden(a, b):
    return np.zeros(len(a), np.int8)


def mixture(rng, pairs, share, same, different=0.0, kind=0):
    is_same = rng.random(pairs) < share
    values = np.where(is_same, rng.normal(same, 0.08, pairs), rng.normal(different, 0.05, pairs))
    return values, is_same, np.full(pairs, kind)


def test_fit_finds_the_mixture_although_pieces_are_more_alike():
    rng = np.random.default_rng(0)
    values, is_same, kind = mixture(rng, 6000, 0.04, 0.5)
    found = fit(
        Samples(values, kind, np.ones(6000), np.full(6000, UNKNOWN), rng.normal(0.8, 0.03, 200)), ONE_CLASS, 0.3, 0.7
    )
    assert found.different[0] == pytest.approx(0.0, abs=0.01)
    assert found.same[0] == pytest.approx(0.5, abs=0.05)
    assert found.share[0] == pytest.approx(is_same.mean(), rel=0.15)
    likely = 1 / (1 + np.exp(-found.log_ratio(values, kind) - found.prior(kind)))
    for low, high in ((0.0, 0.1), (0.9, 1.0)):
        here = (likely >= low) & (likely <= high)
        assert is_same[here].mean() == pytest.approx(likely[here].mean(), abs=0.05)


def test_few_samples_borrow_and_many_have_their_own():
    rng = np.random.default_rng(1)
    parts = [mixture(rng, 4000, 0.05, 0.5), mixture(rng, 4000, 0.05, 0.5, 0.2, 1), mixture(rng, 10, 0, 0.5, 0.2, 2)]
    values, kind = (np.concatenate([part[place] for part in parts]) for place in (0, 2))
    found = fit(
        Samples(values, kind, np.ones(len(kind)), np.full(len(kind), UNKNOWN), np.array([0.6])),
        np.zeros(4, int),
        0.3,
        0.7,
    )
    assert found.different[1] - found.different[0] == pytest.approx(0.2, abs=0.02)
    assert abs(found.different[2] - found.different[3]) < 0.05  # 10 samples move it little
    assert found.samples.tolist() == [4000, 4000, 10, 0]


def test_known_different_look_alikes_widen_the_doubt():
    rng = np.random.default_rng(2)
    values, _, kind = mixture(rng, 2000, 0.0, 0.5)
    alike = np.concatenate([rng.normal(0, 0.05, 160), np.full(40, 0.45)])
    known = Samples(
        np.concatenate([values, alike]), np.zeros(2200, np.int64), np.ones(2200),
        np.repeat([UNKNOWN, DIFFERENT], [2000, 200]), np.array([0.6] * 20),
    )  # fmt: skip
    without = Samples(values, kind, np.ones(2000), np.full(2000, UNKNOWN), known.pieces)
    query = np.array([0.45])
    careful, bold = (
        fit(samples, ONE_CLASS, 0.3, 0.7).log_ratio(query, np.array([0]))[0] for samples in (known, without)
    )
    assert careful < bold - 2


def test_log_ratio_rises_with_similarity():
    found = fit(Samples(*(np.empty(0, int) for _ in range(4)), np.empty(0)), ONE_CLASS, 0.3, 0.7)
    values = np.linspace(-1, 1, 101)
    assert (np.diff(found.log_ratio(values, np.zeros(101, np.int64))) >= 0).all()


def test_set_similarity_equals_the_loops():
    simulated = simulate(World(people=4, visits=1))
    scene = make_scene(simulated.sightings)
    appearance = centred(scene, np.zeros((len(scene.cameras), 128), np.float32))
    a, b = np.triu_indices(len(scene), 1)
    got = set_similarity(appearance, scene.has_view, a, b)
    for i, j, value in zip(a, b, got, strict=True):
        one, two = (appearance.views[row][scene.has_view[row]] for row in (i, j))
        best = [max(float(x @ y) for y in two) for x in one] + [max(float(x @ y) for x in one) for y in two]
        want = BEST_VIEWS * np.mean(best) + (1 - BEST_VIEWS) * float(appearance.mean[i] @ appearance.mean[j])
        assert value == pytest.approx(want, abs=1e-5)


def test_candidates_are_the_most_similar_pairs():
    rng = np.random.default_rng(3)
    mean = unit(rng.standard_normal((300, 12)))
    has = np.ones(300, np.bool_)
    has[7] = False
    a, b = candidate_pairs(mean, has, 20)
    assert (a < b).all()
    assert 7 not in a
    assert 7 not in b
    found = set(zip(a.tolist(), b.tolist(), strict=True))
    cosine = mean @ mean.T
    every = [(i, j) for i, j in itertools.combinations(np.flatnonzero(has).tolist(), 2)]
    every.sort(key=lambda pair: -cosine[pair])
    assert set(every[: 15 * 300]) <= found
    assert len(found) < 30 * 300
    for row in np.flatnonzero(has).tolist():
        others = [other for other in np.argsort(-cosine[row]).tolist() if other != row and has[other]][:5]
        assert all((min(row, other), max(row, other)) in found for other in others)


def test_offsets_of_cameras_are_found_although_different_people_walk_there():
    rng = np.random.default_rng(4)
    people, offset = rng.standard_normal((30, 16)) * 0.2, rng.standard_normal((3, 16)) * 0.3
    sightings, person = [], []
    for who in range(30):
        for camera in range(3):
            if (who + camera) % 3:  # everybody is in two of three cameras
                rows = people[who] + offset[camera] + np.eye(16)[0]
                sightings.append(Sighting.of("r", make_tracklet(f"c{camera}", who, who, who + 0.5, rows)))
    scene = make_scene(sightings)
    person = np.array([key.track_id for key in scene.keys])
    same = person[:, None] == person

    def gap(appearance: Centred):
        cosine = appearance.mean @ appearance.mean.T
        np.fill_diagonal(cosine, np.nan)
        return np.nanmean(cosine[same]) - np.nanmean(cosine[~same])

    plain = centred(scene, np.zeros((3, 16), np.float32))
    assert gap(centred(scene, offset_of_groups(scene, person))) > gap(plain) + 0.3


def test_what_known_pairs_tell_about_look_alikes_holds_for_cameras_that_nobody_is_in_at_once():
    """Of two people some are alike. One person across cameras must not be what explains those."""
    rng = np.random.default_rng(7)

    def two_people(count):
        return np.where(rng.random(count) < 0.15, rng.normal(0.4, 0.15, count), rng.normal(0, 0.15, count))

    known, across = two_people(400), two_people(4000)
    is_same = rng.random(4000) < 0.03
    across[is_same] = rng.normal(0.8, 0.1, int(is_same.sum()))
    samples = Samples(
        np.concatenate([known, across]), np.repeat([0, 1], [400, 4000]), np.ones(4400),
        np.repeat([DIFFERENT, UNKNOWN], [400, 4000]), rng.normal(0.85, 0.05, 40),
    )  # fmt: skip
    assert 1.1 < samples.skew < 1.5
    nobody_known = replace(samples, label=np.full(4400, UNKNOWN))
    found, blind = (fit(one, np.array([1, 0]), 0.3, 0.7) for one in (samples, nobody_known))
    assert abs(found.same[1] - 0.8) < 0.06 < abs(blind.same[1] - 0.8)
    assert abs(found.share[1] - is_same.mean()) < 0.01 < abs(blind.share[1] - is_same.mean())


def test_similarities_of_two_people_that_are_even_have_no_skew():
    values = np.random.default_rng(8).normal(0, 0.1, 500)
    samples = Samples(values, np.zeros(500, int), np.ones(500), np.full(500, DIFFERENT), np.empty(0))
    assert samples.skew == pytest.approx(1, abs=0.1)
    assert Samples(*(np.empty(0, int) for _ in range(4)), np.empty(0)).skew == 1


def test_returns_to_a_camera_do_not_say_what_people_look_like_in_two():
    """In one camera a person is 0.8 alike, in two 0.45; of each pair of cameras there is little."""
    rng = np.random.default_rng(9)
    kinds = [mixture(rng, 300, 0.05, 0.8 if kind % 3 == 0 else 0.45, kind=kind) for kind in range(9)]
    values, kind = (np.concatenate([part[place] for part in kinds]) for place in (0, 2))
    samples = Samples(values, kind, np.ones(2700), np.full(2700, UNKNOWN), rng.normal(0.8, 0.05, 30))
    classes = np.array([1, 0, 0] * 3)
    apart, mixed = fit(samples, classes, 0.3, 0.7), fit(samples, np.zeros(9, int), 0.3, 0.7)
    for number in range(9):
        true = 0.8 if number % 3 == 0 else 0.45
        assert abs(apart.same[number] - true) < abs(mixed.same[number] - true) + 0.01
        assert apart.same[number] == pytest.approx(true, abs=0.1)


def test_terms_of_a_pair_by_hand():
    """0.5 alike: 2.5 standard deviations above two people; usual are 3.5, half of that where half as reliable."""
    found = Fit(*(np.full(1, value) for value in (0.0, 0.7, 0.2, 0.1, 0.05, 1000.0, 50.0, 1e6)))
    zero, across = np.zeros(4, np.int64), np.array([True, True, False, True])
    similarity = np.array([0.5, 0.5, 0.5, np.nan])
    reliability, place = np.array([1.0, 0.5, 0.5, 1.0]), np.array([0.0, -2.0, 0.0, 5.0])
    terms = pair_terms(found, zero, across, similarity, reliability, np.full(4, 0.3), place)
    ratio = found.log_ratio(np.array([0.5, 0.5]), zero[:2], np.array([1.0, 0.5])) + 0.3
    assert terms == pytest.approx(
        np.array([
            [0, ratio[0], 1, 2.5, 3.5, 0.25, 0.3, 1, -1.0, 0.25, 0, 0],
            [-2, ratio[1] - 2, 1, 2.5, 1.75, 0.25, 0.3, 1, 0.75, 0.25, 2, 4],
            [0, ratio[1], 1, 2.5, 1.75, 0.25, 0.3, 0, 0, 0, 0, 0],
            [5, 5.3, 0, 0, 0, 0, 0.3, 0, 0, 0, 5, 25],
        ])
    )  # fmt: skip


def test_pairs_that_were_not_looked_at_count_as_those_that_were_sampled():
    simulated = simulate(World(people=40, dimension=32))
    _, learned = OfflineLinker(LinkConfig(candidates=20)).link_and_learn(simulated.sightings)
    scene, weighed = learned.scene, learned.weighed
    a, b = weighed.background
    similarity = set_similarity(learned.appearance, scene.has_view, a, b)
    kind = camera_pair(scene, a, b)
    found, elsewhere = weighed.fit, weighed.evidence.elsewhere
    standard = ((similarity - found.different[kind]) / found.different_spread[kind]).mean()
    assert elsewhere[STANDARD] == pytest.approx(standard, abs=0.02)  # which has those of one camera at once, too
    assert elsewhere[STANDARD] < -0.1
    assert elsewhere[GAP] > 3
    within = [1, elsewhere[STANDARD] - elsewhere[GAP], elsewhere[WIDTH]]
    assert elsewhere[[ACROSS, ABOVE, ACROSS_WIDTH]].tolist() == pytest.approx(within)


def naive_objective(evidence, group):
    total = 0.0
    for row in range(evidence.count):
        rest = [other for other in np.flatnonzero(group == group[row]).tolist() if other != row]
        if rest:
            total -= naive_odds(evidence, [row], rest) / 2
    return total


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_log_odds_of_groups_equal_the_loops(seed):
    evidence = random_evidence(seed)
    order = np.random.default_rng(seed).permutation(evidence.count)
    one, two = np.sort(order[:5]), np.sort(order[5:9])
    found = PairTable(evidence).odds_between(one, two)
    assert found == pytest.approx(naive_odds(evidence, one.tolist(), two.tolist()))


def looked_at(evidence, one, two):
    """(1, TERMS) sums over the pairs between two groups that were looked at."""
    between = np.isin(evidence.a, one) & np.isin(evidence.b, two) | np.isin(evidence.a, two) & np.isin(evidence.b, one)
    return evidence.terms[between].sum(axis=0, keepdims=True)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sums_that_are_kept_while_groups_change_are_those_of_the_rows(seed):
    """Of four groups the first takes over the second, and is looked at without a row; a fifth of the pairs lacks."""
    evidence = random_evidence(seed)
    order = np.random.default_rng(seed).permutation(evidence.count)
    parts = [np.sort(part) for part in np.split(order, 4)]
    owner = np.empty(evidence.count, np.int64)
    for name, rows in enumerate(parts):
        owner[rows] = name
    groups, table = GroupSums(evidence, owner), PairTable(evidence)
    groups.take_over(0, 1, looked_at(evidence, parts[0], parts[1])[0])
    whole = np.sort(np.concatenate(parts[:2]))
    row, rest = int(whole[2]), np.delete(whole, 2)
    left = groups.without(0, row, looked_at(evidence, [row], rest)[0])
    moved = GroupSums(evidence, owner)
    moved.set(3, whole, table)
    pairs = [
        (groups.sides([0]), whole), (groups.sides([2]), parts[2]), (left, rest), (moved.sides([3]), whole),
    ]  # fmt: skip
    for found, rows in pairs:
        want = table.side(rows)
        for name in ("size", "seen", "cameras", "within"):
            assert getattr(found, name) == pytest.approx(getattr(want, name), abs=1e-9)
    times = evidence.times([whole], [parts[2]])
    odds, _ = evidence.log_odds(looked_at(evidence, whole, parts[2]), groups.sides([0]), groups.sides([2]), times)
    assert odds[0] == pytest.approx(naive_odds(evidence, whole.tolist(), parts[2].tolist()))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_refinement_lowers_the_objective_that_is_documented(seed):
    evidence = random_evidence(seed)
    alone = np.arange(evidence.count)
    rng = np.random.default_rng(seed)
    start = agglomerate(evidence, alone, nothing_forbids) if seed % 2 else rng.integers(0, 4, evidence.count)
    refinement = Refinement(evidence, start, alone, nothing_forbids)
    assert refinement.objective() == pytest.approx(naive_objective(evidence, start))
    after = refinement.run(20)
    assert refinement.objective() == pytest.approx(naive_objective(evidence, after))
    assert naive_objective(evidence, after) <= naive_objective(evidence, start) + 1e-9


def test_refinement_mends_what_was_put_together_wrongly():
    """Two people of six tracklets each in three cameras: halves exchanged, all in one, and all alone."""
    cameras, person = np.tile([0, 1, 2], 4), np.repeat([0, 1], 6)
    a, b = np.triu_indices(12, 1)
    terms = terms_of(np.where(person[a] == person[b], 0.7, 0.1), cameras, a, b)
    evidence = Evidence(cameras, np.ones(12, bool), a, b, terms, np.zeros(TERMS), -1.0, SHARING, 1e6)
    one_exchanged = person.copy()
    one_exchanged[[2, 8]] = 1, 0
    for start in (one_exchanged, np.zeros(12, int), np.arange(12), np.repeat(np.arange(4), 3)):
        found = Refinement(evidence, start, np.arange(12), nothing_forbids).run(20)
        assert found.tolist() == [0] * 6 + [6] * 6


def test_a_tracklet_without_appearance_says_nothing_about_looks():
    """Row 3 has none and stands where row 0 is; row 4, who looks like the others, joins them all the same."""
    cameras, has_appearance = np.array([0, 1, 2, 1, 0]), np.array([True, True, True, False, True])
    a, b = np.triu_indices(5, 1)
    is_blank = (a == 3) | (b == 3)
    place = np.where((a == 0) & (b == 3), 5.0, 0.0)
    terms = terms_of(np.where(is_blank, np.nan, 0.6), cameras, a, b, 0.0, place)
    looked = ~is_blank | (place > 0)
    elsewhere = terms_of(np.array([0.0]), np.array([0, 1]), np.array([0]), np.array([1]))[0]
    evidence = Evidence(cameras, has_appearance, a[looked], b[looked], terms[looked], elsewhere, -2.0, SHARING, 1e6)
    table = PairTable(evidence)
    known, blank, other = np.array([0, 1, 2]), np.array([3]), np.array([4])
    assert table.odds_between(known, blank) == pytest.approx(-2 + math.log(3) + 5)
    with_it, without = table.odds_between(np.arange(4), other), table.odds_between(known, other)
    assert with_it == pytest.approx(without + math.log(4 / 3))  # only the prior of a larger group
    assert agglomerate(evidence, np.arange(5), nothing_forbids).tolist() == [0] * 5


def test_pairs_of_who_was_never_seen_clearly_do_not_stand_for_others():
    """Of nine tracklets three have no appearance; all pairs were looked at but one: the sample is that one, once."""
    looks = np.eye(9, dtype=np.float32)
    rows = [make_tracklet("a", number, 10 * number, 10 * number + 5, looks[[number]]) for number in range(9)]
    rows = [replace(one, embeddings=one.embeddings * (one.track_id % 3 > 0)) for one in rows]
    scene = make_scene([Sighting.of("run", one) for one in rows])
    a, b = np.triu_indices(9, 1)
    keep = (a != 1) | (b != 2)
    one, two, weight = _background(scene, a[keep], b[keep])
    assert set(zip(one.tolist(), two.tolist(), strict=True)) == {(1, 2)}
    assert weight.sum() == pytest.approx(1)


def test_positions_of_pairs_that_were_looked_at():
    known = np.array([0, 0, 2]), np.array([1, 3, 3])
    nothing, position = np.zeros(3), np.array([1.5, -3.0, 4.0])
    pairs = Pairs(*known, nothing, nothing, position, nothing, np.zeros(3, np.int64))
    asked = np.array([3, 0, 1, 2, 3]), np.array([0, 1, 2, 3, 2])
    assert pairs.position_of(*asked, 4).tolist() == [-3.0, 1.5, 0.0, 4.0, 4.0]
    none = np.empty(0, np.int64)
    assert Pairs(none, none, *(np.empty(0),) * 4, none).position_of(*asked, 4).tolist() == [0.0] * 5


class TimesOf:
    """In the place of journeys: what it is worth that two rows are in one group."""

    def __init__(self, worth):
        self._worth = worth

    def _of(self, rows):
        return sum(value for pair, value in self._worth.items() if pair <= set(rows.tolist()))

    def gains(self, one, two):
        whole = [np.concatenate(pair) for pair in zip(one, two, strict=True)]
        return np.array([self._of(c) - self._of(a) - self._of(b) for a, b, c in zip(one, two, whole, strict=True)])

    def gains_of_members(self, rows):
        return self.gains([rows[[place]] for place in range(len(rows))], [np.delete(rows, p) for p in range(len(rows))])


@pytest.mark.parametrize("worth", [{frozenset((2, 4)): 3.0}, {frozenset((0, 4)): -3.0}])
def test_times_move_somebody_who_looks_like_two_people(worth):
    """Row 4 looks like both groups, a little more like its own; times are for the other, or against this one."""
    cameras, person = np.array([0, 1, 0, 1, 2]), np.array([0, 0, 1, 1, 0])
    a, b = np.triu_indices(5, 1)
    similarity = np.where(person[a] == person[b], 0.7, 0.1)
    similarity[b == 4] = np.where(person[a[b == 4]] == 0, 0.6, 0.55)
    evidence = Evidence(
        cameras, np.ones(5, bool), a, b, terms_of(similarity, cameras, a, b), np.zeros(TERMS), -1.0, SHARING, 1e6
    )
    alone = np.arange(5)
    for start in (person, np.array([0, 0, 1, 1, 2])):
        assert Refinement(evidence, start, alone, nothing_forbids).run(20).tolist() == [0, 0, 2, 2, 0]
        timed = replace(evidence, journeys=TimesOf(worth))
        assert Refinement(timed, start, alone, nothing_forbids).run(20).tolist() == [0, 0, 2, 2, 2]
    assert agglomerate(evidence, alone, nothing_forbids).tolist() == [0, 0, 2, 2, 0]
    assert agglomerate(timed, alone, nothing_forbids).tolist() == [0, 0, 2, 2, 2]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_groups_never_hold_what_is_forbidden(seed):
    evidence = random_evidence(seed)
    rng = np.random.default_rng(seed)
    ban = rng.random((evidence.count, evidence.count)) < 0.2
    ban |= ban.T
    alone = np.arange(evidence.count)

    def between(a, b):
        return int(ban[np.ix_(a, b)].any())

    free = ~ban[evidence.a, evidence.b]
    evidence = replace(evidence, a=evidence.a[free], b=evidence.b[free], terms=evidence.terms[free])
    group = Refinement(evidence, agglomerate(evidence, alone, between), alone, between).run(20)
    for i, j in itertools.combinations(range(evidence.count), 2):
        assert not (group[i] == group[j] and ban[i, j])


def test_a_group_that_is_very_alike_does_not_take_in_whom_two_strangers_would_be_taken_for():
    """At 0.55 two tracklets are more likely one person than two; beside people who are 0.9 alike they are two."""
    evidence = Evidence(
        np.arange(2),
        np.ones(2, bool),
        *(np.empty(0, int),) * 2,
        np.empty((0, TERMS)),
        np.zeros(TERMS),
        0.0,
        SHARING,
        1e6,
    )
    cross = terms_of(np.full(6, 0.55), np.array([0, 1]), np.zeros(6, int), np.ones(6, int)).sum(axis=0)[None, :]
    inside = terms_of(np.full(3, 0.9), np.array([0, 1]), np.zeros(3, int), np.ones(3, int)).sum(axis=0)
    side = Sides(np.array([3.0]), np.array([3.0]), np.array([3.0]), inside[None, [7, 8, 9]])
    usual = Sides(np.array([3.0]), np.array([3.0]), np.array([3.0]), np.array([[3.0, 0.0, inside[9]]]))
    two = Sides(np.array([2.0]), np.array([2.0]), np.array([2.0]), np.zeros((1, 3)))
    odds = [float(evidence.log_odds(cross, one, two, np.zeros(1))[0][0]) for one in (usual, side)]
    assert odds[0] > 0 > odds[1]


@pytest.mark.parametrize("parts", [(0.3, 0.2, 0.3), (0.0, 0.4, 0.2), (0.05, 0.05, 0.85)])
def test_variance_of_a_mean_is_that_of_samples(parts):
    """Pair, tracklet and single parts drawn at random: the variance of the mean over 3 by 4 pairs."""
    pair, row, single = parts
    rng = np.random.default_rng(0)
    draws = 40_000
    values = rng.normal(0, pair**0.5, (draws, 1, 1)) + rng.normal(0, row**0.5, (draws, 3, 1))
    values = values + rng.normal(0, row**0.5, (draws, 1, 4)) + rng.normal(0, single**0.5, (draws, 3, 4))
    found = Sharing(pair, row).of_mean(3, 4)
    assert values.mean(axis=(1, 2)).var() == pytest.approx(found * (pair + 2 * row + single), rel=0.05)


@pytest.mark.parametrize(("person", "view"), [(0.5, 0.3), (0.3, 0.3), (0.3, 0.5), (0.3, 1.6)])
def test_what_evidence_shares_is_found(person, view):
    """(p + v) (q + w) = pq + pw + vq + vw: the parts of its variance follow from the lengths of people and noise."""
    rng = np.random.default_rng(1)
    dimension, people, each = 256, 30, 6
    group = np.repeat(np.arange(people), each)
    centre = rng.standard_normal((people, dimension))[group] * person
    rows = centre + rng.standard_normal((len(group), dimension)) * view
    found = sharing_of(unit(rows.astype(np.float32)), group)
    total = (person**2 + view**2) ** 2
    true_pair, true_row = person**4 / total, person**2 * view**2 / total
    assert found.pair == pytest.approx(max(true_pair, 0.03), abs=0.06)
    assert found.row == pytest.approx(true_row, abs=0.06)


def test_nobody_known_shares_as_by_default():
    rows = np.eye(8, dtype=np.float32)
    assert sharing_of(rows, np.arange(8)) == Sharing.of_correlation(DEFAULT_CORRELATION)


@pytest.mark.slow
def test_view_noise_is_not_met_with_too_much_care():
    """Many pairs of weak evidence tell a lot together when nothing else than single views is at fault."""
    simulated = simulate(World(dimension=512, view=7.0, person_in_camera=0.2, visit=0.2, camera=0.2))
    linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
    assert linking.calibration.expected_false_links <= 0.05
    found, baseline = score(linking.number, simulated), best_baseline(simulated)
    assert found.idf1 > baseline.idf1 + 0.04
    assert found.precision > 0.98


def test_doubtful_links_are_cut_to_the_rate():
    """By a quarter of those that are too many at a time, the most doubtful first: here by one."""
    links = [TreeLink(0, 1, 6.0, False), TreeLink(1, 2, 0.5, False), TreeLink(3, 4, 5.0, False)]
    group = np.array([0, 0, 0, 3, 3])
    assert cut_doubtful(group, links, 0.2).tolist() == [0, 0, 0, 3, 3]
    assert cut_doubtful(group, links, 0.05).tolist() == [0, 0, 2, 3, 3]
    assert cut_doubtful(group, links, 1e-4).tolist() == [0, 0, 2, 3, 3]
    assert cut_doubtful(group, [links[0], links[2]], 1e-4).tolist() == [0, 0, 2, 3, 4]
    many = [TreeLink(row, row + 1, -row, False) for row in range(9)]
    assert cut_doubtful(np.zeros(10, int), many, 0.6).tolist() == [*[0] * 8, 8, 9]  # eight are too many: two go
    assert cut_doubtful(group, links, 1e-4, 0.6).tolist() == [0, 0, 0, 3, 3]  # 0.998 * 0.993 * 0.622
    assert cut_doubtful(group, links, 1e-4, 0.63).tolist() == [0, 0, 2, 3, 3]
    forced = [TreeLink(1, 2, 0.5, True)]
    assert cut_doubtful(np.array([0, 1, 1]), forced, 1e-4).tolist() == [0, 1, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a link that is wrong beyond doubt: the logarithm of its being right
        hopeless = [TreeLink(0, 1, -900.0, False)]
        assert cut_doubtful(np.array([0, 0]), hopeless, 0.05, 0.5).tolist() == [0, 1]


def test_tree_links_hold_their_group_together():
    evidence = random_evidence(5)
    group = np.array([0] * 7 + [7] * 5)
    links = GroupTrees(evidence, np.arange(12), no_pair_is_forbidden).links(group)
    assert len(links) == 10
    for link in links:
        rows = np.flatnonzero(group == group[link.a])
        side = side_of(link, links)
        rest = [row for row in rows.tolist() if row not in side]
        assert link.log_odds == pytest.approx(naive_odds(evidence, side, rest))
        assert link.pairs == len(side) * len(rest)
    assert len({frozenset((link.a, link.b)) for link in links}) == 10
    assert cut_doubtful(group, links, 1.0).tolist() == group.tolist()


def test_the_rate_is_kept():
    """Expected and actual part of false links, where noise and not cameras is the trouble."""
    wrong = links = 0
    expected = []
    for seed in range(3):
        simulated = simulate(
            World(people=25, dimension=48, camera=0.4, person_in_camera=0.6, visit=0.6, view=1.6, seed=seed)
        )
        linking = OfflineLinker(LinkConfig(false_link_rate=0.05, split_tracks=False)).link(simulated.sightings)
        joined = [link for link in linking.links if link.is_joined]
        wrong += sum(simulated.person[link.a] != simulated.person[link.b] for link in joined)
        links += len(joined)
        expected.append(linking.calibration.expected_false_links)
    assert links > 300
    assert 0 < max(expected) <= 0.05
    assert wrong / links <= 0.05


def test_a_small_rate_is_kept_too():
    simulated = simulate(World(people=40, dimension=48, camera=0.4, person_in_camera=0.6, visit=0.6, view=1.8, seed=1))
    linking = OfflineLinker(LinkConfig(false_link_rate=0.01)).link(simulated.sightings)
    assert 0 < linking.calibration.expected_false_links <= 0.01


def test_a_few_people_at_once_are_told_apart_by_those_known_to_be_two():
    """4 people in 3 cameras within half a minute: a third of all pairs is one person, and quantiles cannot tell."""
    worlds = [
        World(people=4, cameras=3, visits=1, day_s=30, overlapping=True, view=1.5, person_in_camera=0.8, dimension=48,
              seed=seed)
        for seed in range(5)
    ]  # fmt: skip
    scores, wrong = [], 0
    for simulated in map(simulate, worlds):
        linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
        assert linking.calibration.known_different > 5
        scores.append(score(linking.number, simulated).idf1)
        wrong += sum(link.is_joined and simulated.person[link.a] != simulated.person[link.b] for link in linking.links)
    assert np.mean(scores) > 0.8
    assert wrong <= 2


def test_knowledge_of_travel_forbids_in_the_answer():
    """Twins in two cameras, two seconds apart where nobody needs less than five."""
    twin = [make_tracklet("a", 1, 0, 10, np.eye(4)[[0, 0]]), make_tracklet("b", 1, 12, 20, np.eye(4)[[0, 0]])]
    knowledge = Knowledge(topology=Topology.parse({"a -> b": "5..40 s"}))
    linking = OfflineLinker(LinkConfig(false_link_rate=0.5)).link([Sighting.of("r", one) for one in twin], knowledge)
    assert len(linking.identities) == 2


def test_why_not_is_what_grouping_saw():
    """The log-odds of two identities in an inquiry are those by which they were not joined."""
    simulated = simulate(World(people=8, visits=2))
    linking, learned = OfflineLinker(LinkConfig(split_tracks=False)).link_and_learn(simulated.sightings)
    place = {key: row for row, key in enumerate(learned.scene.keys)}
    looked = learned.weighed.pairs
    odds = dict(zip(zip(looked.a.tolist(), looked.b.tolist(), strict=True), looked.log_odds.tolist(), strict=True))
    compared = 0
    for one, two in itertools.combinations(linking.identities, 2):
        found = inquire(learned, one.members, two.members)
        if not found.forbidden:
            rows = [np.array(sorted(place[key] for key in identity.members)) for identity in (one, two)]
            assert found.group_log_odds == pytest.approx(learned.pairs.odds_between(*rows), rel=1e-4)
            best = tuple(sorted(place[key] for key in found.best))
            assert found.log_odds == pytest.approx(odds[best], rel=1e-4)
            compared += 1
    assert compared > 10
