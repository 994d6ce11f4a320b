"""Jobs with a journal: each once, in any process, through kills and errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mdpr.errors import ConfigError, DependencyError, FormatError, MdprError
from mdpr.reid.synthetic.jobs import claim_folder, read_journal, run_jobs
from synthetic_people import job, start


def _run(folder: Path, count: int, workers: int = 1, trouble: str = "") -> list[dict[str, Any]]:
    return list(run_jobs(folder, range(count), start, (folder, trouble), job, workers, " jobs"))


def _squares(folder: Path) -> list[tuple[int, int]]:
    return sorted((row["number"], row["square"]) for row in read_journal(folder))


def test_jobs_are_done_once_and_a_second_run_does_the_rest(tmp_path: Path) -> None:
    assert [row["square"] for row in _run(tmp_path, 3)] == [0, 1, 4]
    assert [row["square"] for row in _run(tmp_path, 5)] == [9, 16]
    assert _run(tmp_path, 5) == []
    assert _squares(tmp_path) == [(n, n * n) for n in range(5)]
    assert {file.read_text() for file in tmp_path.glob("*.txt")} == {"once"}


def test_a_run_that_stops_in_between_keeps_what_is_done(tmp_path: Path) -> None:
    running = run_jobs(tmp_path, range(5), start, (tmp_path,), job, 1, " jobs")
    assert [next(running)["number"] for _ in range(2)] == [0, 1]
    running.close()
    assert _squares(tmp_path) == [(0, 0), (1, 1)]


def test_half_a_line_of_a_killed_run_is_dropped_and_its_job_done_again(tmp_path: Path) -> None:
    _run(tmp_path, 3)
    journal = tmp_path / "done.jsonl"
    journal.write_bytes(journal.read_bytes()[:-9])
    assert [row["number"] for row in read_journal(tmp_path)] == [0, 1]
    assert [row["number"] for row in _run(tmp_path, 4)] == [2, 3]
    assert [json.loads(line)["number"] for line in journal.read_text().splitlines()] == [0, 1, 2, 3]
    assert _run(tmp_path, 4) == []


@pytest.mark.slow
def test_two_processes_do_the_same(tmp_path: Path) -> None:
    assert len(_run(tmp_path, 12, workers=2)) == 12
    assert _squares(tmp_path) == [(n, n * n) for n in range(12)]
    assert {file.read_text() for file in tmp_path.glob("*.txt")} == {"once"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("trouble", "error", "text"),
    [
        ("start", DependencyError, r"pip install 'mdpr-track\[synth\]'"),
        ("job", FormatError, "cow.mhclo: not a garment"),
        ("killed", MdprError, "ended from outside.*fewer --workers; the same command goes on"),
    ],
)
def test_trouble_in_a_process_ends_the_run_with_its_error(
    trouble: str, error: type[MdprError], text: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=text):
        _run(tmp_path, 30, workers=2, trouble=trouble)
    before = len(_squares(tmp_path))
    assert before < 30
    assert len(_run(tmp_path, 30)) == 30 - before  # the next run does the rest
    assert _squares(tmp_path) == [(n, n * n) for n in range(30)]


def test_trouble_in_this_process_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=r"cow\.mhclo"):
        _run(tmp_path, 5, trouble="job")
    assert _squares(tmp_path) == [(0, 0), (1, 1), (2, 4)]


def test_a_folder_belongs_to_its_settings(tmp_path: Path) -> None:
    claim_folder(tmp_path, {"seed": 1, "images": 10})
    claim_folder(tmp_path, {"seed": 1, "images": 10})
    claim_folder(tmp_path, {"seed": 1, "images": 20}, ["images"])
    with pytest.raises(ConfigError, match=r"seed 1 there, 2 now.*give another --out"):
        claim_folder(tmp_path, {"seed": 2, "images": 20})
    with pytest.raises(ConfigError, match=r"images 20 there, 30 now"):
        claim_folder(tmp_path, {"seed": 1, "images": 30})
