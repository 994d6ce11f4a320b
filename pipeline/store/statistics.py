"""How much a gallery file holds, and whether it fits together."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from mdpr.errors import FormatError
from mdpr.pipeline.store.checks import digest_of
from mdpr.pipeline.store.forgetting import used_bytes
from mdpr.pipeline.store.keeping import Stats
from mdpr.pipeline.store.reading import KEY, KEYED, embedding_dtype, read_model, read_tracklets
from mdpr.pipeline.store.values import EVERYTHING, TrackletKey

_MOST_FAULTS = 5


def read_stats(sql: sqlite3.Connection) -> Stats:
    """How much there is."""

    def count(table: str) -> int:
        return int(sql.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    first_s, last_s = sql.execute(
        "SELECT min(c.started_s + t.start_s), max(c.started_s + t.end_s) FROM tracklets t "
        "JOIN cameras c USING (camera_id)"
    ).fetchone()
    identities = sql.execute("SELECT count(DISTINCT identity_id) FROM tracklets").fetchone()[0]
    return Stats(
        runs=count("runs"),
        tracklets=count("tracklets"),
        views=count("views"),
        crops=count("crops"),
        identities=identities,
        named=count("identities WHERE name IS NOT NULL"),
        links=count("links"),
        events=count("events"),
        corrections=count("corrections"),
        searches=count("searches"),
        bytes=used_bytes(sql),
        first_s=first_s,
        last_s=last_s,
    )


def check_integrity(sql: sqlite3.Connection, path: Path) -> None:
    """Read every page and every row; embeddings too, unless they were rounded or replaced since they were put.

    Raises:
        FormatError: something does not fit.
    """
    faults = [row[0] for row in sql.execute("PRAGMA integrity_check") if row[0] != "ok"]
    faults += [
        f"row {row[1]} of {row[0]} refers to none of {row[2]}" for row in sql.execute("PRAGMA foreign_key_check")
    ]
    model = read_model(sql)
    width = 0 if model is None else model.dimension * int(embedding_dtype(sql)[-1])
    faults += [
        f"tracklet {row[0]} has {row[1]} views and {row[2]} bytes of embeddings, expected {row[1] * width}"
        for row in sql.execute(
            "SELECT e.tracklet_id, count(v.position) views, length(e.vectors) FROM embeddings e "
            "LEFT JOIN views v USING (tracklet_id) GROUP BY e.tracklet_id HAVING length(e.vectors) != views * ?",
            (width,),
        )
    ]
    if sql.execute("SELECT embedding_type = 'float32' AND reembedded = 0 FROM gallery").fetchone()[0] and not faults:
        kept = {TrackletKey(*row[:4]): row[4] for row in sql.execute(f"SELECT {KEY}, t.digest {KEYED}")}
        faults += [
            f"tracklet {record.key} is not what was put"
            for record in read_tracklets(sql, EVERYTHING)
            if digest_of(record.tracklet) != kept[record.key]
        ]
    if faults:
        more = f" and {len(faults) - _MOST_FAULTS} more" if len(faults) > _MOST_FAULTS else ""
        raise FormatError(
            f"{path} is damaged: {'; '.join(faults[:_MOST_FAULTS])}{more}. Restore a copy, or save what can be read "
            f"with: sqlite3 {path} .recover"
        )
