"""Many independent pieces of work in several processes, with a journal: an interrupted run goes on where it was."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mdpr.errors import ConfigError
from mdpr.files import write_errors, write_text

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
    rows = []
    for line in path.read_text("utf-8").splitlines():
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:  # the last line of a run that was killed
            continue
    return rows


def run_jobs(
    folder: Path,
    numbers: Iterable[int],
    start: Callable[..., None],
    arguments: tuple[Any, ...],
    job: Callable[[int], dict[str, Any]],
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
    """
    finished = {row["number"] for row in read_journal(folder)}
    wanted = [number for number in numbers if number not in finished]
    if not wanted:
        return
    path = folder / _DONE
    with write_errors(path), open(path, "a", encoding="utf-8") as journal:
        for done in tqdm(_map(start, arguments, job, wanted, workers), total=len(wanted), unit=unit, disable=None):
            journal.write(json.dumps(done) + "\n")
            journal.flush()
            yield done


def _map(
    start: Callable[..., None],
    arguments: tuple[Any, ...],
    job: Callable[[int], dict[str, Any]],
    wanted: list[int],
    workers: int,
) -> Iterator[dict[str, Any]]:
    if workers == 1:
        start(*arguments)
        yield from map(job, wanted)
        return
    with multiprocessing.get_context("spawn").Pool(workers, start, arguments) as pool:
        yield from pool.imap_unordered(job, wanted)
