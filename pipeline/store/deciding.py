"""Identities, links, names and corrections in a gallery file, within a transaction of the caller."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence

from mdpr.pipeline.store.checks import to_json
from mdpr.pipeline.store.decisions import Correction, EventKind, Pair, Revision, ordered
from mdpr.pipeline.store.errors import ConflictError, UnknownError
from mdpr.pipeline.store.planning import Change, Member, Plan, Scope, check_correction, plan_revision
from mdpr.pipeline.store.reading import id_of, keys_of, read_corrections, read_links
from mdpr.pipeline.store.values import TrackletKey

Ids = dict[TrackletKey, int]

_AMONG = "(SELECT value FROM json_each(?))"


def read_revision(sql: sqlite3.Connection) -> int:
    """Number of the last change."""
    return int(sql.execute("SELECT revision FROM gallery").fetchone()[0])


def reserve(sql: sqlite3.Connection, count: int, now_s: float) -> list[int]:
    """See `Store.reserve`."""
    numbers = []
    for _ in range(count):
        number = sql.execute("INSERT INTO identities (created_s) VALUES (?)", (now_s,)).lastrowid
        assert number is not None  # for the type checker: a row was inserted
        numbers.append(number)
    return numbers


def revise(sql: sqlite3.Connection, revision: Revision, now_s: float) -> int:
    """See `Store.revise`."""
    current = read_revision(sql)
    if revision.based_on is not None and revision.based_on != current:
        raise ConflictError(
            f"the store moved on while {revision.author} decided (revision {revision.based_on} then, {current} now): "
            "read it again and decide anew"
        )
    named = {*revision.members, *(key for link in revision.links for key in link.pair)}
    ids = {key: id_of(sql, key) for key in named | {key for pair in revision.unlink for key in pair}}
    plan = plan_revision(revision, _scope(sql, revision, ids))
    return _carry_out(sql, plan, ids, revision.author, now_s) if plan.changes else current


def _scope(sql: sqlite3.Connection, revision: Revision, ids: Ids) -> Scope:
    """Everything the revision may touch; `ids` is extended to the tracklets of it."""
    moved = json.dumps([ids[key] for key in revision.members])
    links = {link.pair: link for link in read_links(sql, f"WHERE a IN {_AMONG} OR b IN {_AMONG}", (moved, moved))}
    pairs = {ordered(*pair) for pair in (*revision.unlink, *(link.pair for link in revision.links))}
    for a, b in pairs - set(links):
        links |= {link.pair: link for link in read_links(sql, "WHERE a = ? AND b = ?", (ids[a], ids[b]))}
    corrections = read_corrections(sql, f"WHERE a IN {_AMONG} OR b IN {_AMONG}", (moved, moved))
    for key in {key for one in (*links, *(one.pair for one in corrections)) for key in one} - set(ids):
        ids[key] = id_of(sql, key)
    identities = {identity for identity in revision.members.values() if identity is not None}
    exist = sql.execute(
        f"SELECT identity_id FROM identities WHERE identity_id IN {_AMONG}", (json.dumps([*identities]),)
    )
    rows = sql.execute(
        "SELECT tracklet_id, identity_id, start_frame, end_frame FROM tracklets "
        f"WHERE tracklet_id IN {_AMONG} OR identity_id IN {_AMONG}",
        (json.dumps(list(ids.values())), json.dumps([*identities])),
    ).fetchall()
    keys = keys_of(sql, (row[0] for row in rows))
    ids |= {keys[row[0]]: row[0] for row in rows}
    return Scope({keys[row[0]]: Member(*row[1:]) for row in rows}, {row[0] for row in exist}, links, corrections)


def _carry_out(sql: sqlite3.Connection, plan: Plan, ids: Ids, author: str, now_s: float) -> int:
    sql.executemany(
        "UPDATE tracklets SET identity_id = ? WHERE tracklet_id = ?",
        [(identity, ids[key]) for key, identity in plan.members.items()],
    )
    sql.executemany("DELETE FROM links WHERE a = ? AND b = ?", [(ids[a], ids[b]) for a, b in plan.removed])
    sql.executemany(
        "INSERT OR REPLACE INTO links VALUES (?, ?, ?, ?, ?)",
        [
            (ids[link.a], ids[link.b], link.verdict, link.is_joined, to_json(link.reasons, f"link {link.a} - {link.b}"))
            for link in plan.links
        ],
    )
    return write_events(sql, plan.changes, ids, author, now_s)


def rename(sql: sqlite3.Connection, identity: int, name: str, author: str, now_s: float) -> None:
    """See `Store.rename`."""
    row = sql.execute("SELECT coalesce(name, '') FROM identities WHERE identity_id = ?", (identity,)).fetchone()
    if row is None:
        raise UnknownError(f"identity {identity} is not in the store: it was never reserved, or forgotten")
    if row[0] == name:
        return
    other = sql.execute("SELECT identity_id FROM identities WHERE name = ?", (name,)).fetchone()
    if other is not None:
        raise ConflictError(
            f"identity {other[0]} is named {name!r} already: merge {identity} into it if they are one person, or "
            "give another name"
        )
    sql.execute("UPDATE identities SET name = ? WHERE identity_id = ?", (name or None, identity))
    change = Change(EventKind.NAME, identity=identity, detail={"name": name, "before": row[0]})
    write_events(sql, [change], {}, author, now_s)


def correct(sql: sqlite3.Connection, correction: Correction, now_s: float) -> None:
    """See `Store.correct`."""
    known = read_corrections(sql)
    ids = {key: id_of(sql, key) for key in {*correction.pair, *(key for one in known for key in one.pair)}}
    members = _members(sql, ids)
    check_correction(correction, known, members)
    if any(one.pair == correction.pair and one.kind is correction.kind for one in known):
        return
    write_corrections(sql, [correction], ids, now_s)
    detail = {"kind": str(correction.kind), "note": correction.note}
    write_events(sql, [Change(EventKind.CORRECT, *correction.pair, detail=detail)], ids, correction.author, now_s)


def _members(sql: sqlite3.Connection, ids: Ids) -> dict[TrackletKey, Member]:
    keys = {number: key for key, number in ids.items()}
    rows = sql.execute(
        f"SELECT tracklet_id, identity_id, start_frame, end_frame FROM tracklets WHERE tracklet_id IN {_AMONG}",
        (json.dumps(list(keys)),),
    )
    return {keys[row[0]]: Member(*row[1:]) for row in rows}


def write_corrections(
    sql: sqlite3.Connection, corrections: Iterable[Correction], ids: Ids, now_s: float | None = None
) -> None:
    """Put corrections, at `now_s` or at their own time."""
    sql.executemany(
        "INSERT OR REPLACE INTO corrections VALUES (?, ?, ?, ?, ?, ?)",
        [
            (ids[one.a], ids[one.b], one.kind, one.author, one.note, one.at_s if now_s is None else now_s)
            for one in corrections
        ],
    )


def withdraw(sql: sqlite3.Connection, pair: Pair, author: str, now_s: float) -> None:
    """See `Store.withdraw`."""
    a, b = ordered(*pair)
    ids = {key: id_of(sql, key) for key in (a, b)}
    known = read_corrections(sql, "WHERE a = ? AND b = ?", (ids[a], ids[b]))
    if not known:
        raise UnknownError(f"there is no correction about {a} and {b}")
    sql.execute("DELETE FROM corrections WHERE a = ? AND b = ?", (ids[a], ids[b]))
    detail = {"kind": str(known[0].kind), "note": known[0].note}
    write_events(sql, [Change(EventKind.WITHDRAW, a, b, detail=detail)], ids, author, now_s)


def write_events(sql: sqlite3.Connection, changes: Sequence[Change], ids: Ids, author: str, now_s: float) -> int:
    """Add changes to the history; returns the number of the revision, which they share."""
    sql.execute("UPDATE gallery SET revision = revision + 1")
    number = read_revision(sql)
    sql.executemany(
        "INSERT INTO events (revision, at_s, author, kind, tracklet_id, other_id, identity_id, before_id, detail) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                number,
                now_s,
                author,
                change.kind,
                None if change.key is None else ids[change.key],
                None if change.other is None else ids[change.other],
                change.identity,
                change.before,
                to_json(change.detail, "an event"),
            )
            for change in changes
        ],
    )
    return number
