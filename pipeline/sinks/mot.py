"""Tracks as MOTChallenge text: the format that every evaluation reads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from mdpr.files import finish, part_path, write_errors
from mdpr.pipeline.sinks.renaming import Renames
from mdpr.types import Frame, Tracklet, Tracks

_FLUSH_S = 1.0  # how much a kill can cost


class MotSink:
    """One line a box: frame (from 1), id, left, top, width, height, confidence, -1, -1, -1; left and top are 1-based.

    Reference: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", arXiv 1603.00831, section 4.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._renames = Renames()
        with write_errors(path):
            self._file = open(part_path(path), "w", encoding="ascii", newline="\n")  # noqa: SIM115  closed in __exit__
        self._next_flush_s = time.monotonic() + _FLUSH_S

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Append the boxes of one frame."""
        self._renames.add(tracks.renamed)
        lines = [
            f"{frame.index + 1},{track_id},{x1 + 1:.2f},{y1 + 1:.2f},{x2 - x1:.2f},{y2 - y1:.2f},"
            f"{confidence:.4f},-1,-1,-1\n"
            for track_id, (x1, y1, x2, y2), confidence in zip(
                tracks.track_id.tolist(), tracks.xyxy.tolist(), tracks.confidence.tolist(), strict=True
            )
        ]
        with write_errors(self._path):
            self._file.write("".join(lines))
            if time.monotonic() >= self._next_flush_s:
                self._file.flush()
                self._next_flush_s = time.monotonic() + _FLUSH_S

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Nothing: tracklets are not part of this format."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with write_errors(self._path):
            self._file.close()
        if kind is None:
            self._renames.rewrite(self._path, self._copy)
            finish(self._path)

    def _copy(self, source: Path, target: Path) -> None:
        """The same lines with the ids that hold at the end."""
        with open(source, encoding="ascii") as old, open(target, "w", encoding="ascii", newline="\n") as new:
            for line in old:
                frame, track_id, rest = line.split(",", 2)
                new.write(f"{frame},{self._renames.right(int(track_id))},{rest}")
