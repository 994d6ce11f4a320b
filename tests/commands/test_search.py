"""mdpr search: ranked people, photos with nobody or several, and the audit log."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from galleries import MODEL, NOON, make_record, make_run, unit_rows
from mdpr.pipeline.commands.search import main
from mdpr.pipeline.commands.track import main as track
from mdpr.pipeline.linking.ranking import rank
from mdpr.pipeline.sources import CameraSpec, SourceConfig, open_source
from mdpr.pipeline.store import Filters, MemoryStore, Revision, SqliteStore

BLOBS = "blob_detector:Blobs"


@pytest.fixture(scope="module")
def tracked(kept_walk, tmp_path_factory):
    """A folder with gallery.db, out/run and photo.png, of a clip in which two people walk."""
    clip = kept_walk()
    folder = tmp_path_factory.mktemp("tracked")
    fixed = ["--detector", BLOBS, "--reid", "histogram", "--project", str(folder / "out"), "--no-save", "--quiet"]
    assert track([f"hall={clip}", f"door={clip}", "--gallery", str(folder / "gallery.db"), *fixed]) == 0
    frames = list(open_source(CameraSpec("a", str(clip)), SourceConfig()))
    cv2.imwrite(str(folder / "photo.png"), frames[10].image)
    return folder


@pytest.fixture
def walk(tracked, tmp_path):
    """(gallery, photo with two people), a copy of one's own."""
    shutil.copytree(tracked, tmp_path, dirs_exist_ok=True)
    return tmp_path / "gallery.db", tmp_path / "photo.png"


def answers(capsys, *arguments: object, code: int = 0) -> list[dict]:
    assert main([*map(str, arguments), "--json"]) == code
    return json.loads(capsys.readouterr().out)


def test_everybody_in_a_photo_is_found(walk, tmp_path, capsys) -> None:
    gallery, photo = walk
    found = answers(capsys, photo, "--gallery", gallery, "--crops", tmp_path / "crops")
    assert [one["query"] for one in found] == [f"{photo}, person 1 of 2", f"{photo}, person 2 of 2"]
    assert found[0]["box"][0] < found[1]["box"][0]
    best = [one["people"][0] for one in found]
    assert best[0]["id"] != best[1]["id"]
    for one in found:
        assert len(one["people"]) == 2
        assert one["people"][0]["score"] > one["people"][1]["score"]
        assert one["people"][0]["probability"] > 2 * one["people"][1]["probability"]
        assert sum(person["probability"] for person in one["people"]) + one["nobody"] == pytest.approx(1)
        for person in one["people"]:
            crop = cv2.imread(person["crop"])
            assert crop.shape[0] > 40
        colour = cv2.imread(one["people"][0]["crop"]).mean(axis=(0, 1))
        left, top, right, bottom = one["box"]
        shown = cv2.imread(str(photo))[top:bottom, left:right].mean(axis=(0, 1))
        assert np.abs(colour - shown).max() < 25
    (only,) = answers(capsys, photo, "--gallery", gallery, "--person", 2, "--top", 1)
    assert only["people"][0]["id"] == best[1]["id"]
    with SqliteStore(gallery, "read") as store:
        log = store.searches()
        assert [search.shown for search in log] == [2, 2, 1]
        assert log[1].query == log[2].query != log[0].query


def test_a_photo_with_nobody(walk, tmp_path, capsys) -> None:
    gallery, photo = walk
    empty = tmp_path / "empty.png"
    cv2.imwrite(str(empty), np.full((200, 300, 3), 180, np.uint8))
    assert main([str(empty), "--gallery", str(gallery)]) == 1
    told = capsys.readouterr()
    assert "nobody was found" in told.err
    assert "--whole" in told.err
    assert told.out == ""
    (answer,) = answers(capsys, empty, photo, "--gallery", gallery, "--person", 1, code=1)  # the others are searched
    assert str(photo) in answer["query"]
    with SqliteStore(gallery, "read") as store:
        assert len(store.searches()) == 1
    (whole,) = answers(capsys, empty, "--whole", "--gallery", gallery)
    assert whole["box"] is None
    assert whole["nobody"] > max(one["probability"] for one in whole["people"])


