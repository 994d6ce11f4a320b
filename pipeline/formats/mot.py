"""MOTChallenge text: `frame,id,left,top,width,height,score[,class[,visibility]]`, or ten columns as results have.

Frames and pixels count from 1. In ground truth the score is a flag: 0 marks a box that is not considered. Ten columns
end in world coordinates instead of class and visibility.

Reference: Milan et al., "MOT16: A Benchmark for Multi-Object Tracking", arXiv 1603.00831, section 4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mdpr.errors import FormatError
from mdpr.files import write_text
from mdpr.mottext import mot_values
from mdpr.pipeline.formats.textfile import check_boxes, check_counting, numbered_lines, quick_table, read_text
from mdpr.pipeline.formats.trackboxes import NO_CLASS, PEDESTRIAN, Floats, TrackBoxes

_NAMES = "frame,id,left,top,width,height,score,..."
_COLUMNS = range(7, 11)
_WORLD_COLUMNS = 10


def read_mot(path: Path) -> TrackBoxes:
    """The boxes of a gt.txt or of results; an empty file has none.

    Raises:
        FormatError: unreadable, or a line that does not fit; names file and line.
    """
    text = read_text(path)
    if not text or text.isspace():
        return TrackBoxes.empty(first_pixel=1)
    table = quick_table(text)
    if table is None or table.shape[1] not in _COLUMNS:
        table = _slow_table(path, text)
    columns = table.shape[1]

    def where(row: int) -> str:
        return f"{path}:{numbered_lines(text)[row][0]}"

    check_counting(table[:, 0], table[:, 1], 1, where)
    check_boxes(table[:, 2:6], where)
    has_class = columns in (8, 9)
    visibility = table[:, 8] if columns == 9 else np.ones(len(table))
    return TrackBoxes.of(
        table[:, 0] - 1,
        table[:, 1],
        table[:, 2:6],
        score=table[:, 6],
        class_id=_classes(path, table[:, 7]) if has_class else NO_CLASS,
        visibility=np.where(visibility < 0, 1.0, visibility),  # -1 is how files say that they do not say
        first_pixel=1,
    )


def write_mot(path: Path, boxes: TrackBoxes, is_truth: bool = False) -> None:
    """Write boxes: results in ten columns, ground truth in nine.

    Raises:
        OutputError: cannot be written.
    """
    ltwh = boxes.ltwh.copy()
    ltwh[:, :2] += 1 - boxes.first_pixel
    lines = []
    for row, (left, top, width, height) in enumerate(ltwh.tolist()):
        start = f"{boxes.frame[row] + 1},{boxes.track_id[row]},{left:.10g},{top:.10g},{width:.10g},{height:.10g}"
        if is_truth:
            class_id = PEDESTRIAN if boxes.class_id[row] == NO_CLASS else boxes.class_id[row]
            lines.append(f"{start},{int(boxes.score[row] != 0)},{class_id},{boxes.visibility[row]:.6g}\n")
        else:
            lines.append(f"{start},{boxes.score[row]:.6g},-1,-1,-1\n")
    write_text(path, "".join(lines))


def _slow_table(path: Path, text: str) -> Floats:
    """Line by line: what is wrong is named; lines of different length are fine as long as they mean the same."""
    lines = numbered_lines(text)
    rows = [mot_values(line, f"{path}:{number}", _NAMES) for number, line in lines]
    widths = sorted({len(row) for row in rows})
    if len(widths) > 1 and widths[-1] == _WORLD_COLUMNS:
        raise FormatError(
            f"{path}: some lines have {widths[0]} columns and others {_WORLD_COLUMNS}, where the eighth means "
            "something else; write all lines in the same form"
        )
    unknown = [float(NO_CLASS), -1.0]
    return np.array([row + unknown[len(row) - 7 :][: widths[-1] - len(row)] for row in rows], np.float64)


def _classes(path: Path, values: Floats) -> Floats:
    if np.any(values != np.floor(values)):
        raise FormatError(
            f"{path}: expected whole class numbers in column 8, got {values[values != np.floor(values)][0]:g}"
        )
    return np.where(values < 0, NO_CLASS, values)
