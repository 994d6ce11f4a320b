"""Cutting tracks that hold two people, at the frame where they jump from one to the other."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.merging import VIEW_ARRAYS
from mdpr.trackers.refine.looks import Looks
from mdpr.trackers.refine.motion import END_WINDOW_S
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
    is in frame `last`. None when there is nothing to cut.

    Between the two it is where two straight ways, one before and one after, fit the boxes best: at a jump, or where
    the way has a bend because two people met and went on.
    """
    begin = max(int(np.searchsorted(one.frame, last, side="right")), 1)
    end = int(np.searchsorted(one.frame, first, side="right"))
    places = range(begin, min(end, len(one)))
    if not places:
        return None
    box = one.xyxy
    way = np.stack([(box[:, 0] + box[:, 2]) / 2, box[:, 1], box[:, 3] - box[:, 1]], axis=1)
    misfit = [_misfit(one.time_s, way, place, before=True) + _misfit(one.time_s, way, place) for place in places]
    return places[int(np.argmin(misfit))]


def _misfit(time_s: NDArray[np.float64], way: NDArray[np.float64], place: int, before: bool = False) -> float:
    """Squared distance of the boxes within `END_WINDOW_S` after, or before, a place from a straight way."""
    side = slice(None, place) if before else slice(place, None)
    near = np.abs(time_s[side] - time_s[place]) <= END_WINDOW_S
    t, points = time_s[side][near], way[side][near]
    if len(t) < 2:
        return 0.0
    t = t - t.mean()
    points = points - points.mean(axis=0)
    slope = t @ points / (t @ t)
    return float(np.square(points - t[:, None] * slope).sum())


def cut(one: Trajectory, place: int, new_id: int) -> tuple[Trajectory, Trajectory]:
    """The boxes before `place`, and the others under a new id; detections are divided in proportion to the boxes."""
    frame = int(one.frame[place])
    whole = one.tracklet
    before = int(np.clip(round(whole.detections * place / len(one)), 1, max(whole.detections - 1, 1)))
    first = replace(
        whole,
        end_frame=int(one.frame[place - 1]),
        end_s=float(one.time_s[place - 1]),
        detections=before,
    )
    second = replace(
        whole,
        track_id=new_id,
        start_frame=frame,
        start_s=float(one.time_s[place]),
        detections=max(whole.detections - before, 1),
    )
    rows = np.arange(len(one))
    pieces = one.select(rows[:place]), one.select(rows[place:])
    return (
        replace(pieces[0], tracklet=_with_views(first, whole.view_frame < frame)),
        replace(pieces[1], tracklet=_with_views(second, whole.view_frame >= frame)),
    )


def _with_views(tracklet: Tracklet, is_kept: NDArray[np.bool_]) -> Tracklet:
    arrays: dict[str, Any] = {name: getattr(tracklet, name)[is_kept] for name in VIEW_ARRAYS}
    return replace(tracklet, **arrays)
