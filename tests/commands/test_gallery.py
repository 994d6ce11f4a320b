"""`mdpr gallery` and `mdpr forget`: what they print, change and refuse."""

from __future__ import annotations

import json
import re
import shlex
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from galleries import make_record, make_run, unit_rows
from mdpr.pipeline.commands import forget, gallery
from mdpr.pipeline.store import Filters, Link, Revision, Run, RunCamera, Search, SqliteStore, Verdict
from mdpr.reid.histogram import Histogram

DAY_S = 86_400.0


def jpeg(value: int) -> bytes:
    image = np.full((64, 32, 3), (value, 40, 200 - value), np.uint8)
    return cv2.imencode(".jpg", image)[1].tobytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Two people: number 1 was seen 40 and 20 days ago, number 2, Ann, 20 days ago; and somebody else 1 day ago."""
    path = tmp_path / "gallery.db"
    now_s = time.time()
    with SqliteStore(path) as store:
        for name, days in (("old", 40), ("middle", 20), ("new", 1)):
            cameras = {camera: RunCamera(f"{camera}.mp4", now_s - days * DAY_S) for camera in ("hall", "door")}
            store.add_run(Run(name, now_s - days * DAY_S, make_run().model, cameras))
        records = [
            make_record("old", camera="hall", track_id=1, crops=(jpeg(10), jpeg(20))),
            make_record("middle", camera="door", track_id=1, crops=(jpeg(30), b"")),
            make_record("middle", camera="hall", track_id=2, crops=(jpeg(90), jpeg(99))),
            make_record("new", camera="hall", track_id=3),
        ]
        store.put(records)
        a, b, c, _ = (record.key for record in records)
        first, second = store.reserve(2)
        link = Link(a, b, Verdict.PROBABLE, {"similarity": 0.75})
        store.revise(Revision("linker", {a: first, b: first, c: second}, (link,)))
        store.rename(second, "Ann", "me")
    return path


def out_of(capsys: Any, command: Any, *arguments: object, code: int = 0) -> str:
    assert command.main([str(argument) for argument in arguments]) == code
    captured = capsys.readouterr()
    return captured.out if code == 0 else captured.err


def test_list_and_stats(path: Path, capsys: Any) -> None:
    for arguments in ([path], [path, "list"]):
        lines = out_of(capsys, gallery, *arguments).splitlines()
        assert f"{path}: 2 identities (1 named), 4 tracklets, 8 views, 3 runs" in lines[0]
        assert lines[3].split()[:5] == ["1", "-", "2", "door,", "hall"]
        assert lines[4].split()[:4] == ["2", "Ann", "1", "hall"]
    values = json.loads(out_of(capsys, gallery, path, "stats", "--json"))
    assert (values["tracklets"], values["crops"], values["model"]["fingerprint"]) == (4, 5, "mdpr-test-1")
    assert [camera["name"] for camera in values["cameras"]] == ["door", "hall"]
    assert "camera hall: 3 runs, 3 tracklets" in out_of(capsys, gallery, path, "stats")


def test_names(path: Path, capsys: Any) -> None:
    assert "identity 1 is named 'Bob'" in out_of(capsys, gallery, path, "name", 1, "Bob", "--author", "Cid")
    assert "Cid: name identity 1" in out_of(capsys, gallery, path, "history", "Bob")
    assert "named 'Ann' already" in out_of(capsys, gallery, path, "name", "Bob", "Ann", code=1)
    assert "no name" in out_of(capsys, gallery, path, "name", "Bob", "")
    assert "no identity 'Bob'" in out_of(capsys, gallery, path, "name", "Bob", "x", code=2)


def test_history(path: Path, capsys: Any) -> None:
    lines = out_of(capsys, gallery, path, "history").splitlines()
    assert len(lines) == 5
    assert lines[0].endswith("linker: middle/door/1: identity - -> 1")
    assert "linker: link middle/door/1 - old/hall/1 identity 1" in lines[3]
    assert '"similarity": 0.75' in lines[3]
    assert len(out_of(capsys, gallery, path, "history", "Ann").splitlines()) == 2


def test_the_audit_log(path: Path, capsys: Any) -> None:
    with SqliteStore(path) as store:
        found = store.nearest(unit_rows(np.random.default_rng(0), 1), 4)[0]
        store.record_search(Search("Ann", "ab12" * 16, Filters(), tuple(found)))
    text = out_of(capsys, gallery, path, "searches")
    assert "Ann: query ab12ab12ab12ab12, 4 shown, identities 1, 2\n" in text


def test_limits(path: Path, capsys: Any) -> None:
    assert out_of(capsys, gallery, path, "keep") == "time to live: no limit\nsize: no limit\n"
    out_of(capsys, gallery, path, "keep", "--ttl", "30d")
    assert out_of(capsys, gallery, path, "keep", "--max-size", "2GB") == "time to live: 30 days\nsize: 2.0 GB\n"
    assert "old/hall/1  identity 1" in (text := out_of(capsys, forget, "--gallery", path, "--expired", "--dry-run"))
    assert "would forget 1 tracklets; the size limit is not looked at" in text
    assert "forgot 0 identities, 1 tracklets, 2 views" in out_of(capsys, forget, "--gallery", path, "--expired")
    assert out_of(capsys, gallery, path, "keep", "--ttl", "none").startswith("time to live: no limit\nsize: 2.0 GB")
    for wrong in (["--ttl", "30"], ["--max-size", "2 elephants"], ["--max-size", "0GB"]):
        assert "expected" in out_of(capsys, gallery, path, "keep", *wrong, code=2)


def test_forget_people(path: Path, capsys: Any) -> None:
    assert "would forget 1 tracklets" in out_of(capsys, forget, "Ann", "--gallery", path, "--dry-run")
    assert b"Ann" in path.read_bytes()
    assert out_of(capsys, forget, "Ann", "--gallery", path) == "identity 2: forgot 1 identities, 1 tracklets, 2 views\n"
    assert b"Ann" not in path.read_bytes()
    assert jpeg(90)[-200:] not in path.read_bytes()
    assert jpeg(10)[-200:] in path.read_bytes()
    assert "no identity 'Ann'" in out_of(capsys, forget, "Ann", "--gallery", path, code=2)
    out_of(capsys, forget, "--tracklet", "new/hall/3", "--gallery", path)
    with SqliteStore(path) as store:
        assert [str(record.key) for record in store.tracklets()] == ["middle/door/1", "old/hall/1"]
        assert store.events()[-1].detail["why"] == "single tracklets"


def test_nobody_is_forgotten_when_one_is_unknown(path: Path, capsys: Any) -> None:
    out_of(capsys, forget, "Ann", "nobody", "--gallery", path, code=2)
    with SqliteStore(path) as store:
        assert len(store.tracklets()) == 4


def test_forget_by_age(path: Path, capsys: Any) -> None:
    text = out_of(capsys, forget, "--older-than", "30d", "--gallery", path, "--dry-run")
    assert text == "old/hall/1  identity 1\nwould forget 1 tracklets; nothing was deleted\n"
    assert "forgot 0 identities, 1 tracklets" in out_of(capsys, forget, "--older-than", "30d", "--gallery", path)
    assert "forgot 2 identities, 2 tracklets" in out_of(capsys, forget, "--older-than", "2d", "--gallery", path)


def test_bytes_that_are_left(path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdpr.pipeline.store.forgetting.erase", lambda database: "somebody reads")
    assert "--finish" in out_of(capsys, forget, "Ann", "--gallery", path, code=1)
    monkeypatch.undo()
    assert out_of(capsys, forget, "--finish", "--gallery", path).startswith("nothing new")
    assert b"Ann" not in path.read_bytes()


@pytest.mark.parametrize("arguments", [[], ["1", "--expired"], ["--older-than", "3d", "--tracklet", "a/b/1"]])
def test_one_way_to_forget(path: Path, capsys: Any, arguments: list[str]) -> None:
    assert "give one of" in out_of(capsys, forget, *arguments, "--gallery", path, code=2)


def test_wrong_usage(path: Path, tmp_path: Path, capsys: Any) -> None:
    with pytest.raises(SystemExit):
        forget.main(["--older-than", "30", "--gallery", str(path)])
    assert "expected a time like 30d" in capsys.readouterr().err
    assert "is not a tracklet" in out_of(capsys, forget, "--tracklet", "hall", "--gallery", path, code=2)
    assert "no gallery at" in out_of(capsys, gallery, tmp_path / "absent.db", code=2)
    assert "no gallery at" in out_of(capsys, forget, "1", "--gallery", tmp_path / "absent.db", code=2)
    (tmp_path / "notes.txt").write_text("this is no gallery")
    assert "not a gallery" in out_of(capsys, gallery, tmp_path / "notes.txt", code=1)


def test_check(path: Path, capsys: Any) -> None:
    assert "is whole" in out_of(capsys, gallery, path, "check")


def test_an_identity_moves_to_another_gallery(path: Path, tmp_path: Path, capsys: Any) -> None:
    exported = tmp_path / "ann.json"
    out_of(capsys, gallery, path, "export", "1", "--out", exported)
    assert json.loads(out_of(capsys, gallery, path, "export", "Ann"))["name"] == "Ann"
    values = json.loads(exported.read_text())
    assert [event["kind"] for event in values["history"]] == ["assign", "assign", "link"]
    other = tmp_path / "other.db"
    assert "added as identity 1" in out_of(capsys, gallery, other, "import", exported)
    assert "with identity 1" in out_of(capsys, gallery, other, "import", exported, code=1)
    with SqliteStore(path, "read") as old, SqliteStore(other, "read") as new:
        first = old.identities()[0]
        assert new.identities() == [first]
        assert new.links() == old.links(1)
        for key in first.members:
            assert new.crops(key) == old.crops(key)
        assert [run.name for run in new.runs()] == ["old", "middle"]
        old_rows, new_rows = (
            [record.tracklet.embeddings for record in store.tracklets(Filters(identities=(1,)))] for store in (old, new)
        )
        np.testing.assert_array_equal(old_rows, new_rows)
    for damage in ({"version": 2}, {"tracklets": [{"key": "a/b/1"}]}, {"links": 7}, {"format": "other"}):
        exported.write_text(json.dumps(values | damage))
        assert "exported identity" in out_of(capsys, gallery, tmp_path / "third.db", "import", exported, code=1)
    exported.write_text("[1]")
    assert "expected an exported identity" in out_of(capsys, gallery, other, "import", exported, code=1)
    exported.write_text("{")
    assert "is not JSON" in out_of(capsys, gallery, other, "import", exported, code=1)


def test_embedding_again(path: Path, capsys: Any) -> None:
    assert "views without a crop" in out_of(capsys, gallery, path, "re-embed", "--reid", "histogram", code=1)
    assert "gives no embeddings" in out_of(capsys, gallery, path, "re-embed", "--reid", "none", code=2)
    with SqliteStore(path) as store:
        assert store.model == make_run().model
    text = out_of(capsys, gallery, path, "re-embed", "--reid", "histogram", "--drop")
    assert text == "embedded 5 views again; 3 had no crop\n"
    with SqliteStore(path) as store:
        assert store.model is not None
        assert store.model.fingerprint.startswith("histogram")
        records = {str(record.key): record for record in store.tracklets()}
        assert records["new/hall/3"].tracklet.embeddings.shape == (2, 0)
        np.testing.assert_array_equal(records["middle/door/1"].tracklet.embeddings[1], 0)
        crop = store.crops(records["old/hall/1"].key)[1]
        image = np.asarray(cv2.imdecode(np.frombuffer(crop, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        expected = Histogram().embed([image], [np.array([[0, 0, 32, 64]], np.float32)])
        np.testing.assert_allclose(records["old/hall/1"].tracklet.embeddings[1:], expected, atol=1e-6)
        assert len(store.identities()) == 2
        store.check()


DOCUMENT = (Path(__file__).resolve().parents[2] / "docs/gallery.md").read_text(encoding="utf-8")
LINES = [
    line.split("  #")[0].strip()
    for block in re.findall(r"```bash\n(.*?)```", DOCUMENT, flags=re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("line", LINES)
def test_what_the_document_says_parses(line: str) -> None:
    _, name, *arguments = shlex.split(line)
    {"gallery": gallery, "forget": forget}[name].make_parser().parse_args(arguments)


def test_the_document_shows_every_command() -> None:
    commands = {line.split()[3] for line in LINES if line.startswith("mdpr gallery") and len(line.split()) > 3}
    assert commands == {"stats", "name", "history", "searches", "keep", "export", "import", "re-embed", "check"}
