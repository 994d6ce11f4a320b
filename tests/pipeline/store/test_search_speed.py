"""What a search costs, against the matrix product that any exact search has to do."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

from galleries import unit_rows
from mdpr.pipeline.store import TrackletKey
from mdpr.pipeline.store.index import Entry, ViewIndex
from mdpr.pipeline.store.values import EVERYTHING
from mdpr.pipeline.threads import compute_in_the_calling_thread

VIEWS_A_TRACKLET, DIMENSION = 10, 512


def entries(first: int, views: int) -> list[Entry]:
    rng = np.random.default_rng(first)
    return [
        Entry(TrackletKey("run", "cam", first + n), 0.0, 1.0, unit_rows(rng, VIEWS_A_TRACKLET, DIMENSION))
        for n in range(views // VIEWS_A_TRACKLET)
    ]


def best_s(body: Callable[[], object], times: int) -> float:
    """Seconds of this process, the least of some runs: others may use the machine too."""
    found = []
    for _ in range(times):
        start = time.process_time()
        body()
        found.append(time.process_time() - start)
    return min(found)


@pytest.mark.slow
@pytest.mark.parametrize("views", [10_000, 100_000])
def test_a_search_costs_little_more_than_its_product(views: int) -> None:
    compute_in_the_calling_thread()
    index = ViewIndex(DIMENSION)
    some = entries(0, views)
    index.extend(some)
    matrix = np.concatenate([entry.embeddings for entry in some])
    del some
    rng = np.random.default_rng(1)
    one, many = unit_rows(rng, 1, DIMENSION), unit_rows(rng, 64, DIMENSION)
    product_s = best_s(lambda: matrix @ one[0], 20)
    products_s = best_s(lambda: many @ matrix.T, 3)
    for group in ("view", "tracklet", "identity"):
        search_s = best_s(lambda group=group: index.nearest(one, 10, EVERYTHING, group), 20)  # type: ignore[misc]
        assert search_s < 1.6 * product_s + 0.001, group
        searches_s = best_s(lambda group=group: index.nearest(many, 10, EVERYTHING, group), 3)  # type: ignore[misc]
        assert searches_s < 2.5 * products_s + 0.05, group


@pytest.mark.slow
def test_memory_grows_by_what_is_added() -> None:
    index = ViewIndex(DIMENSION)
    index.extend(entries(0, 40_000))
    more = entries(100_000, 200)
    tracemalloc.start()
    before = index.bytes
    for entry in more:
        index.extend([entry])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert index.bytes == before  # they fit into the last block
    assert before < 1.5 * 40_000 * DIMENSION * 4
    assert peak < 4e6  # the matrix of 82 MB is not copied
