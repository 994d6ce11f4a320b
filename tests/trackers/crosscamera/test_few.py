"""Scenes of a few people: what little evidence is worth, and what is expected before there is any."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from mdpr.trackers.crosscamera import LinkConfig, OfflineLinker, Sighting
from mdpr.trackers.crosscamera.calibration import UNKNOWN, Samples, fit
from mdpr.trackers.crosscamera.likelihood import NORMAL, Fit
from mdpr.trackers.crosscamera.scene import make_scene
from simulated_tracklets import World, make_tracklet, score, simulate

ZERO = np.zeros(1, np.int64)
MOST = 8 + np.log(9)  # log-odds of 8, where a tenth of the pairs is one person


def fit_of(different, same, different_spread, same_spread, freedom):
    values = (different, same, different_spread, same_spread, 0.1, 100.0, 10.0, freedom)
    return Fit(*(np.array([value]) for value in values))


@pytest.mark.parametrize("freedom", [4.0, 20.0])
@pytest.mark.parametrize("spreads", [(0.1, 0.15), (0.2, 0.1), (0.1, 0.1)])
def test_ratio_is_that_of_two_t_distributions_where_it_rises(freedom, spreads):
    one = fit_of(0.1, 0.6, *spreads, freedom)
    values = np.linspace(-3, 3, 6001)
    naive = stats.t.logpdf(values, freedom, 0.6, spreads[1]) - stats.t.logpdf(values, freedom, 0.1, spreads[0])
    low, high = np.argmin(naive), np.argmax(naive)
    naive[:low], naive[high:] = naive[low], naive[high]  # held beyond the extrema
    assert one.log_ratio(values, np.zeros(6001, np.int64)) == pytest.approx(np.clip(naive, -10, MOST), abs=1e-4)


def test_ratio_of_much_freedom_is_that_of_two_normals():
    values = np.linspace(0.0, 0.7, 50)
    naive = stats.norm.logpdf(values, 0.6, 0.12) - stats.norm.logpdf(values, 0.1, 0.14)
    found = fit_of(0.1, 0.6, 0.14, 0.12, NORMAL).log_ratio(values, np.zeros(50, np.int64))
    assert found == pytest.approx(np.clip(naive, -10, MOST), abs=1e-3)


def test_reliability_moves_one_person_towards_two():
    usual, poor = (fit_of(0.1, mean, 0.1, 0.1, 9.0) for mean in (0.6, 0.35))
    assert usual.log_ratio(np.array([0.4]), ZERO, np.array([0.5])) == pytest.approx(
        poor.log_ratio(np.array([0.4]), ZERO)
    )


def samples_of(values, **more):
    count = len(values)
    return Samples(values, np.zeros(count, np.int64), np.ones(count), np.full(count, UNKNOWN), np.empty(0), **more)


def test_few_pairs_leave_the_widths_in_doubt():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 0.1, 5700), rng.normal(0.6, 0.1, 300)])
    many, few = (fit(samples_of(one), ZERO, 0.3, 0.7) for one in (values, values[::300]))
    assert few.freedom[0] == 3 + 20
    sixteen = fit(samples_of(values), np.zeros(16, np.int64), 0.3, 0.7)
    assert sixteen.freedom[0] == pytest.approx(3 + 6000 / 7)  # 1 + 15 * 0.4
    as_few = replace(many, freedom=few.freedom)
    assert as_few.log_ratio(np.array([0.42]), ZERO)[0] < many.log_ratio(np.array([0.42]), ZERO)[0] - 0.5


def test_what_is_expected_counts_where_there_are_few_pairs():
    rng = np.random.default_rng(1)
    values = np.concatenate([rng.normal(0, 0.1, 12), rng.normal(0.6, 0.1, 12)])
    low, high = (fit(samples_of(values, share=share), ZERO, 0.3, 0.7).share[0] for share in (0.05, 1 / 3))
    assert low < 0.4
    assert high == pytest.approx(0.5, abs=0.1)
    many = np.repeat(values, 100)
    low, high = (fit(samples_of(many, share=share), ZERO, 0.3, 0.7).share[0] for share in (0.05, 1 / 3))
    assert low == pytest.approx(high, abs=0.01)


def test_pieces_of_a_tracklet_promise_less_between_two():
    nothing = np.empty(0)
    pieces = np.full(100, 0.9)
    near, far = (
        fit(Samples(nothing, ZERO[:0], nothing, ZERO[:0], pieces, across=across), ZERO, 0.1, 0.7).same[0]
        for across in (1.0, 0.75)
    )
    assert near == pytest.approx(0.9, abs=0.02)
    assert far == pytest.approx(0.1 + 0.75 * 0.8, abs=0.02)


def test_most_at_once_by_hand():
    spans = [("a", 1, 0, 10), ("a", 2, 5, 20), ("a", 3, 10, 12), ("a", 4, 30, 40), ("b", 1, 0, 40), ("b", 2, 1, 2)]
    scene = make_scene([Sighting.of("r", make_tracklet(*span, np.eye(4)[0])) for span in spans])
    assert scene.most_at_once() == 3  # at 10 s in a
    assert make_scene([]).most_at_once() == 0


def test_two_people_before_four_cameras():
    """24 pairs, half of them one person, of which only the four within a camera are known to be two people."""
    worlds = [
        World(people=2, cameras=4, visits=1, day_s=30, overlapping=True, dimension=48, seed=seed) for seed in range(12)
    ]
    scores = []
    for simulated in map(simulate, worlds):
        linking = OfflineLinker(LinkConfig(split_tracks=False)).link(simulated.sightings)
        scores.append(score(linking.number, simulated))
    assert min(one.precision for one in scores) == 1
    assert np.mean([one.recall for one in scores]) > 0.8
