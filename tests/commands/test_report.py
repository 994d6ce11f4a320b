"""`mdpr report`: where pages go, what they hold, what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from urllib.parse import unquote

import pytest

from mdpr.pipeline.commands import main as mdpr_main
from mdpr.pipeline.commands.link import main as link_main
from mdpr.pipeline.commands.report import main
from mdpr.pipeline.commands.track import main as track_main
from mdpr.pipeline.store import SqliteStore
from report_runs import HOSTILE, link, tags_of, two_people, values_in, visit, write_linking, write_run


@pytest.mark.slow
def test_from_a_video_to_its_page(make_walk, tmp_path, capsys):
    clip = make_walk()
    options = ["--detector", "motion", "--project", str(tmp_path / "out"), "--quiet"]
    assert track_main([f"front door={clip}".replace(" ", "_"), *options]) == 0
    run = tmp_path / "out/run"
    assert mdpr_main(["report", str(run)]) == 0
    assert "tracks, not linked" in capsys.readouterr().err
    values = values_in(run / "report.html")
    assert not values["isLinked"]
    assert [camera["source"] for camera in values["cameras"]] == [clip.name]
    assert str(tmp_path) not in (run / "report.html").read_text("utf-8")
    assert len(values["visits"]) >= 2
    assert all(one["person"] is None and one["pictures"] for one in values["visits"])
    assert link_main([str(run), "--quiet"]) == 0
    assert main([str(run), "--quiet", "--crops", "1"]) == 0
    values = values_in(run / "report.html")
    assert values["isLinked"]
    assert all(one["person"] is not None for one in values["visits"])
    assert {len(one["pictures"]) for one in values["visits"]} == {1}
    (camera,) = values["cameras"]
    assert (run / camera["video"]).is_file()
    assert not list(run.glob("*.part"))
    gallery = tmp_path / "gallery.db"
    assert link_main([str(run), "--quiet", "--gallery", str(gallery)]) == 0
    assert mdpr_main(["gallery", str(gallery), "name", "1", "Ann"]) == 0
    assert main([str(run), "--quiet", "--no-video", "--gallery", str(gallery)]) == 0
    named = values_in(run / "report.html")
    assert named["names"] == {"1": "Ann"}
    assert [one["track"] for one in named["visits"]] == [one["track"] for one in values["visits"]]
    assert all(one["person"] and one["pictures"] for one in named["visits"])  # the gallery keeps crops


def test_the_same_run_gives_the_same_page(tmp_path):
    run = two_people(tmp_path / "monday", {2: "Ann"})
    assert main([str(run), "--quiet"]) == 0
    first = (run / "report.html").read_bytes()
    assert main([str(run), "--quiet"]) == 0
    assert (run / "report.html").read_bytes() == first


def test_videos_are_found_from_where_the_page_lies(tmp_path):
    name = "a#b ?%41&\"'<c>:é"
    run = write_run(tmp_path / "m o", [visit(name, 1, 0, 5)])
    (run / name / "video.mp4").touch()
    (tmp_path / "pages").mkdir()
    page = tmp_path / "pages/page.html"
    assert main([str(run), "--quiet", "--out", str(page)]) == 0
    (camera,) = values_in(page)["cameras"]
    assert camera["name"] == name
    assert not set("#? \"'<>&:") & set(camera["video"])
    assert (page.parent / unquote(camera["video"])).resolve() == (run / name / "video.mp4").resolve()


def test_videos_begin_where_players_begin_them(tmp_path):
    run = write_run(tmp_path / "run", [visit("hall", 1, 30, 35)])
    (run / "hall/video.mp4").touch()
    (run / "config.yaml").write_text("source: {start_s: 30.0, fps: null}")
    assert main([str(run), "--quiet"]) == 0
    (camera,) = values_in(run / "report.html")["cameras"]
    assert (camera["video"], camera["videoBeginS"]) == ("hall/video.mp4", 30.0)
    shutil.copy(run / "hall/video.mp4", run / "hall/identities.mp4")
    assert main([str(run), "--quiet"]) == 0
    assert values_in(run / "report.html")["cameras"][0]["video"] == "hall/identities.mp4"


def test_a_camera_called_like_a_script_is_a_folder(tmp_path):
    run = write_run(tmp_path / "run", [visit("javascript:alert(1)", 1, 0, 5)])
    (run / "javascript:alert(1)/video.mp4").touch()
    assert main([str(run), "--quiet"]) == 0
    assert values_in(run / "report.html")["cameras"][0]["video"].startswith("javascript%3A")


def test_pages_of_several_runs_link_to_each_other(tmp_path):
    for name, other in (("monday", "tuesday"), ("tuesday", "monday")):
        write_run(tmp_path / name, [visit("hall", 1, 0, 5)])
        links = [{**link("monday/hall/1", "tuesday/hall/1"), "ids": [4, 4]}, link(f"{other}/hall/1", f"{name}/hall/1")]
        write_linking(tmp_path / name, {4: [("hall", 1)]}, links[:1])
    assert main([str(tmp_path / "monday"), str(tmp_path / "tuesday"), "--quiet"]) == 0
    values = values_in(tmp_path / "monday/report.html")
    assert values["otherRuns"] == {"tuesday": "../tuesday/report.html"}
    assert values["links"][0]["a"] == 0
    assert values["links"][0]["b"] == {"run": "tuesday", "camera": "hall", "track": 1, "part": 0, "person": 4}
    assert main([str(tmp_path / "monday"), "--quiet"]) == 0
    assert values_in(tmp_path / "monday/report.html")["otherRuns"] == {"tuesday": None}


def test_hostile_names_make_no_tags(tmp_path):
    camera = HOSTILE.replace("/", "|")
    plain = write_run(tmp_path / "plain", [visit("hall", 1, 0, 5)])
    run = write_run(tmp_path / camera, [visit(camera, 1, 0, 5)])
    write_linking(run, {1: [(camera, 1)]}, names={1: HOSTILE})
    assert main([str(plain), "--quiet"]) == 0
    assert main([str(run), "--quiet"]) == 0
    page = (run / "report.html").read_text("utf-8")
    assert [tag for tag, _ in tags_of(page)] == [tag for tag, _ in tags_of((plain / "report.html").read_text("utf-8"))]
    values = values_in(run / "report.html")
    assert values["names"] == {"1": HOSTILE}
    assert values["cameras"][0]["name"] == camera


def test_a_folder_whose_name_is_no_utf8(tmp_path):
    run = write_run(tmp_path / "run", [visit("hall", 1, 0, 5)])
    (run / "hall/video.mp4").touch()
    try:
        run = run.rename(Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9")))
    except OSError:
        pytest.skip("this file system takes names in UTF-8 only")
    assert main([str(run), "--quiet"]) == 0
    assert values_in(run / "report.html")["cameras"][0]["video"] == "hall/video.mp4"


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["absent"], 2, "expected the folder of a run"),
        (["monday", "tuesday", "--out", "page.html"], 2, "--out names one page"),
        (["monday", "copy/monday"], 2, "same name"),
        (["monday", "--crops", "-1"], 2, "--crops"),
        (["monday", "--max-mb", "nan"], 2, "--max-mb"),
        (["monday", "--gallery", "absent.db"], 2, "absent.db"),
        (["monday", "--gallery", "gallery.db"], 2, "no run monday"),
        (["monday", "--out", "absent/page.html"], 1, "cannot write"),
    ],
)
def test_what_is_refused(tmp_path, monkeypatch, capsys, arguments, code, message):
    monkeypatch.chdir(tmp_path)
    for name in ("monday", "tuesday", "copy/monday"):
        two_people(tmp_path / name)
    SqliteStore(tmp_path / "gallery.db").close()
    assert main(arguments) == code
    assert message in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.html*"))


def test_a_damaged_tracklets_file_is_said_and_an_old_page_stays(tmp_path, capsys):
    run = two_people(tmp_path / "monday")
    assert main([str(run), "--quiet"]) == 0
    before = (run / "report.html").read_bytes()
    file = run / "hall/tracklets.parquet"
    file.write_bytes(file.read_bytes()[:400])
    assert main([str(run)]) == 1
    assert "cut off" in capsys.readouterr().err
    assert (run / "report.html").read_bytes() == before


def test_an_interrupted_run_says_so(tmp_path):
    run = two_people(tmp_path / "monday")
    (run / "run.json").write_text(json.dumps({"status": "failed", "error": "the disk is full", "cameras": {}}))
    assert main([str(run), "--quiet"]) == 0
    assert "failed, not complete: the disk is full" in values_in(run / "report.html")["notes"][0]
