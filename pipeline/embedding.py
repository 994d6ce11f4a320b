"""Which people of which frames are embedded: all, or only where an embedding decides something."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.contracts import Embedder, Tracker
from mdpr.errors import ConfigError
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Detections, Frame

AUTO = "auto"


@dataclass(frozen=True)
class EmbeddingConfig:
    """How often people are embedded.

    Attributes:
        every: 0 = everybody in every frame; "auto" = only where it decides something: who is new, lost, or in a crowd,
            and everybody else every so often (`tracker.embedding_interval_s`); a number above 0 = the same with that
            many seconds.
    """

    every: float | str = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.every, str):
            if self.every != AUTO:
                raise ConfigError(f"embedding.every: expected auto or a number of seconds, got {self.every!r}")
        elif not 0 <= self.every < math.inf:
            raise ConfigError(f"embedding.every: expected auto or seconds from 0, got {self.every}")

    @property
    def is_sparse(self) -> bool:
        """Whether people are left out."""
        return self.every != 0


def every_of(text: str) -> float | str:
    """What `--reid-every` says: auto, or seconds.

    Raises:
        ValueError: neither.

    >>> every_of("auto"), every_of("0.5")
    ('auto', 0.5)
    """
    return AUTO if text == AUTO else float(text)


@dataclass
class EmbeddingCount:
    """How many embeddings there were.

    Attributes:
        made: embeddings.
        saved: people that were sure enough to be embedded, and were left out.
    """

    made: int = 0
    saved: int = 0

    @property
    def saved_share(self) -> float:
        """Part that was left out, in [0, 1]."""
        return self.saved / max(self.made + self.saved, 1)

    def values(self) -> dict[str, float]:
        """As run.json has it."""
        return {"made": self.made, "saved": self.saved, "saved_share": round(self.saved_share, 4)}


class Embedding:
    """Embeds the people of frames, all of them in one call.

    Args:
        embedder: what embeds; with dimension 0 nothing is embedded.
        trackers: by camera.
        is_sparse: only those that `Tracker.embedding_needed` asks for.
        times: where the stage times go.

    Raises:
        ConfigError: `is_sparse`, and a tracker that cannot say what it needs.
    """

    def __init__(self, embedder: Embedder, trackers: Mapping[str, Tracker], is_sparse: bool, times: StageTimes) -> None:
        self._embedder = embedder
        self._trackers = trackers
        self._times = times
        self.is_sparse = is_sparse and embedder.dimension > 0
        self.count = EmbeddingCount()
        for camera, tracker in trackers.items():
            if self.is_sparse and not hasattr(tracker, "embedding_needed"):
                raise ConfigError(
                    f"--reid-every: the tracker of {camera}, {type(tracker).__name__}, cannot say which embeddings it "
                    "needs (embedding_needed); use --reid-every 0"
                )

    def embed(self, frames: Sequence[Frame], detections: Sequence[Detections]) -> list[NDArray[np.float32] | None]:
        """For each frame a row for each detection; None when appearance is off.

        Rows are zero where the tracker's `embedding_conf` or the picture leaves nothing to embed, and NaN where a
        sparse embedding left somebody out.

        Args:
            frames: with `is_sparse`, at most one of each camera, the next one of its tracker.
            detections: of each frame.
        """
        if not frames or not self._embedder.dimension:
            return [None] * len(frames)
        confident = [
            found.confidence >= self._trackers[frame.camera].embedding_conf
            for frame, found in zip(frames, detections, strict=True)
        ]
        wanted = confident
        if self.is_sparse:
            wanted = [
                is_confident & self._trackers[frame.camera].embedding_needed(found, frame)
                for frame, found, is_confident in zip(frames, detections, confident, strict=True)
            ]
        made = self._rows(frames, [found.xyxy[one] for found, one in zip(detections, wanted, strict=True)])
        rows: list[NDArray[np.float32] | None] = []
        first = 0
        for is_wanted, is_confident in zip(wanted, confident, strict=True):
            of_frame = np.zeros((len(is_wanted), self._embedder.dimension), np.float32)
            of_frame[is_confident & ~is_wanted] = np.nan
            count = int(is_wanted.sum())
            of_frame[is_wanted] = made[first : first + count]
            rows.append(of_frame)
            first += count
        self.count.made += first
        self.count.saved += sum(int(one.sum()) for one in confident) - first
        return rows

    def _rows(self, frames: Sequence[Frame], boxes: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        if self.is_sparse and not any(map(len, boxes)):  # most frames
            for stage in ("crop", "embed"):
                self._times.add(stage, 0.0, len(frames))
            return np.empty((0, self._embedder.dimension), np.float32)
        start = time.perf_counter()
        rows = self._embedder.embed([frame.image for frame in frames], boxes)
        elapsed = time.perf_counter() - start
        self._times.add("crop", self._embedder.crop_s, len(frames))
        self._times.add("embed", elapsed - self._embedder.crop_s, len(frames))
        return rows
