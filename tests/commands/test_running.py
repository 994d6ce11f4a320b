"""Exit codes and log lines that all commands share."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.commands.running import run_command

log = logging.getLogger("mdpr")


def fail(error: BaseException) -> int:
    raise error


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (ConfigError("no such key"), 2, "error: no such key\n"),
        (FormatError("no such column"), 1, "error: no such column\n"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_errors_become_exit_codes(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(lambda: fail(error)) == code
    captured = capsys.readouterr()
    assert captured.err == line
    assert captured.out == ""


def test_defects_escape() -> None:
    with pytest.raises(ZeroDivisionError):
        run_command(lambda: fail(ZeroDivisionError()))


@pytest.mark.parametrize(("is_quiet", "text"), [(False, "done\nwarning: odd\n"), (True, "warning: odd\n")])
def test_log_lines_go_to_stderr(is_quiet: bool, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    def body() -> int:
        log.info("done")
        log.warning("odd")
        return 7

    before = log.handlers[:], log.level, log.propagate
    assert run_command(body, is_quiet) == 7
    assert capsys.readouterr().err == text
    assert (log.handlers, log.level, log.propagate) == before


@pytest.mark.parametrize("lines", [1, 100_000])
def test_who_stops_reading_gets_no_traceback(lines: int) -> None:
    """As `head` does; a short output meets the closed pipe only when it is flushed."""
    program = "import sys, time; from mdpr.pipeline.commands.running import run_command\n"
    program += "def body():\n time.sleep(0.5)\n"
    program += f" for i in range({lines}): sys.stdout.write('somebody\\n')\n return 0\nsys.exit(run_command(body))"
    buffered = {key: value for key, value in os.environ.items() if key != "PYTHONUNBUFFERED"}
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=buffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(60) == 0
    assert errors == b""


@pytest.mark.parametrize(("pause_s", "code"), [(0.0, 7), (0.02, 7), (1.0, -signal.SIGINT)])
def test_a_second_signal_kills_unless_it_comes_at_once(pause_s: float, code: int) -> None:
    """A supervisor that signals a process and its group does not mean to kill."""
    program = "import time, threading; from mdpr.pipeline.commands.running import stop_on_signals\n"
    program += "stop = threading.Event()\nwith stop_on_signals(stop.set, 'finishing'):\n print('ready', flush=True)\n"
    program += " stop.wait(60)\n time.sleep(3)\nraise SystemExit(7)"
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        time.sleep(pause_s)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert told.count(b"once more to kill") == 1
