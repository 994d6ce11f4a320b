"""mdpr explain, mdpr correct and mdpr data export-crops on a gallery of simulated people."""

from __future__ import annotations

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from link_runs import write_run
from mdpr.pipeline.commands import correct, data, explain
from mdpr.pipeline.commands.link import main as link
from mdpr.pipeline.linking.explaining import Explained
from mdpr.pipeline.store import CorrectionKind, SqliteStore, TrackletRecord
from mdpr.reid.data import load_dataset
from simulated_tracklets import World, simulate

WORLD = World(people=5, cameras=3, visits=2, views=6, view=0.6, day_s=600.0, seed=3)
MUST = CorrectionKind.MUST_LINK


@pytest.fixture
def linked(tmp_path: Path) -> tuple[Path, Path]:
    """(folder of a run, gallery that it was linked into)."""
    run = write_run(tmp_path / "monday", simulate(WORLD).sightings, WORLD.dimension, 1_760_000_000.0)
    assert link([str(run), "--gallery", str(tmp_path / "gallery.db"), "--quiet"]) == 0
    return run, tmp_path / "gallery.db"


def say(gallery: Path, *arguments: object, code: int = 0) -> None:
    assert correct.main([*map(str, arguments), "--gallery", str(gallery), "--author", "tester"]) == code


def owners(gallery: Path) -> dict:
    with SqliteStore(gallery, "read") as store:
        store.check()
        return {key: one.number for one in store.identities() for key in one.members}


def two_that_can_be_one(gallery: Path) -> tuple:
    """Two identities, and a tracklet of each, so that nothing overlaps in time."""
    with SqliteStore(gallery, "read") as store:
        records = {one.key: one.tracklet for one in store.tracklets()}
        people = [one for one in store.identities() if len(one.members) > 2]

    def clash(a, b) -> bool:
        return a.camera == b.camera and (
            records[a].start_frame <= records[b].end_frame and records[b].start_frame <= records[a].end_frame
        )

    return next(
        (one, other) for one in people for other in people
        if one.number < other.number and not any(clash(a, b) for a in one.members for b in other.members)
    )  # fmt: skip


def test_merge_holds_in_every_later_run(linked, capsys) -> None:
    run, gallery = linked
    one, other = two_that_can_be_one(gallery)
    say(gallery, "name", other.number, "Bob")
    say(gallery, "merge", one.number, "Bob", "--note", "same bag")
    for _ in range(2):
        number = owners(gallery)
        assert {number[key] for key in (*one.members, *other.members)} == {one.number}
        assert link([str(run), "--gallery", str(gallery), "--quiet"]) == 0
    content = json.loads((run / "identities.json").read_text())
    (entry,) = (person for person in content["identities"] if person["id"] == one.number)
    assert entry["name"] == "Bob"
    assert len(entry["tracklets"]) == len(one.members) + len(other.members)
    capsys.readouterr()
    assert explain.main([str(one.number), "--gallery", str(gallery)]) == 0
    told = capsys.readouterr().out
    assert "must-link" in told
    assert "same bag" in told


def test_split_holds_and_takes_a_merge_back(linked) -> None:
    run, gallery = linked
    one, other = two_that_can_be_one(gallery)
    say(gallery, "merge", one.number, other.number)
    say(gallery, "split", one.number, *other.members)
    for _ in range(2):
        number = owners(gallery)
        assert {number[key] for key in one.members} == {one.number}
        (fresh,) = {number[key] for key in other.members}
        assert fresh not in (one.number, other.number)
        assert link([str(run), "--gallery", str(gallery), "--quiet"]) == 0
    say(gallery, "merge", one.number, fresh)  # what was said last holds
    assert {owners(gallery)[key] for key in (*one.members, *other.members)} == {one.number}


def test_swap_holds(linked) -> None:
    run, gallery = linked
    one, other = two_that_can_be_one(gallery)
    a, b = one.members[-1], other.members[-1]
    say(gallery, "swap", a, b)
    for _ in range(2):
        number = owners(gallery)
        assert number[a] == number[other.members[0]] != number[one.members[0]] == number[b]
        assert link([str(run), "--gallery", str(gallery), "--quiet"]) == 0


