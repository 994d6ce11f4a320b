"""A live source that broke off is looked for again until it is back: cameras restart, networks fail for a while."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from mdpr.errors import SourceError
from mdpr.pipeline.sources.health import Health
from mdpr.pipeline.sources.spec import SourceConfig

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 15.0
"""Seconds between two attempts: twice as long each time."""

STEADY_S = 60.0
"""A source that was there for so long is looked for quickly again; one that breaks off sooner is not pestered."""


class Reconnecting:
    """Looks for one camera.

    Args:
        health: of the camera; closing it ends the search.
        config: says after how many seconds it is given up; nothing is looked for after the end of the chosen time.
    """

    def __init__(self, health: Health, config: SourceConfig) -> None:
        self._health = health
        self._limit_s = config.reconnect_s
        self._end_s = math.inf if config.end_s is None else config.end_s
        self._pause_s = FIRST_PAUSE_S
        self._there_since_s = time.monotonic()

    def is_back(self, why: str, time_s: float, open_again: Callable[[], None]) -> bool:
        """Wait until the source can be opened; False when it was given up, or reading is to end.

        Args:
            why: the source ended, for people.
            time_s: of the source, now.
            open_again: opens it and reads a first picture; a `SourceError` says that it is not there yet.
        """
        start_s = time.monotonic()
        if start_s - self._there_since_s > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        limit_s = min(self._limit_s, self._end_s - time_s)
        self._health.interrupted(why, limit_s)
        while (left_s := start_s + limit_s - time.monotonic()) > 0:
            if self._health.is_closed.wait(min(self._pause_s, left_s)):
                return False
            self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
            try:
                open_again()
            except SourceError:
                continue
            self._there_since_s = time.monotonic()
            self._health.back(self._there_since_s - start_s)
            return not self._health.is_closed.is_set()
        self._health.gave_up(limit_s)
        return False
