"""What all commands share: log lines on stderr, and exit codes from errors."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from mdpr.errors import MdprError
from mdpr.pipeline.exits import EXIT_DONE, EXIT_INTERRUPTED

log = logging.getLogger("mdpr")

_AT_ONCE_S = 0.2


def run_command(body: Callable[[], int], is_quiet: bool = False) -> int:
    """The exit code of `body`: its own, that of the `MdprError` it raises, or 130 after Ctrl-C.

    Args:
        body: does the work and returns the exit code.
        is_quiet: only warnings and errors are logged.
    """
    with logging_to_stderr(is_quiet):
        try:
            code = body()
            sys.stdout.flush()
            return code
        except MdprError as error:
            log.error("%s", error)
            return error.exit_code
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:  # whoever reads our output has seen enough, as `head` has
            with suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor does Python's last flush fail
            return EXIT_DONE


@contextmanager
def stop_on_signals(interrupt: Callable[[], None], doing: str) -> Iterator[None]:
    """While the body runs, the first Ctrl-C or SIGTERM calls `interrupt`, which ends the work with its results.

    A second one kills, unless it comes at once: `timeout -s INT` and some supervisors signal a process and then its
    group, which it is in. Afterwards signals do what they did before.

    Args:
        interrupt: called from the signal handler.
        doing: what happens then, for the message: "finishing the files".
    """

    stopping = threading.Event()

    def stop(number: int, _: FrameType | None) -> None:
        if stopping.is_set():
            return
        stopping.set()
        log.warning("%s: %s; once more to kill", signal.Signals(number).name, doing)
        time.sleep(_AT_ONCE_S)
        for one in before:
            signal.signal(one, signal.SIG_DFL)
        interrupt()

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def logging_to_stderr(is_quiet: bool) -> Iterator[None]:
    """Our log lines to stderr, plain, while the body runs."""
    before = log.handlers[:], log.level, log.propagate
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    log.handlers[:] = [handler]
    log.setLevel(logging.WARNING if is_quiet else logging.INFO)
    log.propagate = False
    try:
        yield
    finally:
        log.handlers[:], log.level, log.propagate = before


class _Formatter(logging.Formatter):
    """Information as it is; anything worse with its level in front."""

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        return text if record.levelno <= logging.INFO else f"{record.levelname.lower()}: {text}"
