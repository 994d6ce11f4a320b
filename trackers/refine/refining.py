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
from mdpr.trackers.refine.smoothing import can_fill, fill, smooth
from mdpr.trackers.refine.splitting import split
from mdpr.trackers.refine.trajectory import Trajectory

End = tuple[int, bytes]
"""Frame and box with which a track ends."""


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
    rows, tails = without_guesses(rows, config.max_fill_s)
    pieces: list[tuple[int, int]] = []
    connected: list[tuple[int, int]] = []
    if config.split and rows:
        rows, pieces = split(rows, rows[-1].track_id + 1)
    if config.connect or pieces:
        rows, connected = connect(rows, pieces, config)
    kept = {pair for pair in pieces if pair not in connected}
    connected = [pair for pair in connected if pair not in pieces]
    rows = with_tails(rows, tails)
    boxes = sum(len(one) for one in rows)
    rows = [fill(one, frames, times_s, config.max_fill_s) for one in rows]
    filled = sum(len(one) for one in rows) - boxes
    if config.smooth:
        rows = [smooth(one) for one in rows]
    return Refined(rows, sorted(kept), connected, filled)


def without_guesses(rows: Sequence[Trajectory], max_fill_s: float) -> tuple[list[Trajectory], dict[End, Trajectory]]:
    """Trajectories without what the tracker guessed, and what it guessed after the last detection, by that one's box.

    A tracker may show where somebody hidden is expected. Once it is known where they came out again, straight lines
    say it better; in gaps that will not be filled, and where they were not seen again, the guess is all there is.
    """
    seen: list[Trajectory] = []
    tails: dict[End, Trajectory] = {}
    for one in rows:
        real = np.flatnonzero(~one.is_interpolated)
        if not len(real):
            seen.append(one)
            continue
        before = np.searchsorted(real, np.arange(real[-1] + 1)) - 1  # (real[-1] + 1,) gap that a guess lies in
        is_guess = one.is_interpolated[: real[-1] + 1]
        is_kept = ~is_guess
        is_kept[is_guess] = ~can_fill(one.select(real), max_fill_s)[before[is_guess]]
        kept = one.select(np.flatnonzero(is_kept))
        seen.append(kept)
        if real[-1] + 1 < len(one):
            tails[_end(kept)] = one.select(np.arange(real[-1] + 1, len(one)))
    return seen, tails


def with_tails(rows: Sequence[Trajectory], tails: dict[End, Trajectory]) -> list[Trajectory]:
    """The guesses back at the ends of tracks that still end where they did."""
    return [one if _end(one) not in tails else one.followed_by(tails[_end(one)]) for one in rows]


def _end(one: Trajectory) -> End:
    return int(one.frame[-1]), one.xyxy[-1].tobytes()


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
