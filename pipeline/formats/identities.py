"""identities.json: which tracklets are the same person.

`{"identities": [{"id": 1, "tracklets": [{"camera": "a", "track_id": 3}, ...]}, ...]}`; further keys are left alone.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mdpr.errors import FormatError
from mdpr.pipeline.formats.textfile import read_text

FILE = "identities.json"

Identities = dict[tuple[str, int], int]
"""(camera, track id) to identity."""

Pieces = dict[tuple[str, int], list[tuple[int, int]]]
"""(camera, track id) to the first frame (from 0) and the identity of each part of a track that was cut."""


def read_identities(path: Path) -> Identities:
    """The identity of each tracklet that the file names.

    Raises:
        FormatError: no JSON of this kind, or a tracklet that belongs to two identities.
    """
    content = _content(path)
    found: Identities = {}
    seen: set[int] = set()
    for number, entry in enumerate(_listed(content, "identities", str(path))):
        identity = _whole(entry, "id", f"{path}: identities[{number}]")
        if identity in seen:
            raise FormatError(f"{path}: identity {identity} is listed twice")
        seen.add(identity)
        for place, tracklet in enumerate(_listed(entry, "tracklets", f"{path}: identity {identity}")):
            where = f"{path}: identity {identity}, tracklets[{place}]"
            track_id = _whole(tracklet, "track_id", where)
            camera = tracklet.get("camera")
            if not isinstance(camera, str):
                raise FormatError(f"{where}: expected the name of a camera, got {camera!r}")
            key = (camera, track_id)
            if found.setdefault(key, identity) != identity:
                raise FormatError(
                    f"{path}: track {track_id} of camera {camera} belongs to the identities {found[key]} and {identity}"
                )
    return found


def read_still(path: Path) -> frozenset[int]:
    """The identities that never moved in that run, see `mdpr.pipeline.stillness`; files of earlier versions name none.

    Raises:
        FormatError: no JSON of this kind.
    """
    listed = enumerate(_listed(_content(path), "identities", str(path)))
    entries = [(entry, f"{path}: identities[{number}]") for number, entry in listed]
    return frozenset(_whole(entry, "id", where) for entry, where in entries if entry.get("is_still") is True)


def read_pieces(path: Path) -> Pieces:
    """The identities of the parts of tracks that were cut, in order of time; files of old lack their frames.

    Raises:
        FormatError: no JSON of this kind.
    """
    content = _content(path)
    found: Pieces = {}
    for place, piece in enumerate(content.get("pieces", []) if isinstance(content, dict) else []):
        where = f"{path}: pieces[{place}]"
        if not isinstance(piece, dict) or not isinstance(piece.get("camera"), str):
            raise FormatError(f"{where}: expected a part of a track with its camera, got {piece!r}")
        if "start_frame" in piece:
            key = (piece["camera"], _whole(piece, "track_id", where))
            found.setdefault(key, []).append((_whole(piece, "start_frame", where), _whole(piece, "id", where)))
    return {key: sorted(parts) for key, parts in found.items()}


def _content(path: Path) -> Any:
    try:
        return json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}: no JSON: {error}") from error


def _listed(content: Any, key: str, where: str) -> list[Any]:
    values = content.get(key) if isinstance(content, dict) else None
    if not isinstance(values, list):
        raise FormatError(f"{where}: expected an object with the list {key!r}")
    return values


def _whole(entry: Any, key: str, where: str) -> int:
    value = entry.get(key) if isinstance(entry, dict) else None
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise FormatError(f"{where}: {key}: expected a whole number of 0 or more, got {value!r}")
    return value
