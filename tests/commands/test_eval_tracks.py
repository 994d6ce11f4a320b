"""`mdpr eval mot` and `mdpr eval mtmc` from end to end."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mdpr.pipeline.commands import main
from mdpr.pipeline.formats.coco import write_coco
from mdpr.pipeline.formats.cvat import write_cvat
from mdpr.pipeline.formats.mot import write_mot
from mdpr.pipeline.formats.multicamera import write_multicamera
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes

FRAMES = 120
FPS = 10


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["eval", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def person(track_id: int, frames: range, left: float = 1.0) -> TrackBoxes:
    return TrackBoxes.of(list(frames), track_id, [[left + 40 * (track_id % 10), 1, 20, 50]] * len(frames), class_id=1,
                         first_pixel=1)  # fmt: skip


def joined(*parts: TrackBoxes) -> TrackBoxes:
    columns = {name: np.concatenate([getattr(one, name) for one in parts]) for name in
               ("frame", "track_id", "ltwh", "score", "class_id")}  # fmt: skip
    return TrackBoxes.of(**columns, first_pixel=1)


TRUTH = {
    "hall": joined(person(1, range(0, 40)), person(1, range(80, 120)), person(2, range(0, 120))),
    "yard": joined(person(1, range(40, 60)), person(3, range(0, 120))),
}
FOUND = {  # track ids are local: 11 and 21 are person 1 before and after, 12 is person 2; in yard 41 is person 1
    "hall": joined(person(11, range(0, 40)), person(21, range(80, 120)), person(12, range(0, 120))),
    "yard": joined(person(41, range(40, 60)), person(43, range(0, 120))),
}
RIGHT = {1: [("hall", 11), ("hall", 21), ("yard", 41)], 2: [("hall", 12)], 3: [("yard", 43)]}


@pytest.fixture
def truth(tmp_path: Path) -> Path:
    """As the synthetic benchmark has it: a folder a camera, and truth.txt with everything."""
    for name, boxes in TRUTH.items():
        folder = tmp_path / "truth" / name
        (folder / "gt").mkdir(parents=True)
        write_mot(folder / "gt" / "gt.txt", boxes, is_truth=True)
        text = f"[Sequence]\nname={name}\nframeRate={FPS}\nseqLength={FRAMES}\n"
        (folder / "seqinfo.ini").write_text(text)
    write_multicamera(tmp_path / "truth" / "truth.txt", TRUTH)
    return tmp_path / "truth"


@pytest.fixture
def found(tmp_path: Path) -> Path:
    """A run of mdpr-track."""
    for name, boxes in FOUND.items():
        (tmp_path / "run" / name).mkdir(parents=True)
        write_mot(tmp_path / "run" / name / "tracks.txt", boxes)
    return tmp_path / "run"


def write_identities(folder: Path, identities: dict[int, list[tuple[str, int]]]) -> None:
    listed = [
        {"id": one, "tracklets": [{"camera": camera, "track_id": track} for camera, track in tracks]}
        for one, tracks in identities.items()
    ]
    (folder / "identities.json").write_text(json.dumps({"identities": listed}))


def test_mot(truth: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "mot", truth, found, "--details", "--csv", tmp_path / "scores.csv")
    assert (code, err) == (0, "")
    table = [line.split() for line in out.splitlines()]
    assert table[0][:3] == ["sequence", "HOTA", "DetA"]
    assert [row[0] for row in table[1:4]] == ["hall", "yard", "COMBINED"]
    assert table[2][table[0].index("IDF1")] == "100.0"
    assert table[1][table[0].index("IDSW")] == "1"
    assert table[3][table[0].index("Return")] == "0.0"
    assert "3-10 s   recall 0.0 % (0 of 1)" in out
    assert "DetRe" in out
    rows = list(csv.DictReader((tmp_path / "scores.csv").open(encoding="utf-8")))
    code, again, _ = run(capsys, "mot", truth, found, "--json")
    told = json.loads(again)
    assert code == 0
    assert told["sequences"]["hall"]["IDF1"] == float(rows[0]["IDF1"]) == pytest.approx(0.8)
    assert told["combined"]["returns"]["3-10 s"]["returns"] == int(rows[2]["returns 3-10 s returns"]) == 1
    assert rows[0]["returns >60 s recall"] == ""
    assert told["versions"]["numpy"] == np.__version__


@pytest.mark.parametrize("is_truth", [True, False])
@pytest.mark.parametrize("kind", ["mot", "cvat", "coco", "multicamera"])
def test_every_format_scores_the_same(
    kind: str, is_truth: bool, truth: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cameras = TRUTH if is_truth else FOUND
    recordings = {name: Recording(name, boxes, frames=FRAMES, fps=FPS) for name, boxes in cameras.items()}
    path = tmp_path / "other"
    path.mkdir()
    for name, one in recordings.items():
        if kind == "mot":
            write_mot(path / f"{name}.txt", one.boxes, is_truth)
        elif kind == "cvat":
            write_cvat(path / f"{name}.xml", one)
    if kind == "coco":
        path /= "all.json"
        write_coco(path, recordings)
    elif kind == "multicamera":
        path /= "all.txt"
        write_multicamera(path, cameras)
    expected = json.loads(run(capsys, "mot", truth, found, "--json")[1])["combined"]
    code, out, err = run(capsys, "mot", *((path, found) if is_truth else (truth, path)), "--json", "--fps", FPS)
    assert code == 0, err
    told = json.loads(out)["combined"]
    assert told.pop("returns") == expected.pop("returns")
    assert told == pytest.approx(expected)


def test_mtmc(truth: Path, found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "mtmc", truth, found)
    assert code == 0
    assert "no identities.json" in err
    assert "links      recall 0.0 % (0 of 2)" in out
    assert "precision - (0 of 0)" in out

    write_identities(found, RIGHT)
    code, out, err = run(capsys, "mtmc", truth, found)
    assert (code, "warning" in err) == (0, False)
    rows = {line.split()[0]: line.split() for line in out.splitlines() if line}
    assert rows["hall"][5] == "100.0"  # IDF1
    assert rows["ALL"][2:8] == ["100.0"] * 6
    assert "recall 100.0 % (2 of 2)" in out
    told = json.loads(run(capsys, "mtmc", truth, found, "--json")[1])
    assert told["links"]["precision"] == 1
    assert told["together"]["returns"]["all"]["returns"] == 0  # yard sees person 1 while hall does not
    assert set(told["links_by_cameras"]) == {"hall yard"}


def test_mtmc_from_text(truth: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Truth in one file, pixels and frames from 0; ids in a text are the same person everywhere."""
    code, out, err = run(capsys, "mtmc", truth, truth / "truth.txt", "--json")
    assert code == 0, err
    assert json.loads(out)["together"]["HOTA"] == pytest.approx(1)
    code, out, _ = run(capsys, "mtmc", truth / "truth.txt", truth, "--json", "--fps", 10)
    assert json.loads(out)["together"]["IDF1"] == pytest.approx(1)
    local = json.loads(run(capsys, "mtmc", truth, truth / "truth.txt", "--ids", "local", "--json")[1])
    assert local["links"]["recall"] == 0


