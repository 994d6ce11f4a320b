"""`mdpr search IMAGE|TRACK...`: who in a gallery is the person in a photo, or of a track."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.files import make_folder, write_bytes
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.linking.querying import Photos, Query, is_photo, runs_by_name, track_query
from mdpr.pipeline.linking.ranking import Ranked, Ranking, rank
from mdpr.pipeline.sources.clock import parse_time
from mdpr.pipeline.store import Filters, Search, SqliteStore, Store, TrackletKey, query_hash
from mdpr.pipeline.store.checks import as_date

log = logging.getLogger("mdpr")

EXIT_NOBODY = 1
_SURE = 20  # right answers that a probability should rest on
_EPILOG = """\
IMAGE is a picture; everybody in it is asked for, from left to right. TRACK is RUN/CAMERA/TRACK of the gallery, or a
track below the folder of a run: runs/track/monday/hall/12. Every search is written into the audit log (mdpr gallery
FILE searches), as a hash of what was asked for. Appearance is not identity: look at the pictures before you believe it.
exit codes: 0 done, 1 failed, or nobody was found in a picture, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr search", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("queries", nargs="+", metavar="IMAGE|TRACK", help="who is asked for; see below")
    parser.add_argument("--gallery", required=True, type=Path, metavar="FILE", help="the gallery")
    parser.add_argument("--top", type=int, default=10, metavar="N", help="most answers (10)")
    parser.add_argument("--person", type=int, metavar="N", help="only this one of the people in each picture")
    parser.add_argument("--whole", action="store_true", help="each picture is a crop of one person")
    parser.add_argument("--camera", action="append", metavar="NAME", help="only this camera; may be repeated")
    parser.add_argument("--since", metavar="TIME", help="only people seen then or later: 2026-11-26T08:00:00")
    parser.add_argument("--until", metavar="TIME", help="only people seen then or earlier")
    parser.add_argument("--crops", type=Path, metavar="DIR", help="write the picture of each answer there")
    parser.add_argument("--reid", metavar="NAME", help="as for mdpr-track (that of the gallery's last run)")
    parser.add_argument("--detector", metavar="NAME", help="as for mdpr-track (that of the gallery's last run)")
    parser.add_argument("--weights", metavar="PATH", help="of the detector")
    parser.add_argument("--author", default="", metavar="NAME", help="for the audit log (the user's name)")
    parser.add_argument("--json", action="store_true", help="print the answers as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr search`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), is_quiet=flags.json)


def _run(flags: argparse.Namespace) -> int:
    if flags.top < 1:
        raise ConfigError(f"--top: expected 1 or more, got {flags.top}")
    answers: list[dict[str, Any]] = []
    code = 0
    with SqliteStore(flags.gallery, "write") as store:
        filters = _filters(store, flags)
        for query in _queries(store, flags):
            if query is None:
                code = EXIT_NOBODY
                continue
            ranking = _ask(store, query, filters, flags)
            answer = _values(store, query, ranking, flags.crops, len(answers) + 1)
            answers.append(answer)
            if not flags.json:
                sys.stdout.write(_text(answer))
    if flags.json:
        sys.stdout.write(json.dumps(answers, indent=1, ensure_ascii=False) + "\n")
    return code


def _queries(store: Store, flags: argparse.Namespace) -> Iterator[Query | None]:
    """Everybody who is asked for; None for a picture in which nobody is found."""
    photos: Photos | None = None
    for text in flags.queries:
        if not is_photo(text):
            yield track_query(store, text)
            continue
        if photos is None:
            options = {name: getattr(flags, name) for name in ("reid", "detector", "weights")}
            photos = Photos(store, options, flags.whole)
        people = photos.people(Path(text))
        if flags.person is not None and people:
            if not 1 <= flags.person <= len(people):
                raise ConfigError(f"--person {flags.person}: {text} shows {len(people)}")
            people = people[flags.person - 1 : flags.person]
        if not people:
            log.error("%s: nobody was found in it; if it is a crop of one person, give --whole", text)
            yield None
        yield from people


def _filters(store: Store, flags: argparse.Namespace) -> Filters:
    known = [camera.name for camera in store.cameras()]
    for name in flags.camera or ():
        if name not in known:
            raise ConfigError(f"--camera {name}: the gallery has the cameras {', '.join(known) or 'none'}")
    return Filters(
        cameras=tuple(flags.camera) if flags.camera else None,
        since_s=None if flags.since is None else parse_time(flags.since),
        until_s=None if flags.until is None else parse_time(flags.until),
    )


def _ask(store: Store, query: Query, filters: Filters, flags: argparse.Namespace) -> Ranking:
    """The ranking, which is written into the audit log before it is shown."""
    allowed = Filters(filters.runs, filters.cameras, None, filters.since_s, filters.until_s, query.without)
    ranking = rank(store, query.embeddings, flags.top, allowed)
    who = flags.author or getpass.getuser()
    matches = tuple(one.best for one in ranking.people)
    store.record_search(Search(who, query_hash(query.embeddings), allowed, matches, len(matches)))
    return ranking


def _values(store: Store, query: Query, ranking: Ranking, crops: Path | None, number: int) -> dict[str, Any]:
    """An answer as plain values."""
    runs = runs_by_name(store)
    names = {one.number: one.name for one in store.identities()}
    records = {record.key: record for record in store.tracklets(Filters(runs=tuple({
        one.best.key.run for one in ranking.people
    })))} if ranking.people else {}  # fmt: skip
    people = []
    for place, one in enumerate(ranking.people, 1):
        key = one.best.key
        at_s = float(records[key].tracklet.view_time_s[one.best.view])
        started_s = runs[key.run].cameras[key.camera].started_s
        people.append(
            {
                "rank": place, "id": one.identity, "name": names.get(one.identity or 0, ""), "score": one.score,
                "probability": one.probability, "tracklet": str(key), "camera": key.camera, "view": one.best.view,
                "source_s": at_s, "wall_s": started_s + at_s, "time": as_date(started_s + at_s),
                "crop": _write_crop(store, key, one, crops, number, place),
            }
        )  # fmt: skip
    return {
        "query": query.text, "box": query.box, "people": people, "nobody": ranking.nobody,
        "measured_on": ranking.measured,
    }  # fmt: skip


def _write_crop(
    store: Store, key: TrackletKey, one: Ranked, folder: Path | None, number: int, place: int
) -> str | None:
    """Path of the picture of an answer; None when it is not asked for, or there is none."""
    crops = store.crops(key) if folder is not None else ()
    if folder is None or one.best.view >= len(crops) or not crops[one.best.view]:
        return None
    make_folder(folder)
    path = folder / f"{number:02d}_{place:02d}_{'none' if one.identity is None else one.identity}.jpg"
    write_bytes(path, crops[one.best.view])
    return str(path)


def _text(answer: dict[str, Any]) -> str:
    """An answer for a person."""
    box = "" if answer["box"] is None else " (box {} {} {} {})".format(*answer["box"])
    lines = [f"{answer['query']}{box}"]
    if not answer["people"]:
        return f"{lines[0]}\n  the gallery has nobody to compare with\n\n"
    lines.append(f"  {'':>4} {'id':>6}  {'name':<16} {'score':>6} {'prob.':>6}  {'camera':<14} {'time':<24} tracklet")
    for one in answer["people"]:
        picture = "" if one["crop"] is None else f"  {one['crop']}"
        lines.append(
            f"  {one['rank']:>3}. {'-' if one['id'] is None else one['id']:>6}  {one['name'] or '-':<16} "
            f"{one['score']:>6.3f} {one['probability']:>6.1%}  {one['camera']:<14} {one['time']:<24} "
            f"{one['tracklet']}{picture}"
        )
    lines.append(f"  nobody of the gallery: {answer['nobody']:.1%}")
    if answer["measured_on"] < _SURE:
        lines.append(
            f"  probabilities are a guess: only {answer['measured_on']} tracklets of people seen twice to measure on"
        )
    return "\n".join(lines) + "\n\n"


if __name__ == "__main__":
    sys.exit(main())
