"""Putting runs, tracklets, embeddings and searches into a gallery file, within a transaction of the caller."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from mdpr.pipeline.store.checks import (
    check_model,
    check_new_embeddings,
    check_record,
    check_run,
    digest_of,
    merged_run,
    to_json,
)
from mdpr.pipeline.store.errors import ConflictError
from mdpr.pipeline.store.keeping import Search
from mdpr.pipeline.store.reading import embedding_dtype, id_of, keys_of, read_model, read_runs
from mdpr.pipeline.store.values import EmbeddingModel, Run, TrackletKey, TrackletRecord


def add_run(sql: sqlite3.Connection, run: Run, now_s: float, place: str) -> None:
    """See `Store.add_run`."""
    check_run(run, now_s)
    known = read_runs(sql, run.name)
    there = known[0].cameras if known else {}
    run = merged_run(known[0], run) if known else run
    config = to_json(run.config, f"run {run.name}")
    if known:
        sql.execute("UPDATE runs SET config = ? WHERE name = ?", (config, run.name))
    else:
        check_model(run, read_model(sql), place)
        sql.execute(
            "INSERT INTO runs (name, started_s, fingerprint, dimension, config) VALUES (?, ?, ?, ?, ?)",
            (run.name, run.started_s, run.model.fingerprint, run.model.dimension, config),
        )
    sql.executemany(
        "INSERT INTO cameras (run_id, name, source, started_s) SELECT run_id, ?, ?, ? FROM runs WHERE name = ?",
        [
            (name, camera.source, camera.started_s, run.name)
            for name, camera in run.cameras.items()
            if name not in there
        ],
    )


def put(sql: sqlite3.Connection, records: Sequence[TrackletRecord], place: str) -> int:
    """See `Store.put`."""
    dtype, new = embedding_dtype(sql), 0
    runs: dict[str, Run | None] = {}
    cameras: dict[tuple[str, str], int] = {}
    for record in records:
        key = record.key
        if key.run not in runs:
            runs[key.run] = next(iter(read_runs(sql, key.run)), None)
        run = runs[key.run]
        check_record(record, run)
        assert run is not None  # for the type checker: check_record has refused it
        if key[:2] not in cameras:
            cameras[key[:2]] = _camera_id(sql, key)
        tracklet_id = _known(sql, record, cameras[key[:2]])
        if tracklet_id is None:
            stored = read_model(sql)
            if record.tracklet.embeddings.shape[1]:
                check_model(run, stored, place)
                if stored is None:
                    _set_model(sql, run.model)
            tracklet_id = _insert(sql, record, cameras[key[:2]], dtype)
            new += 1
        sql.executemany(
            "INSERT OR IGNORE INTO crops (tracklet_id, position, jpeg) VALUES (?, ?, ?)",
            [(tracklet_id, position, jpeg) for position, jpeg in enumerate(record.crops) if jpeg],
        )
    return new


def _camera_id(sql: sqlite3.Connection, key: TrackletKey) -> int:
    return int(
        sql.execute(
            "SELECT camera_id FROM cameras c JOIN runs r USING (run_id) WHERE r.name = ? AND c.name = ?", key[:2]
        ).fetchone()[0]
    )


def _known(sql: sqlite3.Connection, record: TrackletRecord, camera_id: int) -> int | None:
    """Row of the same tracklet; None when there is none of that key."""
    row = sql.execute(
        "SELECT tracklet_id, digest FROM tracklets WHERE camera_id = ? AND track_id = ? AND part = ?",
        (camera_id, record.key.track_id, record.key.part),
    ).fetchone()
    if row is None:
        return None
    if row[1] != digest_of(record.tracklet):
        raise ConflictError(
            f"tracklet {record.key} is in the store already, and differs. Two runs have one name: give this run another"
        )
    return int(row[0])


def _insert(sql: sqlite3.Connection, record: TrackletRecord, camera_id: int, dtype: str) -> int:
    key, tracklet = record.key, record.tracklet
    row = sql.execute(
        "INSERT INTO tracklets (camera_id, track_id, part, class_id, start_frame, end_frame, start_s, end_s, "
        "detections, confidence, digest) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            camera_id,
            key.track_id,
            key.part,
            tracklet.class_id,
            tracklet.start_frame,
            tracklet.end_frame,
            tracklet.start_s,
            tracklet.end_s,
            tracklet.detections,
            tracklet.confidence,
            digest_of(tracklet),
        ),
    )
    tracklet_id = row.lastrowid
    assert tracklet_id is not None  # for the type checker: a row was inserted
    columns = (
        tracklet.view_frame.tolist(),
        tracklet.view_time_s.tolist(),
        *tracklet.view_xyxy.T.tolist(),
        tracklet.view_confidence.tolist(),
        tracklet.view_quality.tolist(),
    )
    sql.executemany(
        "INSERT INTO views VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [(tracklet_id, position, *view) for position, view in enumerate(zip(*columns, strict=True))],
    )
    _insert_embeddings(sql, tracklet_id, tracklet.embeddings, dtype)
    return tracklet_id


def _insert_embeddings(sql: sqlite3.Connection, tracklet_id: int, embeddings: NDArray[np.float32], dtype: str) -> None:
    if embeddings.size:
        vectors = embeddings.astype(dtype).tobytes()
        sql.execute("INSERT INTO embeddings (tracklet_id, vectors) VALUES (?, ?)", (tracklet_id, vectors))


def _set_model(sql: sqlite3.Connection, model: EmbeddingModel) -> None:
    sql.execute("UPDATE gallery SET fingerprint = ?, dimension = ?", (model.fingerprint, model.dimension))


def reembed(
    sql: sqlite3.Connection, model: EmbeddingModel, embeddings: Mapping[TrackletKey, NDArray[np.float32]]
) -> None:
    """See `Store.reembed`; the event is left to the caller."""
    dtype = embedding_dtype(sql)
    done: list[int] = []
    sql.execute("DELETE FROM embeddings")
    for key, rows in embeddings.items():
        tracklet_id = id_of(sql, key)
        views = sql.execute("SELECT count(*) FROM views WHERE tracklet_id = ?", (tracklet_id,)).fetchone()[0]
        check_new_embeddings(key, rows, views, model)
        done.append(tracklet_id)
        _insert_embeddings(sql, tracklet_id, rows, dtype)
    rows_without = sql.execute(
        "SELECT tracklet_id FROM tracklets WHERE tracklet_id NOT IN (SELECT value FROM json_each(?))",
        (json.dumps(done),),
    ).fetchall()
    if rows_without:
        (key, *_) = keys_of(sql, [row[0] for row in rows_without]).values()
        raise ConflictError(f"tracklet {key} has no new embeddings: it was put since they were computed; start again")
    _set_model(sql, model)
    forget_model_of_nothing(sql)
    sql.execute("UPDATE gallery SET reembedded = reembedded + 1, to_erase = max(to_erase, 1)")


def forget_model_of_nothing(sql: sqlite3.Connection) -> None:
    """Without embeddings, those of any model may come."""
    sql.execute("UPDATE gallery SET fingerprint = NULL, dimension = NULL WHERE NOT EXISTS (SELECT 1 FROM embeddings)")


def record_search(sql: sqlite3.Connection, search: Search, now_s: float) -> None:
    """See `Store.record_search`."""
    filters = json.dumps(asdict(search.filters))
    row = sql.execute(
        "INSERT INTO searches (at_s, who, query, filters, shown) VALUES (?, ?, ?, ?, ?)",
        (now_s, search.who, search.query, filters, len(search.matches)),
    )
    sql.executemany(
        "INSERT INTO search_results VALUES (?, ?, ?, ?, ?, ?)",
        [
            (row.lastrowid, place, id_of(sql, match.key), match.view, match.identity, match.similarity)
            for place, match in enumerate(search.matches)
        ],
    )
