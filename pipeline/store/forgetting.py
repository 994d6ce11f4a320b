"""Deleting from a gallery file, for good: first the rows, then their bytes.

SQLite's `secure_delete` overwrites deleted rows and freed pages with zeros. That is not all: when rows move between
pages, their old copies can stay behind in the unused middle of a page, and a later delete does not reach them (9 of 60
random histories of 350 deletes left somebody's name or links behind). So what was forgotten is only gone once the file
has been rewritten (`VACUUM`) and the write-ahead log emptied. What is still to do is noted in the file, in the
transaction that deletes: a process that is killed in between leaves it to the next one.

Making room for the size cap is no matter of privacy and happens when disks are nearly full, so there the free pages are
handed back (`incremental_vacuum`) without a rewrite, which would need twice the space.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence

from mdpr.errors import OutputError
from mdpr.pipeline.store.connection import Database
from mdpr.pipeline.store.deciding import write_corrections, write_events
from mdpr.pipeline.store.decisions import EventKind
from mdpr.pipeline.store.errors import BusyError, UnknownError
from mdpr.pipeline.store.keeping import Forgotten
from mdpr.pipeline.store.planning import Change, bridge
from mdpr.pipeline.store.reading import id_of, keys_of, read_corrections
from mdpr.pipeline.store.schema import number_of
from mdpr.pipeline.store.values import TrackletKey
from mdpr.pipeline.store.writing import forget_model_of_nothing

FREE_PAGES, EVERYWHERE = 1, 2
"""Where bytes of forgotten rows may be left."""

_LAST_DELETE = "SELECT coalesce(max(event_id), 0) FROM events WHERE kind IN ('forget', 're-embed')"
_AMONG = "(SELECT value FROM json_each(?))"
_PAGES_AT_ONCE = 256  # handed back to the file system in one go
_VIEW_BYTES = 200  # of a view besides its embedding and its crop: rows, index entries, events


def forget_identity(sql: sqlite3.Connection, identity: int, author: str, now_s: float) -> Forgotten:
    """Delete a person."""
    if sql.execute("SELECT 1 FROM identities WHERE identity_id = ?", (identity,)).fetchone() is None:
        raise UnknownError(f"identity {identity} is not in the store: it was never reserved, or forgotten already")
    rows = sql.execute("SELECT tracklet_id FROM tracklets WHERE identity_id = ?", (identity,))
    return delete(sql, [row[0] for row in rows], f"identity {identity}", author, now_s, [identity])


def forget_keys(sql: sqlite3.Connection, keys: Sequence[TrackletKey], author: str, now_s: float) -> Forgotten:
    """Delete tracklets."""
    return delete(sql, [id_of(sql, key) for key in dict.fromkeys(keys)], "single tracklets", author, now_s)


def forget_before(sql: sqlite3.Connection, before_s: float, author: str, now_s: float) -> Forgotten:
    """Delete tracklets that ended before a wall time, and identities of that age that have none."""
    rows = sql.execute(
        "SELECT t.tracklet_id FROM tracklets t JOIN cameras c USING (camera_id) WHERE c.started_s + t.end_s < ?",
        (before_s,),
    )
    ids = [row[0] for row in rows]
    empty = sql.execute(
        "SELECT identity_id FROM identities WHERE created_s < ? "
        "AND identity_id NOT IN (SELECT identity_id FROM tracklets WHERE identity_id IS NOT NULL)",
        (before_s,),
    )
    return delete(sql, ids, "age", author, now_s, [row[0] for row in empty])


def make_room(sql: sqlite3.Connection, max_bytes: int, author: str, now_s: float) -> Forgotten:
    """Delete unnamed identities, the longest unseen first, until the pages in use fit into `max_bytes`."""
    gone = Forgotten()
    while (excess := used_bytes(sql) - max_bytes) > 0:
        ids: list[int] = []
        for tracklets, size in _oldest_unnamed(sql):
            ids.extend(tracklets)
            excess -= size
            if excess <= 0:
                break
        if not ids:
            return gone + Forgotten(over_bytes=excess)
        gone += delete(sql, ids, "size", author, now_s, level=FREE_PAGES)
    return gone


def used_bytes(sql: sqlite3.Connection) -> int:
    """Of the pages that hold something; the rest of the file is free."""
    return (number_of(sql, "page_count") - number_of(sql, "freelist_count")) * number_of(sql, "page_size")


def _oldest_unnamed(sql: sqlite3.Connection) -> list[tuple[list[int], int]]:
    """(tracklets, bytes) of each unnamed identity, and of each tracklet without one, by the time of its last sight."""
    rows = sql.execute(
        f"""SELECT json_group_array(id), sum(size) FROM (
            SELECT t.tracklet_id id, coalesce(t.identity_id, -t.tracklet_id) person, c.started_s + t.end_s last_s,
                coalesce((SELECT length(vectors) FROM embeddings e WHERE e.tracklet_id = t.tracklet_id), 0)
                + coalesce((SELECT sum(length(jpeg)) FROM crops p WHERE p.tracklet_id = t.tracklet_id), 0)
                + {_VIEW_BYTES} * (SELECT count(*) FROM views v WHERE v.tracklet_id = t.tracklet_id) size
            FROM tracklets t JOIN cameras c USING (camera_id) LEFT JOIN identities i USING (identity_id)
            WHERE i.name IS NULL)
        GROUP BY person ORDER BY max(last_s), person"""
    )
    return [(json.loads(ids), size) for ids, size in rows]


def delete(
    sql: sqlite3.Connection,
    ids: Sequence[int],
    why: str,
    author: str,
    now_s: float,
    identities: Sequence[int] = (),
    level: int = EVERYWHERE,
) -> Forgotten:
    """Delete tracklets and all that is known about them; then the given identities and those that have become empty.

    Args:
        sql: within a transaction.
        ids: rows of tracklets.
        why: for the event.
        author: for the event.
        now_s: wall time.
        identities: to delete besides.
        level: where their bytes have to be erased afterwards.
    """
    if not ids and not identities:
        return Forgotten()
    among = json.dumps(list(ids))
    views = sql.execute(f"SELECT count(*) FROM views WHERE tracklet_id IN {_AMONG}", (among,)).fetchone()[0]
    touched = sql.execute(
        f"SELECT DISTINCT identity_id FROM tracklets WHERE tracklet_id IN {_AMONG} AND identity_id IS NOT NULL",
        (among,),
    ).fetchall()
    _keep_what_corrections_imply(sql, ids)
    sql.execute(f"DELETE FROM tracklets WHERE tracklet_id IN {_AMONG}", (among,))
    emptied = [
        number
        for number in sorted({*identities, *(row[0] for row in touched)})
        if sql.execute("SELECT 1 FROM tracklets WHERE identity_id = ?", (number,)).fetchone() is None
    ]
    for number in emptied:
        _forget_names(sql, number)
        sql.execute("DELETE FROM identities WHERE identity_id = ?", (number,))
    forget_model_of_nothing(sql)
    sql.execute("UPDATE gallery SET to_erase = max(to_erase, ?)", (level,))
    counts = {"why": why, "tracklets": len(ids), "views": views, "identities": len(emptied)}
    write_events(sql, [Change(EventKind.FORGET, detail=counts)], {}, author, now_s)
    return Forgotten(len(ids), views, len(emptied))


def _keep_what_corrections_imply(sql: sqlite3.Connection, ids: Sequence[int]) -> None:
    corrections = read_corrections(sql)
    gone = set(keys_of(sql, ids).values()) & {key for one in corrections for key in one.pair}
    implied = bridge(corrections, gone)
    write_corrections(sql, implied, {key: id_of(sql, key) for one in implied for key in one.pair})


def _forget_names(sql: sqlite3.Connection, identity: int) -> None:
    """Delete every event that has a name which the identity bore, also where another one bore it before."""
    rows = sql.execute("SELECT detail FROM events WHERE kind = 'name' AND identity_id = ?", (identity,))
    names = {json.loads(row[0])[word] for row in rows for word in ("name", "before")} - {""}
    for number, detail in sql.execute("SELECT event_id, detail FROM events WHERE kind = 'name'").fetchall():
        if names & set(json.loads(detail).values()):
            sql.execute("DELETE FROM events WHERE event_id = ?", (number,))


def _empty_log(sql: sqlite3.Connection) -> bool:
    """Move the write-ahead log into the file and cut it to nothing; whether no reader was in the way."""
    return not sql.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]


def erase(database: Database) -> str:
    """Remove the bytes of forgotten rows from the file and its log; why that failed, "" when they are gone."""
    with database.reading() as sql:
        level, last = sql.execute(f"SELECT to_erase, ({_LAST_DELETE}) FROM gallery").fetchone()
    if level == 0:
        return ""
    try:
        with database.alone() as sql:
            is_empty = _empty_log(sql)
            free = number_of(sql, "freelist_count")
            for _ in range(0, free, _PAGES_AT_ONCE):  # by parts, so that the log stays small on a full disk
                sql.executescript(f"PRAGMA incremental_vacuum({_PAGES_AT_ONCE})")  # execute would take one step of it
                is_empty = _empty_log(sql)
            if is_empty and level == EVERYWHERE:
                sql.execute("VACUUM")
                is_empty = _empty_log(sql)
        if not is_empty:
            return "another process was reading all the time, so the write-ahead log could not be emptied"
        with database.writing() as sql:  # unless another process has deleted more in the meantime
            sql.execute(f"UPDATE gallery SET to_erase = 0 WHERE ({_LAST_DELETE}) = ?", (last,))
    except BusyError as error:
        return str(error)
    except OutputError as error:
        return f"{error} (rewriting the file takes its size again, and again in the folder for temporary files)"
    return ""
