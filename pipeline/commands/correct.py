"""`mdpr correct`: say who is who in a gallery; it binds every later run."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mdpr.pipeline.commands.forget import find_identity
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.linking.correcting import merge, split, swap
from mdpr.pipeline.store import SqliteStore, Store, TrackletKey
from mdpr.pipeline.store.checks import as_date

_EPILOG = """\
ID is the number or name of an identity, TRACK is RUN/CAMERA/TRACK; mdpr explain lists them. What is said is carried out
in the gallery at once; mdpr-link RUN --gallery FILE writes it into the files of a run.
exit codes: 0 done, 1 failed, or it contradicts what is known, 2 wrong usage, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The subcommands and their flags."""
    parser = argparse.ArgumentParser(
        "mdpr correct", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    merging = commands.add_parser("merge", help="these identities are one person; the first keeps its number")
    merging.add_argument("identities", nargs="+", metavar="ID")
    splitting = commands.add_parser("split", help="these tracklets of an identity are somebody else")
    splitting.add_argument("identity", metavar="ID")
    splitting.add_argument("tracklets", nargs="+", metavar="TRACK")
    swapping = commands.add_parser("swap", help="two tracklets belong to each other's identity")
    swapping.add_argument("one", metavar="TRACK")
    swapping.add_argument("other", metavar="TRACK")
    naming = commands.add_parser("name", help="name an identity")
    naming.add_argument("identity", metavar="ID")
    naming.add_argument("name", metavar="NAME", help='"" takes the name away')
    withdrawing = commands.add_parser("withdraw", help="take back what was said about two tracklets")
    withdrawing.add_argument("one", metavar="TRACK")
    withdrawing.add_argument("other", metavar="TRACK")
    listing = commands.add_parser("list", help="everything that was said and holds")
    for command in (merging, splitting, swapping, naming, withdrawing, listing):
        command.add_argument("--gallery", required=True, type=Path, metavar="FILE", help="the gallery")
        command.add_argument("--author", default="", metavar="NAME", help="for the history (the user's name)")
        command.add_argument("--note", default="", metavar="TEXT", help="why")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr correct`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags))


def _run(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "read" if flags.command == "list" else "write") as store:
        sys.stdout.write(_carry_out(store, flags, flags.author or getpass.getuser()) + "\n")
    return 0


def _carry_out(store: Store, flags: argparse.Namespace, author: str) -> str:
    """Do it; returns what to say."""
    about: dict[str, Any] = {"author": author, "note": flags.note}
    if flags.command == "merge":
        numbers = [find_identity(store, text) for text in flags.identities]
        kept = merge(store, numbers, **about)
        gone = ", ".join(str(number) for number in dict.fromkeys(numbers) if number != kept)
        return f"identity {kept} now has the tracklets of {gone}"
    if flags.command == "split":
        keys = [TrackletKey.parse(text) for text in flags.tracklets]
        fresh = split(store, find_identity(store, flags.identity), keys, **about)
        return f"identity {fresh} is new and has {', '.join(map(str, keys))}"
    if flags.command == "swap":
        one, other = TrackletKey.parse(flags.one), TrackletKey.parse(flags.other)
        first, second = swap(store, one, other, **about)
        return f"{one} is identity {first} now, {other} is identity {second}"
    if flags.command == "name":
        number = find_identity(store, flags.identity)
        store.rename(number, flags.name, author)
        return f"identity {number} is named {flags.name!r}" if flags.name else f"identity {number}: no name"
    if flags.command == "withdraw":
        one, other = TrackletKey.parse(flags.one), TrackletKey.parse(flags.other)
        store.withdraw((one, other), author)
        return f"nothing is said about {one} and {other} any more; who they are stays until runs are linked again"
    said = store.corrections()
    lines = [f"{as_date(one.at_s)}  {one.author}: {one.a} {one.kind} {one.b} {one.note}".rstrip() for one in said]
    return "\n".join(lines) if lines else "nothing"


if __name__ == "__main__":
    sys.exit(main())
