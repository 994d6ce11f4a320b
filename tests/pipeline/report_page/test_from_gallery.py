"""With a gallery the report shows what the gallery knows now, and nobody whom it has forgotten."""

from __future__ import annotations

import json
import shutil

import cv2
import numpy as np
import pytest

from galleries import NOON, FakeClock
from mdpr.errors import ConfigError
from mdpr.pipeline.commands.report import main
from mdpr.pipeline.report_page.from_gallery import as_in_gallery
from mdpr.pipeline.report_page.pictures import cut_pictures
from mdpr.pipeline.report_page.reading import read_run
from mdpr.pipeline.store import (
    EmbeddingModel,
    Link,
    MemoryStore,
    Revision,
    Run,
    RunCamera,
    SqliteStore,
    TrackletKey,
    TrackletRecord,
    Verdict,
)
from report_runs import two_people, visit, write_run

HALL, DOOR = TrackletKey("monday", "hall", 1), TrackletKey("monday", "door", 1)
FAR = TrackletKey("sunday", "hall", 9)


@pytest.fixture
def scene(tmp_path):
    """A run of four tracklets, of which a gallery knows two, joined with one of another run, and called Ann."""
    folder = two_people(tmp_path / "monday")
    store = MemoryStore(clock=FakeClock())
    jpeg = cv2.imencode(".jpg", np.full((90, 40, 3), 60, np.uint8))[1].tobytes()
    for name, cameras in (("sunday", {"hall": NOON - 86_400}), ("monday", {"hall": NOON, "door": NOON + 4})):
        began = {camera: RunCamera(f"{camera}.mp4", at) for camera, at in cameras.items()}
        store.add_run(Run(name, NOON, EmbeddingModel("model-1", 4), began))
    found = {HALL: visit("hall", 1, 2, 20), DOOR: visit("door", 1, 30, 42), FAR: visit("hall", 9, 0, 5)}
    store.put([TrackletRecord.of(key.run, one, (b"", jpeg, b"") if key == HALL else ()) for key, one in found.items()])
    (ann,) = store.reserve(1)
    links = (
        Link(DOOR, HALL, Verdict.PROBABLE, {"similarity": 0.7, "probability": 0.93}),
        Link(HALL, FAR, Verdict.AMBIGUOUS, {"similarity": 0.4}),
    )
    store.revise(Revision("linker", dict.fromkeys(found, ann), links))
    store.rename(ann, "Ann", "me")
    return folder, store, ann


def test_what_never_moved_is_marked_as_in_the_run(scene):
    folder, store, _ = scene
    assert not any(one.is_still for one in as_in_gallery(read_run(folder), store).visits)
    write_run(folder, [visit("door", 1, 30, 42), visit("hall", 1, 2, 20)], still=[1])
    (folder / "identities.json").unlink()
    write_run(folder, [visit("hall", 1, 2, 20)])
    run = as_in_gallery(read_run(folder), store)
    assert {one.key: one.is_still for one in run.visits} == {HALL: False, DOOR: True}


def test_who_is_who_comes_from_the_gallery(scene):
    folder, store, ann = scene
    run = as_in_gallery(read_run(folder), store)
    assert {one.key: one.identity for one in run.visits} == {HALL: ann, DOOR: ann}
    assert run.names == {ann: "Ann"}
    assert run.notes == ("2 tracks of the run are not in the gallery, and left out.",)
    assert run.started_s == NOON
    assert {camera.name: camera.started_s for camera in run.cameras} == {"hall": 0.0, "door": 4.0}
    links = {frozenset((one.a, one.b)): one for one in run.links}
    own, far = links[frozenset((HALL, DOOR))], links[frozenset((HALL, FAR))]
    assert (own.probability, own.reasons) == (0.93, {"similarity": 0.7})
    assert (far.probability, far.people) == (None, (ann, ann))


def test_crops_come_from_the_gallery(scene):
    folder, store, _ = scene
    pictures = cut_pictures(as_in_gallery(read_run(folder), store), 3, False, 10**9)
    (picture,) = pictures.of[HALL]
    assert picture.time_s == pytest.approx(11.0)  # of the second of three views from 2 to 20 s
    assert DOOR not in pictures.of


def test_the_forgotten_are_not_shown(scene):
    folder, store, _ = scene
    store.forget("me", keys=[DOOR])
    run = as_in_gallery(read_run(folder), store)
    assert [one.key for one in run.visits] == [HALL]
    assert all(DOOR not in (one.a, one.b) for one in run.links)


def test_a_gallery_without_the_run(scene):
    folder, store, _ = scene
    folder = folder.rename(folder.with_name("friday"))
    (folder / "links.jsonl").unlink()
    with pytest.raises(ConfigError, match=r"no run friday; its runs: monday, sunday.*mdpr-link"):
        as_in_gallery(read_run(folder), store)


def test_a_run_without_tables_has_what_the_gallery_has(scene, tmp_path):
    """It keeps people in the gallery only, or it goes on; and another run may have had its name first."""
    folder, store, ann = scene
    shutil.rmtree(folder)
    folder.mkdir()
    with pytest.raises(ConfigError, match="expected the folder of a run"):
        read_run(folder, needs_tables=False)
    info = {"status": "running", "started_s": NOON, "cameras": {"hall": {"source": "rtsp://hall"}, "door": {}}}
    (folder / "run.json").write_text(json.dumps(info))
    with pytest.raises(ConfigError, match="expected the folder of a run"):
        read_run(folder)
    run = as_in_gallery(read_run(folder, needs_tables=False), store)
    assert {one.key: one.identity for one in run.visits} == {HALL: ann, DOOR: ann}
    assert [(camera.name, camera.source, camera.notes) for camera in run.cameras] == [
        ("door", "", ()), ("hall", "rtsp://hall", ()),
    ]  # fmt: skip
    assert run.notes == ()
    began = {"hall": RunCamera("hall.mp4", NOON + 60)}
    store.add_run(Run("monday-2", NOON + 60, EmbeddingModel("model-1", 4), began))
    store.put([TrackletRecord.of("monday-2", visit("hall", 5, 0, 3), ())])
    (folder / "run.json").write_text(json.dumps(info | {"started_s": NOON + 60}))
    run = as_in_gallery(read_run(folder, needs_tables=False), store)
    assert [str(one.key) for one in run.visits] == ["monday-2/hall/5"]


def test_the_page_of_a_run_without_tables(scene, tmp_path, capsys):
    folder, _, _ = scene
    gallery = tmp_path / "gallery.db"
    with SqliteStore(gallery) as store:
        store.add_run(Run("only", NOON, EmbeddingModel("model-1", 4), {"hall": RunCamera("rtsp://hall", NOON)}))
        store.put([TrackletRecord.of("only", visit("hall", 5, 0, 3), ())])
    folder = tmp_path / "only"
    folder.mkdir()
    (folder / "run.json").write_text(json.dumps({"started_s": NOON, "cameras": {"hall": {"source": "rtsp://hall"}}}))
    assert main([str(folder)]) == 2
    assert main([str(folder), "--gallery", str(gallery)]) == 0
    assert "1 tracks, not linked" in capsys.readouterr().err
    assert (folder / "report.html").is_file()
