"""What an answer writes into a run: identities.json, links.jsonl, and a column `identity` in its tables."""

from __future__ import annotations

import json
import logging
from bisect import bisect_right
from collections.abc import Callable, Set
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mdpr.errors import FormatError
from mdpr.files import finish, part_path, write_errors, write_text
from mdpr.pipeline.formats import identities
from mdpr.pipeline.linking.answers import Answer
from mdpr.pipeline.linking.runs import TRACKLETS_FILE, RunFolder
from mdpr.trackers.crosscamera import Link

log = logging.getLogger("mdpr")

LINKS_FILE, TRACKS_FILE = "links.jsonl", "tracks.parquet"
COLUMN = "identity"

Owner = Callable[[str, int, int | None], int | None]
"""(camera, track id, frame, or None for the track as a whole) to identity; None for nobody who was linked."""


def write_results(answer: Answer, run: RunFolder) -> None:
    """Write all of it; each file is replaced as a whole.

    Raises:
        OutputError: a full disk, or no permission. The file that was there is still whole.
    """
    name = answer.run_name[run.name]
    write_text(
        run.path / identities.FILE,
        json.dumps(identities_of(answer, name, run.still), indent=1, ensure_ascii=False) + "\n",
    )
    lines = [json.dumps(link_values(answer, link)) for link in answer.links if name in (link.a.run, link.b.run)]
    write_text(run.path / LINKS_FILE, "".join(line + "\n" for line in lines))
    owner = owner_of(answer, name)
    for camera in run.cameras:
        for file in (TRACKLETS_FILE, TRACKS_FILE):
            if (run.path / camera / file).exists():
                add_identities(run.path / camera / file, owner, by_frame=file == TRACKS_FILE)


def identities_of(answer: Answer, run: str, still: Set[tuple[str, int]]) -> dict[str, Any]:
    """Content of identities.json for one run, under its name in the keys; `still` as in `RunFolder`."""
    listed: dict[int, list[dict[str, Any]]] = {}
    for key, identity in answer.owners_of(run).items():
        listed.setdefault(identity, []).append({"camera": key.camera, "track_id": key.track_id})
    pieces = [
        {
            "camera": part.key.camera, "track_id": part.key.track_id, "part": part.key.part,
            "id": answer.number[part.key], "start_s": part.tracklet.start_s, "end_s": part.tracklet.end_s,
            "start_frame": part.tracklet.start_frame,
        }
        for parts in answer.pieces_of(run).values() for part in parts
    ]  # fmt: skip
    found = [
        {
            "id": identity, "name": answer.names.get(identity, ""),
            "is_still": all((one["camera"], one["track_id"]) in still for one in tracklets), "tracklets": tracklets,
        }
        for identity, tracklets in sorted(listed.items())
    ]  # fmt: skip
    return {"run": run, "gallery": answer.gallery, "identities": found, "pieces": pieces}


def link_values(answer: Answer, link: Link) -> dict[str, Any]:
    """A line of links.jsonl."""
    return {
        "a": str(link.a), "b": str(link.b), "ids": [answer.number[link.a], answer.number[link.b]],
        "is_joined": link.is_joined, "verdict": str(link.verdict), "probability": link.probability,
        "reasons": link.reasons.values(),
    }  # fmt: skip


def owner_of(answer: Answer, run: str) -> Owner:
    """Who a box of a run shows; in a track that was cut it depends on the frame."""
    whole = {(key.camera, key.track_id): identity for key, identity in answer.owners_of(run).items()}
    parts: dict[tuple[str, int], tuple[list[int], list[int]]] = {}
    for track, pieces in answer.pieces_of(run).items():
        starts = [piece.tracklet.start_frame for piece in pieces]
        parts[track.camera, track.track_id] = starts, [answer.number[piece.key] for piece in pieces]

    def owner(camera: str, track_id: int, frame: int | None) -> int | None:
        cut = parts.get((camera, track_id))
        if cut is None or frame is None:
            return whole.get((camera, track_id))
        return cut[1][max(bisect_right(cut[0], frame) - 1, 0)]

    return owner


def add_identities(path: Path, owner: Owner, by_frame: bool) -> None:
    """Rewrite a table with the column `identity`, row group by row group.

    Args:
        path: tracks.parquet or tracklets.parquet.
        owner: who each row shows.
        by_frame: rows have a frame; else a row is a track as a whole.

    Raises:
        FormatError: it is not such a table, or is damaged.
        OutputError: it cannot be written.
    """
    place = ["camera", "track_id", *(["frame"] if by_frame else [])]
    try:
        _rewrite(path, owner, place)
    except (KeyError, pa.ArrowInvalid) as error:
        raise FormatError(
            f"{path} is no table of mdpr-track, or is damaged or cut off ({error}): track again"
        ) from error
    finally:
        part_path(path).unlink(missing_ok=True)


def _rewrite(path: Path, owner: Owner, place: list[str]) -> None:
    with pq.ParquetFile(path) as source:
        names = [name for name in source.schema_arrow.names if name != COLUMN]
        schema = pa.schema([*(source.schema_arrow.field(name) for name in names), (COLUMN, pa.int64())])
        schema = schema.with_metadata(source.schema_arrow.metadata)
        with write_errors(path), pq.ParquetWriter(part_path(path), schema, compression="zstd") as writer:
            for group in range(source.num_row_groups):
                table = source.read_row_group(group, columns=names)
                rows = zip(*(table[name].to_pylist() for name in place), strict=True)
                found = [owner(row[0], row[1], row[2] if len(row) > 2 else None) for row in rows]
                writer.write_table(table.append_column(COLUMN, pa.array(found, pa.int64())).cast(schema))
    finish(path)
