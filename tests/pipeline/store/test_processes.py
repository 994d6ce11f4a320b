"""Several processes on one gallery, and processes that are killed in the middle of writing."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from itertools import count, pairwise
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest

from galleries import make_record, make_run
from mdpr.pipeline.store import BusyError, Link, Revision, SqliteStore, TrackletKey, TrackletRecord, Verdict

fork = multiprocessing.get_context("fork")

BATCH = 3


def batch(number: int, run: str = "monday") -> list[TrackletRecord]:
    """Tracklets that are put together; what they hold follows from the number."""
    rng = np.random.default_rng(number)
    first = number * BATCH
    return [
        make_record(run, track_id=n, frames=(10 * n, 10 * n + 5), crops=(rng.bytes(9000), rng.bytes(500)), seed=number)
        for n in range(first, first + BATCH)
    ]


def write_for_ever(path: Path, start: int, done: Connection) -> None:
    """Put batch after batch, each in an identity with links, forget some; say what is committed."""
    with SqliteStore(path) as store:
        store.add_run(make_run())
        for number in count(start):
            records = batch(number)
            keys = [record.key for record in records]
            store.put(records)
            done.send(("put", number))
            (person,) = store.reserve(1)
            links = tuple(Link(a, b, Verdict.CERTAIN) for a, b in pairwise(keys))
            store.revise(Revision("linker", dict.fromkeys(keys, person), links))
            done.send(("linked", number))
            if number % 4 == 3:
                store.forget("me", identity=person)
                done.send(("forgotten", number))


def kill_after(path: Path, start: int, delay_s: float) -> list[tuple[str, int]]:
    """What a writer had said before it was killed."""
    theirs, ours = fork.Pipe(duplex=False)
    process = fork.Process(target=write_for_ever, args=(path, start, ours))
    process.start()
    ours.close()
    theirs.poll(30)
    time.sleep(delay_s)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL
    said = []
    try:
        while True:
            said.append(theirs.recv())
    except (EOFError, OSError):
        return said


def kill_many_times(path: Path, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    kept: dict[int, bool] = {}  # batches that must be there, and whether they are linked
    start = 0
    unsaid = 0
    for _ in range(kills):
        first, said = start, kill_after(path, start, chance.uniform(0, 0.04))
        put, linked, forgotten = ({n for what, n in said if what == word} for word in ("put", "linked", "forgotten"))
        with SqliteStore(path) as store:
            store.check()
            stored = {record.key for record in store.tracklets()}
            numbers = {key.track_id // BATCH for key in stored}
            for number in numbers:  # none is half there
                records = batch(number)
                assert [record.key in stored for record in records] == [True] * BATCH
                assert all(store.crops(record.key) == record.crops for record in records)
            assert not forgotten & numbers
            missing = (kept.keys() | put) - numbers - forgotten
            assert len(missing) <= 1  # the one that was being forgotten
            assert all(number % 4 == 3 and number in linked for number in missing)
            unsaid += len(numbers - put - kept.keys())
            groups = {frozenset(identity.members) for identity in store.identities()}
            assert all(len(group) == BATCH for group in groups)
            must = {number for number in numbers if number in linked or kept.get(number)}
            assert all(frozenset(record.key for record in batch(number)) in groups for number in must)
            assert len(store.links()) == len(groups) * (BATCH - 1)
            start = max([start, *(number + 1 for number in numbers | put)])
            old = [record.key for number in sorted(numbers)[:-4] for record in batch(number)]
            if old:
                store.forget("test", keys=old)
            left = {record.key.track_id // BATCH for record in store.tracklets()}
            kept = {number: number in must for number in left}
        assert not path.with_name(path.name + "-wal").exists()
        content = path.read_bytes()
        for number in range(max(first - 4, 0), start):  # also when it was killed between deleting rows and erasing them
            assert all((record.crops[1][:100] in content) == (number in left) for record in batch(number)), number
    assert start > kills / 2
    assert unsaid <= kills


def test_killed_while_writing(tmp_path: Path) -> None:
    kill_many_times(tmp_path / "gallery.db", kills=15, seed=0)


@pytest.mark.slow
def test_killed_many_times_while_writing(tmp_path: Path) -> None:
    kill_many_times(tmp_path / "gallery.db", kills=120, seed=1)


def open_for_ever(path: Path, ready: Connection) -> None:
    ready.send("here")
    SqliteStore(path).close()
    time.sleep(60)


@pytest.mark.parametrize("step", range(6))
def test_killed_while_the_file_is_made(tmp_path: Path, step: int) -> None:
    path = tmp_path / "gallery.db"
    theirs, ours = fork.Pipe(duplex=False)
    process = fork.Process(target=open_for_ever, args=(path, ours))
    process.start()
    theirs.recv()
    time.sleep(0.002 * step)
    process.kill()
    process.join()
    with SqliteStore(path) as store:
        store.add_run(make_run())
        assert store.put(batch(0)) == BATCH
        store.check()


def work(body: Callable[[Connection], None]) -> tuple[multiprocessing.Process, Connection]:
    theirs, ours = fork.Pipe()
    process = fork.Process(target=body, args=(ours,))
    process.start()
    ours.close()
    return process, theirs  # type: ignore[return-value]


def test_two_read_while_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    batches = 25
    with SqliteStore(path) as store:
        store.add_run(make_run())

    def read(pipe: Connection) -> None:
        seen, query = [], np.eye(1, 8, dtype=np.float32)
        with SqliteStore(path, "read") as store:
            while not seen or seen[-1] < batches * BATCH:
                stored = store.tracklets()
                found = store.nearest(query, 10_000)[0]
                assert len(stored) % BATCH == 0  # never half a batch
                assert len(found) % BATCH == 0
                assert len(found) >= len(stored)
                seen.append(len(stored))
        pipe.send(seen)

    readers = [work(read) for _ in range(2)]
    with SqliteStore(path) as store:
        for number in range(batches):
            store.put(batch(number))
    for process, pipe in readers:
        assert pipe.poll(30)
        seen = pipe.recv()
        process.join()
        assert process.exitcode == 0
        assert seen == sorted(seen)
        assert seen[-1] == batches * BATCH


def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"

    def write(name: str) -> Callable[[Connection], None]:
        def body(pipe: Connection) -> None:
            with SqliteStore(path) as store:  # both may make the file
                store.add_run(make_run(name))
                for number in range(15):
                    store.put(batch(number, name))
                    store.reserve(1)
            pipe.send("done")

        return body

    writers = [work(write(name)) for name in ("monday", "tuesday", "wednesday")]
    for process, pipe in writers:
        assert pipe.poll(60)
        assert pipe.recv() == "done"
        process.join()
    with SqliteStore(path) as store:
        assert len(store.tracklets()) == 3 * 15 * BATCH
        assert store.reserve(1) == [3 * 15 + 1]
        store.check()


def test_a_writer_that_waits_too_long_says_so(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    SqliteStore(path).close()

    def hold(pipe: Connection) -> None:
        with SqliteStore(path) as store, store._database.writing():
            pipe.send("held")
            pipe.recv()

    process, pipe = work(hold)
    assert pipe.recv() == "held"
    with SqliteStore(path, timeout_s=0.3) as store:
        start = time.perf_counter()
        with pytest.raises(BusyError, match="is locked"):
            store.add_run(make_run())
        assert 0.2 < time.perf_counter() - start < 5
        pipe.send("go on")
        process.join()
        store.add_run(make_run())
        assert len(store.runs()) == 1


def test_what_others_write_is_found(tmp_path: Path) -> None:
    """The matrix in memory follows puts, revisions and deletes of another connection."""
    path = tmp_path / "gallery.db"
    query = np.eye(1, 8, dtype=np.float32)

    def found(store: SqliteStore) -> set[tuple[TrackletKey, int | None]]:
        return {(match.key, match.identity) for match in store.nearest(query, 99)[0]}

    with SqliteStore(path) as one, SqliteStore(path) as other:
        one.add_run(make_run())
        assert found(other) == set()
        records = [record for number in range(4) for record in batch(number)]
        one.put(records[:9])
        assert len(found(other)) == 9
        (person,) = one.reserve(1)
        one.revise(Revision("linker", {records[1].key: person, records[5].key: person}))
        one.put(records[9:])
        expected = {(r.key, person if r.key in (records[1].key, records[5].key) else None) for r in records}
        assert found(other) == expected
        one.forget("me", identity=person)
        one.put([records[1]])  # the same again, as a stranger
        assert found(other) == {(r.key, None) for r in records if r is not records[5]}
        assert found(other) == found(one)