def test_a_track_finds_its_person_but_not_itself(walk, tmp_path, capsys) -> None:
    gallery, _ = walk
    with SqliteStore(gallery, "read") as store:
        person = store.identities()[0]
    key = person.members[0]
    (found,) = answers(capsys, key, "--gallery", gallery)
    assert found["people"][0]["id"] == person.number
    assert str(key) not in {one["tracklet"] for one in found["people"]}
    (same,) = answers(capsys, tmp_path / "out/run" / key.camera / str(key.track_id), "--gallery", gallery)
    assert same["people"][0]["id"] == person.number
    assert same["people"][0]["tracklet"] == str(key)
    (limited,) = answers(capsys, key, "--gallery", gallery, "--camera", "door")
    assert {one["camera"] for one in limited["people"]} == {"door"}
    assert not answers(capsys, key, "--gallery", gallery, "--until", "2001-01-01")[0]["people"]


WRONG = [
    (["absent.jpg"], 2, "expected RUN/CAMERA/TRACK"),
    (["no/such/1"], 2, "no such tracklet"),
    (["photo.png", "--person", "3"], 2, "shows 2"),
    (["photo.png", "--camera", "cellar"], 2, "door, hall"),
    (["photo.png", "--since", "yesterday"], 2, "yesterday"),
    (["photo.png", "--detector", "motion"], 2, "--whole"),
    (["photo.png", "--reid", "none"], 2, "appearance"),
    (["text.jpg"], 1, "expected a picture"),
    (["photo.png", "--top", "0"], 2, "--top"),
]


def test_what_is_wrong_is_said(walk, tmp_path, capsys, monkeypatch) -> None:
    gallery, _ = walk
    monkeypatch.chdir(tmp_path)
    Path("text.jpg").write_text("no picture")
    for arguments, code, message in WRONG:
        assert main([*arguments, "--gallery", str(gallery)]) == code, arguments
        assert message in capsys.readouterr().err
    with SqliteStore(gallery, "read") as store:
        assert store.searches() == []


@pytest.mark.slow
def test_probabilities_hold_what_they_say() -> None:
    """Of the answers that are given a probability near p, about a part p is right."""
    rng = np.random.default_rng(0)
    people = 30
    centres = unit_rows(rng, people, MODEL.dimension)
    store = MemoryStore()
    store.add_run(make_run("monday", ("hall", "door", "yard")))

    def rows(person: int, count: int) -> np.ndarray:
        noisy = centres[person] + 0.28 * unit_rows(rng, count)
        return (noisy / np.linalg.norm(noisy, axis=1, keepdims=True)).astype(np.float32)

    records, owner = [], []
    for person in range(people // 2):  # the others are nobody of the gallery
        for camera in ("hall", "door", "yard"):
            number = len(records) + 1
            frames = (100 * number, 100 * number + 9)
            records.append(make_record(camera=camera, track_id=number, frames=frames, embeddings=rows(person, 4)))
            owner.append(person)
    store.put(records)
    numbers = store.reserve(people // 2)
    store.revise(Revision("t", {one.key: numbers[person] for one, person in zip(records, owner, strict=True)}))
    told, right = [], []
    for person in np.tile(np.arange(people), 2).tolist():
        ranking = rank(store, rows(person, 1), people)
        told += [one.probability for one in ranking.people] + [ranking.nobody]
        right += [person < len(numbers) and one.identity == numbers[person] for one in ranking.people]
        right.append(person >= len(numbers))
        assert sum(one.probability for one in ranking.people) + ranking.nobody == pytest.approx(1)
    told, right = np.array(told), np.array(right)
    assert ranking.measured > 40
    for low, high, too_sure, too_careful in ((0, 0.1, 0.05, 0.05), (0.1, 0.5, 0.2, 0.2), (0.5, 1.0, 0.05, 0.3)):
        here = (told >= low) & (told <= high)
        assert here.sum() > 20
        assert -too_careful < told[here].mean() - right[here].mean() < too_sure, (low, high)


def test_an_empty_gallery_has_nobody() -> None:
    store = MemoryStore()
    ranking = rank(store, unit_rows(np.random.default_rng(0), 1), 5)
    assert (ranking.people, ranking.nobody) == ((), 1.0)
    store.add_run(make_run())
    store.put([make_record(track_id=1)])
    (alone,) = rank(store, unit_rows(np.random.default_rng(0), 1), 5).people
    assert alone.identity is None
    assert rank(store, unit_rows(np.random.default_rng(0), 1), 5, Filters(since_s=NOON + 99)).people == ()
