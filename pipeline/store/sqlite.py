"""The gallery in one SQLite file: the default store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.pipeline.store import deciding, forgetting, reading, writing
from mdpr.pipeline.store.checks import Clock, check_clock
from mdpr.pipeline.store.connection import Database, Mode
from mdpr.pipeline.store.decisions import Correction, Event, EventKind, Identity, Link, Pair, Revision
from mdpr.pipeline.store.keeping import (
    CameraSummary,
    Forgotten,
    Retention,
    Search,
    Stats,
)
from mdpr.pipeline.store.planning import Change
from mdpr.pipeline.store.searching import CachedIndex
from mdpr.pipeline.store.statistics import check_integrity, read_stats
from mdpr.pipeline.store.values import (
    EVERYTHING,
    EmbeddingModel,
    Filters,
    Group,
    Match,
    Run,
    TrackletKey,
    TrackletRecord,
)


class SqliteStore:
    """See `Store` for what the methods do.

    The file is in WAL mode with full synchronisation: what a call has committed survives kill -9 and loss of power.
    Keep it on a local disk. The matrix of `nearest` is made at the first search and then kept up to date.

    Args:
        path: the file.
        mode: "create" makes it when it is absent, "write" does not, "read" changes nothing.
        timeout_s: how long to wait for another process that writes.
        embedding_type: "float32", or "float16" for half the space and similarities that are right to 1e-3; of a new
            file, an existing one keeps its own.
        clock: for tests.

    Raises:
        ConfigError, FormatError, OutputError: see `Database`.
    """

    def __init__(
        self,
        path: str | Path,
        mode: Mode = "create",
        timeout_s: float = 10.0,
        embedding_type: str = "float32",
        clock: Clock | None = None,
    ) -> None:
        self._clock = clock or Clock()
        self._database = Database(Path(path), mode, timeout_s, embedding_type)
        self._index = CachedIndex()
        self.path = self._database.path
        self.description = f"gallery {self.path}"
        if mode != "read":
            self.erase()  # what a process that was killed had left to do

    @property
    def model(self) -> EmbeddingModel | None:
        with self._database.reading() as sql:
            return reading.read_model(sql)

    @property
    def revision(self) -> int:
        with self._database.reading() as sql:
            return deciding.read_revision(sql)

    def add_run(self, run: Run) -> None:
        with self._database.writing() as sql:
            writing.add_run(sql, run, self._clock.now_s(), str(self.path))

    def runs(self) -> list[Run]:
        with self._database.reading() as sql:
            return reading.read_runs(sql)

    def cameras(self) -> list[CameraSummary]:
        with self._database.reading() as sql:
            return reading.read_cameras(sql)

    def put(self, records: Sequence[TrackletRecord]) -> int:
        with self._database.writing() as sql:
            return writing.put(sql, records, str(self.path))

    def tracklets(self, filters: Filters = EVERYTHING) -> list[TrackletRecord]:
        with self._database.reading() as sql:
            return reading.read_tracklets(sql, filters)

    def crops(self, key: TrackletKey) -> tuple[bytes, ...]:
        with self._database.reading() as sql:
            return reading.read_crops(sql, key)

    def nearest(
        self, embeddings: NDArray[np.float32], k: int, filters: Filters = EVERYTHING, group: Group = "tracklet"
    ) -> list[list[Match]]:
        embeddings = np.asarray(embeddings, np.float32)
        with self._database.reading() as sql:
            index = self._index.refresh(sql)
            return [[] for _ in embeddings] if index is None else index.nearest(embeddings, k, filters, group)

    def reserve(self, count: int) -> list[int]:
        with self._database.writing() as sql:
            return deciding.reserve(sql, count, self._clock.now_s())

    def identities(self) -> list[Identity]:
        with self._database.reading() as sql:
            return reading.read_identities(sql)

    def links(self, identity: int | None = None) -> list[Link]:
        with self._database.reading() as sql:
            if identity is None:
                return reading.read_links(sql)
            members = "(SELECT tracklet_id FROM tracklets WHERE identity_id = ?)"
            return reading.read_links(sql, f"WHERE a IN {members} OR b IN {members}", (identity, identity))

    def revise(self, revision: Revision) -> int:
        with self._database.writing() as sql:
            return deciding.revise(sql, revision, self._clock.now_s())

    def rename(self, identity: int, name: str, author: str) -> None:
        with self._database.writing() as sql:
            deciding.rename(sql, identity, name, author, self._clock.now_s())

    def correct(self, correction: Correction) -> None:
        with self._database.writing() as sql:
            deciding.correct(sql, correction, self._clock.now_s())

    def withdraw(self, pair: Pair, author: str) -> None:
        with self._database.writing() as sql:
            deciding.withdraw(sql, pair, author, self._clock.now_s())

    def corrections(self) -> list[Correction]:
        with self._database.reading() as sql:
            return reading.read_corrections(sql)

    def events(self, identity: int | None = None, key: TrackletKey | None = None, after: int = 0) -> list[Event]:
        with self._database.reading() as sql:
            condition, values = "event_id > ?", [after]
            if identity is not None:
                condition += " AND ? IN (identity_id, before_id)"
                values.append(identity)
            if key is not None:
                condition += " AND ? IN (tracklet_id, other_id)"
                values.append(reading.id_of(sql, key))
            return reading.read_events(sql, condition, values)

    def record_search(self, search: Search) -> None:
        with self._database.writing() as sql:
            writing.record_search(sql, search, self._clock.now_s())

    def searches(self) -> list[Search]:
        with self._database.reading() as sql:
            return reading.read_searches(sql)

    @property
    def retention(self) -> Retention:
        with self._database.reading() as sql:
            return Retention(*sql.execute("SELECT ttl_s, max_bytes FROM gallery").fetchone())

    def set_retention(self, retention: Retention) -> None:
        with self._database.writing() as sql:
            sql.execute("UPDATE gallery SET ttl_s = ?, max_bytes = ?", (retention.ttl_s, retention.max_bytes))

    def forget(
        self,
        author: str,
        *,
        identity: int | None = None,
        keys: Sequence[TrackletKey] = (),
        before_s: float | None = None,
    ) -> Forgotten:
        if (identity is not None) + bool(keys) + (before_s is not None) != 1:
            raise ConfigError("forget: give exactly one of an identity, tracklets and a time")
        with self._database.writing() as sql:
            now_s = self._clock.now_s()
            if identity is not None:
                gone = forgetting.forget_identity(sql, identity, author, now_s)
            elif before_s is not None:
                gone = forgetting.forget_before(sql, before_s, author, now_s)
            else:
                gone = forgetting.forget_keys(sql, keys, author, now_s)
        return replace(gone, left=self.erase())

    def expire(self, now_s: float | None = None) -> Forgotten:
        retention = self.retention
        gone = Forgotten()
        if now_s is None and retention.ttl_s is not None:
            check_clock(self._clock)
        with self._database.writing() as sql:
            now_s = self._clock.now_s() if now_s is None else now_s
            if retention.ttl_s is not None:
                gone += forgetting.forget_before(sql, now_s - retention.ttl_s, "time to live", now_s)
            if retention.max_bytes is not None:
                gone += forgetting.make_room(sql, retention.max_bytes, "size cap", now_s)
        return replace(gone, left=self.erase())

    def erase(self) -> str:
        return forgetting.erase(self._database)

    def reembed(self, model: EmbeddingModel, embeddings: Mapping[TrackletKey, NDArray[np.float32]]) -> None:
        with self._database.writing() as sql:
            before = reading.read_model(sql)
            writing.reembed(sql, model, embeddings)
            detail = {"model": model.fingerprint, "before": before.fingerprint if before else ""}
            deciding.write_events(sql, [Change(EventKind.REEMBED, detail=detail)], {}, "re-embed", self._clock.now_s())
        self.erase()

    def stats(self) -> Stats:
        with self._database.reading() as sql:
            return read_stats(sql)

    def check(self) -> None:
        with self._database.reading() as sql:
            check_integrity(sql, self.path)

    def close(self) -> None:
        self._index = CachedIndex()
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
