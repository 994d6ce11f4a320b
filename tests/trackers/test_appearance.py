"""The bank of views and the moving average against a track that keeps plain lists."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.trackers.appearance import FIRST_CAPACITY, AppearanceBank
from mdpr.trackers.views import Views
from mdpr.types import Detections, Frame


def unit(rng, count, dimension):
    rows = rng.normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def scene(quality, is_clear):
    count = len(quality)
    boxes = np.tile(np.array([[0, 0, 10, 20.0]]), (count, 1)) + np.arange(count)[:, None]
    detections = Detections(boxes, np.full(count, 0.8), np.zeros(count))
    views = Views(np.zeros(count, np.float32), np.asarray(quality, np.float32), np.asarray(is_clear, bool))
    return detections, views


def bank_of(dimension, views=3, spacing=0.5, memory=1.0):
    bank = AppearanceBank(views, spacing, memory)
    if dimension:
        bank.set_dimension(dimension)
    return bank


class NaiveTrack:
    """The same rules with plain lists: views are (time, quality, embedding), the last added is the newest."""

    def __init__(self, views, spacing, memory):
        self.limit, self.spacing, self.memory = views, spacing, memory
        self.views, self.mean, self.has_clear, self.opened, self.changed, self.newest = [], None, False, 0.0, 0.0, 0

    def observe(self, time, quality, embedding, is_clear):
        view = (time, quality, embedding)
        if is_clear:
            share = max(np.exp(-(time - self.changed) / self.memory), 0.5) if self.has_clear else 0
            mean = embedding if self.mean is None else share * self.mean + (1 - share) * embedding
            self.mean, self.changed = mean / np.linalg.norm(mean), time
        if not self.has_clear:
            if is_clear or not self.views or quality > self.views[0][1]:
                self.views, self.opened, self.has_clear, self.newest = [view], time, is_clear, 0
        elif is_clear and time - self.opened < self.spacing - 1e-6:
            if quality > self.views[self.newest][1]:
                self.views[self.newest] = view
        elif is_clear and len(self.views) < self.limit:
            self.views.append(view)
            self.opened, self.newest = time, len(self.views) - 1
        elif is_clear:
            worst = int(np.argmin([kept[1] for kept in self.views]))
            if quality > self.views[worst][1]:
                self.views[worst], self.opened, self.newest = view, time, worst


@pytest.mark.parametrize("seed", range(5))
def test_equals_plain_lists(seed):
    rng = np.random.default_rng(seed)
    bank = bank_of(8)
    slots = bank.take(4)
    naive = [NaiveTrack(3, 0.5, 1.0) for _ in range(4)]
    for index in range(60):
        time = index * 0.13
        chosen = np.flatnonzero(rng.random(4) < 0.8)
        quality, is_clear = rng.random(4).astype(np.float32), rng.random(4) < 0.6
        embeddings = unit(rng, 4, 8)
        rows = rng.permutation(4)[: len(chosen)]
        bank.observe(slots[chosen], rows, *scene(quality, is_clear), embeddings, Frame("c", index, time))
        for track, row in zip(chosen, rows, strict=True):
            naive[track].observe(time, quality[row], embeddings[row], is_clear[row])
    for slot, track in zip(slots, naive, strict=True):
        count = bank.count[slot]
        assert bank.has_clear[slot] == track.has_clear
        assert bank.time_s[slot, :count].tolist() == pytest.approx([view[0] for view in track.views])
        np.testing.assert_allclose(bank.embedding[slot, :count], [view[2] for view in track.views])
        np.testing.assert_allclose(bank.mean[slot], track.mean, atol=1e-5)
    probes = unit(rng, 5, 8)
    pairs = np.repeat(slots, 5), np.repeat([False, True, True, False], 5), probes, np.tile(np.arange(5), 4)
    distance = bank.distance(*pairs).reshape(4, 5)
    for i, track in enumerate(naive):
        against = [track.mean, *[view[2] for view in track.views]] if i in (1, 2) else [track.mean]
        wanted = [min(1 - float(np.dot(a, probe)) for a in against) for probe in probes]
        np.testing.assert_allclose(distance[i], wanted, atol=1e-5)


def test_views_of_one_moment_keep_the_best_only():
    bank = bank_of(0)
    slots = bank.take(1)
    for index, quality in enumerate([0.3, 0.9, 0.5, 0.8]):
        bank.observe(slots, np.array([0]), *scene([quality], [True]), None, Frame("c", index, index * 0.2))
    assert bank.count[slots[0]] == 2  # 0 to 0.4 s, and 0.6 s
    np.testing.assert_allclose(bank.quality[slots[0], :2], [0.9, 0.8])


def test_unclear_detections_teach_nothing():
    rng = np.random.default_rng(0)
    bank = bank_of(8)
    slots = bank.take(1)
    mine, other = unit(rng, 1, 8), unit(rng, 1, 8)
    bank.observe(slots, np.array([0]), *scene([0.5], [True]), mine, Frame("c", 0, 0.0))
    bank.observe(slots, np.array([0]), *scene([9.0], [False]), other, Frame("c", 1, 5.0))
    np.testing.assert_allclose(bank.mean[slots], mine, atol=1e-6)
    assert bank.count[slots[0]] == 1
    np.testing.assert_array_equal(bank.embedding[slots[0], 0], mine[0])


def test_what_an_earlier_track_left_in_a_slot_is_not_compared_with():
    rng = np.random.default_rng(0)
    bank = bank_of(8)
    slots, (earlier, now) = bank.take(1), unit(rng, 2, 8)
    for index in range(3):
        bank.observe(slots, np.array([0]), *scene([0.9], [True]), earlier[None], Frame("c", index, float(index)))
    bank.release(slots)
    again = bank.take(1)
    assert again == slots
    bank.observe(again, np.array([0]), *scene([0.9], [True]), now[None], Frame("c", 9, 9.0))
    distance = bank.distance(again, np.array([True]), earlier[None], np.array([0]))
    assert distance[0] == pytest.approx(1 - earlier @ now, abs=1e-5)


def test_the_mean_distance_is_that_over_the_views_of_each_track():
    """Of a track in a slot that held more views before; NaN for one whose views are not clear."""
    rng = np.random.default_rng(0)
    bank = bank_of(8)
    slots, rows = bank.take(2), unit(rng, 3, 8)
    for index in range(3):
        bank.observe(slots[:1], np.array([0]), *scene([0.9], [True]), unit(rng, 1, 8), Frame("c", index, float(index)))
    bank.release(slots[:1])
    again = bank.take(1)
    assert again[0] == slots[0]
    for index, row in enumerate(rows[:2]):
        bank.observe(again, np.array([0]), *scene([0.9], [True]), row[None], Frame("c", 9, 9.0 + index))
    bank.observe(slots[1:], np.array([0]), *scene([0.9], [False]), rows[:1], Frame("c", 9, 9.0))
    found = bank.mean_distance(np.array([again[0], slots[1]]), rows[[2, 2]])
    assert found[0] == pytest.approx(np.mean([1 - rows[2] @ row for row in rows[:2]]), abs=1e-5)
    assert np.isnan(found[1])


def test_content_survives_growing_and_packing():
    rng = np.random.default_rng(0)
    bank = bank_of(8)
    first = bank.take(3)
    embeddings = unit(rng, 3, 8)
    bank.observe(first, np.arange(3), *scene([1, 2, 3], [True] * 3), embeddings, Frame("c", 4, 0.5))
    crowd = bank.take(5 * FIRST_CAPACITY)
    assert not set(first.tolist()) & set(crowd.tolist())
    assert len(bank.count) >= 5 * FIRST_CAPACITY + 3
    np.testing.assert_allclose(bank.mean[first], embeddings, atol=1e-6)
    bank.release(crowd)
    bank.release(first[:1])
    moved = bank.pack(first[1:])
    assert len(bank.count) == FIRST_CAPACITY
    np.testing.assert_allclose(bank.mean[moved], embeddings[1:], atol=1e-6)
    np.testing.assert_array_equal(bank.embedding[moved, 0], embeddings[1:])
    again = bank.take(FIRST_CAPACITY - 2)
    assert len({*again.tolist(), *moved.tolist()}) == FIRST_CAPACITY
    assert len(bank.count) == FIRST_CAPACITY
    assert (bank.count[again] == 0).all()


def test_the_spread_is_that_of_the_views_of_each_track():
    """Of a track in a slot that held more views before, and of one with a single view."""
    rng = np.random.default_rng(0)
    bank = bank_of(8)
    slots, rows = bank.take(2), unit(rng, 3, 8)
    for index in range(4):
        bank.observe(slots[:1], np.array([0]), *scene([0.9], [True]), unit(rng, 1, 8), Frame("c", index, float(index)))
    bank.release(slots[:1])
    again = bank.take(1)
    for index, row in enumerate(rows):
        bank.observe(again, np.array([0]), *scene([0.9], [True]), row[None], Frame("c", 9, 9.0 + index))
    bank.observe(slots[1:], np.array([0]), *scene([0.9], [True]), rows[:1], Frame("c", 9, 9.0))
    apart = [1 - rows[a] @ rows[b] for a, b in ((0, 1), (0, 2), (1, 2))]
    assert bank.summary(np.array([again[0], slots[1]]))[1] == pytest.approx([np.mean(apart), -1], abs=1e-6)
