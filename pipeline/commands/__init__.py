"""The command lines, a file each. `mdpr NAME ...` is the same as `mdpr-NAME ...`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence

from mdpr import __version__

COMMANDS: dict[str, tuple[str, str]] = {
    "track": ("mdpr.pipeline.commands.track", "follow people through videos and streams"),
    "link": ("mdpr.pipeline.commands.link", "one identity a person across the cameras of runs"),
    "search": ("mdpr.pipeline.commands.search", "who in a gallery is the person in a photo, or of a track"),
    "explain": ("mdpr.pipeline.commands.explain", "why tracklets are one person, or why they are not"),
    "correct": ("mdpr.pipeline.commands.correct", "merge, split, swap and name identities; binds later runs"),
    "report": ("mdpr.pipeline.commands.report", "one page a run: who was where and when, and why"),
    "refine": ("mdpr.pipeline.commands.refine", "split, connect, fill and smooth the tracks of runs"),
    "train": ("mdpr.pipeline.commands.train", "train MDPR on labelled person crops"),
    "train-detector": ("mdpr.pipeline.commands.train_detector", "train a YOLOX person detector on boxes"),
    "data": (
        "mdpr.pipeline.commands.data",
        "data sets: check, manifest, crops, export-crops, synth",
    ),
    "eval": ("mdpr.pipeline.commands.eval", "measure: eval reid, speed, mot, mtmc"),
    "tune": ("mdpr.pipeline.commands.tune", "try the options of a tracker on sequences with ground truth"),
    "gallery": ("mdpr.pipeline.commands.gallery", "what a gallery holds: identities, names, history, limits, exports"),
    "forget": ("mdpr.pipeline.commands.forget", "delete people from a gallery, for good"),
    "export": ("mdpr.pipeline.commands.export", "write a model as ONNX or OpenVINO, checked against torch"),
    "doctor": ("mdpr.pipeline.commands.doctor", "say what is installed, what is missing, and which engines run here"),
}
"""Name to (module with `main`, what it does)."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr`; returns the exit code."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments and arguments[0] in COMMANDS:
        return int(importlib.import_module(COMMANDS[arguments[0]][0]).main(arguments[1:]))
    if arguments[:1] == ["--version"]:
        sys.stdout.write(f"mdpr-track {__version__}\n")
        return 0
    is_help = arguments[:1] in ([], ["-h"], ["--help"])
    lines = ["usage: mdpr COMMAND ...", "", "commands:"]
    lines += [f"  {name:<14} {purpose}" for name, (_, purpose) in COMMANDS.items()]
    lines += ["", "mdpr COMMAND --help tells more."]
    if not is_help:
        lines.insert(0, f"mdpr: unknown command {arguments[0]!r}")
    (sys.stdout if is_help else sys.stderr).write("\n".join(lines) + "\n")
    return 0 if is_help else 2
