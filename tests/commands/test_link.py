"""mdpr-link on runs with simulated tracklets."""

from __future__ import annotations

import json

import pytest

from mdpr.pipeline.commands.explain import main as explain
from mdpr.pipeline.commands.link import main
from mdpr.pipeline.formats.identities import read_identities, read_still
from mdpr.pipeline.sinks.parquet import TrackletSink
from simulated_tracklets import World, score, simulate

WORLD = World(people=10, visits=2, overlapping=False)


@pytest.fixture
def scene(tmp_path):
    """(simulated, folder of the run)"""
    simulated = simulate(WORLD)
    write_run(tmp_path / "monday", simulated.sightings)
    return simulated, tmp_path / "monday"


def write_run(folder, sightings, fingerprint="model-1", still=()):
    """Tracklets of each camera; those whose keys are in `still` never moved."""
    for camera in {one.key.camera for one in sightings}:
        (folder / camera).mkdir(parents=True)
        path, ids = folder / camera / "tracklets.parquet", {key.track_id for key in still if key.camera == camera}
        with TrackletSink(path, WORLD.dimension, fingerprint, ids.__contains__) as sink:
            sink.end([one.tracklet for one in sightings if one.key.camera == camera])


def test_identities_and_links_are_written(scene, capsys):
    simulated, run = scene
    assert main([str(run), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    found = read_identities(run / "identities.json")
    number = {key: found[key.camera, key.track_id] for key in simulated.person}
    assert score(number, simulated).idf1 > 0.95
    links = [json.loads(line) for line in (run / "links.jsonl").read_text().splitlines()]
    joined = [link for link in links if link["is_joined"]]
    assert len(joined) == summary["tracklets"] - summary["identities"]
    assert all(link["reasons"]["similarity"] is not None for link in joined)
    before = (run / "identities.json").read_bytes(), (run / "links.jsonl").read_bytes()
    assert main([str(run), "--quiet"]) == 0
    assert ((run / "identities.json").read_bytes(), (run / "links.jsonl").read_bytes()) == before


def test_who_never_moved_is_told(tmp_path, capsys):
    """Somebody who moved in one of their tracks did move; somebody who moved in none is counted and marked."""
    simulated = simulate(WORLD)
    tracks = {person: [key for key, one in simulated.person.items() if one == person] for person in (0, 1)}
    write_run(tmp_path / "run", simulated.sightings, still=[*tracks[0], *tracks[1][1:]])
    assert main([str(tmp_path / "run")]) == 0
    owner, still = (read(tmp_path / "run/identities.json") for read in (read_identities, read_still))
    found = [{owner[key.camera, key.track_id] for key in keys} for keys in tracks.values()]
    assert [len(one) for one in found] == [1, 1]  # linking was right
    assert still == found[0]
    assert "10 people (1 never moved): " in capsys.readouterr().err


def test_identities_hold_across_runs(scene, tmp_path):
    _, run = scene
    second = tmp_path / "tuesday"
    write_run(second, simulate(WORLD).sightings)
    assert main([str(run), str(second), "--quiet"]) == 0
    assert read_identities(run / "identities.json") == read_identities(second / "identities.json")


@pytest.mark.parametrize(
    ("cameras", "message"),
    [("c0 -> cellar: 5..40 s", "cellar"), ("c0 -> c1: soon", "5..40 s"), ("c0: [", "no YAML")],
)
def test_what_is_wrong_with_the_cameras_is_said(scene, tmp_path, capsys, cameras, message):
    (tmp_path / "cameras.yaml").write_text(cameras)
    assert main([str(scene[1]), "--cameras", str(tmp_path / "cameras.yaml")]) == 2
    assert message in capsys.readouterr().err
    assert not (scene[1] / "identities.json").exists()


def test_a_camera_that_the_run_could_not_read_may_be_named(scene, tmp_path, capsys):
    """It has no folder, but the run tells that it exists."""
    _, run = scene
    report = {"started_s": 1_760_000_000.0, "cameras": {"cellar": {"source": "rtsp://cellar", "error": "no answer"}}}
    (run / "run.json").write_text(json.dumps(report))
    (tmp_path / "cameras.yaml").write_text("c0 -> cellar: 5..40 s\n")
    for more in ([], ["--gallery", str(tmp_path / "gallery.db")]):
        assert main([str(run), "--cameras", str(tmp_path / "cameras.yaml"), *more]) == 0, capsys.readouterr().err
    why = ["--run", str(run), "--why-not", "1", "2", "--cameras", str(tmp_path / "cameras.yaml")]
    assert explain(why) == 0, capsys.readouterr().err


def test_what_is_wrong_with_the_runs_is_said(scene, tmp_path, capsys):
    simulated, run = scene
    (tmp_path / "empty").mkdir()
    assert main([str(tmp_path / "empty")]) == 2
    assert "expected the folder of a run" in capsys.readouterr().err
    write_run(tmp_path / "other", simulated.sightings, "model-2")
    assert main([str(run), str(tmp_path / "other")]) == 1
    assert "two models" in capsys.readouterr().err
    file = run / "c0" / "tracklets.parquet"
    file.write_bytes(file.read_bytes()[:500])
    assert main([str(run)]) == 1
    assert "cut off" in capsys.readouterr().err
    assert main([str(run), "--false-link-rate", "0"]) == 2
    assert "false_link_rate" in capsys.readouterr().err


def test_cameras_that_seem_to_lie_apart_are_named(tmp_path, capsys):
    world = World(people=80, visits=1, day_s=600)
    write_run(tmp_path / "run", simulate(world).sightings)
    assert main([str(tmp_path / "run"), "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out)["apart"]
    assert len(pairs) >= 4
    assert main([str(tmp_path / "run")]) == 0
    told = capsys.readouterr().err
    named = ", ".join(f"{one} and {two}" for one, two in pairs[:3])
    assert f"nobody seems to be at once in {named} and {len(pairs) - 3} more pairs of cameras, which are taken" in told
    one, two = pairs[0]
    (tmp_path / "cameras.yaml").write_text(f"{one} <-> {two}: overlapping\n")
    assert main([str(tmp_path / "run"), "--json", "--cameras", str(tmp_path / "cameras.yaml")]) == 0
    assert [one, two] not in json.loads(capsys.readouterr().out)["apart"]
