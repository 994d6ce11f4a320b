"""Prefetch: order kept, bounded, errors after the items before them, no thread left behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from mdpr.pipeline.prefetch import Prefetch


def test_order_and_end() -> None:
    assert list(Prefetch(range(50), depth=3)) == list(range(50))


def test_never_more_than_depth_ahead() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for i in range(20):
            made.append(i)
            yield i

    ahead = Prefetch(items(), depth=3)
    for taken, _ in enumerate(ahead):
        time.sleep(0.005)
        assert len(made) <= taken + 1 + 3 + 1  # those taken, those waiting, the one in hand


def test_the_error_comes_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise OSError("gone")

    got = []
    with pytest.raises(OSError, match="gone"):
        for item in Prefetch(items(), depth=10):
            got.append(item)
    assert got == [1, 2]


def test_take_several() -> None:
    ahead = Prefetch(range(5), depth=10)
    while not ahead._is_done:
        time.sleep(0.001)
    assert [ahead.take(3), ahead.take(3), ahead.take(3)] == [[0, 1, 2], [3, 4], []]


def test_dropping_keeps_the_newest_and_counts() -> None:
    ahead = Prefetch(range(100), depth=1, is_dropping=True)
    while not ahead._is_done:
        time.sleep(0.001)
    assert ahead.take() == [99]
    assert ahead.dropped == 99
    assert ahead.take() == []


def test_close_stops_the_thread_and_closes_the_generator() -> None:
    is_closed = threading.Event()

    def endless() -> Iterator[int]:
        try:
            i = 0
            while True:
                yield i
                i += 1
        finally:
            is_closed.set()

    ahead = Prefetch(endless(), depth=2)
    assert ahead.take() == [0]
    ahead.close()
    assert is_closed.is_set()
    assert not ahead._thread.is_alive()
    ahead.close()
