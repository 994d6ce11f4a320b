"""Batches: who is in them, how often, and that they follow from seed and epoch alone."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.errors import ConfigError
from mdpr.reid.training.sampler import SamplerConfig, check_identities, epoch_order, own_shards


@st.composite
def data_sets(draw: st.DrawFn) -> tuple[np.ndarray, SamplerConfig]:
    counts = draw(st.lists(st.integers(1, 12), min_size=2, max_size=12))
    identities = draw(st.integers(2, len(counts)))
    config = SamplerConfig(identities, draw(st.integers(2, 6)), parts=1)
    pids = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(draw(st.integers(0, 9))).permutation(pids), config


@settings(max_examples=150, deadline=None)
@given(data_sets(), st.integers(0, 3))
def test_rules_of_a_batch(case: tuple[np.ndarray, SamplerConfig], epoch: int) -> None:
    pids, config = case
    order = epoch_order(pids, config, seed=1, epoch=epoch)
    assert order.shape[1] == config.batch
    assert set(pids[order].ravel()) == set(pids), "every identity is seen"
    counts = Counter(pids.tolist())
    for batch in order.reshape(-1, config.identities, config.images):
        people = pids[batch]
        assert (people == people[:, :1]).all(), "consecutive images show one person"
        assert len(set(people[:, 0])) == config.identities, "nobody twice in a batch"
        for person, images in zip(people[:, 0], batch, strict=True):
            times = sorted(Counter(images.tolist()).values())
            if counts[person] >= config.images:
                assert times == [1] * config.images
            else:
                assert len(times) == counts[person]
                assert times[-1] - times[0] <= 1, "repeated evenly"


@settings(max_examples=50, deadline=None)
@given(data_sets())
def test_appearances_follow_the_number_of_images(case: tuple[np.ndarray, SamplerConfig]) -> None:
    pids, config = case
    order = epoch_order(pids, config, seed=1, epoch=0)
    turns = Counter(pids[order[:, :: config.images]].ravel().tolist())
    wanted = {p: max(1, int(n / config.images + 0.5)) for p, n in Counter(pids.tolist()).items()}
    steps = -(-sum(wanted.values()) // config.identities)
    assert len(order) == steps
    for person, count in wanted.items():
        assert turns[person] >= min(count, steps)


def test_the_order_follows_from_seed_and_epoch() -> None:
    pids, config = np.repeat(np.arange(20), 9), SamplerConfig(4, 4, parts=1)
    first = epoch_order(pids, config, 0, 0)
    np.testing.assert_array_equal(first, epoch_order(pids, config, 0, 0))
    assert not np.array_equal(first, epoch_order(pids, config, 0, 1))
    assert not np.array_equal(first, epoch_order(pids, config, 1, 0))


def test_all_images_come_round() -> None:
    pids, config = np.repeat(np.arange(6), 7), SamplerConfig(3, 4, parts=1)
    seen = {int(index) for epoch in range(12) for index in epoch_order(pids, config, 0, epoch).ravel()}
    assert seen == set(range(len(pids)))


def test_two_people_with_three_images() -> None:
    pids = np.array([0, 0, 0, 1, 1, 1])
    assert epoch_order(pids, SamplerConfig(2, 3, parts=1), 0, 0).shape == (1, 6)
    assert epoch_order(pids, SamplerConfig(2, 16, parts=1), 0, 0).shape == (1, 32)
    with pytest.raises(ConfigError, match=r"wants 16 different people.*only 2.*sampler.identities=2"):
        epoch_order(pids, SamplerConfig(), 0, 0)
    with pytest.raises(ConfigError, match="Give images of 2 people"):
        check_identities(SamplerConfig(), 1)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_take_different_people(processes: int) -> None:
    pids, config = np.repeat(np.arange(12), 4), SamplerConfig(8, 4, parts=4)
    order = epoch_order(pids, config, 0, 0)
    people = []
    for process in range(processes):
        shards, count = own_shards(config, process, processes)
        pieces = np.split(order, count, axis=1)
        people.append({int(pid) for shard in shards for pid in pids[pieces[shard][0]]})
    assert sum(map(len, people)) == len(set.union(*people)) == config.identities


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ((1, 4, 1), "2 or more"),
        ((4, 1, 1), "2 or more"),
        ((6, 4, 4), "cut into 4 parts of 2 or more each; possible: 1, 2, 3"),
        ((4, 4, 4), "possible: 1, 2"),
        ((4, 4, 2, True), "global_batch needs"),
    ],
)
def test_impossible_batches(values: tuple[int, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        SamplerConfig(*values)


def test_parts_that_cannot_be_shared() -> None:
    with pytest.raises(ConfigError, match="multiple of 3"):
        own_shards(SamplerConfig(8, 2, parts=4), 0, 3)
    with pytest.raises(ConfigError, match="evenly over 3"):
        own_shards(SamplerConfig(8, 2, parts=1, global_batch=True), 0, 3)