def test_mtmc_returns(tmp_path: Path, capsys: pytest.CaptureFixture[str], truth: Path, found: Path) -> None:
    """Without yard, person 1 is away from hall for 4.1 s."""
    for identities, recall in ((RIGHT, 1), ({}, 0)):
        write_identities(found, identities)
        code, out, err = run(capsys, "mtmc", truth, found, "--only", "hall", "--json")
        assert code == 0, err
        values = json.loads(out)["together"]["returns"]["3-10 s"]
        assert (values["returns"], values["recall"]) == (1, recall)


def test_only_one_of_each_goes_together(
    truth: Path, found: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "mot", truth / "hall", found / "yard")
    assert code == 0
    assert "hall is compared with yard" in err
    assert "COMBINED" not in out


def test_what_a_reader_should_know(truth: Path, found: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (found / "yard" / "tracks.txt").write_text("")
    (found / "attic").mkdir()
    (found / "attic" / "tracks.txt").write_text("1,1,0,0,5,5,1\n")
    (truth / "hall" / "seqinfo.ini").unlink()
    file = truth / "hall" / "gt" / "gt.txt"
    file.write_text(file.read_text() + "1,99,300,1,50,50,0,13,1\n")
    code, _, err = run(capsys, "mot", truth, found)
    assert code == 0
    assert "the prediction of yard is empty" in err
    assert "left out, as the truth lacks it: attic" in err
    assert "1 boxes of crowds are not ignore regions" in err
    assert "returns are without hall" in err


def failing(truth: Path, found: Path, case: str) -> list[object]:
    """Break something, and say what to run."""
    gt, tracks = truth / "hall" / "gt" / "gt.txt", found / "hall" / "tracks.txt"
    if case == "missing":
        (found / "yard" / "tracks.txt").unlink()
    elif case == "twice":
        tracks.write_text(tracks.read_text() + "1,11,5,5,5,5,1,-1,-1,-1\n")
    elif case == "beyond":
        tracks.write_text(tracks.read_text() + "121,11,5,5,5,5,1,-1,-1,-1\n")
    elif case == "zero":
        tracks.write_text(tracks.read_text() + "0,11,5,5,5,5,1,-1,-1,-1\n")
    elif case == "empty":
        gt.write_text("")
        (truth / "yard" / "gt" / "gt.txt").write_text("1,1,1,1,5,5,0,1,1\n")
    elif case == "foreign":
        write_identities(found, {1: [("hall", 999)]})
    elif case == "two places":
        write_identities(found, {1: [("hall", 11), ("hall", 12)]})
    return [truth, found]


@pytest.mark.parametrize(
    ("kind", "case", "code", "message"),
    [
        ("mot", "missing", 1, "no prediction for yard; it has hall"),
        ("mtmc", "missing", 1, "cameras differ: {run} lacks yard. The truth has hall, yard; the prediction has hall"),
        ("mot", "twice", 1, "tracks.txt:201: id 11 already has a box in frame 1"),
        ("mot", "beyond", 1, "tracks.txt: has a box in frame 121 (counted from 1), expected at most 120"),
        ("mot", "zero", 1, "tracks.txt:201: expected a frame number from 1 to 1000000000, got 0"),
        ("mot", "empty", 1, "no box that counts"),
        ("mtmc", "foreign", 1, "names track 999 of camera hall"),
        ("mtmc", "two places", 1, "nobody can be in two places at once"),
        ("mot", "--only attic", 2, "--only attic: not in"),
        ("mtmc", "--iou 0", 2, "iou_threshold"),
        ("mot", "--min-visibility 3", 2, "min_visibility"),
        ("mot", "--fps -1", 2, "fps"),
        ("mot", "--frames 50", 1, "gt.txt: has a box in frame 120 (counted from 1), expected at most 50"),
        ("mot", "--csv {run}/none/x.csv", 1, "cannot write"),
    ],
)
def test_errors_are_one_line(
    kind: str, case: str, code: int, message: str, truth: Path, found: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = case.replace("{run}", str(found)).split() if case.startswith("--") else []
    got, _, err = run(capsys, kind, *failing(truth, found, case), *flags)
    assert got == code
    assert message.replace("{run}", str(found)) in err
    assert err.count("error: ") == 1
    assert "Traceback" not in err


def test_no_such_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "mot", tmp_path / "none", tmp_path)
    assert code == 2
    assert "no such file or folder" in err
