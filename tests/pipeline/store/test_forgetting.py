"""What is forgotten is gone from the bytes of the files, not only from the tables."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from galleries import MODEL, NOON, FakeClock, make_record, make_run, unit_rows
from mdpr.pipeline.store import (
    Correction,
    EmbeddingModel,
    Filters,
    Link,
    Retention,
    Revision,
    Search,
    SqliteStore,
    TrackletRecord,
    forgetting,
)


def mark(number: int) -> str:
    """Text that stands for one person."""
    return f"person{number:06d}x"


def marked_record(number: int, rng: np.random.Generator, views: int) -> TrackletRecord:
    """A tracklet whose crops say who it is, some small, some of several pages."""
    crops = tuple((mark(number).encode() * int(rng.choice([1, 2, 9, 100, 900]))) for _ in range(views))
    return make_record(
        camera="hall",
        track_id=number,
        frames=(10 * number, 10 * number + 5),
        crops=crops,
        embeddings=unit_rows(rng, views),
    )


def traces(path: Path) -> set[int]:
    """Numbers of the people whose mark is in the gallery file or anything beside it."""
    files = [one for one in path.parent.iterdir() if one.is_file()]
    found = {number for file in files for number in re.findall(rb"person(\d{6})x", file.read_bytes())}
    return {int(number) for number in found}


def live(store: SqliteStore, path: Path, rng: np.random.Generator, steps: int) -> None:
    """People come, are decided about, and many are forgotten; after each time the files are searched for them."""
    store.add_run(make_run(cameras=("hall",)))
    alive: dict[int, tuple[TrackletRecord, int]] = {}
    for number in range(1, steps + 1):
        record = marked_record(number, rng, int(rng.integers(1, 6)))
        store.put([record])
        (person,) = store.reserve(1)
        store.revise(Revision(mark(number), {record.key: person}))
        store.rename(person, f"{rng.integers(1 << 16):04x} {mark(number)}", "me")
        if alive:
            other, _ = alive[int(rng.choice(list(alive)))]
            reasons = {"words": mark(number) * int(rng.integers(1, 4))}
            store.revise(Revision("me", links=(Link(record.key, other.key, "probable", reasons, is_joined=False),)))  # type: ignore[arg-type]
            store.correct(Correction("cannot-link", record.key, other.key, "me", mark(number)))  # type: ignore[arg-type]
        alive[number] = record, person
        while len(alive) > 4 and rng.uniform() < 0.6:
            gone = int(rng.choice(list(alive)))
            _, person = alive.pop(gone)
            assert traces(path) >= {gone}
            assert store.forget("me", identity=person).left == ""
            assert traces(path) == set(alive)


def test_nothing_is_left_of_those_who_were_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    with SqliteStore(path) as store:
        live(store, path, np.random.default_rng(0), steps=25)
    assert len(traces(path)) >= 4


@pytest.mark.slow
def test_nothing_is_left_after_many_deletes(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    with SqliteStore(path) as store:
        live(store, path, np.random.default_rng(1), steps=120)
        store.check()


@pytest.mark.slow
def test_copies_that_moved_pages_go_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows of links and names move between pages, and old copies of them stay behind, which `secure_delete` misses.

    With SQLite 3.40 this history leaves four people in the file who were forgotten, unless the file is rewritten.
    """
    rng = np.random.default_rng(1)
    path = tmp_path / "gallery.db"
    total = 400
    with SqliteStore(path) as store:
        store.add_run(make_run(cameras=("hall",)))
        records = [
            make_record(
                track_id=n,
                frames=(10 * n, 10 * n + 5),
                embeddings=np.zeros((1, 8)),
                crops=(mark(n).encode() * int(rng.choice([1, 2, 3, 5, 9, 20])),),
            )
            for n in range(total)
        ]
        store.put(records)
        keys, numbers = [record.key for record in records], store.reserve(total)
        store.revise(Revision("x", dict(zip(keys, numbers, strict=True))))
        for n in rng.permutation(total):
            store.rename(numbers[n], f"{rng.integers(65536):04x} {mark(n)}", "me")
        order = rng.permutation(total)
        pairs = list({tuple(sorted(map(int, rng.choice(total, 2, replace=False)))) for _ in range(1500)})
        rng.shuffle(pairs)
        for start in range(0, len(pairs), 50):
            links = []
            for a, b in pairs[start : start + 50]:
                reasons = {"w": mark(a) * int(rng.integers(1, 6)), "v": mark(b) * int(rng.integers(1, 6))}
                links.append(Link(keys[a], keys[b], "probable", reasons, is_joined=False))  # type: ignore[arg-type]
            store.revise(Revision("x", links=tuple(links)))
        with monkeypatch.context() as patch:
            patch.setattr(forgetting, "erase", lambda database: "later, all at once")
            for n in order[:350].tolist():
                store.forget("me", identity=numbers[n])
        assert store.erase() == ""
        assert traces(path) == set(order[350:].tolist())


def test_embeddings_go_too(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)
    records = [marked_record(number, rng, 40) for number in range(1, 9)]
    vectors = [record.tracklet.embeddings.tobytes() for record in records]

    def there() -> list[bool]:
        content = b"".join(one.read_bytes() for one in tmp_path.iterdir())
        return [any(some[at : at + 32] in content for at in range(0, len(some), 32)) for some in vectors]

    with SqliteStore(path) as store:
        store.add_run(make_run())
        store.put(records)
        assert there() == [True] * 8
        store.forget("me", keys=[records[n].key for n in (0, 3, 7)])
        assert there() == [False, True, True, False, True, True, True, False]
        new = {record.key: unit_rows(rng, 40, 6) for record in store.tracklets()}
        store.reembed(EmbeddingModel("another", 6), new)
        assert there() == [False] * 8


