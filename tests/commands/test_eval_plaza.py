"""`mdpr eval plaza` from end to end: on small scenes, with results of others, and with mdpr-track and mdpr-link."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from mdpr.errors import FormatError
from mdpr.pipeline import truetracks
from mdpr.pipeline.benchmark import FILE, sum_of_links, table
from mdpr.pipeline.commands import main, track
from mdpr.pipeline.formats.mot import write_mot
from mdpr.pipeline.formats.multicamera import write_multicamera
from mdpr.pipeline.formats.trackboxes import Recording, TrackBoxes
from mdpr.pipeline.metrics.links import Links
from mdpr.pipeline.onethreshold import best_threshold
from mdpr.types import Detections, Frame
from simulated_tracklets import make_tracklet

FRAMES, FPS = 120, 10
Boxes = Mapping[str, TrackBoxes]


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["eval", "plaza", *map(str, arguments)])
    out, err = capsys.readouterr()
    return code, out, err


def boxes_of(people: Mapping[int, range], class_id: int = 1) -> TrackBoxes:
    """Each stands at a place of its own; ids of 100 and more stand where those of the last two digits do."""
    rows = [(frame, person) for person, frames in people.items() for frame in frames]
    frame, person = (np.array(column) for column in zip(*rows, strict=True))
    ltwh = np.column_stack(
        [1 + 40 * (person % 100), np.full(len(rows), 1), np.full(len(rows), 20), np.full(len(rows), 50)]
    )
    return TrackBoxes.of(frame, person, ltwh, class_id=class_id, first_pixel=1)


def _whole(first: int = 0, last: int = FRAMES) -> range:
    return range(first, last)


TRUTH: dict[str, dict[str, TrackBoxes]] = {
    "plaza": {
        "cam1": boxes_of({1: _whole(0, 60), 2: _whole()}),
        "cam2": boxes_of({1: _whole(60), 2: _whole()}),
    },
    "corridor": {
        "cam1": boxes_of({1: _whole(0, 50), 3: _whole()}),
        "cam2": boxes_of({1: _whole(50)}),
    },
}


@pytest.fixture
def benchmark_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "dev"
    for scene, cameras in TRUTH.items():
        for name, boxes in cameras.items():
            (folder / scene / name / "gt").mkdir(parents=True)
            write_mot(folder / scene / name / "gt" / "gt.txt", boxes, is_truth=True)
            text = f"[Sequence]\nname={name}\nframeRate={FPS}\nseqLength={FRAMES}\n"
            (folder / scene / name / "seqinfo.ini").write_text(text)
        write_multicamera(folder / scene / "truth.txt", {name[3:]: boxes for name, boxes in cameras.items()})
    about = {"benchmark": "SynthPlaza", "version": 1, "split": "dev", "scenes": ["plaza", "corridor"]}
    (folder / FILE).write_text(json.dumps(about))
    return folder


def _write_text(folder: Path, results: Mapping[str, Boxes]) -> Path:
    folder.mkdir()
    for scene, cameras in results.items():
        write_multicamera(folder / f"{scene}.txt", {name[3:]: boxes for name, boxes in cameras.items()})
    return folder


def _write_mot(folder: Path, results: Mapping[str, Boxes]) -> Path:
    for scene, cameras in results.items():
        (folder / scene).mkdir(parents=True)
        for name, boxes in cameras.items():
            write_mot(folder / scene / f"{name}.txt", boxes)
    return folder


@pytest.mark.parametrize("write", [_write_text, _write_mot])
def test_the_truth_itself_is_perfect(
    write: Callable[[Path, Mapping[str, Boxes]], Path],
    benchmark_folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = write(tmp_path / "theirs", TRUTH)
    code, out, _ = run(capsys, benchmark_folder, "--run", results, "--json")
    values = json.loads(out)
    assert code == 0
    for scene in (*values["scenes"].values(), values["all"]):
        for kind in ("tracking", "across"):
            assert scene[kind]["HOTA"] == scene[kind]["IDF1"] == scene[kind]["MOTA"] == 1
            assert scene[kind]["IDSW"] == 0
    assert values["scenes"]["plaza"]["links"]["recall"] == values["scenes"]["plaza"]["links"]["precision"] == 1
    assert values["all"]["links"]["true"] == 3  # persons 1 and 2 on the plaza, person 1 in the corridor


def test_ids_that_mean_nothing_elsewhere_cost_identities_across_cameras_only(
    benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    local = {
        scene: {
            name: boxes.with_ids(boxes.track_id + 100 * number) for number, (name, boxes) in enumerate(cameras.items())
        }
        for scene, cameras in TRUTH.items()
    }
    results = _write_mot(tmp_path / "theirs", local)
    values = json.loads(run(capsys, benchmark_folder, "--run", results, "--json")[1])
    assert values["all"]["tracking"]["HOTA"] == 1
    assert values["all"]["links"]["recall"] == 0
    # by hand: of 420 boxes in two cameras, the better half of each person's has the right identity
    plaza, corridor = (values["scenes"][name]["across"]["IDF1"] for name in ("plaza", "corridor"))
    assert plaza == pytest.approx((60 + 120) / 360)
    assert corridor == pytest.approx((70 + 120) / 240)
    named = json.loads(run(capsys, benchmark_folder, "--run", results, "--json", "--ids", "local")[1])
    assert named["all"] == values["all"]


def test_the_table_has_a_row_a_camera_a_scene_and_all(
    benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = _write_text(tmp_path / "theirs", TRUTH)
    code, out, _ = run(capsys, benchmark_folder, "--run", results)
    assert code == 0
    lines = [line for line in out.splitlines() if line.strip()]
    assert lines[0].startswith("SynthPlaza 1, dev: ")
    rows = [line.split() for line in lines[2:]]
    assert [row[:2] for row in rows[1:]] == [
        ["plaza", "cam1"], ["plaza", "cam2"], ["plaza", "all"], ["corridor", "cam1"], ["corridor", "cam2"],
        ["corridor", "all"], ["all", "all"],
    ]  # fmt: skip
    assert {len(row) for row in rows} == {15}
    assert rows[-1][2:7] == ["100.0"] * 5
    assert lines[1].index("across") == lines[2].index("HOTA", lines[2].index("Return")) - 1


def test_one_scene_alone(benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = _write_text(tmp_path / "theirs", {"corridor": TRUTH["corridor"]})
    values = json.loads(run(capsys, benchmark_folder, "--run", results, "--only", "corridor", "--json")[1])
    assert list(values["scenes"]) == ["corridor"]
    code, _, err = run(capsys, benchmark_folder, "--run", results)
    assert code == 2
    assert "no results of scene plaza" in err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--only", "moon"], "--only moon: .* has the scenes plaza, corridor"),
        (["--run", "x", "--reid", "none"], "--reid is about tracking"),
        (["--run", "x", "--set", "a=1"], "--set is about tracking"),
        (["--run", "x", "--false-link-rate", "0.1"], "--false-link-rate is about tracking"),
        (["--run", "x", "--refine"], "--refine is about tracking"),
        (["--only", "plaza"], "no videos, CAMERA/video.mp4"),
    ],
)
def test_what_does_not_go_together(
    arguments: list[str], text: str, benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, _, err = run(capsys, benchmark_folder, *arguments)
    assert code == 2
    assert re.search(text, err)


@pytest.mark.parametrize("given", [[], ["--refine"]])
def test_flags_of_tracking_reach_it(
    given: list[str], benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    told: list[Sequence[str]] = []
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(track, "main", lambda arguments: told.append(arguments) or 3)
    for name in TRUTH["plaza"]:
        (benchmark_folder / "plaza" / name / "video.mp4").touch()
    code, _, err = run(capsys, benchmark_folder, "--only", "plaza", "--imgsz", "960", *given)
    assert code == 1
    assert "plaza: mdpr-track ended with exit code 3" in err
    assert ("--refine" in told[0]) == bool(given)
    assert told[0][told[0].index("--imgsz") + 1] == "960"


def test_a_split_that_is_not_finished_or_none_is_said(
    benchmark_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (benchmark_folder / "plaza" / "truth.txt").unlink()
    code, _, err = run(capsys, benchmark_folder)
    assert code == 2
    assert "not rendered to the end: plaza" in err
    assert "mdpr data synth plaza --out" in run(capsys, tmp_path)[2]
    (benchmark_folder / FILE).write_text("{}")
    code, _, err = run(capsys, benchmark_folder)
    assert code == 1
    assert "expected split, version and scenes" in err


def test_links_of_scenes_are_added_and_tables_show_what_is_missing() -> None:
    assert sum_of_links([]) == Links(0, 0, 0, 0, 0)
    scores = dict.fromkeys(("HOTA", "DetA", "AssA", "IDF1", "MOTA"), 0.5) | {"IDSW": 1234, "returns": None}
    one = {"tracking": scores, "across": scores, "links": Links(1, 1, 0, 0, 0).values()}
    last = table({"scenes": {}, "all": one}).splitlines()[-1].split()
    assert last == ["all", "all", *["50.0"] * 5, "1,234", "-", *["50.0"] * 3, "-", "-", "-"]


def test_true_boxes_take_the_place_of_detector_and_tracker(benchmark_folder: Path) -> None:
    """Tracks end where somebody is hidden for long, and every track is one person."""
    truth = str(benchmark_folder / "plaza" / "{camera}" / "gt" / "gt.txt")
    detector = truetracks.TrueBoxes(truetracks.TrueBoxesConfig(truth))
    tracker = truetracks.TrueTracker(truetracks.TrueTrackerConfig(truth, hidden_s=1.0))
    people: dict[int, int] = {}
    for index in range(FRAMES):
        frame = Frame("cam2", index, index / FPS)
        tracks = tracker.update(detector.detect([frame])[0], frame)
        people |= dict.fromkeys(tracks.track_id.tolist(), index)
    assert people == {1: FRAMES - 1, 2: FRAMES - 1}  # person 1 comes in frame 60
    assert [one.start_frame for one in tracker.flush()] == [0, 60]
    with pytest.raises(FormatError, match="expected 2 true boxes, got 0"):
        tracker.update(Detections.empty(), Frame("cam2", FRAMES - 1, FRAMES / FPS))


def test_the_baseline_is_the_best_distance(tmp_path: Path) -> None:
    """Two people in two cameras, whose embeddings differ by camera less than by person."""
    boxes = boxes_of({1: _whole(), 2: _whole()})
    true = {name: Recording(name, boxes, name, FRAMES, FPS) for name in ("cam1", "cam2")}
    looks = {1: [1.0, 0, 0], 2: [0, 1.0, 0]}
    shift = {"cam1": [0.0, 0, 0.2], "cam2": [0.0, 0, -0.2]}
    rows = [
        make_tracklet(camera, person, 0, 11, [np.add(looks[person], shift[camera])])
        for camera in true
        for person in (1, 2)
    ]
    found = best_threshold(true, true, rows)
    assert found is not None
    assert found.identity.values()["IDF1"] == 1
    assert 0 < found.distance < 1
    assert best_threshold(true, true, rows[:1]) is None
