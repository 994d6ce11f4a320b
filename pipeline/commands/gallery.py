"""`mdpr gallery`: what a gallery holds; names, limits, history, the audit log, exports."""

from __future__ import annotations

import argparse
import getpass
import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from mdpr.errors import ConfigError, FormatError, SourceError
from mdpr.files import write_text
from mdpr.pipeline.commands.forget import find_identity, parse_duration
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.store import Event, Retention, SqliteStore
from mdpr.pipeline.store.checks import as_date
from mdpr.pipeline.store.keeping import as_size

log = logging.getLogger("mdpr")

_EPILOG = """\
ID is the number or the name of an identity. People are deleted with mdpr forget.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""
_BYTES = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def make_parser() -> argparse.ArgumentParser:
    """The subcommands and their flags."""
    parser = argparse.ArgumentParser(
        "mdpr gallery", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("gallery", type=Path, metavar="FILE", help="the gallery")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    commands.add_parser("list", help="how much there is, and all identities (what happens without COMMAND)")
    stats = commands.add_parser("stats", help="how much there is, by camera too")
    stats.add_argument("--json", action="store_true", help="as JSON")
    name = commands.add_parser("name", help="name an identity")
    name.add_argument("identity", metavar="ID")
    name.add_argument("name", metavar="NAME", help='"" takes the name away')
    name.add_argument("--author", default="", metavar="NAME", help="for the history (the user's name)")
    keep = commands.add_parser(
        "keep", help="how long and how much is kept; linking and mdpr forget --expired enforce it"
    )
    keep.add_argument(
        "--ttl", metavar="TIME", help="people last seen longer ago go, named or not: 30d; none = no limit"
    )
    keep.add_argument(
        "--max-size", metavar="SIZE", help="beyond it unnamed people go, the longest unseen first: 2GB; none = no limit"
    )
    history = commands.add_parser("history", help="every decision and its revisions")
    history.add_argument("identity", nargs="?", metavar="ID", help="only what concerns this identity")
    commands.add_parser("searches", help="the audit log: who searched what, when, and how much they were shown")
    commands.add_parser("check", help="read everything and see whether it fits together")
    export = commands.add_parser("export", help="all that is known of one identity, as JSON")
    export.add_argument("identity", metavar="ID")
    export.add_argument("--out", type=Path, metavar="FILE", help="(standard output)")
    imported = commands.add_parser("import", help="add an identity that was exported")
    imported.add_argument("file", type=Path, metavar="FILE.json")
    imported.add_argument("--author", default="", metavar="NAME", help="for the history (the user's name)")
    again = commands.add_parser("re-embed", help="embed all crops with another model; who is who stays")
    again.add_argument("--reid", required=True, metavar="NAME", help="as for mdpr-track: a name or a file of weights")
    again.add_argument("--device", metavar="DEVICE", help="as for mdpr-track")
    again.add_argument("--drop", action="store_true", help="go on when views have no crop; they lose their appearance")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr gallery`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    bodies = {
        "name": _name,
        "keep": _keep,
        "history": _history,
        "searches": _searches,
        "check": _check,
        "export": _export,
        "import": _import,
        "re-embed": _reembed,
        "stats": _stats,
    }
    return run_command(lambda: bodies.get(flags.command, _list)(flags))


def _list(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "read") as store:
        stats, identities = store.stats(), store.identities()
    sys.stdout.write(
        f"{flags.gallery}: {stats.identities} identities ({stats.named} named), {stats.tracklets} tracklets, "
        f"{stats.views} views, {stats.runs} runs, {as_size(stats.bytes)}\n"
    )
    if identities:
        sys.stdout.write(f"\n{'id':>6}  {'name':<20} {'tracklets':>9}  {'cameras':<24} last seen\n")
    for one in identities:
        cameras = ", ".join(sorted({key.camera for key in one.members}))
        last = "-" if one.last_s is None else as_date(one.last_s)
        sys.stdout.write(f"{one.number:>6}  {one.name or '-':<20} {len(one.members):>9}  {cameras:<24} {last}\n")
    return 0


def _stats(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "read") as store:
        model, retention = store.model, store.retention
        values = {
            "model": None if model is None else vars(model),
            "retention": vars(retention),
            **vars(store.stats()),
            "cameras": [vars(camera) for camera in store.cameras()],
        }
    if flags.json:
        sys.stdout.write(json.dumps(values, indent=2, ensure_ascii=False) + "\n")
        return 0
    for name, value in values.items():
        if name == "cameras":
            for camera in values["cameras"]:
                sys.stdout.write(f"camera {camera['name']}: {camera['runs']} runs, {camera['tracklets']} tracklets\n")
        else:
            text = ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else value
            sys.stdout.write(f"{name:<12} {'-' if text is None else text}\n")
    return 0


def _name(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "write") as store:
        number = find_identity(store, flags.identity)
        store.rename(number, flags.name, flags.author or getpass.getuser())
    sys.stdout.write(f"identity {number} is named {flags.name!r}\n" if flags.name else f"identity {number}: no name\n")
    return 0


def _keep(flags: argparse.Namespace) -> int:
    ttl_s = None if flags.ttl in (None, "none") else _duration(flags.ttl)
    size = None if flags.max_size in (None, "none") else _size(flags.max_size)
    with SqliteStore(flags.gallery, "create" if flags.ttl or flags.max_size else "read") as store:
        kept = store.retention
        ttl_s = kept.ttl_s if flags.ttl is None else ttl_s
        size = kept.max_bytes if flags.max_size is None else size
        if Retention(ttl_s, size) != kept:
            store.set_retention(Retention(ttl_s, size))
    sys.stdout.write(
        f"time to live: {'no limit' if ttl_s is None else f'{ttl_s / 86_400:g} days'}\n"
        f"size: {'no limit' if size is None else as_size(size)}\n"
    )
    return 0


def _history(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "read") as store:
        number = None if flags.identity is None else find_identity(store, flags.identity)
        for event in store.events(number):
            sys.stdout.write(f"{event.revision:>6}  {as_date(event.at_s)}  {event.author}: {_as_line(event)}\n")
    return 0


def _as_line(event: Event) -> str:
    about = " - ".join(str(key) for key in (event.key, event.other) if key is not None)
    if event.kind == "assign":
        return f"{about}: identity {event.before or '-'} -> {event.identity or '-'}"
    who = "" if event.identity is None else f" identity {event.identity}"
    return f"{event.kind} {about}{who} {json.dumps(event.detail, ensure_ascii=False, sort_keys=True)}".replace(
        "  ", " "
    )


def _searches(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "read") as store:
        for search in store.searches():
            people = sorted({match.identity for match in search.matches if match.identity is not None})
            shown = ", ".join(map(str, people)) or "-"
            sys.stdout.write(
                f"{as_date(search.at_s)}  {search.who}: query {search.query[:16]}, {search.shown} shown, "
                f"identities {shown}\n"
            )
    return 0


def _check(flags: argparse.Namespace) -> int:
    with SqliteStore(flags.gallery, "write") as store:
        store.check()
        left = store.erase()
    sys.stdout.write(f"{flags.gallery} is whole\n")
    if left:
        log.warning("bytes of forgotten people are left in it: %s", left)
    return 0


def _export(flags: argparse.Namespace) -> int:
    from mdpr.pipeline.store.transfer import export_identity

    with SqliteStore(flags.gallery, "read") as store:
        values = export_identity(store, find_identity(store, flags.identity))
    text = json.dumps(values, indent=1, ensure_ascii=False) + "\n"
    if flags.out is None:
        sys.stdout.write(text)
    else:
        write_text(flags.out, text)
    return 0


def _import(flags: argparse.Namespace) -> int:
    from mdpr.pipeline.store.transfer import import_identity

    try:
        values = json.loads(flags.file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SourceError(f"cannot read {flags.file}: {error.strerror or error}") from error
    except ValueError as error:
        raise FormatError(f"{flags.file} is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise FormatError(f"{flags.file}: expected an exported identity, got {type(values).__name__}")
    with SqliteStore(flags.gallery) as store:
        number = import_identity(store, values, flags.author or getpass.getuser())
    sys.stdout.write(f"added as identity {number}\n")
    return 0


def _reembed(flags: argparse.Namespace) -> int:
    from mdpr.pipeline.config import component_of, has_option  # may import torch
    from mdpr.pipeline.store.reembedding import reembed_crops

    options = {"name": flags.reid}
    if flags.device is not None and has_option("reid", flags.reid, "device"):
        options["device"] = flags.device
    with SqliteStore(flags.gallery, "write") as store:
        embedder = component_of("reid", options).make()
        log.info("reid      %s", embedder.description)
        done = reembed_crops(store, embedder, flags.drop)
    sys.stdout.write(f"embedded {done.views} views again; {done.lost} had no crop\n")
    return 0


def _duration(text: str) -> float:
    try:
        return parse_duration(text)
    except argparse.ArgumentTypeError as error:
        raise ConfigError(f"--ttl: {error}") from error


def _size(text: str) -> int:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", text)
    if found is None:
        raise ConfigError(f"--max-size: expected a size like 2GB or 500MB, got {text!r}")
    return int(float(found[1]) * _BYTES[found[2]])


if __name__ == "__main__":
    sys.exit(main())
