"""Files that are not galleries, are damaged, locked, read-only, from the future, or lie on a full disk."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from galleries import NOON, make_record, make_run, people, unit_rows
from mdpr.errors import ConfigError, FormatError, MdprError, OutputError
from mdpr.pipeline.store import BusyError, Retention, Revision, SqliteStore, open_store, schema


@pytest.fixture
def gallery(tmp_path: Path) -> Path:
    """A gallery of three tracklets with crops, closed."""
    path = tmp_path / "gallery.db"
    with SqliteStore(path) as store:
        people(store, ("hall", 0, 9), ("door", 20, 29))
        store.put([make_record(track_id=3, crops=(bytes(range(256)) * 60, b"small"))])
    return path


def test_it_is_there_again(gallery: Path) -> None:
    assert sorted(path.name for path in gallery.parent.iterdir()) == ["gallery.db"]  # closed: all of it in one file
    with open_store(gallery, "write") as store:
        assert len(store.tracklets()) == 3
        assert store.runs() == [make_run()]
    with open_store(gallery, "read") as store:
        assert len(store.nearest(np.eye(1, 8, dtype=np.float32), 9)[0]) == 3
        with pytest.raises(OutputError, match="opened for reading only"):
            store.forget("me", before_s=NOON)
        with pytest.raises(OutputError, match="opened for reading only"):
            store.reserve(1)


def test_folders_are_made_and_files_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no gallery at .*absent\.db.*mdpr-link"):
        SqliteStore(tmp_path / "absent.db", "write")
    with pytest.raises(ConfigError, match="no gallery"):
        SqliteStore(tmp_path / "absent.db", "read")
    assert list(tmp_path.iterdir()) == []
    SqliteStore(tmp_path / "a" / "b" / "new.db").close()
    with pytest.raises(FormatError, match="is a folder"):
        SqliteStore(tmp_path / "a")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        SqliteStore(tmp_path / "file" / "new.db")
    SqliteStore(tmp_path / "file").close()  # an empty file becomes a gallery
    with pytest.raises(ConfigError, match="expected float32 or float16"):
        SqliteStore(tmp_path / "new.db", embedding_type="int8")


def test_files_that_are_no_galleries(tmp_path: Path) -> None:
    garbage = np.random.default_rng(0).bytes(20_000)
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as other:
        other.execute("CREATE TABLE photos (id INTEGER)")
        other.execute("INSERT INTO photos VALUES (7)")
    other.close()
    empty = tmp_path / "empty.db"
    empty.touch()
    (tmp_path / "picture.jpg").write_bytes(b"\xff\xd8\xff" + garbage)
    (tmp_path / "headed.db").write_bytes(b"SQLite format 3\0" + garbage)
    (tmp_path / "stub.db").write_bytes(b"SQLite format 3\0" + bytes(20))
    for name, message in [
        ("foreign.db", "SQLite file of another program"),
        ("picture.jpg", "expected an SQLite file, it begins with"),
        ("headed.db", "is damaged"),
        ("stub.db", "cut off after 36 bytes"),
        ("empty.db", "is empty"),
    ]:
        path = tmp_path / name
        before = path.read_bytes()
        for mode in ("write", "read") if name == "empty.db" else ("create", "write", "read"):
            with pytest.raises(FormatError, match=message):
                SqliteStore(path, mode)  # type: ignore[arg-type]
            assert path.read_bytes() == before
    with sqlite3.connect(foreign) as other:
        assert other.execute("SELECT * FROM photos").fetchall() == [(7,)]
    other.close()


def test_a_truncated_gallery(gallery: Path) -> None:
    whole = gallery.read_bytes()
    cuts = sorted({1, 99, 600, len(whole) - 1, *range(1024, len(whole), 9_999)})
    for cut in cuts:
        gallery.write_bytes(whole[:cut])
        for mode in ("create", "read"):
            with pytest.raises(FormatError, match=r"damaged|not a gallery"):
                SqliteStore(gallery, mode)  # type: ignore[arg-type]
        assert gallery.read_bytes() == whole[:cut]  # nothing is repaired behind anyone's back


def test_damage_in_the_middle_is_found_by_check(gallery: Path) -> None:
    whole = bytearray(gallery.read_bytes())
    place = whole.index(bytes(range(64)))
    page = place // 4096
    whole[page * 4096 : (page + 1) * 4096] = bytes(4096)
    gallery.write_bytes(whole)
    found = []
    try:
        with SqliteStore(gallery, "read") as store:
            store.check()
    except FormatError as error:
        found.append(str(error))
    assert "is damaged" in found[0]
    assert ".recover" in found[0]


def test_half_an_embedding_is_found_by_check(gallery: Path) -> None:
    with sqlite3.connect(gallery) as raw:
        raw.execute("UPDATE embeddings SET vectors = substr(vectors, 1, 40) WHERE tracklet_id = 2")
    raw.close()
    with (
        SqliteStore(gallery) as store,
        pytest.raises(FormatError, match="2 views and 40 bytes of embeddings, expected 64"),
    ):
        store.check()


def test_a_gallery_of_a_newer_version(gallery: Path) -> None:
    with sqlite3.connect(gallery) as raw:
        raw.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    raw.close()
    before = gallery.read_bytes()
    for mode in ("create", "write", "read"):
        with pytest.raises(FormatError, match=r"newer mdpr-track .* update mdpr-track. Nothing was changed"):
            SqliteStore(gallery, mode)  # type: ignore[arg-type]
    assert gallery.read_bytes() == before


def test_a_gallery_of_an_older_version_is_migrated(gallery: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = {
        schema.VERSION: ["ALTER TABLE identities ADD COLUMN colour TEXT"],
        schema.VERSION + 1: ["UPDATE identities SET colour = 'red'", "CREATE TABLE extra (id INTEGER)"],
    }
    with SqliteStore(gallery) as store:
        store.reserve(1)
    monkeypatch.setattr(schema, "VERSION", schema.VERSION + 2)
    last = schema.VERSION - 1
    monkeypatch.setattr(schema, "MIGRATIONS", {**steps, last: [*steps[last], "this is no SQL"]})
    with pytest.raises(sqlite3.OperationalError):
        SqliteStore(gallery)
    with sqlite3.connect(gallery) as raw:
        assert raw.execute("PRAGMA user_version").fetchone()[0] == schema.VERSION - 2  # all steps or none
        assert "colour" not in str(raw.execute("SELECT sql FROM sqlite_master").fetchall())
    raw.close()
    monkeypatch.setattr(schema, "MIGRATIONS", steps)
    with pytest.raises(FormatError, match="open it once for writing"):
        SqliteStore(gallery, "read")
    with SqliteStore(gallery) as store:
        assert len(store.tracklets()) == 3
        store.check()
    with sqlite3.connect(gallery) as raw:
        assert raw.execute("SELECT colour FROM identities").fetchall() == [("red",)]
    raw.close()
    SqliteStore(gallery, "read").close()


def test_a_locked_gallery(gallery: Path) -> None:
    with SqliteStore(gallery, timeout_s=0.2) as store:
        other = sqlite3.connect(gallery, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BusyError, match=r"is locked: another process .* 0.2 s. Nothing was changed"):
            store.reserve(1)
        assert len(store.tracklets()) == 3  # reading goes on
        other.execute("ROLLBACK")
        assert store.reserve(1) == [1]
        other.close()
    other = sqlite3.connect(gallery, isolation_level=None)
    other.execute("PRAGMA locking_mode=EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    other.execute("UPDATE gallery SET revision = 5")
    for mode in ("write", "read"):
        with pytest.raises(BusyError, match="is locked"):
            SqliteStore(gallery, mode, timeout_s=0.2)  # type: ignore[arg-type]
    other.execute("ROLLBACK")
    other.close()


def test_a_file_that_is_moved_while_it_is_open(gallery: Path) -> None:
    with SqliteStore(gallery) as store:
        moved = gallery.with_name("moved.db")
        gallery.rename(moved)
        with pytest.raises(OutputError, match="moved, deleted or replaced"):
            store.reserve(1)
        moved.rename(gallery)
        assert store.reserve(1) == [1]
        gallery.unlink()
        SqliteStore(gallery).close()
        with pytest.raises(OutputError, match="moved, deleted or replaced"):
            store.put([])


def test_half_precision(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [unit_rows(rng, 40) for _ in range(2)]
    sizes = {}
    for kind in ("float32", "float16"):
        path = tmp_path / f"{kind}.db"
        with SqliteStore(path, embedding_type=kind) as store:
            store.add_run(make_run())
            store.put([make_record(track_id=n, embeddings=some) for n, some in enumerate(rows, 1)])
            assert store.put([make_record(track_id=1, embeddings=rows[0])]) == 0  # the same, although rounded
        with sqlite3.connect(path) as raw:
            sizes[kind] = raw.execute("SELECT sum(length(vectors)) FROM embeddings").fetchone()[0]
        raw.close()
        with SqliteStore(path, embedding_type="float32") as store:  # an existing file keeps its own
            for record, some in zip(store.tracklets(), rows, strict=True):
                np.testing.assert_allclose(record.tracklet.embeddings, some, atol=0 if kind == "float32" else 5e-4)
            store.check()
    assert sizes["float16"] * 2 == sizes["float32"] == 2 * 40 * 8 * 4


def mount(folder: Path, options: str) -> None:
    """A small file system, where that is allowed."""
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small tmpfs needs root")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount(folder, "size=3m")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing(tiny_disk: Path) -> None:
    rng = np.random.default_rng(0)
    put = 0
    with SqliteStore(tiny_disk / "gallery.db") as store:
        store.add_run(make_run())
        with pytest.raises(OutputError, match="disk is full"):
            for put in range(200):
                store.put([make_record(track_id=put, crops=(rng.bytes(40_000), b""))])
        assert put > 10
        assert [record.key.track_id for record in store.tracklets()] == list(range(put))
        store.check()
    with SqliteStore(tiny_disk / "gallery.db") as store:
        assert [record.key.track_id for record in store.tracklets()] == list(range(put))
        assert all(len(store.crops(record.key)[0]) == 40_000 for record in store.tracklets())
        store.check()


def test_room_is_made_on_a_full_disk(tiny_disk: Path) -> None:
    """The size cap needs no second copy of the file; deleting for good does, and says that it is not done."""
    rng = np.random.default_rng(0)
    path = tiny_disk / "gallery.db"
    for number in range(40):
        with SqliteStore(path) as store:
            store.add_run(make_run())
            frames = 10 * number, 10 * number + 5
            store.put([make_record(track_id=number, frames=frames, crops=(rng.bytes(40_000), b""))])
    assert path.stat().st_size > 1_600_000
    with SqliteStore(path) as store:
        gone = store.forget("me", keys=[make_record(track_id=39).key])
        assert "the disk is full" in gone.left
        assert "the disk is full" in store.erase()
        assert len(store.tracklets()) == 39
    with SqliteStore(path) as store:
        store.set_retention(Retention(max_bytes=1_000_000))
        gone = store.expire()
        assert gone.left == ""
        assert gone.tracklets > 10
        assert path.stat().st_size <= 1_000_000
        assert [record.key.track_id for record in store.tracklets()] == list(range(gone.tracklets, 39))
        assert store.forget("me", keys=[make_record(track_id=38).key]).left == ""
        store.check()


@pytest.fixture
def sealed(tmp_path: Path, gallery: Path) -> Iterator[Path]:
    """The gallery on a medium that cannot be written, not even by root."""
    folder = tmp_path / "sealed"
    folder.mkdir()
    mount(folder, "size=3m")
    shutil.copy(gallery, folder)
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    yield folder / gallery.name
    subprocess.run(["umount", str(folder)], check=True)


def test_a_medium_that_cannot_be_written(sealed: Path) -> None:
    for mode in ("create", "write"):
        with pytest.raises(OutputError, match=r"cannot write .* read-only"):
            SqliteStore(sealed, mode)  # type: ignore[arg-type]
    with SqliteStore(sealed, "read") as store:
        assert len(store.tracklets()) == 3
        assert len(store.nearest(np.eye(1, 8, dtype=np.float32), 9)[0]) == 3
        with pytest.raises(OutputError):
            store.revise(Revision("linker"))


def test_all_of_these_are_errors_for_people(tmp_path: Path) -> None:
    """Commands turn `MdprError` into one line; nothing else may come from a file that is wrong."""
    rng = np.random.default_rng(0)
    path = tmp_path / "gallery.db"
    with SqliteStore(path) as store:
        people(store, *(("hall", 20 * n, 20 * n + 9) for n in range(30)))
    whole = path.read_bytes()
    failed = 0
    for _ in range(40):
        broken = bytearray(whole)
        for _ in range(int(rng.integers(1, 4))):
            start = int(rng.integers(len(broken)))
            broken[start : start + 200] = rng.bytes(len(broken[start : start + 200]))
        path.write_bytes(broken)
        try:
            with SqliteStore(path) as store:
                store.tracklets()
                store.nearest(np.eye(1, 8, dtype=np.float32), 3)
                store.identities()
                store.check()
        except MdprError:
            failed += 1
        for name in ("gallery.db-wal", "gallery.db-shm"):
            (tmp_path / name).unlink(missing_ok=True)
    assert failed > 10
