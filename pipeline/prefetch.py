"""Run an iterator in a thread of its own, a bounded number of items ahead: how stages overlap."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Prefetch(Generic[Item]):
    """Items of `iterable`, computed ahead by a thread.

    Args:
        iterable: what to run; an exception that it raises is raised by `take` after the items before it.
        depth: how many items may wait.
        is_dropping: True = never wait for the consumer: the oldest waiting item is dropped and counted (live sources).
        changed: a condition to share between several, so that a consumer can wait for any of them.
    """

    def __init__(
        self,
        iterable: Iterable[Item],
        depth: int,
        is_dropping: bool = False,
        changed: threading.Condition | None = None,
    ) -> None:
        self.dropped = 0
        self._depth = depth
        self._is_dropping = is_dropping
        self._items: deque[Item] = deque()
        self._changed = changed or threading.Condition()
        self._is_closed = False
        self._is_done = False
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, args=(iterable,), daemon=True, name="prefetch")
        self._thread.start()

    def is_ready(self, count: int = 1) -> bool:
        """Whether `take(count)` would return or raise at once. Ask under the shared condition."""
        return len(self._items) >= count or self._is_done

    def take(self, count: int = 1) -> list[Item]:
        """The next `count` items (at most `depth`), waited for; fewer at the end, and an empty list after it.

        Raises:
            BaseException: what the iterable raised, once its items are used up.
        """
        with self._changed:
            self._changed.wait_for(lambda: self.is_ready(count))
            taken = [self._items.popleft() for _ in range(min(count, len(self._items)))]
            self._changed.notify_all()
            if not taken and self._error is not None:
                raise self._error
            return taken

    def __iter__(self) -> Iterator[Item]:
        while taken := self.take():
            yield taken[0]

    def close(self, timeout_s: float = 5.0) -> None:
        """Stop the thread after the item it works on; waiting items are discarded."""
        with self._changed:
            self._is_closed = True
            self._items.clear()
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _run(self, iterable: Iterable[Item]) -> None:
        error: BaseException | None = None
        iterator = iter(iterable)
        try:
            for item in iterator:
                if not self._put(item):
                    break
        except BaseException as raised:  # noqa: BLE001  handed to the consumer
            error = raised
        finally:
            close = getattr(iterator, "close", None)
            if close is not None:
                close()
        with self._changed:
            self._error = error
            self._is_done = True
            self._changed.notify_all()

    def _put(self, item: Item) -> bool:
        with self._changed:
            if self._is_dropping and len(self._items) >= self._depth:
                self._items.popleft()
                self.dropped += 1
            self._changed.wait_for(lambda: len(self._items) < self._depth or self._is_closed)
            if self._is_closed:
                return False
            self._items.append(item)
            self._changed.notify_all()
            return True
