"""Cutting tracks that hold two people, at the frame where they jump from one to the other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mdpr.trackers.refine.looks import Looks
from mdpr.trackers.refine.trajectory import Trajectory
from mdpr.types import Tracklet


def split(trajectories: list[Trajectory], next_id: int) -> tuple[list[Trajectory], list[tuple[int, int]]]:
    """Trajectories with pieces in place of those that hold two people.

    The first piece keeps the id, the second one gets a new one.

    Args:
        trajectories: of one camera.
        next_id: the first id that is free.

    Returns:
        Trajectories, and the pairs of ids of pieces of one track, which are two people.
    """
    cuts = Looks(trajectories).cuts()
    result: list[Trajectory] = []
    apart: list[tuple[int, int]] = []
    for row, one in enumerate(trajectories):
        place = _place(one, *cuts[row]) if row in cuts else None
        if place is None:
            result.append(one)
            continue
        first, second = cut(one, place, next_id)
        apart.append((first.track_id, second.track_id))
        result += [first, second]
        next_id += 1
    return result, apart


def _place(one: Trajectory, last: int, first: int) -> int | None:
    """Position of the first box of the second person, whose first view is in frame `first`; the first one's last view
    is in frame `last`. Between the two, it is where the box jumps most; None when there is nothing to cut."""
    begin = int(np.searchsorted(one.frame, last, side="right"))
    end = int(np.searchsorted(one.frame, first, side="right"))
    begin = max(begin, 1)
    if begin >= len(one) or end <= begin:
        return None
    middle = (one.xyxy[:, :2] + one.xyxy[:, 2:]) / 2
    size = one.xyxy[:, 2:] - one.xyxy[:, :2]
    here = slice(begin, end)
    before = slice(begin - 1, end - 1)
    moved = np.linalg.norm(middle[here] - middle[before], axis=1) + np.abs(size[here] - size[before]).sum(axis=1)
    elapsed = one.time_s[here] - one.time_s[before]
    return begin + int(np.argmax(moved * np.sqrt(elapsed)))  # a gap is where people are mixed up


def cut(one: Trajectory, place: int, new_id: int) -> tuple[Trajectory, Trajectory]:
    """The boxes before `place`, and the others under a new id; detections are divided in proportion to the boxes."""
    frame = int(one.frame[place])
    whole = one.tracklet
    before = int(np.clip(round(whole.detections * place / len(one)), 1, max(whole.detections - 1, 1)))
    pieces = []
    for rows, is_view, change in (
        (slice(None, place), whole.view_frame < frame, {"end": place - 1, "detections": before}),
        (slice(place, None), whole.view_frame >= frame, {"start": place, "detections": whole.detections - before}),
    ):
        tracklet = _with_views(replace(whole, detections=max(change["detections"], 1)), is_view)
        if "end" in change:
            at = change["end"]
            tracklet = replace(tracklet, end_frame=int(one.frame[at]), end_s=float(one.time_s[at]))
        else:
            tracklet = replace(tracklet, track_id=new_id, start_frame=frame, start_s=float(one.time_s[place]))
        arrays = {
            name: getattr(one, name)[rows] for name in ("frame", "time_s", "xyxy", "confidence", "is_interpolated")
        }
        pieces.append(Trajectory(tracklet, **arrays))
    return pieces[0], pieces[1]


def _with_views(tracklet: Tracklet, is_kept: np.ndarray) -> Tracklet:
    names = ("view_frame", "view_time_s", "view_xyxy", "view_confidence", "view_quality", "embeddings")
    return replace(tracklet, **{name: getattr(tracklet, name)[is_kept] for name in names})
