"""What one camera lost, and whether to stop: shared by the stages that read it."""

from __future__ import annotations

import logging
import math
import threading
from collections import Counter

log = logging.getLogger("mdpr")


class Health:
    """State of reading one camera.

    Attributes:
        losses: what could not be used, by kind.
        is_closed: set when reading is to end.
        is_sought: whether a source that breaks off is looked for again, see `reconnecting`.
        why_broken: what ended it, where it is looked for again; empty when nothing did.
    """

    def __init__(self, camera: str) -> None:
        self.losses: Counter[str] = Counter()
        self.is_closed = threading.Event()
        self.is_sought = False
        self.why_broken = ""
        self._camera = camera

    def broken(self, why: str) -> None:
        """The source ended too early: counted and logged, unless it is looked for again."""
        if self.is_sought:
            self.why_broken = why
            return
        self.losses["stream_error"] += 1
        log.warning("%s: %s; what was read until then is kept", self._camera, why)

    def interrupted(self, why: str, limit_s: float) -> None:
        """Count and log that the source is gone, perhaps for a while."""
        self.losses["interruptions"] += 1
        until = f"for up to {round(limit_s, 1):g} s" if math.isfinite(limit_s) else "until it is back"
        log.warning("%s: %s; looked for again %s", self._camera, why, until)

    def back(self, after_s: float) -> None:
        """Log that it is there again."""
        log.warning("%s: is back after %.0f s", self._camera, after_s)

    def gave_up(self, after_s: float) -> None:
        """Count and log that it did not come back."""
        self.losses["stream_error"] += 1
        log.warning("%s: not back after %g s; what was read until then is kept", self._camera, round(after_s, 1))
