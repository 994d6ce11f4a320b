"""The open tracks of one camera as a struct of arrays: row i of every array is one track, in order of birth."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mdpr.boxes import xywh_to_xyxy
from mdpr.types import Detections, Frame

TENTATIVE, SEEN, LOST = 0, 1, 2
"""States of an open track: not yet believed; matched in the last frame; believed, but not matched in the last frame."""


@dataclass(eq=False)
class TrackTable:
    """Arrays of T rows. Rows are added by `append` and removed by `keep`; values change in place.

    Attributes:
        track_id: 0 until the track is confirmed.
        state: `TENTATIVE`, `SEEN` or `LOST`.
        class_id: class of the first detection.
        slot: where `AppearanceBank` keeps the track's appearance.
        mean, covariance: motion, (T, 4, 2) and (T, 4, 3), see `motion`.
        start_s, start_frame, last_s, last_frame: first and last detection.
        detections, confidence_sum: over all detections of the track.
    """

    track_id: NDArray[np.int64]
    state: NDArray[np.int8]
    class_id: NDArray[np.int32]
    slot: NDArray[np.intp]
    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    start_s: NDArray[np.float64]
    start_frame: NDArray[np.int64]
    last_s: NDArray[np.float64]
    last_frame: NDArray[np.int64]
    detections: NDArray[np.int64]
    confidence_sum: NDArray[np.float64]

    @classmethod
    def of_births(
        cls,
        detections: Detections,
        columns: NDArray[np.intp],
        frame: Frame,
        slot: NDArray[np.intp],
        motion: tuple[NDArray[np.float64], NDArray[np.float64]],
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
            mean=motion[0],
            covariance=motion[1],
            start_s=time_s,
            start_frame=index,
            last_s=time_s.copy(),
            last_frame=index.copy(),
            detections=np.ones(count, dtype=np.int64),
            confidence_sum=detections.confidence[columns].astype(np.float64),
        )

    @classmethod
    def empty(cls) -> Self:
        """No tracks."""
        none = np.empty(0, dtype=np.intp)
        motion = np.empty((0, 4, 2)), np.empty((0, 4, 3))
        return cls.of_births(Detections.empty(), none, Frame("", 0, 0.0), none, motion)

    def __len__(self) -> int:
        return len(self.state)

    def arrays(self) -> list[NDArray[Any]]:
        """All columns, in the order of the fields."""
        return [getattr(self, field.name) for field in fields(self)]

    def append(self, other: Self) -> Self:
        """A table with the rows of `other` after these."""
        pairs = zip(self.arrays(), other.arrays(), strict=True)
        return type(self)(*(np.concatenate(pair) for pair in pairs))

    def select(self, is_kept: NDArray[np.bool_]) -> Self:
        """A table of the rows where the (T,) mask is true."""
        return type(self)(*(array[is_kept] for array in self.arrays()))

    def boxes(self) -> NDArray[np.float32]:
        """(T, 4) `xyxy` of the motion state."""
        return xywh_to_xyxy(self.mean[:, :, 0]).astype(np.float32)
