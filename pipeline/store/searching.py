"""The matrix of a gallery file in memory, kept up to date with what this and other processes write."""

from __future__ import annotations

import json
import sqlite3

from mdpr.pipeline.store.index import Entry, ViewIndex
from mdpr.pipeline.store.reading import read_entries
from mdpr.pipeline.store.values import TrackletKey

_ENTRIES_AT_ONCE = 1024


class CachedIndex:
    """A `ViewIndex` and how far it has read: new tracklets are appended, and only what events name is looked up."""

    def __init__(self) -> None:
        self._index: ViewIndex | None = None
        self._keys: dict[int, TrackletKey] = {}  # by row, of the tracklets in the index
        self._model = (0, 0)  # how often embeddings were replaced, their dimension
        self._last_tracklet = 0
        self._last_event = 0

    def refresh(self, sql: sqlite3.Connection) -> ViewIndex | None:
        """The index of what `sql`, within a transaction, sees; None while there are no embeddings."""
        reembedded, dimension = sql.execute("SELECT reembedded, dimension FROM gallery").fetchone()
        index, self._index = self._index, None  # an error on the way leaves nothing half read behind
        if dimension is None:
            return None
        if index is None or self._model != (reembedded, dimension):
            index, self._keys, self._model = ViewIndex(dimension), {}, (reembedded, dimension)
            self._last_tracklet = self._last_event = 0
        event = sql.execute("SELECT coalesce(max(event_id), 0) FROM events").fetchone()[0]
        changed: set[int] = set()
        if event > self._last_event and self._keys:
            changed = self._follow_events(sql, index)
        changed |= self._extend(sql, index)
        rows = sql.execute(
            "SELECT tracklet_id, identity_id FROM tracklets WHERE tracklet_id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(changed)),),
        )
        index.assign({self._keys[row]: identity for row, identity in rows if row in self._keys})
        self._index, self._last_event = index, event
        return index

    def _follow_events(self, sql: sqlite3.Connection, index: ViewIndex) -> set[int]:
        """Take out what was forgotten; returns the rows of tracklets whose identity may have changed."""
        since = (self._last_event,)
        if sql.execute("SELECT 1 FROM events WHERE event_id > ? AND kind = 'forget'", since).fetchone() is not None:
            there = {row[0] for row in sql.execute("SELECT tracklet_id FROM tracklets")}
            gone = self._keys.keys() - there
            index.remove([self._keys.pop(row) for row in gone])
        rows = sql.execute("SELECT tracklet_id FROM events WHERE event_id > ? AND kind = 'assign'", since)
        return {row[0] for row in rows}

    def _extend(self, sql: sqlite3.Connection, index: ViewIndex) -> set[int]:
        """Append new tracklets; returns their rows."""
        added: set[int] = set()
        waiting: list[Entry] = []
        for row, entry in read_entries(sql, self._last_tracklet):
            self._keys[row] = entry.key
            self._last_tracklet = row
            added.add(row)
            waiting.append(entry)
            if len(waiting) == _ENTRIES_AT_ONCE:
                index.extend(waiting)
                waiting = []
        index.extend(waiting)
        return added
