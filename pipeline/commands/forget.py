"""`mdpr forget`: delete people from a gallery, for good."""

from __future__ import annotations

import argparse
import getpass
import re
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.linking.limits import tell_what_is_left
from mdpr.pipeline.store import Forgotten, SqliteStore, Store, TrackletKey, UnknownError
from mdpr.pipeline.store.checks import as_date

_EPILOG = """\
Rows, crops, embeddings, links, corrections, names and places in the audit log go, and their bytes leave the file: it is
rewritten, which takes its size again for a moment, beside it and in the folder for temporary files. Ages count from
when a person was seen, by the clock of the recording. The videos and runs/ folders of mdpr-track are not touched.
exit codes: 0 done, 1 failed, or bytes are left that another process holds, 2 wrong usage or configuration.
"""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr forget", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("people", nargs="*", metavar="ID", help="number or name of an identity")
    parser.add_argument("--gallery", required=True, type=Path, metavar="FILE", help="the gallery")
    parser.add_argument(
        "--older-than", type=parse_duration, metavar="TIME", help="last seen before: 30d, 12h, 90m, 45s"
    )
    parser.add_argument(
        "--tracklet", action="append", default=[], metavar="RUN/CAMERA/TRACK", help="a tracklet; may be repeated"
    )
    parser.add_argument(
        "--expired", action="store_true", help="what the gallery's own limits say: mdpr gallery FILE keep"
    )
    parser.add_argument("--finish", action="store_true", help="only remove bytes that an earlier deletion had to leave")
    parser.add_argument("--dry-run", action="store_true", help="say what would go, and delete nothing")
    parser.add_argument("--author", default="", metavar="NAME", help="for the history (the user's name)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr forget`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _forget(flags))


def _forget(flags: argparse.Namespace) -> int:
    ways = [flags.people, flags.older_than is not None, flags.tracklet, flags.expired, flags.finish]
    if sum(map(bool, ways)) != 1:
        raise ConfigError("forget: give one of ID..., --older-than, --tracklet, --expired and --finish")
    with SqliteStore(flags.gallery, "read" if flags.dry_run else "write") as store:
        if flags.finish:
            return _report(Forgotten(left="" if flags.dry_run else store.erase()), "nothing new")
        if flags.dry_run:
            return _say_what_would_go(store, flags)
        author = flags.author or getpass.getuser()
        if flags.expired:
            return _report(store.expire(), "beyond the limits of the gallery")
        if flags.older_than is not None:
            before_s = time.time() - flags.older_than
            return _report(store.forget(author, before_s=before_s), f"last seen before {as_date(before_s)}")
        if flags.tracklet:
            keys = [TrackletKey.parse(text) for text in flags.tracklet]
            return _report(store.forget(author, keys=keys), ", ".join(map(str, keys)))
        worst = 0
        for number in [find_identity(store, one) for one in flags.people]:
            worst = max(worst, _report(store.forget(author, identity=number), f"identity {number}"))
        return worst


def _report(gone: Forgotten, what: str) -> int:
    sys.stdout.write(f"{what}: forgot {gone.identities} identities, {gone.tracklets} tracklets, {gone.views} views\n")
    tell_what_is_left(gone)
    return 1 if gone.left else 0


def _say_what_would_go(store: Store, flags: argparse.Namespace) -> int:
    records = store.tracklets()
    older_than: float | None = flags.older_than
    if flags.expired:
        older_than = store.retention.ttl_s or float("inf")
    if older_than is not None:
        before_s = time.time() - older_than
        runs = {run.name: run for run in store.runs()}
        records = [
            record
            for record in records
            if runs[record.key.run].cameras[record.key.camera].started_s + record.tracklet.end_s < before_s
        ]
    elif flags.tracklet:
        keys = {TrackletKey.parse(text) for text in flags.tracklet}
        records = [record for record in records if record.key in keys]
    else:
        numbers = {find_identity(store, one) for one in flags.people}
        records = [record for record in records if record.identity in numbers]
    for record in records:
        sys.stdout.write(f"{record.key}  identity {record.identity or '-'}\n")
    note = "; the size limit is not looked at" if flags.expired and store.retention.max_bytes is not None else ""
    sys.stdout.write(f"would forget {len(records)} tracklets{note}; nothing was deleted\n")
    return 0


def find_identity(store: Store, text: str) -> int:
    """The identity of that number or name.

    Raises:
        UnknownError: there is none; it lists names that exist.
    """
    identities = store.identities()
    for identity in identities:
        if identity.name == text or str(identity.number) == text:
            return identity.number
    names = ", ".join(sorted(identity.name for identity in identities if identity.name)[:20])
    raise UnknownError(f"no identity {text!r} in the gallery. Names: {names or 'none'}; numbers: mdpr gallery FILE")


def parse_duration(text: str) -> float:
    """Seconds of 30d, 12h, 90m, 45s or 2w.

    >>> parse_duration("1.5h")
    5400.0
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhdw])", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"expected a time like 30d, 12h, 90m or 45s, got {text!r}")
    return float(found[1]) * _SECONDS[found[2]]


if __name__ == "__main__":
    sys.exit(main())
