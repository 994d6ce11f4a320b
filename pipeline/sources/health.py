"""What one camera lost, and whether to stop: shared by the stages that read it."""

from __future__ import annotations

import logging
import threading
from collections import Counter

log = logging.getLogger("mdpr")


class Health:
    """State of reading one camera.

    Attributes:
        losses: what could not be used, by kind.
        is_closed: set when reading is to end.
    """

    def __init__(self, camera: str) -> None:
        self.losses: Counter[str] = Counter()
        self.is_closed = threading.Event()
        self._camera = camera

    def broken(self, why: str) -> None:
        """Count and log that the source ended too early."""
        self.losses["stream_error"] += 1
        log.warning("%s: %s; what was read until then is kept", self._camera, why)
