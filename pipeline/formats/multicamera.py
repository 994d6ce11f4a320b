"""The multi-camera text of the AI City Challenge: `camera id frame left top width height world_x world_y`.

Columns are separated by blanks. A camera is a number or any name without blanks; an id is the same person in every
camera; frames and pixels count from 0; the world position is in metres, `-1 -1` where it is unknown.

Reference: AI City Challenge 2024, track 1, "Data and Evaluation", submission format.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mdpr.errors import FormatError
from mdpr.files import write_text
from mdpr.pipeline.formats.textfile import check_boxes, check_counting, numbered_lines, read_text
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes, by_name

COLUMNS = 9
_UNKNOWN = -1.0


def read_multicamera(path: Path) -> dict[str, Recording]:
    """The boxes of each camera, by its name; an empty file has no cameras.

    Raises:
        FormatError: unreadable, or a line that does not fit; names file and line.
    """
    lines: dict[str, list[tuple[int, list[float]]]] = {}
    for number, line in numbered_lines(read_text(path)):
        camera, values = _parse(line, f"{path}:{number}")
        lines.setdefault(camera, []).append((number, values))
    return by_name(_recording(path, camera, rows) for camera, rows in lines.items())


def write_multicamera(path: Path, cameras: Mapping[str, TrackBoxes]) -> None:
    """Write the boxes of all cameras; ids must already be the same person in every camera.

    Raises:
        FormatError: a camera's name is empty or has blanks.
        OutputError: cannot be written.
    """
    lines = []
    for camera, boxes in cameras.items():
        if camera.split() != [camera]:
            raise FormatError(f"camera {camera!r}: multi-camera text needs a name without blanks")
        ltwh = boxes.ltwh.copy()
        ltwh[:, :2] -= boxes.first_pixel
        world = np.where(np.isfinite(boxes.world).all(axis=1, keepdims=True), boxes.world, _UNKNOWN)
        for row, numbers in enumerate(np.concatenate([ltwh, world], axis=1).tolist()):
            text = " ".join(f"{number:.10g}" for number in numbers)
            lines.append(f"{camera} {boxes.track_id[row]} {boxes.frame[row]} {text}\n")
    write_text(path, "".join(lines))


def _parse(line: str, where: str) -> tuple[str, list[float]]:
    columns = line.split()
    if len(columns) != COLUMNS:
        raise FormatError(
            f"{where}: expected {COLUMNS} columns separated by blanks (camera id frame left top width height world_x "
            f"world_y), got {len(columns)}: {line.strip()!r}"
        )
    try:
        values = [float(column) for column in columns[1:]]
    except ValueError as error:
        raise FormatError(f"{where}: not a number: {error}") from error
    if not all(map(math.isfinite, values)):
        raise FormatError(f"{where}: a value is not finite: {line.strip()!r}")
    return columns[0], values


def _recording(path: Path, camera: str, rows: list[tuple[int, list[float]]]) -> Recording:
    table = np.array([values for _, values in rows], np.float64)

    def where(row: int) -> str:
        return f"{path}:{rows[row][0]}"

    check_counting(table[:, 1], table[:, 0], 0, where)
    check_boxes(table[:, 2:6], where)
    world = table[:, 6:8]
    is_unknown = (world == _UNKNOWN).all(axis=1, keepdims=True)
    boxes = TrackBoxes.of(table[:, 1], table[:, 0], table[:, 2:6], world=np.where(is_unknown, np.nan, world))
    return Recording(camera, boxes, f"{path} (camera {camera})")
