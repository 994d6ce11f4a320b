"""A whole job of linking: read runs, decide, write; with or without a gallery."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mdpr.pipeline.linking.answers import Answer, sightings_after
from mdpr.pipeline.linking.knowing import add_pictures, link_known
from mdpr.pipeline.linking.limits import enforce_limits
from mdpr.pipeline.linking.results import write_results
from mdpr.pipeline.linking.runs import RunFolder, read_runs, with_boxes
from mdpr.pipeline.linking.viewcrops import cut_views, was_live
from mdpr.pipeline.linking.viewpictures import TakenPictures, taken_of
from mdpr.pipeline.store import SqliteStore
from mdpr.trackers.crosscamera import Cameras, LinkConfig, OfflineLinker, Sighting, TrackletKey, Verdict

log = logging.getLogger("mdpr")
_MOST_PAIRS = 3  # that are named in a line


@dataclass(frozen=True)
class LinkJob:
    """What to link.

    Attributes:
        folders: of runs.
        gallery: file of the gallery; None links the runs among themselves.
        config: options.
        cameras: what is known about them.
        with_crops: whether the gallery gets pictures, cut from the sources of the runs where none were taken before.
        entered: camera and track id of tracks of the only run that have gone into the gallery before; they stay out if
            they were forgotten since.
        taken: pictures of tracks of the only run, taken as a live source went by.
    """

    folders: tuple[Path, ...]
    gallery: Path | None = None
    config: LinkConfig = field(default_factory=LinkConfig)
    cameras: Cameras = field(default_factory=Cameras)
    with_crops: bool = True
    entered: frozenset[tuple[str, int]] = frozenset()
    taken: TakenPictures = field(default_factory=dict)


def link_runs(job: LinkJob) -> tuple[Answer, list[RunFolder]]:
    """Link, and write the results into each run.

    Raises:
        MdprError: what is wrong with a run, the cameras or the gallery. Files that were there are still whole.
    """
    runs = read_runs(job.folders)
    if job.gallery is None:
        answer = link_among(runs, job.config, job.cameras)
    else:

        def crops(run: RunFolder, sightings: Sequence[Sighting]) -> dict[TrackletKey, tuple[bytes, ...]]:
            if not job.with_crops:
                return {}
            taken = taken_of(job.taken, sightings)
            return taken | cut_views(run, [one for one in sightings if one.key not in taken])

        new = [run.without(job.entered) for run in runs] if job.entered else runs
        with SqliteStore(job.gallery) as store:
            answer = link_known(store, new, job.config, job.cameras, crops)
            for run in runs if job.entered else ():
                tracks = {track for track in job.entered if not was_live(run, track[0])}
                add_pictures(store, run, answer.run_name[run.name], tracks, crops)
            enforce_limits(store)
        answer = replace(answer, gallery=str(job.gallery))
    for run in runs:
        write_results(answer, run)
    return answer, runs


def link_among(runs: Sequence[RunFolder], config: LinkConfig, known: Cameras) -> Answer:
    """Who is who among these runs."""
    sightings = [one for run in runs for one in run.sightings(run.name)]
    sightings = with_boxes({run.name: run for run in runs}, sightings)
    cameras = sorted({camera for run in runs for camera in run.all_cameras})
    linking = OfflineLinker(config).link(sightings, known.knowledge(cameras=cameras))
    after = sightings_after(linking, sightings)
    names = {run.name: run.name for run in runs}
    return Answer(after, linking.number, linking.links, linking.calibration, names)


def summary_of(answer: Answer, runs: Sequence[RunFolder], wall_s: float) -> dict[str, Any]:
    """Counts over the runs, and how far they can be trusted."""
    names = {answer.run_name[run.name] for run in runs}
    joined = [link for link in answer.links if link.is_joined and {link.a.run, link.b.run} & names]
    here = {key: identity for key, identity in answer.number.items() if key.run in names}
    still = {answer.run_name[run.name]: run.still for run in runs}
    moved = {identity for key, identity in here.items() if (key.camera, key.track_id) not in still[key.run]}
    elsewhere = {identity for key, identity in answer.number.items() if key.run not in names}
    return {
        "tracklets": len(here), "identities": len(set(here.values())), "still": len(set(here.values()) - moved),
        "known_before": len(set(here.values()) & elsewhere),
        **{str(verdict): sum(link.verdict is verdict for link in joined) for verdict in Verdict},
        "split_tracks": sum(len(answer.pieces_of(name)) for name in names),
        "expected_false_links": answer.calibration.expected_false_links,
        "known_different": answer.calibration.known_different, "known_same": answer.calibration.known_same,
        "passed": answer.calibration.passed, "wall_s": wall_s,
        "apart": [list(pair) for pair in answer.calibration.apart],
    }  # fmt: skip


def apart_text(pairs: Sequence[Sequence[str]]) -> str:
    """What was learned about cameras, and where to say that it is otherwise.

    >>> apart_text([["door", "hall"]])
    'nobody seems to be at once in door and hall, which are taken to show different places (if not: --cameras)'
    """
    some = ", ".join(f"{one} and {two}" for one, two in pairs[:_MOST_PAIRS])
    more = f" and {len(pairs) - _MOST_PAIRS} more pairs of cameras" if len(pairs) > _MOST_PAIRS else ""
    return f"nobody seems to be at once in {some}{more}, which are taken to show different places (if not: --cameras)"


def summary_text(summary: dict[str, Any], gallery: Path | None) -> str:
    """The same for a person."""
    text = (
        "{tracklets} tracklets are {identities} people{still_text}: {certain} certain, {probable} probable and "
        "{ambiguous} ambiguous links, of which a part of {expected_false_links:.2g} is expected to be wrong"
    ).format(**summary, still_text=f" ({summary['still']} never moved)" if summary["still"] else "")
    if summary["apart"]:
        text += f"; {apart_text(summary['apart'])}"
    return text if gallery is None else f"{text}; {summary['known_before']} of them the gallery knew before"
