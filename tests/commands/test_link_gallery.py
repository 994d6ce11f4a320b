"""mdpr-link with a gallery: identities that survive runs, corrections that bind, and what can go wrong."""

from __future__ import annotations

import errno
import json
import sqlite3
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from link_runs import add_report, run_of, write_run
from mdpr.pipeline.commands.link import main
from mdpr.pipeline.formats.identities import read_identities
from mdpr.pipeline.linking import jobs
from mdpr.pipeline.store import Correction, CorrectionKind, SqliteStore, TrackletKey
from simulated_tracklets import Simulated, World, score, simulate

WORLD = World(people=8, cameras=3, visits=2, view=0.7, day_s=600.0)
NOON = 1_760_000_000.0


@pytest.fixture
def halves(tmp_path: Path) -> tuple[Simulated, Path, Path]:
    """A simulated hour as two runs of the command, the second 5 minutes after the first."""
    simulated = simulate(WORLD)
    middle = float(np.median([one.start_s for one in simulated.sightings]))
    early = [one for one in simulated.sightings if one.start_s < middle]
    late = [one for one in simulated.sightings if one.start_s >= middle]
    write_run(tmp_path / "morning", early, WORLD.dimension, NOON)
    write_run(tmp_path / "later", late, WORLD.dimension, NOON + 300)
    return simulated, tmp_path / "morning", tmp_path / "later"


def found(simulated: Simulated, *folders: Path) -> dict:
    number = {}
    for folder in folders:
        for (camera, track_id), identity in read_identities(folder / "identities.json").items():
            number[TrackletKey("run", camera, track_id)] = identity
    assert number.keys() <= simulated.person.keys()
    return number