def test_age_and_size_leave_nothing_either(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)
    with SqliteStore(path, clock=clock) as store:
        store.add_run(make_run())
        store.put([marked_record(number, rng, 4) for number in range(1, 41)])
        assert store.forget("me", before_s=NOON + 10).left == ""
        left = {record.key.track_id for record in store.tracklets()}
        assert traces(path) == left == set(range(10, 41))
        clock.time_s = NOON + 100
        store.set_retention(Retention(ttl_s=100 - 20.0))
        assert store.expire().left == ""
        assert traces(path) == set(range(20, 41))
        before = path.stat().st_size
        store.set_retention(Retention(max_bytes=store.stats().bytes - 50_000))
        assert store.expire().left == ""
        left = {record.key.track_id for record in store.tracklets()}
        assert traces(path) == left
        assert path.stat().st_size <= before - 50_000  # the space is given back


def test_the_audit_log_forgets_too(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)
    with SqliteStore(path) as store:
        store.add_run(make_run())
        records = [marked_record(number, rng, 2) for number in (1, 2)]
        store.put(records)
        query = unit_rows(rng, 1)
        store.record_search(Search("me", "hash", Filters(), tuple(store.nearest(query, 5)[0])))
        store.forget("me", keys=[records[0].key])
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT count(*) FROM search_results").fetchone()[0] == 1
        assert raw.execute("SELECT shown FROM searches").fetchone()[0] == 2
    raw.close()


def test_a_reader_holds_up_erasing_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)
    with SqliteStore(path, timeout_s=0.2) as store:
        store.add_run(make_run())
        records = [marked_record(number, rng, 3) for number in (1, 2)]
        store.put(records)
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM crops").fetchone()[0] == 6
        gone = store.forget("me", keys=[records[0].key])
        assert gone.tracklets == 1
        assert "another process" in gone.left
        assert len(store.tracklets()) == 1  # the rows are gone for everyone who looks now
        assert 1 in traces(path)
        assert store.erase() != ""
        reader.execute("ROLLBACK")
        reader.close()
        assert store.erase() == ""
        assert traces(path) == {2}


@pytest.mark.parametrize("dies_in", ["VACUUM", "PRAGMA incremental_vacuum(256)", "PRAGMA wal_checkpoint(TRUNCATE)"])
def test_the_next_one_finishes_what_was_interrupted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)

    class Dead(Exception):
        pass

    store = SqliteStore(path)
    store.add_run(make_run())
    records = [marked_record(number, rng, 3) for number in (1, 2)]
    store.put(records)
    real = store._database.sql

    class Dying:
        """Executes everything up to one statement."""

        def __getattr__(self, name: str) -> object:
            return getattr(real, name)

        def execute(self, statement: str, *values: object) -> sqlite3.Cursor:
            if statement == dies_in:
                raise Dead
            return real.execute(statement, *values)  # type: ignore[arg-type]

        executescript = execute

    store._database.sql = Dying()  # type: ignore[assignment]
    with pytest.raises(Dead):
        store.forget("me", keys=[records[0].key])
    real.close()
    SqliteStore(path, "read").close()  # a reader leaves it to others
    with SqliteStore(path):
        pass
    assert traces(path) == {2}
    with sqlite3.connect(path) as raw:
        assert raw.execute("SELECT to_erase FROM gallery").fetchone()[0] == 0
    raw.close()


def test_deleting_while_erasing_is_not_overlooked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process forgets somebody between our rewriting and our note that all is done."""
    path = tmp_path / "gallery.db"
    rng = np.random.default_rng(0)
    with SqliteStore(path) as store, SqliteStore(path) as other:
        store.add_run(make_run())
        records = [marked_record(number, rng, 3) for number in (1, 2, 3)]
        store.put(records)
        erase = forgetting.erase
        monkeypatch.setattr(forgetting, "erase", lambda database: "not now")
        other_forgets = iter([records[1].key])
        real = store._database.writing

        def writing() -> object:
            for key in other_forgets:
                other.forget("other", keys=[key])
            return real()

        store.forget("me", keys=[records[0].key])
        monkeypatch.setattr(store._database, "writing", writing)
        assert erase(store._database) == ""
        assert 2 in traces(path)
        assert erase(other._database) == ""
        assert traces(path) == {3}


def test_without_embeddings_any_model_may_come(tmp_path: Path) -> None:
    with SqliteStore(tmp_path / "gallery.db") as store:
        store.add_run(make_run())
        record = make_record()
        store.put([record])
        assert store.model == MODEL
        assert len(store.nearest(record.tracklet.embeddings, 1)[0]) == 1
        store.forget("me", keys=[record.key])
        assert store.model is None
        assert store.nearest(record.tracklet.embeddings, 1) == [[], []]
        other = EmbeddingModel("another", 5)
        store.add_run(make_run("tuesday", model=other))
        rows = unit_rows(np.random.default_rng(0), 2, 5)
        store.put([make_record("tuesday", embeddings=rows)])
        assert store.model == other
        assert [match.similarity for match in store.nearest(rows, 1)[0]] == [pytest.approx(1)]
