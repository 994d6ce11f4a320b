"""When a source began: the wall time of its second 0, as it was given, as the file tells it, or as the clock says.

`started_at` has entries TIME, for all cameras, or CAMERA=TIME; TIME is ISO 8601, in this machine's time zone where it
names none. A file tells its creation time. A live source begins when its first frame comes. What nothing tells begins
with the earliest other file of the run, or with the run: good for the order of runs, not for times between cameras.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from mdpr.contracts import Source
from mdpr.errors import ConfigError

log = logging.getLogger("mdpr")

FLAG, FILE, CLOCK, RUN = "flag", "file", "clock", "run"
_EARLIEST_S = datetime(2000, 1, 1, tzinfo=UTC).timestamp()
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Start:
    """Wall time of second 0 of a source, NaN until a live one has begun, and how it is known."""

    at_s: float
    known_from: str


def parse_time(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 time.

    Raises:
        ConfigError: no such time, or one before 2000.

    >>> parse_time("2026-11-26T08:30:00Z")
    1795681800.0
    """
    try:
        at_s = datetime.fromisoformat(text.strip()).timestamp()  # without a zone: this machine's
    except (ValueError, OverflowError, OSError) as error:
        raise ConfigError(f"started_at: expected a time like 2026-11-26T08:30:00 or ...+01:00, got {text!r}") from error
    if at_s < _EARLIEST_S:
        raise ConfigError(f"started_at: expected a time after 2000, got {text!r}")
    return at_s


def creation_time_s(text: str | None) -> float | None:
    """Seconds since 1970 of a container's creation time; None where it has none, or one that no set clock gives.

    >>> creation_time_s("2017-09-26T16:57:49.000000Z"), creation_time_s("1904-01-01T00:00:00Z"), creation_time_s(None)
    (1506445069.0, None, None)
    """
    try:
        at = datetime.fromisoformat((text or "").strip())
        at_s = (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
    return at_s if _EARLIEST_S <= at_s <= datetime.now(UTC).timestamp() + _DAY_S else None


def given_starts(started_at: Sequence[str], cameras: Sequence[str]) -> dict[str, float]:
    """Wall time of second 0 of each camera that `started_at` tells.

    Raises:
        ConfigError: a time that is none, a camera that is not there or is named twice.

    >>> given_starts(["2026-11-26T08:30:00Z", "b=2026-11-26T08:31:00Z"], ["a", "b"])
    {'a': 1795681800.0, 'b': 1795681860.0}
    """
    found: dict[str, float] = {}
    common: float | None = None
    for entry in started_at:
        camera, is_named, time = entry.rpartition("=")
        if not is_named:
            if common is not None:
                raise ConfigError(f"started_at: {entry}: a time for all cameras was given already")
            common = parse_time(time)
        elif camera not in cameras or camera in found:
            why = "it was given already" if camera in found else f"cameras are: {', '.join(cameras)}"
            raise ConfigError(f"started_at: {entry}: {why}")
        else:
            found[camera] = parse_time(time)
    everywhere = {} if common is None else dict.fromkeys(cameras, common)
    return everywhere | found


def starts_of(
    sources: Sequence[Source], started_at: Sequence[str], cameras: Sequence[str], now_s: float
) -> dict[str, Start]:
    """When each source began.

    Args:
        sources: those of a run that could be opened.
        started_at: what was given.
        cameras: all that the run names.
        now_s: wall time when the run begins.

    Raises:
        ConfigError: see `given_starts`.
    """
    given = given_starts(started_at, cameras)
    starts: dict[str, Start] = {}
    for source in sources:
        if source.camera in given:
            starts[source.camera] = Start(given[source.camera], FLAG)
        elif source.is_live:
            starts[source.camera] = Start(math.nan, CLOCK)
        elif source.started_s is not None:
            starts[source.camera] = Start(source.started_s, FILE)
    told = [start.at_s for start in starts.values() if start.known_from != CLOCK]
    unknown = [source.camera for source in sources if source.camera not in starts]
    if unknown and told:
        log.warning(
            "%s: when it was recorded is not known, of others it is: taken for the earliest of them; "
            "give --started-at CAMERA=TIME", ", ".join(unknown),
        )  # fmt: skip
    assumed = Start(min(told, default=now_s), RUN)
    return {source.camera: starts.get(source.camera, assumed) for source in sources}
