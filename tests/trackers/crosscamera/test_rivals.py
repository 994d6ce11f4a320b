"""What other identities take from a link, against the sum over what may be, and on people who look alike."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_evidence import naive_odds, random_evidence, side_of

from mdpr.trackers.crosscamera import LinkConfig, OfflineLinker
from mdpr.trackers.crosscamera.groupodds import RATIO
from mdpr.trackers.crosscamera.reasons import GroupTrees, TreeLink
from simulated_tracklets import World, simulate

COUNT = 12


def forbidding_of(pairs):
    def forbidding(a, b):
        return np.array([3 * ((i, j) in pairs or (j, i) in pairs) for i, j in zip(a, b, strict=True)], np.int8)

    return forbidding


def naive_rivals(evidence, group, pairs, one, two):
    """The term and the group that takes most, group by group, by the five possibilities; see the module."""

    def odds(part, members):
        looked = [
            row for row in range(len(evidence.a))
            if (evidence.a[row] in part and evidence.b[row] in members)
            or (evidence.b[row] in part and evidence.a[row] in members)
        ]  # fmt: skip
        if evidence.terms[looked, RATIO].sum() <= 0 or any(
            (i, j) in pairs or (j, i) in pairs for i in part for j in members
        ):
            return 0.0
        value = naive_odds(evidence, part, members)
        return math.exp(min(value, 50.0)) if value > -5 else 0.0

    exclude, together, most, who = 0.0, 0.0, 0.0, -1
    for name in sorted(set(group.tolist()) - {group[one[0]]}):
        members = np.flatnonzero(group == name).tolist()
        taken = odds(one, members) + odds(two, members)
        exclude, together = exclude + taken, together + odds(sorted(one + two), members)
        if taken > most:
            most, who = taken, members[0]
    term = math.log1p(together) - math.log1p(exclude)
    return (term, who) if term < 0 else (0.0, -1)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_terms_equal_the_sum_over_what_may_be(seed):
    evidence = random_evidence(seed, COUNT)
    rng = np.random.default_rng(seed)
    name = rng.permutation(COUNT)[:4]
    group = name[np.r_[0, 0, 0, 1, 2, 3, rng.integers(0, 4, COUNT - 6)]]
    pairs = {tuple(pair) for pair in rng.integers(0, COUNT, (6, 2)).tolist()}
    links = GroupTrees(evidence, np.arange(COUNT), forbidding_of(pairs)).links(group)
    for link in links:
        home = np.flatnonzero(group == group[link.a]).tolist()
        tree = [one for one in links if group[one.a] == group[link.a]]
        one = side_of(link, tree)
        term, who = naive_rivals(evidence, group, pairs, one, [row for row in home if row not in one])
        assert link.rivals == pytest.approx(term, abs=1e-9)
        assert link.rival == who


def test_risk_of_a_link():
    assert TreeLink(0, 1, 2.0, False).risk == pytest.approx(1 / (1 + math.exp(2.0)))
    assert TreeLink(0, 1, 2.0, False, rivals=-2.0).risk == pytest.approx(0.5)
    assert TreeLink(0, 1, 50.0, True, rivals=-9.0).risk == 0.0
    assert 1 - 1e-9 < TreeLink(0, 1, -900.0, False).risk < 1


def test_a_correction_has_no_rivals():
    evidence = random_evidence(28, COUNT)
    group = np.array([0, 0, 0, *[3] * 5, *[8] * 4])
    free = GroupTrees(evidence, np.arange(COUNT), forbidding_of(set())).links(group)
    fixed = GroupTrees(evidence, np.array([0, 0, 0, *range(3, COUNT)]), forbidding_of(set())).links(group)
    assert any(link.rivals < -1 and link.rival > 0 for link in free if link.a < 3)
    for link in fixed:
        assert link.is_forced == (link.a < 3)
        if link.is_forced:
            assert (link.rivals, link.rival, link.risk) == (0.0, -1, 0.0)


def log_loss(is_wrong, risk):
    return -float(np.mean(np.log(np.clip(np.where(is_wrong, risk, 1 - risk), 1e-6, 1))))


def test_who_looks_like_others_too_is_less_sure():
    """People who hardly differ beyond what a visit changes: how often links are wrong, and what is said of it."""
    wrong, said, alone = [], [], []
    for seed in range(3):
        simulated = simulate(
            World(people=40, dimension=24, camera=0.4, person_in_camera=0.6, visit=0.8, view=1.5, seed=seed)
        )
        linking = OfflineLinker(LinkConfig(split_tracks=False, false_link_rate=0.5)).link(simulated.sightings)
        for link in linking.links:
            why = link.reasons
            assert (why.group_rival_term is None) == (not link.is_joined)
            if link.is_joined:
                assert (why.group_rival is None) == (why.group_rival_term == 0)
                wrong.append(simulated.person[link.a] != simulated.person[link.b])
                said.append(1 - link.probability)
                alone.append(1 / (1 + math.exp(why.group_log_odds)))
    assert len(wrong) > 400
    assert 0.05 < np.mean(wrong) < 0.12
    assert np.mean(said) == pytest.approx(np.mean(wrong), abs=0.02)
    assert np.mean(alone) < np.mean(wrong) - 0.02
    assert log_loss(wrong, np.array(said)) < log_loss(wrong, np.array(alone)) - 0.02


def test_the_expected_part_of_false_links_counts_rivals():
    simulated = simulate(World(people=20, dimension=24, person_in_camera=0.6, visit=0.8))
    linking, learned = OfflineLinker(LinkConfig(split_tracks=False)).link_and_learn(simulated.sightings)
    number = np.array([linking.number[key] for key in learned.scene.keys])
    alone, forbidding = np.arange(len(number)), learned.constraints.forbidding
    links = GroupTrees(learned.weighed.evidence, alone, forbidding).links(number)
    assert min(link.rivals for link in links) < -1
    part = np.average([link.risk for link in links], weights=[link.pairs for link in links])
    assert linking.calibration.expected_false_links == pytest.approx(part)


def test_a_rival_is_named_by_its_first_tracklet():
    simulated = simulate(World(people=20, dimension=24, person_in_camera=0.6, visit=0.8))
    linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
    first = {str(identity.members[0]): identity.number for identity in linking.identities}
    named = [link for link in linking.links if link.reasons.group_rival]
    assert named
    for link in named:
        assert first[link.reasons.group_rival] != linking.number[link.a]
