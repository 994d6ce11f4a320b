"""What a ReID data set is made of: a struct of arrays for each split."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError

UNKNOWN = -1
"""Camera or sequence that the data does not tell."""

JUNK_PID = -1
"""Identity of pictures that are neither right nor wrong answers: they are left out of every ranking."""

DISTRACTOR_PID = 0
"""Identity of pictures that show nobody who is asked for: they stay in the gallery as wrong answers."""


@dataclass(frozen=True, eq=False)
class ReidImages:
    """Labelled person crops; N may be 0.

    Attributes:
        paths: N image files. Several crops may come from one file.
        pids: (N,) int64 identity; `JUNK_PID` and `DISTRACTOR_PID` in galleries only.
        camids: (N,) int64 camera, `UNKNOWN` where it is not known.
        boxes: (N, 4) float32 `xyxy` pixels within the image; a row of NaN means the whole image.
        sequences: (N,) int64 recording within the camera, `UNKNOWN` where there is none.
    """

    paths: tuple[str, ...]
    pids: NDArray[np.int64]
    camids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    sequences: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.paths)
        shapes = {"pids": (count,), "camids": (count,), "boxes": (count, 4), "sequences": (count,)}
        for name, shape in shapes.items():
            array = getattr(self, name)
            if array.shape != shape:
                raise FormatError(f"ReidImages: {name} has shape {array.shape}, expected {shape}")
            array.flags.writeable = False

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def identities(self) -> int:
        """Number of people, junk and distractors not counted."""
        return len(np.unique(self.pids[self.pids > 0])) if len(self) else 0

    @property
    def cameras(self) -> int:
        """Number of known cameras."""
        return len(np.unique(self.camids[self.camids != UNKNOWN]))

    @classmethod
    def of(
        cls,
        paths: list[str] | tuple[str, ...],
        pids: list[int] | NDArray[np.int64],
        camids: list[int] | NDArray[np.int64] | None = None,
        boxes: NDArray[np.float32] | None = None,
        sequences: list[int] | NDArray[np.int64] | None = None,
    ) -> ReidImages:
        """Images with the unknown filled in.

        >>> len(ReidImages.of(["a.jpg", "b.jpg"], [1, 2]))
        2
        """
        count = len(paths)
        unknown = np.full(count, UNKNOWN, np.int64)
        return cls(
            tuple(paths),
            np.asarray(pids, np.int64).reshape(-1).copy(),
            unknown.copy() if camids is None else np.asarray(camids, np.int64).reshape(-1).copy(),
            np.full((count, 4), np.nan, np.float32) if boxes is None else np.asarray(boxes, np.float32).copy(),
            unknown.copy() if sequences is None else np.asarray(sequences, np.int64).reshape(-1).copy(),
        )


@dataclass(frozen=True, eq=False)
class ReidDataset:
    """A data set with its splits; a split that it does not have is empty.

    Attributes:
        name: for messages, logs and checkpoints.
        train, query, gallery: the splits. Identities of query and gallery share their numbers.
        licence: one line that goes into checkpoints trained on it; empty = unknown.
        notes: what a user should know, a line each: counts that differ from the published ones, files left out.
    """

    name: str
    train: ReidImages
    query: ReidImages
    gallery: ReidImages
    licence: str = ""
    notes: tuple[str, ...] = field(default=())
