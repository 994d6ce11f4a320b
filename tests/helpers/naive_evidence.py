"""Evidence about pairs drawn at random, and its log-odds pair by pair, from their definition."""

from __future__ import annotations

import itertools
import math

import numpy as np

from mdpr.trackers.crosscamera.evidence import pair_terms
from mdpr.trackers.crosscamera.groupodds import Evidence
from mdpr.trackers.crosscamera.journeys import MOST_GAIN, Journeys
from mdpr.trackers.crosscamera.likelihood import Fit, rising_log_ratio
from mdpr.trackers.crosscamera.sharing import ONE_PERSON, Sharing
from mdpr.trackers.crosscamera.travel import TravelTimes

SHARING = Sharing.of_correlation(0.4)


def terms_of(similarity, cameras, a, b, other=0.0, place=0.0):
    """Where two people are 0.0 alike in the mean, with 0.2, and one person 0.7, with 0.1."""
    one = [np.full(1, value) for value in (0.0, 0.7, 0.2, 0.1, 0.05, 1000.0, 50.0, 1e6)]
    found = Fit(*one)
    count, is_across = len(a), cameras[a] != cameras[b]
    others, places = np.broadcast_to(other, count), np.broadcast_to(place, count)
    return pair_terms(found, np.zeros(count, np.int64), is_across, similarity, np.ones(count), others, places)


def random_evidence(seed, count=12):
    """Every second has rows without appearance and pairs whose places are known, every third no times."""
    rng = np.random.default_rng(seed)
    a, b = np.triu_indices(count, 1)
    truth, cameras = rng.integers(0, 4, count), rng.integers(0, 3, count)
    similarity = np.where(truth[a] == truth[b], 0.7, 0.0) + rng.normal(0, 0.25, len(a))
    has_appearance = np.ones(count, np.bool_)
    place: float | np.ndarray = 0.0
    if seed % 2:
        has_appearance[rng.integers(0, count, 2)] = False
        similarity[~(has_appearance[a] & has_appearance[b])] = np.nan
        place = np.where(rng.random(len(a)) < 0.3, rng.normal(0, 3, len(a)), 0)
    keep = rng.random(len(a)) < 0.8
    terms = terms_of(similarity, cameras, a, b, rng.normal(0, 0.5, len(a)), place)
    elsewhere = terms_of(np.array([0.0]), np.array([0, 1]), np.array([0]), np.array([1]))[0]
    journeys = None
    if seed % 3:
        start = rng.uniform(0, 60, count)
        travel = TravelTimes(rng.normal(0, 1, (3, 3, 14)), {})
        journeys = Journeys(cameras, start, start + rng.uniform(1, 9, count), np.zeros(count, np.int64), travel)
    pairs = a[keep], b[keep], terms[keep]
    return Evidence(cameras, has_appearance, *pairs, elsewhere, -1.0, SHARING, 1e6, journeys)


def naive_times(evidence, one, two):
    if evidence.journeys is None:
        return 0.0
    worth = lambda rows: float(evidence.journeys.worths([np.array(rows, np.int64)])[0])  # noqa: E731
    return min(max(worth([*one, *two]) - worth(one) - worth(two), -MOST_GAIN), MOST_GAIN)


def matrix(evidence):
    """(N, N, TERMS), pairs of one camera telling nothing about pairs of two, nor rows without appearance."""
    result = np.tile(evidence.elsewhere, (evidence.count, evidence.count, 1))
    result[evidence.camera[:, None] == evidence.camera, 7:] = 0
    result[~evidence.has_appearance] = result[:, ~evidence.has_appearance] = 0
    result[evidence.a, evidence.b] = result[evidence.b, evidence.a] = evidence.terms
    result[np.arange(evidence.count), np.arange(evidence.count)] = 0
    return result


def naive_places(places):
    """As many as would say as much if they all said the same; these have 0.4 in common."""
    known = [place for place in places if place != 0]
    if not known:
        return 0.0
    many = sum(map(abs, known)) ** 2 / sum(place**2 for place in known)
    return sum(known) / (1 + (many - 1) * 0.4)


def naive_odds(evidence, one, two):
    """Two groups of rows, pair by pair, from the definition."""
    every = matrix(evidence)
    between = every[np.ix_(one, two)]
    seen, y, gap, width, other = (between[:, :, term].sum() for term in (2, 3, 4, 5, 6))
    n, m = (sum(evidence.has_appearance[row] for row in rows) or 1 for rows in (one, two))
    sharing = evidence.sharing
    of_two = sharing.pair + sharing.row * (1 / n + 1 / m) + (1 - sharing.pair - 2 * sharing.row) / (n * m)
    total = other / (len(one) * len(two)) / of_two + naive_places(between[:, :, 0].ravel().tolist())
    total += evidence.prior + math.log(max(len(one), len(two))) + naive_times(evidence, one, two)
    if not seen:
        return total
    y, gap, width = y / seen, gap / seen, width / seen
    person, row = ONE_PERSON.pair, ONE_PERSON.row
    rest = 1 - person - 2 * row
    precision, weighted = 1 / (person * width), 0.0
    cameras = []
    for rows in (one, two):
        cameras.append(len({int(evidence.camera[i]) for i in rows if evidence.has_appearance[i]}) or 1)
        inside = [every[i, j] for i, j in itertools.combinations(rows, 2)]
        across = sum(pair[7] for pair in inside)
        if across:
            count = max(cameras[-1], 2)
            spread = sum(pair[9] for pair in inside) / across
            own = 1 / (spread * (row * 4 / count + rest / (count * (count - 1) / 2)))
            precision += own
            weighted += own * sum(pair[8] for pair in inside) / across
    above = max(weighted / precision, 0.0)
    c, d = cameras
    of_one = 1 / precision + width * (row * (1 / c + 1 / d) + rest / (c * d))
    alike = float(rising_log_ratio(y, gap + above, of_two, of_one, evidence.freedom))
    return total + min(max(alike, -10 / of_two), 10 / of_two)


def side_of(link, links):
    """Rows on the side of `link.a` when the link is taken out of its tree."""
    others = {frozenset((one.a, one.b)) for one in links} - {frozenset((link.a, link.b))}
    side = {link.a}
    while grown := {row for pair in others if pair & side for row in pair} - side:
        side |= grown
    return sorted(side)
