"""A fresh store of every kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from galleries import FakeClock
from mdpr.pipeline.store import MemoryStore, SqliteStore, Store
from mdpr.pipeline.store.checks import Clock

STORES: dict[str, Callable[[Path, Clock], Store]] = {
    "memory": lambda folder, clock: MemoryStore(clock),
    "sqlite": lambda folder, clock: SqliteStore(folder / "gallery.db", clock=clock),
}
"""A new store of each kind: one line for PostgreSQL, and the contract tests run over it too."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    with STORES[request.param](tmp_path, clock) as made:
        yield made
