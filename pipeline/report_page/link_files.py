"""identities.json and links.jsonl of mdpr-link, checked: who is who in a run, and why."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.textfile import read_text
from mdpr.pipeline.report_page.run_content import LinkLine, Visit
from mdpr.pipeline.store.values import TrackletKey
from mdpr.trackers.crosscamera import Verdict

LINKS_FILE = "links.jsonl"


def names_of(content: Any, path: Path) -> dict[int, str]:
    """Names of identities; who has none is left out."""
    return {entry["id"]: name for entry in content["identities"] if (name := text_of(entry, "name", path))}


def text_of(entry: Any, key: str, path: Path) -> str:
    """The text of a key; "" where there is none.

    Raises:
        FormatError: no text.
    """
    value = entry.get(key) or ""
    if not isinstance(value, str):
        raise FormatError(f"{path}: {key}: expected a text, got {value!r}")
    return value


def read_pieces(path: Path) -> list[dict[str, Any]]:
    """The parts of tracks that held two people.

    Raises:
        FormatError: not as mdpr-link writes them.
    """
    pieces = read_json(path).get("pieces", [])
    kinds = {"camera": str, "track_id": int, "part": int, "id": int, "start_s": (int, float), "end_s": (int, float)}
    for place, piece in enumerate(pieces if isinstance(pieces, list) else [None]):
        for key, kind in kinds.items():
            value = piece.get(key) if isinstance(piece, dict) else None
            if not isinstance(value, kind) or isinstance(value, bool):  # type: ignore[arg-type]
                raise FormatError(f"{path}: pieces[{place}]: {key}: expected what mdpr-link writes, got {value!r}")
    return list(pieces)


def read_links(path: Path) -> Iterator[LinkLine]:
    """The links of links.jsonl.

    Raises:
        FormatError: not as mdpr-link writes them; it names the line.
    """
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        where = f"{path}, line {number}"
        entry = _json(line, where)
        try:
            a, b = (TrackletKey.parse(entry[side]) for side in ("a", "b"))
            verdict = Verdict(entry["verdict"])
            probability, joined, reasons = entry.get("probability"), entry["is_joined"], entry["reasons"]
            first, second = entry.get("ids", (None, None))
        except (ConfigError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise FormatError(f"{where}: expected a link as mdpr-link writes it: {error!r}") from error
        is_probability = probability is None or (is_number(probability) and 0 <= probability <= 1)
        are_people = all(one is None or isinstance(one, int) for one in (first, second))
        if not (is_probability and are_people and isinstance(joined, bool) and isinstance(reasons, dict)):
            raise FormatError(f"{where}: expected ids, is_joined, reasons and a probability in [0, 1]: {line[:200]}")
        yield LinkLine(a, b, joined, verdict, probability, reasons, (first, second))


def name_in(links: list[LinkLine], name: str, path: Path) -> str:
    """The name of the run in its links: that of its folder, unless the folder was renamed since.

    Raises:
        FormatError: they are of other runs.
    """
    if not links or any(name in (link.a.run, link.b.run) for link in links):
        return name
    common = set.intersection(*({link.a.run, link.b.run} for link in links))
    if len(common) != 1:
        raise FormatError(
            f"{path}: expected links of the run {name}, got links of {', '.join(sorted(common)) or 'other runs'}: "
            f"the folder was renamed, or the file is another run's; run mdpr-link once more"
        )
    return common.pop()


def check_keys(links: list[LinkLine], visits: tuple[Visit, ...], run: str, path: Path) -> None:
    """See that links are about visits that there are.

    Raises:
        FormatError: one is not.
    """
    known = {visit.key for visit in visits}
    for number, link in enumerate(links, start=1):
        for key in (link.a, link.b):
            if key.run == run and key not in known:
                raise FormatError(f"{path}, line {number}: {key} is not in this run; run mdpr-link once more")


def read_json(path: Path) -> Any:
    """Content of a JSON file; numbers that are not finite are refused.

    Raises:
        FormatError: no JSON.
    """
    return _json(read_text(path), str(path))


def _json(text: str, where: str) -> Any:
    def refuse(name: str) -> float:
        raise ValueError(f"{name} is no number of JSON")

    try:
        return json.loads(text, parse_constant=refuse, parse_float=_finite)
    except ValueError as error:
        raise FormatError(f"{where}: no JSON: {error}") from error


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is too large")
    return value


def is_number(value: Any) -> bool:
    """Whether it is a number of JSON."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
