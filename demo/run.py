"""The first run: follow people through two clips and say who was in both. `python demo/run.py [any mdpr-track flags]`

The clips show people who do not exist in two arms of a corridor; README.md says how they were rendered. The detector is
YOLO where its weights can be had, else the one that comes with mdpr-track; it says which.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from mdpr.errors import MdprError
from mdpr.files import results_folder
from mdpr.pipeline.commands import track
from mdpr.pipeline.formats.identities import FILE, read_identities, read_still
from mdpr.pipeline.formats.recordings import read_recordings

CLIPS = ("east", "north")
FPS = 12.5


def describe(run: Path) -> str:
    """Who was where, when: a line a person whom more than one camera saw. What never moved is counted apart."""
    tracks = read_recordings(run, "prediction").by_name
    people: dict[int, list[str]] = {}
    for (camera, track_id), person in sorted(read_identities(run / FILE).items(), key=lambda item: item[0]):
        frames = tracks[camera].boxes.frame[tracks[camera].boxes.track_id == track_id]
        people.setdefault(person, []).append(f"{camera} {frames.min() / FPS:.1f} to {frames.max() / FPS:.1f} s")
    things = [people.pop(person) for person in read_still(run / FILE) if person in people]
    in_both = {person: seen for person, seen in people.items() if len({one.split()[0] for one in seen}) > 1}
    lines = [f"{len(people)} people, {len(in_both)} of them in both corridors:"]
    lines += [f"  person {person}: {', '.join(seen)}" for person, seen in in_both.items()]
    if things:
        lines.append(f"Drawn in grey: {len(things)} more that never moved, things that the detector takes for people.")
    return "\n".join(lines)


def main(flags: list[str]) -> int:
    """Track, which also links the two cameras, and tell; returns the exit code."""
    options = track.make_parser().parse_args(flags)
    run = results_folder(options.project or "runs/demo", options.name or "run", bool(options.exist_ok))
    folder = ["--project", str(run.parent), "--name", run.name, "--exist-ok"]
    clips = [str(Path(__file__).parent / f"{clip}.mp4") for clip in CLIPS]
    code = track.main([*clips, *flags, *folder])
    if code:
        return code
    try:
        print(f"\n{describe(run)}\nSee {run / CLIPS[0] / 'video.mp4'} and {run / CLIPS[1] / 'video.mp4'}")
    except MdprError as error:  # flags may have switched off what is read here
        print(error)
        return error.exit_code
    return 0


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sys.exit(main(sys.argv[1:]))