def test_what_cannot_be_is_refused_and_changes_nothing(linked, capsys) -> None:
    _, gallery = linked
    with SqliteStore(gallery, "read") as store:
        people = store.identities()
        records = {one.key: one.tracklet for one in store.tracklets()}
    at_once = next(
        (a, b) for a in records for b in records
        if a < b and a.camera == b.camera and records[a].start_frame <= records[b].end_frame
        and records[b].start_frame <= records[a].end_frame
    )  # fmt: skip
    number = owners(gallery)
    before = gallery_state(gallery)
    say(gallery, "merge", number[at_once[0]], number[at_once[1]], code=1)
    assert "twice in one camera" in capsys.readouterr().err
    say(gallery, "merge", people[0].number, code=2)
    say(gallery, "merge", people[0].number, 999, code=2)
    say(gallery, "split", people[0].number, *people[0].members, code=2)
    say(gallery, "split", people[0].number, people[1].members[0], code=2)
    say(gallery, "swap", people[0].members[0], people[0].members[1], code=2)
    say(gallery, "swap", people[0].members[0], "monday/c9/1", code=2)
    say(gallery, "withdraw", people[0].members[0], people[0].members[1], code=2)
    assert gallery_state(gallery) == before
    say(gallery, "name", people[0].number, "Ann")
    say(gallery, "name", people[1].number, "Bob")
    say(gallery, "merge", "Ann", "Bob", code=2)
    assert "both have a name" in capsys.readouterr().err


def gallery_state(gallery: Path) -> tuple:
    with SqliteStore(gallery, "read") as store:
        return store.identities(), store.corrections(), store.links()


def test_explain_tells_each_link_of_a_gallery_and_of_a_run(linked, capsys) -> None:
    run, gallery = linked
    with SqliteStore(gallery, "read") as store:
        person = max(store.identities(), key=lambda one: len(one.members))
    told = []
    for where in (["--gallery", str(gallery)], ["--run", str(run)]):
        assert explain.main([str(person.number), *where, "--json"]) == 0
        told.append(json.loads(capsys.readouterr().out))
        joined = [one for one in told[-1]["links"] if one["is_joined"]]
        assert len(joined) == len(person.members) - 1
        assert {one["tracklet"] for one in told[-1]["members"]} == set(map(str, person.members))
        for one in joined:
            assert one["reasons"]["margin"] == pytest.approx(
                one["reasons"]["similarity"] - one["reasons"]["runner_up"], abs=1e-6
            )
            assert one["verdict"] in ("certain", "probable", "ambiguous")
        assert explain.main([str(person.number), *where]) == 0
        text = capsys.readouterr().out
        assert len(re.findall(r"similarity -?\d\.\d+, runner-up -?\d\.\d+, margin -?\d\.\d+", text)) >= len(joined)
        assert len(re.findall(r"; \d+\.\d s between them|; at once", text)) >= len(joined)
        for one in joined:
            term = one["reasons"]["group_time_term"]
            line = next(line for line in text.splitlines() if line.startswith(f"  {one['a']} - {one['b']}: "))
            assert (f"; time term {term:+.2f}" in line) == (term != 0)
            taken, who = one["reasons"]["group_rival_term"], one["reasons"].get("group_rival")
            named = f" ({who})" if who else ""
            assert (f"; could be somebody else, too: {taken:+.2f}{named}" in line) == (taken <= -0.01)
            assert ("group_rival" in one["reasons"]) == (where[0] == "--run")  # a gallery may have to forget them
    assert told[0]["members"] == told[1]["members"]
    assert explain.main(["999", "--run", str(run)]) == 2
    assert explain.main(["--run", str(run)]) == 2


def test_explain_says_what_speaks_for_others(capsys) -> None:
    reasons = {
        "similarity": 0.8, "runner_up": 0.7, "margin": 0.1, "time_term": 0.5, "group_time_term": 1.25,
        "position_term": -1.0, "group_position_term": 2.5, "group_rival_term": -0.42, "group_rival": "r/c/7",
    }  # fmt: skip
    link = {"a": "r/a/1", "b": "r/b/2", "ids": [1, 1], "is_joined": True, "verdict": "probable", "probability": 0.93}
    said = explain.as_text(Explained(1, "", {}, [{**link, "reasons": reasons}]))
    assert "probable 93.0%" in said
    assert "; time term +1.25; position term +2.50; could be somebody else, too: -0.42 (r/c/7)" in said
    reasons |= {"group_rival": None, "group_position_term": 0.0}
    said = explain.as_text(Explained(1, "", {}, [{**link, "reasons": reasons}]))
    assert said.rstrip().endswith("; time term +1.25; could be somebody else, too: -0.42")
    reasons |= {"group_rival_term": -0.001}
    assert "somebody else" not in explain.as_text(Explained(1, "", {}, [{**link, "reasons": reasons}]))
    alone = {**link, "is_joined": False, "reasons": {"position_term": -1.0, "time_term": 0.5}}
    assert "time term +0.50; position term -1.00" in explain.as_text(Explained(1, "", {}, [alone]))


