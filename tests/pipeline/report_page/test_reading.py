"""A run is read as mdpr-track and mdpr-link left it, and what does not fit together is said."""

from __future__ import annotations

import json

import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.report_page.reading import read_run
from report_runs import link, two_people, visit, write_linking, write_run


def people_of(content):
    found = {}
    for one in content.visits:
        found.setdefault(one.identity, set()).add(one.key[1:])
    return found


def test_a_linked_run(tmp_path):
    run = read_run(two_people(tmp_path / "monday", {2: "Ann"}))
    assert run.is_linked
    assert people_of(run) == {1: {("door", 1, 0), ("hall", 1, 0)}, 2: {("hall", 2, 0), ("hall", 3, 0)}}
    assert run.names == {2: "Ann"}
    assert [str(one.verdict) for one in run.links] == ["ambiguous", "certain", "ambiguous", "certain"]
    assert run.links[0].probability == 0.62
    assert [camera.name for camera in run.cameras] == ["door", "hall"]
    assert run.notes == ()


def test_a_run_that_was_not_linked(tmp_path):
    run = read_run(write_run(tmp_path / "monday", [visit("hall", 1, 0, 5), visit("hall", 2, 3, 9)]))
    assert not run.is_linked
    assert people_of(run) == {None: {("hall", 1, 0), ("hall", 2, 0)}}


@pytest.mark.parametrize("is_linked", [True, False])
def test_what_never_moved_is_known(tmp_path, is_linked):
    visits = [visit("hall", 1, 0, 5), visit("hall", 2, 3, 9), visit("door", 3, 3, 9)]
    folder = write_run(tmp_path / "monday", visits, still=[1, 3])
    if is_linked:
        write_linking(folder, {1: [("hall", 1)], 2: [("hall", 2), ("door", 3)]})
    assert {one.key.track_id for one in read_run(folder).visits if one.is_still} == {1, 3}


def test_pieces_take_the_place_of_their_track(tmp_path):
    folder = write_run(tmp_path / "monday", [visit("hall", 1, 0, 10), visit("hall", 2, 20, 25)])
    piece = {"camera": "hall", "track_id": 1}
    pieces = [
        {**piece, "part": 1, "id": 1, "start_s": 0.0, "end_s": 4.0},
        {**piece, "part": 2, "id": 2, "start_s": 4.5, "end_s": 10.0},
    ]
    links = [link("monday/hall/1.2", "monday/hall/2")]
    write_linking(folder, {1: [("hall", 1)], 2: [("hall", 2)]}, links, pieces=pieces)
    run = read_run(folder)
    found = {(one.key.track_id, one.key.part): (one.identity, one.start_s, one.end_s) for one in run.visits}
    assert found == {(1, 1): (1, 0.0, 4.0), (1, 2): (2, 4.5, 10.0), (2, 0): (2, 20.0, 25.0)}


def test_a_folder_that_was_renamed_keeps_its_links(tmp_path):
    two_people(tmp_path / "monday").rename(tmp_path / "tuesday")
    run = read_run(tmp_path / "tuesday")
    assert run.name == "monday"
    assert {key.run for one in run.visits for key in [one.key]} == {"monday"}


def test_the_name_in_identities_is_believed(tmp_path):
    folder = two_people(tmp_path / "monday")
    content = json.loads((folder / "identities.json").read_text())
    (folder / "identities.json").write_text(json.dumps({**content, "run": "monday"}))
    folder.rename(tmp_path / "other")
    assert read_run(tmp_path / "other").name == "monday"


