"""The gallery: tracklets, identities and links that outlive a run.

from mdpr.pipeline.store import open_store

with open_store("gallery.db") as store:
    store.add_run(run)
    store.put([TrackletRecord.of(run.name, tracklet) for tracklet in tracklets])
"""

from __future__ import annotations

from pathlib import Path

from mdpr.pipeline.store.connection import Mode
from mdpr.pipeline.store.contract import Store
from mdpr.pipeline.store.decisions import (
    Correction,
    CorrectionKind,
    Event,
    EventKind,
    Identity,
    Link,
    Revision,
    Verdict,
)
from mdpr.pipeline.store.errors import BusyError, ConflictError, OtherModelError, UnknownError
from mdpr.pipeline.store.keeping import (
    Forgotten,
    Retention,
    Search,
    Stats,
    query_hash,
)
from mdpr.pipeline.store.memory import MemoryStore
from mdpr.pipeline.store.sqlite import SqliteStore
from mdpr.pipeline.store.values import (
    EVERYTHING,
    EmbeddingModel,
    Filters,
    Match,
    Run,
    RunCamera,
    TrackletKey,
    TrackletRecord,
)

__all__ = [
    "EVERYTHING",
    "BusyError",
    "ConflictError",
    "Correction",
    "CorrectionKind",
    "EmbeddingModel",
    "Event",
    "EventKind",
    "Filters",
    "Forgotten",
    "Identity",
    "Link",
    "Match",
    "MemoryStore",
    "OtherModelError",
    "Retention",
    "Revision",
    "Run",
    "RunCamera",
    "Search",
    "SqliteStore",
    "Stats",
    "Store",
    "TrackletKey",
    "TrackletRecord",
    "UnknownError",
    "Verdict",
    "open_store",
    "query_hash",
]


def open_store(path: str | Path | None, mode: Mode = "create") -> Store:
    """The gallery at `path`, or one in memory when it is None.

    Raises:
        ConfigError, FormatError, OutputError: see `SqliteStore`.
    """
    return MemoryStore() if path is None else SqliteStore(path, mode)