def test_who_comes_back_after_5_minutes_in_a_second_run_has_the_same_identity(halves, tmp_path, capsys) -> None:
    simulated, morning, later = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    first = found(simulated, morning)
    assert main([str(later), "--gallery", str(gallery), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    number = found(simulated, morning) | found(simulated, later)
    assert score(number, simulated).idf1 > 0.95
    before = {simulated.person[key]: identity for key, identity in first.items()}
    again = {simulated.person[key]: identity for key, identity in found(simulated, later).items()}
    came_back = before.keys() & again.keys()
    assert len(came_back) >= 4
    assert sum(before[person] == again[person] for person in came_back) >= len(came_back) - 1
    assert summary["known_before"] >= len(came_back) - 1
    with SqliteStore(gallery, "read") as store:
        stored = {key: identity.number for identity in store.identities() for key in identity.members}
        assert {key.run for key in stored} == {"morning", "later"}
        assert all(stored["later", key.camera, key.track_id, 0] == one for key, one in found(simulated, later).items())


def test_the_same_run_once_more_changes_nothing(halves, tmp_path) -> None:
    _, morning, _ = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    with SqliteStore(gallery, "read") as store:
        before = store.revision, store.events(), store.links(), store.identities()
    files = (morning / "identities.json").read_bytes(), pq.read_table(morning / "c0/tracklets.parquet")
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    with SqliteStore(gallery, "read") as store:
        assert (store.revision, store.events(), store.links(), store.identities()) == before
    assert (morning / "identities.json").read_bytes() == files[0]
    assert pq.read_table(morning / "c0/tracklets.parquet").equals(files[1])


def test_corrections_and_names_bind(halves, tmp_path) -> None:
    _, morning, later = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    with SqliteStore(gallery) as store:
        big = max(store.identities(), key=lambda one: len(one.members))
        other = next(one for one in store.identities() if one.number != big.number)
        store.rename(big.number, "Ann", "tester")
        apart, *_ = big.members[1:]
        store.correct(Correction(CorrectionKind.CANNOT_LINK, big.members[0], apart, "tester"))
        free = next(
            (a, b) for a in big.members for b in other.members
            if a.camera != b.camera and a not in (apart, big.members[0])
        )  # fmt: skip
        store.correct(Correction(CorrectionKind.MUST_LINK, *free, "tester"))
    assert main([str(later), "--gallery", str(gallery), "--quiet"]) == 0
    with SqliteStore(gallery, "read") as store:
        number = {key: identity.number for identity in store.identities() for key in identity.members}
        assert number[big.members[0]] != number[apart]
        assert number[free[0]] == number[free[1]]
        store.check()
    content = json.loads((later / "identities.json").read_text())
    assert content["run"] == "later"
    assert content["gallery"] == str(gallery)
    names = {one["id"]: one["name"] for one in content["identities"]}
    assert names.get(big.number, "Ann") == "Ann"


def test_a_second_run_of_the_same_name_is_told_apart(halves, tmp_path) -> None:
    _, morning, later = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    (tmp_path / "elsewhere").mkdir()
    later.rename(tmp_path / "elsewhere/morning")
    assert main([str(tmp_path / "elsewhere/morning"), "--gallery", str(gallery), "--quiet"]) == 0
    with SqliteStore(gallery, "read") as store:
        assert {run.name for run in store.runs()} == {"morning", "morning-2"}
    assert json.loads((tmp_path / "elsewhere/morning/identities.json").read_text())["run"] == "morning-2"


def test_the_tables_have_identities(halves) -> None:
    simulated, morning, _ = halves
    assert main([str(morning), "--quiet"]) == 0
    number = {(key.camera, key.track_id): one for key, one in found(simulated, morning).items()}
    for camera in ("c0", "c1", "c2"):
        table = pq.read_table(morning / camera / "tracklets.parquet").to_pydict()
        assert table["identity"] == [number[camera, track_id] for track_id in table["track_id"]]
        boxes = pq.read_table(morning / camera / "tracks.parquet").to_pydict()
        assert boxes["identity"] == [number[camera, track_id] for track_id in boxes["track_id"]]
        assert len(boxes["identity"]) > 100
    assert main([str(morning), "--quiet"]) == 0  # a table that has the column already


def test_a_full_disk_leaves_the_tables_whole(halves, capsys, monkeypatch) -> None:
    _, morning, _ = halves
    before = {path: path.read_bytes() for path in morning.rglob("*.parquet")}

    def full(_self: object, _table: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as context:
        context.setattr("mdpr.pipeline.linking.results.pq.ParquetWriter.write_table", full)
        assert main([str(morning)]) == 1
    assert "disk is full" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in morning.rglob("*.parquet")} == before
    assert not list(morning.rglob("*.part"))


@pytest.mark.parametrize("name", ["tracklets.parquet", "tracks.parquet"])
def test_a_table_that_is_cut_off(halves, capsys, name) -> None:
    _, morning, _ = halves
    path = morning / "c1" / name
    path.write_bytes(path.read_bytes()[:600])
    assert main([str(morning)]) == 1
    told = capsys.readouterr().err
    assert f"c1/{name}" in told
    assert "cut off" in told
    assert path.stat().st_size == 600
    assert not list(morning.rglob("*.part"))


def refuse(run: Path, gallery: Path, capsys, *expected: str, code: int = 1) -> None:
    """The command fails, says why, and leaves run and gallery as they were."""
    files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    before = gallery.read_bytes() if gallery.is_file() else None
    assert main([str(run), "--gallery", str(gallery)]) == code
    told = capsys.readouterr().err
    assert "Traceback" not in told
    for text in expected:
        assert text in told
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == files
    if before is not None:
        assert gallery.read_bytes() == before


def test_what_is_wrong_with_the_gallery_is_said(halves, tmp_path, capsys) -> None:
    _, morning, _ = halves
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as sql:
        sql.execute("CREATE TABLE birds (name TEXT)")
    refuse(morning, foreign, capsys, "foreign.db")
    text = tmp_path / "text.db"
    text.write_text("this is no database, but it is long enough to have a header " * 10)
    refuse(morning, text, capsys, "text.db")
    refuse(morning, tmp_path, capsys, str(tmp_path))


def test_embeddings_of_another_model_are_refused(halves, tmp_path, capsys) -> None:
    simulated, morning, _ = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    write_run(tmp_path / "other", simulated.sightings, WORLD.dimension, NOON, "model-2")
    refuse(tmp_path / "other", gallery, capsys, "model-1", "model-2", "re-embed")
    mixed = run_of(tmp_path / "mixed", simulated.sightings, NOON, {"c0": "model-1", "c1": "model-2", "c2": "model-1"})
    refuse(mixed, tmp_path / "new.db", capsys, "model-1", "model-2")


def test_a_gallery_that_cannot_be_written(halves, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setattr(jobs, "SqliteStore", partial(SqliteStore, timeout_s=0.1))
    _, morning, later = halves
    gallery = tmp_path / "gallery.db"
    assert main([str(morning), "--gallery", str(gallery), "--quiet"]) == 0
    with sqlite3.connect(gallery, isolation_level=None, timeout=0) as sql:
        sql.execute("BEGIN IMMEDIATE")
        refuse(later, gallery, capsys, "gallery.db")
        sql.execute("ROLLBACK")
    with monkeypatch.context() as context:
        context.setattr(jobs, "SqliteStore", partial(SqliteStore, mode="read"))  # as on a read-only file system
        refuse(later, gallery, capsys, "gallery.db")
    assert main([str(later), "--gallery", str(gallery), "--quiet"]) == 0


@pytest.mark.slow
def test_clocks_that_disagree(halves, tmp_path, capsys) -> None:
    simulated, morning, _ = halves
    add_report(morning, {"c0": 12.0, "c1": NOON, "c2": NOON}, "file")
    refuse(morning, tmp_path / "gallery.db", capsys, "1970", "c0")
    add_report(morning, {"c0": NOON * 3, "c1": NOON, "c2": NOON}, "file")
    refuse(morning, tmp_path / "other.db", capsys, "clocks")
    add_report(morning, {"c0": float("nan"), "c1": NOON, "c2": NOON}, "file")
    refuse(morning, tmp_path / "third.db", capsys, "seconds since 1970")
    (morning / "run.json").write_text('{"cameras": {')
    refuse(morning, tmp_path / "third.db", capsys, "run.json")
    (morning / "run.json").unlink()
    refuse(morning, tmp_path / "third.db", capsys, "run.json", code=2)
    add_report(morning, dict.fromkeys(("c0", "c1", "c2"), NOON), "file")
    write_run(tmp_path / "again", simulated.sightings, WORLD.dimension, NOON + 5, known_from="file")
    assert main([str(morning), str(tmp_path / "again")]) == 0
    assert "at the same time" in capsys.readouterr().err
