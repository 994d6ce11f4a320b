"""How long each stage takes, in memory that does not grow with the number of frames."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

STAGES = ("decode", "detect", "motion", "crop", "embed", "associate", "write")

_SMALLEST_S = 1e-7
_RATIO = 1.02  # one bucket is 2 % wide: percentiles are right to 1 %
_BUCKETS = 1200  # up to 1e-7 * 1.02^1200 = 2,000 s


class StageTimes:
    """Durations by stage: sums, and logarithmic histograms for the percentiles. Safe to use from threads."""

    def __init__(self) -> None:
        self._counts = {stage: np.zeros(_BUCKETS, np.int64) for stage in STAGES}
        self._sums = dict.fromkeys(STAGES, 0.0)
        self._lock = threading.Lock()

    def add(self, stage: str, seconds: float, frames: int = 1) -> None:
        """Count `frames` frames that took `seconds` together."""
        if frames < 1:
            return
        each = max(seconds / frames, _SMALLEST_S)
        bucket = min(int(math.log(each / _SMALLEST_S) / math.log(_RATIO)), _BUCKETS - 1)
        with self._lock:
            self._counts[stage][bucket] += frames
            self._sums[stage] += seconds

    @contextmanager
    def measure(self, stage: str, frames: int = 1) -> Iterator[None]:
        """Time the body of a `with`; a body that raises is not counted."""
        start = time.perf_counter()
        yield
        self.add(stage, time.perf_counter() - start, frames)

    def percentile_ms(self, stage: str, percent: float) -> float:
        """Milliseconds a frame that `percent` of the frames stay below; 0 without frames."""
        counts = self._counts[stage]
        total = int(counts.sum())
        if total == 0:
            return 0.0
        bucket = int(np.searchsorted(np.cumsum(counts), max(math.ceil(total * percent / 100), 1)))
        return 1e3 * _SMALLEST_S * _RATIO ** (bucket + 0.5)

    def summary(self) -> dict[str, dict[str, float]]:
        """For each stage: frames, p50_ms, p95_ms, total_s, and its share of all busy time in [0, 1]."""
        busy_s = sum(self._sums.values()) or 1.0
        return {
            stage: {
                "frames": int(self._counts[stage].sum()),
                "p50_ms": round(self.percentile_ms(stage, 50), 3),
                "p95_ms": round(self.percentile_ms(stage, 95), 3),
                "total_s": round(self._sums[stage], 3),
                "share": round(self._sums[stage] / busy_s, 4),
            }
            for stage in STAGES
        }

    def table(self) -> str:
        """The summary as text, a line a stage."""
        lines = [f"{'stage':<10} {'p50 ms':>8} {'p95 ms':>8} {'share':>7}"]
        for stage, row in self.summary().items():
            if row["frames"]:
                lines.append(f"{stage:<10} {row['p50_ms']:>8.2f} {row['p95_ms']:>8.2f} {row['share']:>7.1%}")
        return "\n".join(lines)