def test_cameras_start_when_run_json_says(tmp_path):
    cameras = {
        "hall": {"source": "hall.mp4", "error": "", "started_s": 1000.0},
        "door": {"source": "door.mp4", "error": "cut off", "started_s": 1007.5},
        "roof": {"source": "roof.mp4", "error": "no such file", "started_s": 3.0},
    }
    run = read_run(write_run(tmp_path / "r", [visit("hall", 1, 0, 5), visit("door", 1, 0, 5)], {"cameras": cameras}))
    begin = {camera.name: camera.started_s for camera in run.cameras}
    assert begin == {"door": 7.5, "hall": 0.0, "roof": 0.0}
    assert run.started_s == 1000.0
    cameras["door"]["started_from"] = "run"
    run = read_run(write_run(tmp_path / "r", [visit("hall", 1, 0, 5)], {"cameras": cameras}))
    assert {camera.name: camera.started_s for camera in run.cameras} == {"door": 0.0, "hall": 0.0, "roof": 0.0}
    assert any("when it began is not known" in note for note in run.cameras[0].notes)
    cameras["hall"]["started_from"] = "run"
    assert read_run(write_run(tmp_path / "r", [visit("hall", 1, 0, 5)], {"cameras": cameras})).started_s is None
    cameras["door"]["started_from"] = cameras["hall"]["started_from"] = "file"
    run = read_run(write_run(tmp_path / "r", [visit("hall", 1, 0, 5)], {"cameras": cameras}))
    notes = {camera.name: camera.notes for camera in run.cameras}
    assert notes["hall"] == ()
    assert notes["door"] == ("failed: cut off",)
    assert any("nobody of this camera" in note for note in notes["roof"])


def test_links_that_are_missing_are_said(tmp_path):
    folder = two_people(tmp_path / "monday")
    (folder / "links.jsonl").unlink()
    run = read_run(folder)
    assert run.links == ()
    assert "links.jsonl" in run.notes[0]


def test_a_folder_without_tracklets(tmp_path):
    with pytest.raises(ConfigError, match="expected the folder of a run"):
        read_run(tmp_path)


def changed(file, edit):
    def change(folder):
        (folder / file).write_text(edit((folder / file).read_text()))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (changed("links.jsonl", lambda text: text[:-30]), "links.jsonl, line 4: no JSON"),
        (changed("links.jsonl", lambda text: text.replace("0.62", "NaN")), "line 1: no JSON"),
        (changed("links.jsonl", lambda text: text.replace("0.62", "1e999")), "line 1: no JSON"),
        (changed("links.jsonl", lambda text: text.replace("0.62", "1.62")), "line 1: expected ids, is_joined"),
        (changed("links.jsonl", lambda text: text.replace("certain", "maybe")), "line 2: expected a link"),
        (changed("links.jsonl", lambda text: text.replace('"monday/hall/2"', "7")), "line 2: expected a link"),
        (changed("links.jsonl", lambda text: text.replace("hall/3", "hall/4")), "hall/4 is not in this run"),
        (changed("links.jsonl", lambda text: text.replace("monday/", "friday/")), "friday"),
        (changed("links.jsonl", lambda _: "[]\n"), "line 1: expected a link"),
        (changed("identities.json", lambda text: text[:-9]), "no JSON"),
        (changed("identities.json", lambda _: "[]"), "identities"),
        (changed("identities.json", lambda text: text.replace('"track_id": 3', '"track_id": 9')), "track 9 of camera"),
        (changed("identities.json", lambda text: text.replace('"name": ""', '"name": 5')), "expected a text"),
        (changed("identities.json", lambda text: text.replace("[]", "[{}]")), r"pieces\[0\]: camera"),
    ],
)
def test_what_does_not_fit_is_said(tmp_path, change, message):
    folder = two_people(tmp_path / "monday")
    change(folder)
    if "friday" in message:  # links of another run altogether do not make it this run's name by chance
        write_linking(folder, {1: [("hall", 1)]}, [link("friday/a/1", "friday/b/1"), link("sunday/a/1", "sunday/b/1")])
        message = "expected links of the run monday"
    with pytest.raises(FormatError, match=message):
        read_run(folder)


@pytest.mark.parametrize("text", ["[", "source: 5", "source: {start_s: x, fps: null}", "source: {start_s: 0, fps: 0}"])
def test_damaged_configuration(tmp_path, text):
    folder = two_people(tmp_path / "monday")
    (folder / "config.yaml").write_text(text)
    with pytest.raises(FormatError, match=r"config\.yaml"):
        read_run(folder)


def test_damaged_run_json(tmp_path):
    folder = two_people(tmp_path / "monday")
    for text in ("{", '{"cameras": []}', "[]"):
        (folder / "run.json").write_text(text)
        with pytest.raises(FormatError, match=r"run\.json"):
            read_run(folder)
