"""Many independent pieces of work in several processes, with a journal: an interrupted run goes on where it was."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mdpr.errors import ConfigError, MdprError
from mdpr.files import write_bytes, write_errors, write_text

Job = Callable[[int], dict[str, Any]]
_SETTINGS, _DONE = "synth.json", "done.jsonl"


def claim_folder(folder: Path, settings: dict[str, Any], may_differ: Iterable[str] = ()) -> None:
    """Write the settings that a folder is made with, or check that they are those it was begun with.

    Args:
        folder: exists.
        settings: of JSON's types.
        may_differ: keys that an earlier run may have had otherwise.

    Raises:
        ConfigError: the folder holds something else.
    """
    path = folder / _SETTINGS
    settings = json.loads(json.dumps(settings))  # as it is read: tuples are lists
    if path.exists():
        there = json.loads(path.read_text("utf-8"))
        other = [key for key in settings if there.get(key) != settings[key] and key not in set(may_differ)]
        if other:
            shown = ", ".join(f"{key} {there.get(key)!r} there, {settings[key]!r} now" for key in other)
            raise ConfigError(f"{folder} was made with other settings ({shown}); give another --out")
    write_text(path, json.dumps(settings, indent=2) + "\n")


def read_journal(folder: Path) -> list[dict[str, Any]]:
    """What is done, in the order in which it was finished; each has a `number`."""
    path = folder / _DONE
    if not path.exists():
        return []
    return [json.loads(line) for line in _whole_lines(path).splitlines()]


def run_jobs(
    folder: Path,
    numbers: Iterable[int],
    start: Callable[..., None],
    arguments: tuple[Any, ...],
    job: Job,
    workers: int,
    unit: str,
) -> Iterator[dict[str, Any]]:
    """Do the jobs that the journal lacks; each result goes into the journal, then to the caller.

    Args:
        folder: of the journal.
        numbers: of all jobs.
        start: called with `arguments` once in every process.
        job: does one; its result is of JSON's types and holds its `number`.
        workers: processes; one works in this process.
        unit: of the progress bar.

    Raises:
        MdprError: of a worker, or a worker died; what the journal holds stays done.
    """
    finished = {row["number"] for row in read_journal(folder)}
    wanted = [number for number in numbers if number not in finished]
    if not wanted:
        return
    path = folder / _DONE
    if path.exists():
        write_bytes(path, _whole_lines(path))
    results = _here(start, arguments, job, wanted) if workers == 1 else _pool(start, arguments, job, wanted, workers)
    for done in tqdm(results, total=len(wanted), unit=unit, disable=None):
        with write_errors(path), open(path, "ab") as journal:
            journal.write(json.dumps(done).encode() + b"\n")
        yield done


def _whole_lines(path: Path) -> bytes:
    """The journal without the beginning of a line that a run left when it was killed."""
    content = path.read_bytes()
    return content[: content.rfind(b"\n") + 1]


def _here(start: Callable[..., None], arguments: tuple[Any, ...], job: Job, wanted: list[int]) -> Iterator[Any]:
    start(*arguments)
    yield from map(job, wanted)


def _pool(
    start: Callable[..., None], arguments: tuple[Any, ...], job: Job, wanted: list[int], workers: int
) -> Iterator[dict[str, Any]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (start, arguments)) as pool:
        try:
            for future in as_completed([pool.submit(_do, job, number) for number in wanted]):
                done = future.result()
                if isinstance(done, _Failure):
                    raise done.error()
                yield done
        except BrokenProcessPool as error:
            raise MdprError(
                "a process that rendered was ended from outside, often for want of memory: give fewer --workers; "
                "the same command goes on where this one was"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@dataclass(frozen=True)
class _Failure:
    """An error on its way from a worker: not all of ours can be pickled."""

    kind: type[MdprError]
    text: str

    def error(self) -> MdprError:
        error = self.kind.__new__(self.kind)
        error.args = (self.text,)
        return error


_failure: _Failure | None = None


def _start_worker(start: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    global _failure
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends this process' parent, which lets the last jobs finish
    try:
        start(*arguments)
    except MdprError as error:  # raised here, it would only be printed, by every worker
        _failure = _Failure(type(error), str(error))


def _do(job: Job, number: int) -> dict[str, Any] | _Failure:
    if _failure is not None:
        return _failure
    try:
        return job(number)
    except MdprError as error:
        return _Failure(type(error), str(error))
