"""What every annotation format comes down to: boxes with a frame and an id."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mdpr.errors import FormatError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PEDESTRIAN = 1
CROWD = 13
NO_CLASS = -1
MOT_CLASSES: dict[str, int] = {
    "pedestrian": PEDESTRIAN, "person_on_vehicle": 2, "car": 3, "bicycle": 4, "motorbike": 5, "non_mot_vehicle": 6,
    "static_person": 7, "distractor": 8, "occluder": 9, "occluder_on_ground": 10, "occluder_full": 11,
    "reflection": 12, "crowd": CROWD,
}  # fmt: skip
"""MOTChallenge's classes. Reference: Milan et al., "MOT16", arXiv 1603.00831, table 2; TrackEval for the names."""


@dataclass(frozen=True, eq=False)
class TrackBoxes:
    """Boxes of one sequence or camera, in order of frames; `len()` is their number and may be 0.

    Boxes stay as the file has them, left, top, width and height in float64: scores then agree to the last bit with
    tools that read the same file, and writing gives the file back. `corners` makes `xyxy` pixels from 0 of them.

    Attributes:
        frame: (N,) index from 0, never falling.
        track_id: (N,) from 0; an id has at most one box a frame.
        ltwh: (N, 4) left, top, width >= 0, height >= 0 in pixels.
        score: (N,) confidence; in ground truth 0 marks a box that is not considered.
        class_id: (N,) number of `MOT_CLASSES`, NO_CLASS where the file does not say.
        visibility: (N,) visible part in [0, 1]; 1 where the file does not say.
        world: (N, 2) position on the ground in metres, NaN where the file does not say.
        first_pixel: coordinate of the first pixel in `ltwh`: 1 in MOTChallenge text, 0 elsewhere.

    Raises:
        FormatError: shapes that do not fit together, values out of range, two boxes of an id in a frame.
    """

    frame: Integers
    track_id: Integers
    ltwh: Floats
    score: Floats
    class_id: Integers
    visibility: Floats
    world: Floats
    first_pixel: int = field(default=0)

    @classmethod
    def of(
        cls,
        frame: ArrayLike,
        track_id: ArrayLike,
        ltwh: ArrayLike,
        *,
        score: ArrayLike = 1.0,
        class_id: ArrayLike = NO_CLASS,
        visibility: ArrayLike = 1.0,
        world: ArrayLike = np.nan,
        first_pixel: int = 0,
    ) -> TrackBoxes:
        """Boxes in any order, which is kept within a frame; single values hold for all.

        >>> boxes = TrackBoxes.of([1, 0], [7, 7], [[5, 5, 10, 20], [4, 5, 10, 20]])
        >>> boxes.frame.tolist(), boxes.ltwh[0].tolist()
        ([0, 1], [4.0, 5.0, 10.0, 20.0])
        """
        frames = np.asarray(frame, np.int64)
        count = len(frames)
        order = np.argsort(frames, kind="stable")

        def column(values: ArrayLike, dtype: Any, *width: int) -> NDArray[Any]:
            return np.broadcast_to(np.asarray(values, dtype), (count, *width))[order]

        return cls(
            frames[order], column(track_id, np.int64), np.asarray(ltwh, np.float64).reshape(-1, 4)[order],
            column(score, np.float64), column(class_id, np.int64), column(visibility, np.float64),
            column(world, np.float64, 2), first_pixel,
        )  # fmt: skip

    @classmethod
    def empty(cls, first_pixel: int = 0) -> TrackBoxes:
        """No boxes."""
        return cls.of([], [], [], first_pixel=first_pixel)

    def __post_init__(self) -> None:
        count = len(self.frame)
        shapes = {
            "track_id": (count,), "ltwh": (count, 4), "score": (count,), "class_id": (count,), "visibility": (count,),
            "world": (count, 2),
        }  # fmt: skip
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise FormatError(f"TrackBoxes.{name}: expected shape {shape}, got {getattr(self, name).shape}")
        if np.any(np.diff(self.frame) < 0):
            raise FormatError("TrackBoxes.frame: expected rising frames; TrackBoxes.of sorts them")
        for name in ("frame", "track_id"):
            if np.any(getattr(self, name) < 0):
                raise FormatError(f"TrackBoxes.{name}: expected 0 or more, got {getattr(self, name).min()}")
        if not np.isfinite(self.ltwh).all() or np.any(self.ltwh[:, 2:] < 0):
            row = int(np.argmax(~np.isfinite(self.ltwh).all(axis=1) | (self.ltwh[:, 2:] < 0).any(axis=1)))
            raise FormatError(
                f"box of id {self.track_id[row]}: expected finite numbers with width and height of at least 0, "
                f"got left, top, width, height {self.ltwh[row].tolist()}"
            )
        twice = duplicated_rows(self.frame, self.track_id)
        if len(twice):
            frame, track_id = self.frame[twice[0]], self.track_id[twice[0]]
            raise FormatError(f"id {track_id} has more than one box in frame {frame} (counted from 0)")

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def corners(self) -> Floats:
        """(N, 4) `xyxy` pixels from 0."""
        return np.concatenate([self.ltwh[:, :2], self.ltwh[:, :2] + self.ltwh[:, 2:]], axis=1) - self.first_pixel

    def select(self, rows: NDArray[Any]) -> TrackBoxes:
        """The rows of a boolean mask or of rising positions."""
        return replace(
            self,
            **{
                name: getattr(self, name)[rows]
                for name in ("frame", "track_id", "ltwh", "score", "class_id", "visibility", "world")
            },
        )

    def with_ids(self, track_id: Integers) -> TrackBoxes:
        """The same boxes with other ids."""
        return replace(self, track_id=np.asarray(track_id, np.int64))


