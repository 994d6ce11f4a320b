"""The open tracks of one camera as a struct of arrays: place i of every array is one track, in order of birth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.geometry import corners
from mdpr.trackers.motion import POSITION
from mdpr.types import Detections, Frame

TENTATIVE, SEEN, LOST = (np.array(state, np.int8) for state in range(3))
"""States of an open track: not yet believed; matched in the last frame; believed, but not matched in the last frame.
Arrays, because to compare ten tracks with a Python number costs numpy twice as much."""


@dataclass(eq=False)
class TrackTable:
    """Arrays of T tracks. Tracks are added by `append` and removed by `select`; values change in place.

    Attributes:
        track_id: 0 until the track is confirmed.
        state: `TENTATIVE`, `SEEN` or `LOST`.
        class_id: class of the first detection.
        slot: where `AppearanceBank` keeps the track's appearance.
        motion: (5, 4, T), see `motion`; the only array with tracks on its last and not on its only axis.
        start_s, start_frame, last_s, last_frame: first and last detection.
        asked: how many views the track had when it was last compared with those who left, see `returning`.
        exposed_s: seconds since the last detection in which nobody hid the track.
        detections, confidence_sum: over all detections of the track.
        clear_detections: how many of them nobody nearer hid, counted as far as `hidden.LEAST_CLEAR`.
    """

    track_id: NDArray[np.int64]
    state: NDArray[np.int8]
    class_id: NDArray[np.int32]
    slot: NDArray[np.intp]
    motion: NDArray[np.float64]
    start_s: NDArray[np.float64]
    start_frame: NDArray[np.int64]
    last_s: NDArray[np.float64]
    last_frame: NDArray[np.int64]
    detections: NDArray[np.int64]
    confidence_sum: NDArray[np.float64]
    exposed_s: NDArray[np.float64]
    asked: NDArray[np.intp]
    clear_detections: NDArray[np.int64]

    @classmethod
    def of_births(
        cls,
        detections: Detections,
        columns: NDArray[np.intp],
        frame: Frame,
        slot: NDArray[np.intp],
        motion: NDArray[np.float64],
    ) -> Self:
        """Tentative tracks that begin with the detections in `columns`, with the given slots and motion states."""
        count = len(columns)
        index = np.full(count, frame.index, dtype=np.int64)
        time_s = np.full(count, frame.time_s)
        return cls(
            track_id=np.zeros(count, dtype=np.int64),
            state=np.full(count, TENTATIVE, dtype=np.int8),
            class_id=detections.class_id[columns],
            slot=slot,
            motion=motion,
            start_s=time_s,
            start_frame=index,
            last_s=time_s.copy(),
            last_frame=index.copy(),
            detections=np.ones(count, dtype=np.int64),
            confidence_sum=detections.confidence[columns].astype(np.float64),
            exposed_s=np.zeros(count),
            asked=np.zeros(count, dtype=np.intp),
            clear_detections=np.zeros(count, dtype=np.int64),
        )

    @classmethod
    def empty(cls) -> Self:
        """No tracks."""
        none = np.empty(0, dtype=np.intp)
        return cls.of_births(Detections.empty(), none, Frame("", 0, 0.0), none, np.empty((5, 4, 0)))

    def __len__(self) -> int:
        return len(self.state)

    def append(self, other: Self) -> Self:
        """A table with the tracks of `other` after these."""
        columns = ((getattr(self, name), getattr(other, name)) for name in _COLUMNS)
        return type(self)(*(np.concatenate(pair, axis=-1) for pair in columns))

    def select(self, is_kept: NDArray[np.bool_]) -> Self:
        """A table of the tracks where the (T,) mask is true."""
        rows = is_kept.nonzero()[0]
        return type(self)(*(getattr(self, name).take(rows, axis=-1) for name in _COLUMNS))

    def unseen_s(self, rows: NDArray[np.intp], frame: Frame) -> NDArray[np.float64]:
        """(R,) seconds from the last detection of the tracks in `rows` to the frame."""
        seconds: NDArray[np.float64] = frame.time_s - self.last_s[rows]
        return seconds

    def boxes(self) -> NDArray[np.float32]:
        """(4, T) `xyxy` of the motion state."""
        return corners(self.motion[POSITION])


_COLUMNS = tuple(field.name for field in fields(TrackTable))
