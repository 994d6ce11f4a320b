"""Write in a thread of its own, so that detection does not wait for the encoder."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from mdpr.contracts import Sink
from mdpr.pipeline.timing import StageTimes
from mdpr.types import Frame, Tracklet, Tracks

_FRAMES_WAITING = 4

Job = tuple[Frame, Tracks] | Sequence[Tracklet] | None


class BackgroundSink:
    """Passes everything on to several sinks of one camera, in order, in one thread.

    When a sink fails, the others go on until the end; the first error is raised by the next `write` or when this sink
    is closed. Closing always closes every sink, a failed one with its error, so that it keeps its `.part` name.

    Args:
        sinks: already open.
        times: where the time of writing goes.
        on_failure: called when a sink fails, before anything else is written.
    """

    def __init__(self, sinks: Sequence[Sink], times: StageTimes, on_failure: Callable[[], None] = lambda: None) -> None:
        self._sinks = list(sinks)
        self._on_failure = on_failure
        self._times = times
        self._error: Exception | None = None
        self._jobs: queue.Queue[Job] = queue.Queue(_FRAMES_WAITING)
        self._thread = threading.Thread(target=self._run, daemon=True, name="write")
        self._thread.start()

    def write(self, frame: Frame, tracks: Tracks) -> None:
        """Queue one frame; waits when the writer is behind."""
        self._raise()
        self._jobs.put((frame, tracks))

    def end(self, tracklets: Sequence[Tracklet]) -> None:
        """Queue the last tracklets."""
        self._jobs.put(list(tracklets))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._jobs.put(None)
        self._thread.join()
        if kind is None:
            self._raise()

    def _raise(self) -> None:
        if self._error is not None:
            error, self._error = self._error, None
            raise error

    def _run(self) -> None:
        failed: dict[int, Exception] = {}
        while (job := self._jobs.get()) is not None:
            if isinstance(job, tuple):
                with self._times.measure("write"):
                    self._pass_on(failed, job)
            else:
                self._pass_on(failed, job)
        for i, sink in enumerate(self._sinks):
            reason = failed.get(i)
            try:
                sink.__exit__(type(reason) if reason else None, reason, None)
            except Exception as error:  # noqa: BLE001  kept and raised in the caller's thread
                self._error = self._error or error

    def _pass_on(self, failed: dict[int, Exception], job: tuple[Frame, Tracks] | Sequence[Tracklet]) -> None:
        for i, sink in enumerate(self._sinks):
            if i in failed:
                continue
            try:
                if isinstance(job, tuple):
                    sink.write(*job)
                else:
                    sink.end(job)
            except Exception as error:  # noqa: BLE001  kept and raised in the caller's thread
                self._error = self._error or error
                failed[i] = error
                self._on_failure()
