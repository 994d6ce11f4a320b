"""mdpr-track with several cameras or a gallery: identities come by themselves."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import av
import pyarrow.parquet as pq
import pytest
from whole_runs import assert_whole

from mdpr.pipeline.commands.link import main as link
from mdpr.pipeline.commands.track import main
from mdpr.pipeline.formats.identities import read_identities
from mdpr.pipeline.store import SqliteStore


@pytest.fixture
def clips(make_walk: Callable[..., Path]) -> list[Path]:
    return [make_walk("one.mp4"), make_walk("two.mp4")]


def track(tmp_path: Path, *arguments: object, name: str = "run") -> int:
    fixed = [
        "--detector",
        "motion",
        "--reid",
        "histogram",
        "--project",
        str(tmp_path / "out"),
        "--name",
        name,
        "--exist-ok",
        "--no-save",
    ]
    return main([*map(str, arguments), *fixed])


def test_several_cameras_have_identities(clips, tmp_path, capsys) -> None:
    assert track(tmp_path, *clips) == 0
    found = read_identities(tmp_path / "out/run/identities.json")
    assert {camera for camera, _ in found} == {"one", "two"}
    number = {(camera, track_id): one for (camera, track_id), one in found.items()}
    table = pq.read_table(tmp_path / "out/run/one/tracklets.parquet").to_pydict()
    assert table["identity"] == [number["one", track_id] for track_id in table["track_id"]]
    assert "people" in capsys.readouterr().err
    assert_whole(tmp_path / "out/run")
    assert track(tmp_path, *clips, "--no-link", name="apart") == 0
    assert not (tmp_path / "out/apart/identities.json").exists()
    assert track(tmp_path, clips[0], name="alone") == 0
    assert not (tmp_path / "out/alone/identities.json").exists()


def test_one_camera_twice_into_a_gallery(clips, tmp_path) -> None:
    gallery = tmp_path / "gallery.db"
    assert track(tmp_path, f"hall={clips[0]}", "--gallery", gallery, name="monday") == 0
    assert track(tmp_path, f"hall={clips[0]}", "--gallery", gallery, name="tuesday") == 0
    first, second = (read_identities(tmp_path / f"out/{name}/identities.json") for name in ("monday", "tuesday"))
    assert first == second
    with SqliteStore(gallery, "read") as store:
        assert {run.name for run in store.runs()} == {"monday", "tuesday"}
        stats = store.stats()
        assert stats.crops == stats.views > 0
        assert all(jpeg[:2] == b"\xff\xd8" for one in store.tracklets() for jpeg in store.crops(one.key))


def test_a_gallery_that_cannot_take_the_run_is_told_before_tracking(clips, tmp_path, capsys) -> None:
    gallery = tmp_path / "gallery.db"
    assert track(tmp_path, clips[0], "--gallery", gallery) == 0
    assert track(tmp_path, clips[0], "--gallery", gallery, "--set", "reid.stripes=3", name="other") == 1
    assert "cannot be compared" in capsys.readouterr().err
    assert not list((tmp_path / "out/other").glob("*/tracks.txt"))
    with sqlite3.connect(tmp_path / "foreign.db") as sql:
        sql.execute("CREATE TABLE birds (name TEXT)")
    assert track(tmp_path, clips[0], "--gallery", tmp_path / "foreign.db", name="third") == 1
    assert track(tmp_path, clips[0], "--gallery", gallery, "--no-save-parquet", "--link-every", "0") == 2
    assert track(tmp_path, clips[0], "--gallery", gallery, "--no-link") == 2


def test_what_stops_linking_leaves_the_tracks(clips, tmp_path, capsys, monkeypatch) -> None:
    gallery = tmp_path / "gallery.db"
    monkeypatch.setattr("mdpr.pipeline.linking.aftertracking.check_before", lambda _run: None)
    monkeypatch.setattr("mdpr.pipeline.commands.track.check_before", lambda _run: None)
    gallery.write_text("no gallery at all" * 100)
    assert track(tmp_path, *clips, "--gallery", gallery) == 1
    told = capsys.readouterr().err
    assert f"mdpr-link {tmp_path / 'out/run'} --gallery {gallery}" in told
    assert json.loads((tmp_path / "out/run/run.json").read_text())["status"] == "complete"
    assert (tmp_path / "out/run/one/tracklets.parquet").exists()


@pytest.mark.slow
def test_identities_are_drawn(clips, tmp_path) -> None:
    assert track(tmp_path, *clips) == 0
    assert link([str(tmp_path / "out/run"), "--render", "--quiet"]) == 0
    for camera in ("one", "two"):
        with av.open(str(tmp_path / f"out/run/{camera}/identities.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == 40
    clips[0].unlink()
    assert link([str(tmp_path / "out/run"), "--render"]) == 1
