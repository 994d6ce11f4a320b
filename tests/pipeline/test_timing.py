"""Stage times: percentiles right to a percent, shares that add up, memory that does not grow."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from mdpr.pipeline.timing import StageTimes


def test_percentiles_equal_numpys_to_two_percent() -> None:
    seconds = np.random.default_rng(0).lognormal(-5, 1, 5000)
    times = StageTimes()
    for value in seconds:
        times.add("detect", value)
    for percent in (5, 50, 95):
        assert times.percentile_ms("detect", percent) == pytest.approx(np.percentile(seconds, percent) * 1e3, rel=0.02)


def test_shares_and_batches() -> None:
    times = StageTimes()
    times.add("detect", 3.0, frames=3)
    times.add("write", 1.0)
    summary = times.summary()
    assert summary["detect"]["frames"] == 3
    assert summary["detect"]["p50_ms"] == pytest.approx(1000, rel=0.02)
    assert summary["detect"]["share"] == 0.75
    assert sum(row["share"] for row in summary.values()) == pytest.approx(1)
    assert "embed" not in times.table()


def test_a_failed_body_and_no_frames_do_not_count() -> None:
    times = StageTimes()
    with pytest.raises(ValueError, match="no"), times.measure("embed"):
        raise ValueError("no")
    times.add("embed", 1.0, frames=0)
    assert times.summary()["embed"]["frames"] == 0


def test_memory_does_not_grow() -> None:
    times = StageTimes()
    before = sum(sys.getsizeof(counts) for counts in times._counts.values())
    for _ in range(10_000):
        times.add("decode", 0.003)
    assert sum(sys.getsizeof(counts) for counts in times._counts.values()) == before
