"""All steps of refining the tracks of one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.trackers.refine.config import RefineConfig
from mdpr.trackers.refine.connecting import connect
from mdpr.trackers.refine.smoothing import fill, smooth
from mdpr.trackers.refine.splitting import split
from mdpr.trackers.refine.trajectory import Trajectory


@dataclass(frozen=True, eq=False)
class Refined:
    """The tracks of one camera after refining.

    Attributes:
        trajectories: in order of id.
        split: pairs of ids of the pieces of tracks that held two people; the first is the id that the track had.
        connected: pairs of ids that follow each other in one track now; its id is the smallest of them.
        filled: boxes that were put into gaps.
    """

    trajectories: list[Trajectory]
    split: list[tuple[int, int]]
    connected: list[tuple[int, int]]
    filled: int


def refine(trajectories: Sequence[Trajectory], config: RefineConfig | None = None) -> Refined:
    """Split, connect, fill and smooth; the result does not depend on the order of the trajectories.

    Ids stay, except that the second piece of a track that was split gets a new one, and that connected tracks have the
    smallest id of theirs.

    Args:
        trajectories: all tracks of one camera; none gives none.
        config: options; the defaults when None.

    Raises:
        FormatError: tracks of two cameras, or two with one id.
    """
    config = config or RefineConfig()
    rows = sorted(trajectories, key=lambda one: one.track_id)
    _check(rows)
    frames, times_s = frames_of(rows)
    pieces: list[tuple[int, int]] = []
    connected: list[tuple[int, int]] = []
    if config.split and rows:
        rows, pieces = split(rows, rows[-1].track_id + 1)
    if config.connect or pieces:
        rows, connected = connect(rows, pieces, config)
    kept = {pair for pair in pieces if pair not in connected}
    connected = [pair for pair in connected if pair not in pieces]
    boxes = sum(len(one) for one in rows)
    rows = [fill(one, frames, times_s, config.max_fill_s) for one in rows]
    filled = sum(len(one) for one in rows) - boxes
    if config.smooth:
        rows = [smooth(one, config.max_fill_s) for one in rows]
    return Refined(rows, sorted(kept), connected, filled)


def frames_of(trajectories: Sequence[Trajectory]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The frames that the camera gave, as far as boxes tell, and their times.

    Frames in which nobody was seen are known by their distance: with every third frame read, every third one exists.
    """
    if not trajectories:
        return np.empty(0, np.int64), np.empty(0)
    frame, place = np.unique(np.concatenate([one.frame for one in trajectories]), return_index=True)
    time_s = np.concatenate([one.time_s for one in trajectories])[place]
    step = int(np.gcd.reduce(np.diff(frame))) if len(frame) > 1 else 1
    frames = np.arange(frame[0], frame[-1] + 1, max(step, 1))
    return frames, np.interp(frames, frame, time_s)


def _check(rows: Sequence[Trajectory]) -> None:
    cameras = sorted({one.tracklet.camera for one in rows})
    if len(cameras) > 1:
        raise FormatError(f"refining takes the tracks of one camera, got {', '.join(cameras)}")
    for one, two in pairwise(rows):
        if one.track_id == two.track_id:
            raise FormatError(f"track {one.track_id} of {one.tracklet.camera!r} is given twice")
