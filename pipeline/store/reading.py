"""From rows of a gallery file to values."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.store.decisions import Correction, CorrectionKind, Event, EventKind, Identity, Link, Verdict
from mdpr.pipeline.store.errors import UnknownError
from mdpr.pipeline.store.index import Entry
from mdpr.pipeline.store.keeping import CameraSummary, Search
from mdpr.pipeline.store.values import (
    EmbeddingModel,
    Filters,
    Match,
    Run,
    RunCamera,
    TrackletKey,
    TrackletRecord,
)
from mdpr.types import Tracklet

KEYED = "FROM tracklets t JOIN cameras c USING (camera_id) JOIN runs r USING (run_id)"
KEY = "r.name, c.name, t.track_id, t.part"
"""Columns of a `TrackletKey`, of the tables that `KEYED` joins."""


def read_model(sql: sqlite3.Connection) -> EmbeddingModel | None:
    """What made the embeddings."""
    fingerprint, dimension = sql.execute("SELECT fingerprint, dimension FROM gallery").fetchone()
    return None if dimension is None else EmbeddingModel(fingerprint, dimension)


def embedding_dtype(sql: sqlite3.Connection) -> str:
    """Of numpy, for the bytes of embeddings."""
    return {"float32": "<f4", "float16": "<f2"}[sql.execute("SELECT embedding_type FROM gallery").fetchone()[0]]


def read_runs(sql: sqlite3.Connection, name: str | None = None) -> list[Run]:
    """All runs, or the one called `name`, in the order in which they were added."""
    rows = sql.execute(
        "SELECT r.name, r.started_s, r.fingerprint, r.dimension, r.config, c.name, c.source, c.started_s FROM runs r "
        "JOIN cameras c USING (run_id) WHERE ?1 IS NULL OR r.name = ?1 ORDER BY r.run_id, c.camera_id",
        (name,),
    )
    runs = []
    for values, cameras in groupby(rows, key=lambda row: row[:5]):
        run, started_s, fingerprint, dimension, config = values
        named = {row[5]: RunCamera(row[6], row[7]) for row in cameras}
        runs.append(Run(run, started_s, EmbeddingModel(fingerprint, dimension), named, json.loads(config)))
    return runs


def read_cameras(sql: sqlite3.Connection) -> list[CameraSummary]:
    """The cameras of all runs."""
    rows = sql.execute(
        "SELECT c.name, count(DISTINCT c.run_id), count(t.tracklet_id), min(c.started_s + t.start_s), "
        "max(c.started_s + t.end_s) FROM cameras c LEFT JOIN tracklets t USING (camera_id) GROUP BY c.name"
    )
    return sorted((CameraSummary(*row) for row in rows), key=lambda camera: camera.name)


def id_of(sql: sqlite3.Connection, key: TrackletKey) -> int:
    """Row of a tracklet.

    Raises:
        UnknownError: there is none.
    """
    row = sql.execute(
        f"SELECT t.tracklet_id {KEYED} WHERE r.name = ? AND c.name = ? AND t.track_id = ? AND t.part = ?", key
    ).fetchone()
    if row is None:
        raise UnknownError(f"tracklet {key} is not in the store: it was never put, or forgotten")
    return int(row[0])


def keys_of(sql: sqlite3.Connection, ids: Iterable[int]) -> dict[int, TrackletKey]:
    """Keys of tracklets by row; rows that are not there are left out."""
    rows = sql.execute(
        f"SELECT t.tracklet_id, {KEY} {KEYED} WHERE t.tracklet_id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(ids)),),
    )
    return {row[0]: TrackletKey(*row[1:]) for row in rows}


def read_tracklets(sql: sqlite3.Connection, filters: Filters) -> list[TrackletRecord]:
    """Tracklets with their identities, sorted by key, without crops."""
    condition, values = _condition(filters)
    dtype = embedding_dtype(sql)
    rows = sql.execute(
        f"SELECT t.tracklet_id, t.identity_id, {KEY}, t.class_id, t.start_frame, t.end_frame, t.start_s, t.end_s, "
        f"t.detections, t.confidence, e.vectors {KEYED} LEFT JOIN embeddings e USING (tracklet_id) {condition} "
        "ORDER BY t.tracklet_id",
        values,
    ).fetchall()
    views = sql.execute(
        "SELECT v.tracklet_id, v.frame, v.time_s, v.x1, v.y1, v.x2, v.y2, v.confidence, v.quality "
        f"{KEYED} JOIN views v USING (tracklet_id) {condition} ORDER BY v.tracklet_id, v.position",
        values,
    )
    views_of = {tracklet: np.array([row[1:] for row in some]) for tracklet, some in groupby(views, key=lambda v: v[0])}
    left_out = frozenset(filters.without)
    records = []
    for tracklet_id, identity, *key, class_id, start, end, start_s, end_s, detections, confidence, vectors in rows:
        name = TrackletKey(*key)
        if name not in left_out:
            seen = views_of.get(tracklet_id, np.empty((0, 8)))
            tracklet = Tracklet(
                camera=name.camera,
                track_id=name.track_id,
                class_id=class_id,
                start_frame=start,
                end_frame=end,
                start_s=start_s,
                end_s=end_s,
                detections=detections,
                confidence=confidence,
                view_frame=seen[:, 0].astype(np.int64),
                view_time_s=seen[:, 1],
                view_xyxy=seen[:, 2:6],
                view_confidence=seen[:, 6],
                view_quality=seen[:, 7],
                embeddings=_embeddings(vectors, dtype, len(seen)),
            )
            records.append(TrackletRecord(name, tracklet, (), identity))
    return sorted(records, key=lambda record: record.key)


def read_crops(sql: sqlite3.Connection, key: TrackletKey) -> tuple[bytes, ...]:
    """A JPEG for each view."""
    rows = sql.execute(
        "SELECT c.jpeg FROM views v LEFT JOIN crops c USING (tracklet_id, position) WHERE v.tracklet_id = ? "
        "ORDER BY v.position",
        (id_of(sql, key),),
    )
    return tuple(row[0] or b"" for row in rows)


def read_entries(sql: sqlite3.Connection, after: int) -> Iterator[tuple[int, Entry]]:
    """Tracklets with embeddings whose row is above `after`, in order of rows."""
    dtype = embedding_dtype(sql)
    rows = sql.execute(
        f"SELECT t.tracklet_id, {KEY}, c.started_s + t.start_s, c.started_s + t.end_s, e.vectors, "
        "(SELECT count(*) FROM views v WHERE v.tracklet_id = t.tracklet_id) "
        f"{KEYED} JOIN embeddings e USING (tracklet_id) WHERE t.tracklet_id > ? ORDER BY t.tracklet_id",
        (after,),
    )
    for tracklet_id, *key, start_s, end_s, vectors, views in rows:
        yield tracklet_id, Entry(TrackletKey(*key), start_s, end_s, _embeddings(vectors, dtype, views))


def read_identities(sql: sqlite3.Connection) -> list[Identity]:
    """Those that have members or a name, by number."""
    rows = sql.execute(
        f"SELECT i.identity_id, coalesce(i.name, ''), {KEY}, c.started_s + t.start_s, c.started_s + t.end_s "
        "FROM identities i LEFT JOIN (tracklets t JOIN cameras c USING (camera_id) JOIN runs r USING (run_id)) "
        "ON t.identity_id = i.identity_id WHERE i.name IS NOT NULL OR t.tracklet_id IS NOT NULL ORDER BY i.identity_id"
    )
    found = []
    for (number, name), some in groupby(rows, key=lambda row: row[:2]):
        seen = [row for row in some if row[2] is not None]
        first_s = min((row[6] for row in seen), default=None)
        last_s = max((row[7] for row in seen), default=None)
        found.append(Identity(number, name, tuple(sorted(TrackletKey(*row[2:6]) for row in seen)), first_s, last_s))
    return found


def read_links(sql: sqlite3.Connection, condition: str = "", values: Iterable[Any] = ()) -> list[Link]:
    """Links that meet an SQL condition on their columns, sorted by pair."""
    rows = sql.execute(f"SELECT a, b, verdict, reasons, is_joined FROM links {condition}", tuple(values)).fetchall()
    keys = keys_of(sql, {end for row in rows for end in row[:2]})
    found = [Link(keys[a], keys[b], Verdict(word), json.loads(why), bool(one)) for a, b, word, why, one in rows]
    return sorted(found, key=lambda link: link.pair)


def read_corrections(sql: sqlite3.Connection, condition: str = "", values: Iterable[Any] = ()) -> list[Correction]:
    """Corrections that meet an SQL condition on their columns, sorted by pair."""
    rows = sql.execute(f"SELECT a, b, kind, author, note, at_s FROM corrections {condition}", tuple(values)).fetchall()
    keys = keys_of(sql, {end for row in rows for end in row[:2]})
    found = [Correction(CorrectionKind(kind), keys[a], keys[b], *rest) for a, b, kind, *rest in rows]
    return sorted(found, key=lambda one: one.pair)


def read_events(sql: sqlite3.Connection, condition: str, values: Iterable[Any]) -> list[Event]:
    """Events that meet an SQL condition on their columns, in order."""
    rows = sql.execute(
        "SELECT event_id, revision, at_s, author, kind, tracklet_id, other_id, identity_id, before_id, detail "
        f"FROM events WHERE {condition} ORDER BY event_id",
        tuple(values),
    ).fetchall()
    keys = keys_of(sql, {end for row in rows for end in row[5:7] if end is not None})
    events = []
    for number, revision, at_s, author, kind, a, b, identity, before, detail in rows:
        about = keys.get(a), keys.get(b)
        events.append(
            Event(number, revision, at_s, author, EventKind(kind), *about, identity, before, json.loads(detail))
        )
    return events


def read_searches(sql: sqlite3.Connection) -> list[Search]:
    """The audit log, in order."""
    matches: dict[int, list[Match]] = {}
    for search_id, *key, view, identity, similarity in sql.execute(
        f"SELECT s.search_id, {KEY}, s.view, s.identity_id, s.similarity {KEYED} "
        "JOIN search_results s USING (tracklet_id) ORDER BY s.search_id, s.place"
    ):
        matches.setdefault(search_id, []).append(Match(TrackletKey(*key), view, identity, similarity))
    rows = sql.execute("SELECT search_id, who, query, filters, shown, at_s FROM searches ORDER BY search_id")
    return [
        Search(who, query, _filters(json.loads(filters)), tuple(matches.get(search_id, ())), shown, at_s)
        for search_id, who, query, filters, shown, at_s in rows
    ]


def _condition(filters: Filters) -> tuple[str, list[Any]]:
    """SQL for everything but `without`."""
    conditions: list[str] = []
    values: list[Any] = []
    for column, names in (("r.name", filters.runs), ("c.name", filters.cameras), ("t.identity_id", filters.identities)):
        if names is not None:
            conditions.append(f"{column} IN (SELECT value FROM json_each(?))")
            values.append(json.dumps(names))
    for comparison, wall_s in (("t.end_s >= ?", filters.since_s), ("t.start_s <= ?", filters.until_s)):
        if wall_s is not None:
            conditions.append(f"c.started_s + {comparison}")
            values.append(wall_s)
    return ("WHERE " + " AND ".join(conditions) if conditions else ""), values


def _filters(values: dict[str, Any]) -> Filters:
    """From JSON, where tuples have become lists."""
    keys = tuple(TrackletKey(*key) for key in values.pop("without"))
    plain: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    return Filters(**plain, without=keys)


def _embeddings(vectors: bytes | None, dtype: str, views: int) -> NDArray[np.float32]:
    if vectors is None or views == 0:
        return np.empty((views, 0), np.float32)
    return np.frombuffer(vectors, dtype).reshape(views, -1).astype(np.float32)
