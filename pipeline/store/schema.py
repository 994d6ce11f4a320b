"""The tables of a gallery file, their version, and the way from older versions to this one."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mdpr.errors import OutputError

APPLICATION_ID = 0x4D445052
"""In the header of every gallery: "MDPR"."""

VERSION = 1
"""Of the tables, in the header as `user_version`. A file with a higher one is refused, a lower one is migrated."""

MIGRATIONS: Mapping[int, Sequence[str]] = {}
"""Version to the statements that lead from it to the next; all of them run in one transaction."""

TABLES: Sequence[str] = (
    """CREATE TABLE gallery (  -- one row
        id INTEGER PRIMARY KEY CHECK (id = 1),
        fingerprint TEXT,            -- of the embeddings; NULL while there are none
        dimension INTEGER,
        embedding_type TEXT NOT NULL CHECK (embedding_type IN ('float32', 'float16')),
        revision INTEGER NOT NULL DEFAULT 0,
        reembedded INTEGER NOT NULL DEFAULT 0,  -- how often: caches of embeddings are void when it changes
        to_erase INTEGER NOT NULL DEFAULT 0,    -- bytes of forgotten rows may be left: 1 free pages, 2 anywhere
        ttl_s REAL,
        max_bytes INTEGER,
        created_s REAL NOT NULL)""",
    """CREATE TABLE runs (
        run_id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        started_s REAL NOT NULL,
        fingerprint TEXT NOT NULL,
        dimension INTEGER NOT NULL,
        config TEXT NOT NULL)""",
    """CREATE TABLE cameras (  -- of runs
        camera_id INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id INTEGER NOT NULL REFERENCES runs ON DELETE CASCADE,
        name TEXT NOT NULL,
        source TEXT NOT NULL,
        started_s REAL NOT NULL,
        UNIQUE (run_id, name))""",
    """CREATE TABLE identities (  -- numbers are given once, rows are deleted only when they are forgotten
        identity_id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT UNIQUE,
        created_s REAL NOT NULL)""",
    """CREATE TABLE tracklets (
        tracklet_id INTEGER PRIMARY KEY AUTOINCREMENT,
        camera_id INTEGER NOT NULL REFERENCES cameras ON DELETE CASCADE,
        track_id INTEGER NOT NULL,
        part INTEGER NOT NULL,
        class_id INTEGER NOT NULL,
        start_frame INTEGER NOT NULL,
        end_frame INTEGER NOT NULL,
        start_s REAL NOT NULL,       -- of the source, as all times but those of cameras.started_s and at_s
        end_s REAL NOT NULL,
        detections INTEGER NOT NULL,
        confidence REAL NOT NULL,
        digest BLOB NOT NULL,
        identity_id INTEGER REFERENCES identities,
        UNIQUE (camera_id, track_id, part))""",
    "CREATE INDEX tracklets_by_identity ON tracklets (identity_id)",
    """CREATE TABLE views (
        tracklet_id INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        position INTEGER NOT NULL,
        frame INTEGER NOT NULL,
        time_s REAL NOT NULL,
        x1 REAL NOT NULL, y1 REAL NOT NULL, x2 REAL NOT NULL, y2 REAL NOT NULL,
        confidence REAL NOT NULL,
        quality REAL NOT NULL,
        PRIMARY KEY (tracklet_id, position)) WITHOUT ROWID""",
    """CREATE TABLE embeddings (  -- (views, dimension) little-endian, of one tracklet together: no page is half empty
        tracklet_id INTEGER PRIMARY KEY REFERENCES tracklets ON DELETE CASCADE,
        vectors BLOB NOT NULL)""",
    """CREATE TABLE crops (
        crop_id INTEGER PRIMARY KEY AUTOINCREMENT,
        tracklet_id INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        position INTEGER NOT NULL,
        jpeg BLOB NOT NULL,
        UNIQUE (tracklet_id, position))""",
    """CREATE TABLE links (  -- a before b in order of keys
        a INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        b INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        verdict TEXT NOT NULL,
        is_joined INTEGER NOT NULL,
        reasons TEXT NOT NULL,
        PRIMARY KEY (a, b)) WITHOUT ROWID""",
    "CREATE INDEX links_by_b ON links (b)",
    """CREATE TABLE corrections (
        a INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        b INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        kind TEXT NOT NULL,
        author TEXT NOT NULL,
        note TEXT NOT NULL,
        at_s REAL NOT NULL,
        PRIMARY KEY (a, b)) WITHOUT ROWID""",
    "CREATE INDEX corrections_by_b ON corrections (b)",
    """CREATE TABLE events (
        event_id INTEGER PRIMARY KEY AUTOINCREMENT,
        revision INTEGER NOT NULL,
        at_s REAL NOT NULL,
        author TEXT NOT NULL,
        kind TEXT NOT NULL,
        tracklet_id INTEGER REFERENCES tracklets ON DELETE CASCADE,
        other_id INTEGER REFERENCES tracklets ON DELETE CASCADE,
        identity_id INTEGER,         -- no reference: the history may speak of identities that are gone
        before_id INTEGER,
        detail TEXT NOT NULL)""",
    "CREATE INDEX events_by_tracklet ON events (tracklet_id)",
    "CREATE INDEX events_by_other ON events (other_id)",
    "CREATE INDEX events_by_identity ON events (identity_id)",
    """CREATE TABLE searches (
        search_id INTEGER PRIMARY KEY AUTOINCREMENT,
        at_s REAL NOT NULL,
        who TEXT NOT NULL,
        query TEXT NOT NULL,
        filters TEXT NOT NULL,
        shown INTEGER NOT NULL)""",
    """CREATE TABLE search_results (
        search_id INTEGER NOT NULL REFERENCES searches ON DELETE CASCADE,
        place INTEGER NOT NULL,
        tracklet_id INTEGER NOT NULL REFERENCES tracklets ON DELETE CASCADE,
        view INTEGER NOT NULL,
        identity_id INTEGER,
        similarity REAL NOT NULL,
        PRIMARY KEY (search_id, place)) WITHOUT ROWID""",
    "CREATE INDEX search_results_by_tracklet ON search_results (tracklet_id)",
)


def initialise(sql: sqlite3.Connection, path: Path, embedding_type: str, timeout_s: float) -> None:
    """Make the tables, unless another process is faster."""
    sql.execute("PRAGMA auto_vacuum=INCREMENTAL")
    deadline = time.monotonic() + timeout_s
    while True:  # SQLite does not wait by itself when two processes switch to WAL at once
        try:
            kind = sql.execute("PRAGMA journal_mode=WAL").fetchone()[0]
            break
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    if kind != "wal":
        raise OutputError(f"cannot make {path}: its file system cannot share memory; give a folder on a local disk")
    sql.execute("BEGIN IMMEDIATE")
    try:
        if sql.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0:
            for table in TABLES:
                sql.execute(table)
            sql.execute(f"PRAGMA application_id={APPLICATION_ID}")
            sql.execute(f"PRAGMA user_version={VERSION}")
            sql.execute(
                "INSERT INTO gallery (id, embedding_type, created_s) VALUES (1, ?, ?)", (embedding_type, time.time())
            )
        sql.execute("COMMIT")
    finally:
        if sql.in_transaction:
            sql.execute("ROLLBACK")


def migrate(sql: sqlite3.Connection) -> None:
    """Bring the tables to `VERSION`, all steps or none."""
    sql.execute("BEGIN IMMEDIATE")
    try:
        for version in range(number_of(sql, "user_version"), VERSION):
            for statement in MIGRATIONS[version]:
                sql.execute(statement)
            sql.execute(f"PRAGMA user_version={version + 1}")
        sql.execute("COMMIT")
    finally:
        if sql.in_transaction:
            sql.execute("ROLLBACK")


def number_of(sql: sqlite3.Connection, pragma: str) -> int:
    """Value of a pragma."""
    return int(sql.execute(f"PRAGMA {pragma}").fetchone()[0])