def test_why_not(linked, tmp_path, capsys) -> None:
    run, gallery = linked
    one, other = two_that_can_be_one(gallery)
    for where in (["--gallery", str(gallery)], ["--run", str(run)]):
        assert explain.main(["--why-not", str(one.number), str(other.members[0]), *where, "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["pairs"] == len(one.members)
        assert found["forbidden"] == {}
        assert found["similarity"] < found["needed"]
        assert found["group_log_odds"] < 0 < found["probability"] < 0.5
        assert explain.main(["--why-not", str(one.number), str(other.members[0]), *where]) == 0
        terms = f"times {found['group_time_term']:+.2f} and places {found['group_position_term']:+.2f}; "
        assert f"of which {terms}" in capsys.readouterr().out
    say(gallery, "split", one.number, one.members[-1])
    capsys.readouterr()
    assert explain.main(["--why-not", str(one.number), str(one.members[-1]), "--gallery", str(gallery)]) == 0
    told = capsys.readouterr().out
    assert "cannot-link" in told
    assert "tester" in told
    assert "one person 0.0%" in told
    (tmp_path / "cameras.yaml").write_text("c0 <-> c1: 900..1000 s\nc0 <-> c2: 900..1000 s\nc1 <-> c2: 900..1000 s\n")
    arguments = ["--why-not", str(one.number), str(other.number), "--gallery", str(gallery)]
    assert explain.main([*arguments, "--cameras", str(tmp_path / "cameras.yaml")]) == 0
    assert "travel time too short" in capsys.readouterr().out
    assert explain.main(["--why-not", str(one.number), str(one.number), "--gallery", str(gallery)]) == 2


def test_export_crops_is_a_market1501_set(linked, tmp_path, capsys) -> None:
    _, gallery = linked
    with SqliteStore(gallery) as store:
        for record in store.tracklets():
            jpegs = [picture(record.identity) for _ in record.tracklet.view_frame]
            store.put([TrackletRecord(record.key, record.tracklet, tuple(jpegs))])
        people = store.identities()
        store.rename(people[0].number, "Ann", "tester")
    assert data.main(["export-crops", str(gallery), "--out", str(tmp_path / "set"), "--hold-out", "0.4"]) == 0
    found = load_dataset("market1501", tmp_path / "set")
    everything = [found.train, found.query, found.gallery]
    assert sum(map(len, everything)) == sum(1 for _ in (tmp_path / "set").rglob("*.jpg"))
    assert found.query.identities == 2
    assert not set(found.train.pids) & set(found.query.pids)
    assert {one.number for one in people} == set(np.concatenate([one.pids for one in everything]).tolist())
    for images in everything:
        for path, pid in zip(images.paths, images.pids.tolist(), strict=True):
            assert abs(int(cv2.imread(path)[0, 0, 0]) - 10 * pid) < 4
    manifest = load_dataset("manifest", tmp_path / "set/manifest.csv")
    assert len(manifest.train) == len(found.train)
    assert data.main(["export-crops", str(gallery), "--out", str(tmp_path / "set")]) == 1  # it is not empty
    assert data.main(["export-crops", str(gallery), "--out", str(tmp_path / "ann"), "--only-corrected"]) == 0
    assert set(load_dataset("manifest", tmp_path / "ann/manifest.csv").train.pids.tolist()) == {people[0].number}


def picture(identity: int | None) -> bytes:
    return cv2.imencode(".jpg", np.full((64, 32, 3), 10 * (identity or 0), np.uint8))[1].tobytes()


def test_nothing_to_export_is_said(linked, tmp_path, capsys) -> None:
    _, gallery = linked
    assert data.main(["export-crops", str(gallery), "--out", str(tmp_path / "set")]) == 2
    assert "pictures" in capsys.readouterr().err
