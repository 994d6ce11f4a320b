"""Lines of MOTChallenge text, the format of detections, ground truth and results."""

from __future__ import annotations

import math

from mdpr.errors import FormatError


def mot_values(line: str, where: str, names: str) -> list[float]:
    """The 7 to 10 numbers of a line.

    Args:
        line: numbers separated by commas.
        where: file and line, for messages.
        names: what the columns are, for messages.

    Raises:
        FormatError: another number of columns, or a value that is no finite number.

    >>> mot_values("1,2,10,20,30.5,40,0.9", "det.txt:1", "frame,id,x,y,width,height,score")
    [1.0, 2.0, 10.0, 20.0, 30.5, 40.0, 0.9]
    """
    columns = line.split(",")
    if not 7 <= len(columns) <= 10:
        raise FormatError(
            f"{where}: expected 7 to 10 columns separated by commas ({names}), got {len(columns)}: {line.strip()!r}"
        )
    try:
        values = [float(column) for column in columns]
    except ValueError as error:
        raise FormatError(f"{where}: not a number: {error}") from error
    if not all(map(math.isfinite, values)):
        raise FormatError(f"{where}: a value is not finite: {line.strip()!r}")
    return values