@dataclass(frozen=True, eq=False)
class Recording:
    """The people of one sequence or camera.

    Attributes:
        name: of the sequence or camera.
        boxes: its people.
        where: file that they come from, for messages.
        frames: length of the sequence; None where nothing says it.
        fps: frames a second; None where nothing says it.
        size: (width, height) in pixels; (0, 0) where nothing says it.
    """

    name: str
    boxes: TrackBoxes
    where: str = ""
    frames: int | None = None
    fps: float | None = None
    size: tuple[int, int] = (0, 0)


def duplicated_rows(frame: Integers, track_id: Integers) -> NDArray[np.intp]:
    """Rows whose frame and id an earlier row has too.

    >>> duplicated_rows(np.array([0, 0, 0, 1]), np.array([5, 6, 5, 5])).tolist()
    [2]
    """
    order = np.lexsort((track_id, frame))  # stable
    is_same = (np.diff(frame[order]) == 0) & (np.diff(track_id[order]) == 0)
    return np.sort(order[1:][is_same])


def hidden_again(frame: Integers, track_id: Integers, identity: Integers, confidence: Floats) -> NDArray[np.intp]:
    """Rows of confidence 0 whose identity has a row in the same frame, too, that comes from another track.

    mdpr-track shows who is hidden for a while, with confidence 0. When they are found again meanwhile, as a new track,
    and linking knows that it is they, they are where they are seen. Where several are hidden, the first row stays.

    >>> hidden_again(np.zeros(3, int), np.array([4, 5, 6]), np.array([1, 1, 2]), np.array([0, 0.8, 0])).tolist()
    [0]
    """
    is_hidden = confidence == 0
    order = np.lexsort((is_hidden, identity, frame))  # who is seen comes first
    is_again = (np.diff(frame[order]) == 0) & (np.diff(identity[order]) == 0)
    firsts = np.maximum.accumulate(np.where(np.concatenate([[True], ~is_again]), np.arange(len(order)), 0))
    is_other = track_id[order] != track_id[order[firsts]]
    return np.sort(order[is_other & is_hidden[order]])


def by_name(recordings: Iterable[Recording]) -> dict[str, Recording]:
    """Recordings by their names, in order of the names.

    Raises:
        FormatError: a name occurs twice.
    """
    found: dict[str, Recording] = {}
    for one in recordings:
        if one.name in found:
            raise FormatError(f"{one.name} is in both {found[one.name].where} and {one.where}; keep one of them")
        found[one.name] = one
    return dict(sorted(found.items()))
