"""`mdpr explain ID`: why tracklets are one person, or why two people are not one."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.linking.explaining import Explained, explain_run, explain_stored, why_not_in_run, why_not_stored
from mdpr.pipeline.store import Correction, SqliteStore
from mdpr.trackers.crosscamera import Cameras
from mdpr.trackers.crosscamera.inquiry import Inquiry

_EPILOG = """\
ID, A and B are numbers or names of identities; A and B may be tracklets: RUN/CAMERA/TRACK.
similarity is between -1 and 1, cameras evened out; runner-up the best of anybody else; margin the difference. What the
time between the sights adds to the log-odds is the time term. Could be somebody else, too: what another person whom one
of the two could be as well takes from them. certain: at least 99 %, probable: 90 %, else ambiguous.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""
_LEAST_TOLD = -0.01  # of a log-odds


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr explain", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("identity", nargs="?", metavar="ID", help="the identity")
    parser.add_argument("--why-not", nargs=2, metavar=("A", "B"), help="why these two are not one person")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--gallery", type=Path, metavar="FILE", help="of a gallery")
    where.add_argument("--run", type=Path, metavar="RUN", help="of a run that was linked")
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="as for mdpr-link, for --why-not")
    parser.add_argument("--json", action="store_true", help="as JSON")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr explain`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), is_quiet=flags.json)


def _run(flags: argparse.Namespace) -> int:
    if (flags.identity is None) == (flags.why_not is None):
        raise ConfigError("explain: give either an ID or --why-not A B")
    if flags.why_not is not None:
        return _why_not(flags)
    if flags.gallery is None:
        explained = explain_run(flags.run, flags.identity)
    else:
        with SqliteStore(flags.gallery, "read") as store:
            explained = explain_stored(store, flags.identity)
    text = json.dumps(explained.values(), indent=1, ensure_ascii=False) + "\n" if flags.json else as_text(explained)
    sys.stdout.write(text)
    return 0


def _why_not(flags: argparse.Namespace) -> int:
    known = Cameras.read(flags.cameras)
    said: list[Correction] = []
    a, b = flags.why_not
    if flags.gallery is None:
        found = why_not_in_run(flags.run, a, b, known)
    else:
        with SqliteStore(flags.gallery, "read") as store:
            found, said = why_not_stored(store, a, b, known)
    if flags.json:
        values = asdict(found) | {
            "best": None if found.best is None else [str(key) for key in found.best],
            "forbidden": {
                rule: {"pairs": count, "first": [str(key) for key in pair]}
                for rule, (count, pair) in found.forbidden.items()
            },
            "probability": found.probability,
        }
        sys.stdout.write(json.dumps(values, indent=1) + "\n")
    else:
        sys.stdout.write(inquiry_text(found, said, a, b))
    return 0


def as_text(explained: Explained) -> str:
    """An identity for a person: doubtful links first."""
    name = f" ({explained.name})" if explained.name else ""
    lines = [f"identity {explained.number}{name}: {len(explained.members)} tracklets"]
    for key, one in explained.members.items():
        lines.append(f"  {key:<24} {one['first']} to {one['last']}, {one['detections']} detections")
    joined = [link for link in explained.links if link["is_joined"]]
    apart = [link for link in explained.links if not link["is_joined"]]
    if joined:
        lines += ["", "joined, the most doubtful first"]
        lines += [_link_text(link) for link in sorted(joined, key=_doubt)]
    if apart:
        lines += ["", "kept apart, although they were near"]
        lines += [_link_text(link) for link in sorted(apart, key=lambda link: -(link["probability"] or 0))]
    if explained.corrections:
        lines += ["", "what people have said"]
        lines += [_said(one) for one in explained.corrections]
    return "\n".join(lines) + "\n"


def inquiry_text(found: Inquiry, said: Sequence[Correction], a: str, b: str) -> str:
    """An answer to --why-not for a person."""
    lines = [f"{a} and {b}: {found.pairs} pairs of tracklets"]
    for rule, (count, (first, second)) in found.forbidden.items():
        lines.append(f"  forbidden: {rule}: {count} of them, such as {first} and {second}")
    lines += [f"  {_said(one).strip()}" for one in said]
    if found.best is None or found.similarity is None:
        lines.append("  nothing is known of what one of the two looks like")
    else:
        lines.append(f"  most alike: {found.best[0]} and {found.best[1]}, similarity {found.similarity:.3f}")
        if found.needed is not None:
            lines.append(f"  such a pair by itself needs {found.needed:.3f} for even odds")
        lines.append(f"  time term {found.time_term:+.2f}, log-odds of that pair {found.log_odds:+.2f}")
    lines.append(
        f"  log-odds of all pairs together {found.group_log_odds:+.2f}, of which times {found.group_time_term:+.2f} "
        f"and places {found.group_position_term:+.2f}; "
        f"probability of being one person {found.probability:.1%}"
    )
    return "\n".join(lines) + "\n"


def _doubt(link: dict[str, Any]) -> tuple[float, str, str]:
    return (1.0 if link["probability"] is None else link["probability"]), link["a"], link["b"]


def _link_text(link: dict[str, Any]) -> str:
    reasons = link["reasons"]

    def number(key: str) -> str:
        value = reasons.get(key)
        return "-" if value is None else f"{value:.3f}"

    parts = [f"similarity {number('similarity')}, runner-up {number('runner_up')}, margin {number('margin')}"]
    if reasons.get("gap_s") is not None:
        parts.append(f"{reasons['gap_s']:.1f} s between them" if reasons["gap_s"] >= 0 else "at once")
    for name in ("time_term", "position_term"):
        of_groups = reasons.get(f"group_{name}")
        value = reasons.get(name) if of_groups is None else of_groups
        if value:
            parts.append(f"{name.replace('_', ' ')} {value:+.2f}")
    taken = reasons.get("group_rival_term")
    if taken is not None and taken <= _LEAST_TOLD:
        who = f" ({reasons['group_rival']})" if reasons.get("group_rival") else ""
        parts.append(f"could be somebody else, too: {taken:+.2f}{who}")
    if reasons.get("constraint"):
        parts.append(reasons["constraint"])
    for rule, count in (reasons.get("forbidden") or {}).items():
        parts.append(f"{count} that look more alike ruled out: {rule}")
    probability = "" if link["probability"] is None else f" {link['probability']:.1%}"
    return f"  {link['a']} - {link['b']}: {link['verdict']}{probability}; " + "; ".join(parts)


def _said(one: Correction) -> str:
    note = f": {one.note}" if one.note else ""
    return f"  {one.author}: {one.a} and {one.b} {one.kind}{note}"


if __name__ == "__main__":
    sys.exit(main())
