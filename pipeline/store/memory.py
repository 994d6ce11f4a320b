"""A store in memory, for one-shot runs and tests: the same contract, nothing survives the process."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.pipeline.store.checks import (
    Clock,
    check_clock,
    check_model,
    check_run,
    merged_run,
)
from mdpr.pipeline.store.contents import Contents
from mdpr.pipeline.store.decisions import Correction, Event, EventKind, Identity, Link, Pair, Revision, ordered
from mdpr.pipeline.store.errors import ConflictError, UnknownError
from mdpr.pipeline.store.index import Entry, ViewIndex
from mdpr.pipeline.store.keeping import (
    CameraSummary,
    Forgotten,
    Retention,
    Search,
    Stats,
)
from mdpr.pipeline.store.planning import Change, Scope, check_correction, plan_revision
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


class MemoryStore:
    """See `Store` for what the methods do; every change is checked as a whole before anything is touched."""

    description = "gallery in memory"

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or Clock()
        self._held = Contents()
        self._index: ViewIndex | None = None

    @property
    def model(self) -> EmbeddingModel | None:
        return self._held.model

    @property
    def revision(self) -> int:
        return self._held.revision

    @property
    def retention(self) -> Retention:
        return self._held.retention

    def add_run(self, run: Run) -> None:
        check_run(run, self._clock.now_s())
        if run.name in self._held.runs:
            self._held.runs[run.name] = merged_run(self._held.runs[run.name], run)
            return
        check_model(run, self._held.model, self.description)
        self._held.runs[run.name] = run

    def runs(self) -> list[Run]:
        return list(self._held.runs.values())

    def cameras(self) -> list[CameraSummary]:
        return self._held.cameras()

    def put(self, records: Sequence[TrackletRecord]) -> int:
        added = self._held.put(records, self.description)
        if self._index is not None:
            self._index.extend(self._entries(added))
        return len(added)

    def tracklets(self, filters: Filters = EVERYTHING) -> list[TrackletRecord]:
        return [
            replace(self._held.records[key], crops=())
            for key in sorted(self._held.records)
            if self._held.is_wanted(key, filters)
        ]

    def crops(self, key: TrackletKey) -> tuple[bytes, ...]:
        record = self._held.record(key)
        return record.crops or (b"",) * len(record.tracklet.view_frame)

    def nearest(
        self, embeddings: NDArray[np.float32], k: int, filters: Filters = EVERYTHING, group: Group = "tracklet"
    ) -> list[list[Match]]:
        if self.model is None:
            return [[] for _ in embeddings]
        if self._index is None:
            self._index = ViewIndex(self.model.dimension)
            entries = [
                Entry(key, *self._held.ends_s(key), one.tracklet.embeddings) for key, one in self._held.records.items()
            ]
            self._index.extend(entry for entry in entries if entry.embeddings.size)
            self._index.assign({key: record.identity for key, record in self._held.records.items()})
        return self._index.nearest(embeddings, k, filters, group)

    def reserve(self, count: int) -> list[int]:
        first = self._held.last_identity + 1
        self._held.last_identity += count
        numbers = list(range(first, first + count))
        self._held.identities |= dict.fromkeys(numbers, ("", self._clock.now_s()))
        return numbers

    def identities(self) -> list[Identity]:
        return self._held.list_identities()

    def links(self, identity: int | None = None) -> list[Link]:
        return [
            self._held.links[pair]
            for pair in sorted(self._held.links)
            if identity is None or identity in (self._held.records[key].identity for key in pair)
        ]

    def revise(self, revision: Revision) -> int:
        if revision.based_on not in (None, self.revision):
            raise ConflictError(
                f"the store moved on while {revision.author} decided (revision {revision.based_on} then, "
                f"{self.revision} now): read it again and decide anew"
            )
        corrections = list(self._held.corrections.values())
        plan = plan_revision(
            revision, Scope(self._held.members(), self._held.identities, self._held.links, corrections)
        )
        if not plan.changes:
            return self.revision
        for key, identity in plan.members.items():
            self._held.records[key] = replace(self._held.records[key], identity=identity)
        for pair in plan.removed:
            del self._held.links[pair]
        self._held.links |= {link.pair: link for link in plan.links}
        if self._index is not None:
            self._index.assign(plan.members)
        return self._write(plan.changes, revision.author)

    def rename(self, identity: int, name: str, author: str) -> None:
        before, made_s = self._held.identity(identity)
        if before == name:
            return
        for number, (other, _) in self._held.identities.items():
            if name and other == name:
                raise ConflictError(f"identity {number} is named {name!r} already: merge {identity} into it, or not")
        self._held.identities[identity] = name, made_s
        self._write([Change(EventKind.NAME, identity=identity, detail={"name": name, "before": before})], author)

    def correct(self, correction: Correction) -> None:
        check_correction(correction, list(self._held.corrections.values()), self._held.members())
        old = self._held.corrections.get(correction.pair)
        if old is None or old.kind is not correction.kind:
            self._held.corrections[correction.pair] = replace(correction, at_s=self._clock.now_s())
            detail = {"kind": str(correction.kind), "note": correction.note}
            self._write([Change(EventKind.CORRECT, *correction.pair, detail=detail)], correction.author)

    def withdraw(self, pair: Pair, author: str) -> None:
        a, b = ordered(*pair)
        if (a, b) not in self._held.corrections:
            raise UnknownError(f"there is no correction about {a} and {b}")
        old = self._held.corrections.pop((a, b))
        self._write([Change(EventKind.WITHDRAW, a, b, detail={"kind": str(old.kind), "note": old.note})], author)

    def corrections(self) -> list[Correction]:
        return [self._held.corrections[pair] for pair in sorted(self._held.corrections)]

    def events(self, identity: int | None = None, key: TrackletKey | None = None, after: int = 0) -> list[Event]:
        if key is not None:
            self._held.record(key)
        return [
            event
            for event in self._held.events
            if event.number > after
            and (identity is None or identity in (event.identity, event.before))
            and (key is None or key in (event.key, event.other))
        ]

    def record_search(self, search: Search) -> None:
        for match in search.matches:
            self._held.record(match.key)
        self._held.searches.append(replace(search, shown=len(search.matches), at_s=self._clock.now_s()))

    def searches(self) -> list[Search]:
        return list(self._held.searches)

    def set_retention(self, retention: Retention) -> None:
        self._held.retention = retention

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
        held, now_s = self._held, self._clock.now_s()
        if before_s is not None:
            gone = held.delete_before(before_s, author, now_s)
        elif identity is not None:
            held.identity(identity)
            members = [key for key, record in held.records.items() if record.identity == identity]
            gone = held.delete(members, f"identity {identity}", author, now_s, [identity])
        else:
            gone = held.delete([key for key in keys if held.record(key)], "single tracklets", author, now_s)
        self._follow_deletes()
        return gone

    def expire(self, now_s: float | None = None) -> Forgotten:
        held, gone = self._held, Forgotten()
        if now_s is None and held.retention.ttl_s is not None:
            check_clock(self._clock)
        now_s = self._clock.now_s() if now_s is None else now_s
        if held.retention.ttl_s is not None:
            gone += held.delete_before(now_s - held.retention.ttl_s, "time to live", now_s)
        if held.retention.max_bytes is not None:
            gone += held.make_room(held.retention.max_bytes, "size cap", now_s)
        self._follow_deletes()
        return gone

    def erase(self) -> str:
        return ""

    def reembed(self, model: EmbeddingModel, embeddings: Mapping[TrackletKey, NDArray[np.float32]]) -> None:
        before = self._held.model
        self._held.reembed(model, embeddings)
        self._index = None
        detail = {"model": model.fingerprint, "before": before.fingerprint if before else ""}
        self._write([Change(EventKind.REEMBED, detail=detail)], "re-embed")

    def stats(self) -> Stats:
        return self._held.stats()

    def check(self) -> None:
        """Nothing: memory is what it is."""

    def close(self) -> None:
        self._held, self._index = Contents(), None

    def _entries(self, keys: Iterable[TrackletKey]) -> Iterator[Entry]:
        for key in keys:
            if (embeddings := self._held.records[key].tracklet.embeddings).size:
                yield Entry(key, *self._held.ends_s(key), embeddings)

    def _follow_deletes(self) -> None:
        if self._held.model is None:
            self._index = None
        elif self._index is not None:
            self._index.remove([key for key in self._index.tracklets() if key not in self._held.records])

    def _write(self, changes: Sequence[Change], author: str) -> int:
        return self._held.write_events(changes, author, self._clock.now_s())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
