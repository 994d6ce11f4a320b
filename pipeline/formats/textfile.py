"""Text files of numbers: read whole, with errors that name file and line."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.pipeline.formats.trackboxes import duplicated_rows

_LAST_FRAME = 10**9
_HIGHEST_ID = 2**53  # beyond, float64 merges neighbours


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        FormatError: cannot be read, or is no UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from error


def first_line(path: Path) -> str:
    """The first line that is not blank; empty where there is none.

    Raises:
        FormatError: cannot be read, or is no UTF-8.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            return next((line for line in file if line and not line.isspace()), "")
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: cannot be read as text: {error}") from error


def quick_table(text: str) -> NDArray[np.float64] | None:
    """(lines, columns) numbers of comma-separated text; None where it is not that regular.

    >>> quick_table("1,2\\n3,4.5\\n").tolist()
    [[1.0, 2.0], [3.0, 4.5]]
    >>> quick_table("1,2\\n3\\n") is None
    True
    """
    try:
        table = np.loadtxt(io.StringIO(text), delimiter=",", comments=None, ndmin=2, dtype=np.float64)
    except ValueError:
        return None
    return table if np.isfinite(table).all() else None


def numbered_lines(text: str) -> list[tuple[int, str]]:
    """Lines that are not blank, with their numbers from 1."""
    return [(number, line) for number, line in enumerate(text.splitlines(), 1) if line and not line.isspace()]


def check_counting(
    frame: NDArray[np.float64], track_id: NDArray[np.float64], first_frame: int, where: Callable[[int], str]
) -> None:
    """Frames and ids are whole numbers in range, and an id has one box a frame.

    Args:
        frame, track_id: (N,) columns of the file.
        first_frame: lowest frame number of the format.
        where: file and line of a row, for the message.

    Raises:
        FormatError: names the first line that does not fit.
    """
    bad_frame = (frame < first_frame) | (frame != np.floor(frame)) | (frame > _LAST_FRAME)
    if bad_frame.any():
        row = int(np.argmax(bad_frame))
        raise FormatError(
            f"{where(row)}: expected a frame number from {first_frame} to {_LAST_FRAME}, got {frame[row]:.10g}"
        )
    bad_id = (track_id < 0) | (track_id != np.floor(track_id)) | (track_id > _HIGHEST_ID)
    if bad_id.any():
        row = int(np.argmax(bad_id))
        advice = "; id -1 is what detections have, and tracks are needed here" if track_id[row] == -1 else ""
        raise FormatError(f"{where(row)}: expected a whole id from 0 to 2^53, got {track_id[row]:g}{advice}")
    twice = duplicated_rows(frame.astype(np.int64), track_id.astype(np.int64))
    if len(twice):
        row = int(twice[0])
        raise FormatError(
            f"{where(row)}: id {track_id[row]:g} already has a box in frame {frame[row]:g}; an id may have one box a "
            f"frame (lines like this: {len(twice)})"
        )


def check_boxes(ltwh: NDArray[np.float64], where: Callable[[int], str]) -> None:
    """Widths and heights are 0 or more.

    Raises:
        FormatError: names the first line that does not fit.
    """
    bad = (ltwh[:, 2:] < 0).any(axis=1)
    if bad.any():
        row = int(np.argmax(bad))
        width, height = ltwh[row, 2:]
        raise FormatError(f"{where(row)}: expected width and height of at least 0, got {width:g} and {height:g}")
