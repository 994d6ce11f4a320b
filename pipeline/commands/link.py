"""`mdpr-link RUN...`: one identity a person across the cameras of one or several runs; no video needed."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mdpr.errors import ConfigError
from mdpr.files import write_text
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.formats import identities
from mdpr.pipeline.store.tracklet_files import read_tracklets
from mdpr.trackers.crosscamera import Knowledge, Link, LinkConfig, Linking, OfflineLinker, Sighting, Topology, Verdict

log = logging.getLogger("mdpr")

LINKS_FILE = "links.jsonl"
BETWEEN_RUNS_S = 86_400.0
_EPILOG = """\
Written into each RUN: identities.json (who is who; mdpr eval mtmc reads it) and links.jsonl (a line a decision, with
its reasons). Identities are numbered over all runs. Within a run the cameras are taken to have started together; runs
are taken to follow each other in the order given, a day apart.

cameras.yaml says what is known about the cameras, all of it optional:
  entrance -> hall: 5..40 s        seconds from leaving the first to entering the second
  hall <-> stairs: 2..20 s         both directions
  hall <-> gallery: overlapping    see the same place
  yard <-> roof: apart             nobody is in both at once

exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr-link", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("runs", nargs="+", metavar="RUN", type=Path, help="folder of a run of mdpr-track")
    parser.add_argument("--cameras", type=Path, metavar="FILE", help="YAML about the cameras; see below")
    parser.add_argument(
        "--false-link-rate", type=float, default=LinkConfig.false_link_rate, metavar="X",
        help=f"part of the links that may be wrong, in expectation ({LinkConfig.false_link_rate})",
    )  # fmt: skip
    parser.add_argument("--no-split", action="store_true", help="do not cut tracks that hold two people")
    parser.add_argument("--json", action="store_true", help="print the summary as JSON")
    parser.add_argument("--quiet", action="store_true", help="only warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr-link`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    begin = time.perf_counter()
    config = LinkConfig(false_link_rate=flags.false_link_rate, split_tracks=not flags.no_split)
    topology = Topology.read(flags.cameras) if flags.cameras else Topology()
    folders = {folder.resolve().name: folder for folder in flags.runs}
    if len(folders) < len(flags.runs):
        raise ConfigError("two runs have the same name: rename one of their folders")
    sightings, cameras = read_runs(folders)
    linking = OfflineLinker(config).link(sightings, Knowledge(topology=topology, cameras=cameras))
    for name, folder in folders.items():
        write_text(folder / identities.FILE, json.dumps(identities_of(linking, name), indent=1) + "\n")
        lines = [json.dumps(link_values(link)) for link in linking.links if name in (link.a.run, link.b.run)]
        write_text(folder / LINKS_FILE, "".join(line + "\n" for line in lines))
    summary = summary_of(linking, time.perf_counter() - begin)
    if flags.json:
        sys.stdout.write(json.dumps(summary) + "\n")
    else:
        log.info(
            "%(tracklets)d tracklets are %(identities)d people: %(certain)d certain, %(probable)d probable and "
            "%(ambiguous)d ambiguous links, of which a part of %(expected_false_links).2g is expected to be wrong",
            summary,
        )
    return 0


def read_runs(folders: dict[str, Path]) -> tuple[list[Sighting], list[str]]:
    """The tracklets of all cameras of runs, and the names of these cameras.

    Raises:
        ConfigError: a folder without any tracklets.parquet.
        SourceError, FormatError: see `read_tracklets`.
    """
    sightings: list[Sighting] = []
    cameras: set[str] = set()
    started_s = 0.0
    for run, folder in folders.items():
        files = sorted(folder.glob("*/tracklets.parquet"))
        if not files:
            raise ConfigError(
                f"{folder}: found no CAMERA/tracklets.parquet: expected the folder of a run of mdpr-track"
            )
        here: list[Sighting] = []
        for file in files:
            model, tracklets = read_tracklets(file)
            cameras |= {file.parent.name, *(tracklet.camera for tracklet in tracklets)}
            here += [Sighting.of(run, tracklet, started_s, model.fingerprint) for tracklet in tracklets]
        sightings += here
        started_s = max((one.end_s for one in here), default=started_s) + BETWEEN_RUNS_S
    return sightings, sorted(cameras)


def identities_of(linking: Linking, run: str) -> dict[str, Any]:
    """Content of identities.json for one run.

    A track that was cut is listed with the identity of its longest piece; `pieces` says who its parts are.
    """
    number = linking.number
    owner = {key: identity for key, identity in number.items() if key.part == 0}
    pieces = []
    for track, parts in linking.split.items():
        longest = max(parts, key=lambda part: (part.tracklet.detections, -part.key.part))
        owner[track] = number[longest.key]
        pieces += [
            {
                "camera": track.camera, "track_id": track.track_id, "part": part.key.part, "id": number[part.key],
                "start_s": part.tracklet.start_s, "end_s": part.tracklet.end_s,
            }
            for part in parts if track.run == run
        ]  # fmt: skip
    listed: dict[int, list[dict[str, Any]]] = {}
    for key in sorted(owner):
        if key.run == run:
            listed.setdefault(owner[key], []).append({"camera": key.camera, "track_id": key.track_id})
    found = [{"id": identity, "tracklets": tracklets} for identity, tracklets in sorted(listed.items())]
    return {"identities": found, "pieces": pieces}


def link_values(link: Link) -> dict[str, Any]:
    """A line of links.jsonl."""
    return {
        "a": str(link.a), "b": str(link.b), "is_joined": link.is_joined, "verdict": str(link.verdict),
        "probability": link.probability, "reasons": link.reasons.values(),
    }  # fmt: skip


def summary_of(linking: Linking, wall_s: float) -> dict[str, Any]:
    """Counts, and how far they can be trusted."""
    joined = [link for link in linking.links if link.is_joined]
    counts = {str(verdict): sum(link.verdict is verdict for link in joined) for verdict in Verdict}
    calibration = replace(linking.calibration, pairs=())
    return {
        "tracklets": len(linking.number), "identities": len(linking.identities), **counts,
        "split_tracks": len(linking.split), "expected_false_links": calibration.expected_false_links,
        "known_different": calibration.known_different, "known_same": calibration.known_same,
        "passed": calibration.passed, "wall_s": wall_s,
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
