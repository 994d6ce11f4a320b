"""`mdpr tune`: the cache gives what a run gives, trials differ by what is tried, and what comes out can be read."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.pipeline.commands.eval_mot import main as eval_main
from mdpr.pipeline.commands.track import main as track_main
from mdpr.pipeline.commands.tune import main
from mdpr.pipeline.tuning import cache
from mdpr.pipeline.tuning.cache import load

MakeWalk = Callable[..., Path]


@pytest.fixture
def sequence(tmp_path: Path) -> Path:
    """Five people who walk, one of them hidden for a second; jittered detections, some missing."""
    folder = tmp_path / "S"
    (folder / "gt").mkdir(parents=True)
    (folder / "seqinfo.ini").write_text("[Sequence]\nname=S\nframeRate=10\nimWidth=900\nimHeight=900\nseqLength=80\n")
    rng = np.random.default_rng(0)
    truth, found = [], []
    for frame in range(1, 81):
        for person in range(5):
            x, y = 100 + (4 + person) * frame, 100 + 120 * person
            truth.append(f"{frame},{person + 1},{x},{y},40,100,1,1,1\n")
            if rng.random() < 0.85 and not (person == 0 and 30 <= frame < 40):
                left, top = np.array([x, y]) + rng.normal(0, 3, 2)
                found.append(f"{frame},-1,{left:.2f},{top:.2f},40,100,{rng.uniform(0.4, 1):.3f}\n")
    (folder / "gt/gt.txt").write_text("".join(truth))
    (tmp_path / "det.txt").write_text("".join(found))
    return folder


@pytest.fixture
def tune(sequence: Path, tmp_path: Path) -> Callable[..., int]:
    """tune(*flags): the command on the sequence."""

    def run(*flags: str) -> int:
        arguments = [str(sequence), "--detections", str(tmp_path / "det.txt"), "--cache", str(tmp_path / "cache")]
        return main([*arguments, *flags])

    return run


def test_a_trial_scores_what_a_run_scores(tune: Any, sequence: Path, tmp_path: Path, capsys: Any) -> None:
    assert tune("--param", "max_age_s=0.3,2.0", "--json") == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    by_age = {trial["options"].get("max_age_s"): trial for trial in trials}
    assert set(by_age) == {None, 0.3, 2.0}
    assert by_age[0.3]["combined"]["HOTA"] < by_age[2.0]["combined"]["HOTA"]  # who is hidden for a second is lost
    for age in (0.3, 2.0):
        arguments = [str(sequence), "--detections", str(tmp_path / "det.txt"), "--set", f"tracker.max_age_s={age}"]
        assert track_main([*arguments, "--no-save", "--quiet", "--project", str(tmp_path), "--name", f"run{age}"]) == 0
        assert eval_main([str(sequence), str(tmp_path / f"run{age}"), "--json"]) == 0
        expected = json.loads(capsys.readouterr().out)["combined"]
        found = by_age[age]["combined"]
        assert found.pop("returns") == expected.pop("returns")
        assert found == pytest.approx(expected)


def test_detections_are_read_once_and_again_when_they_change(tune: Any, tmp_path: Path, capsys: Any) -> None:
    for is_made in (True, False):
        assert tune("--param", "min_iou=0.2") == 0
        assert ("detecting and embedding, once" in capsys.readouterr().err) is is_made
    assert tune("--param", "min_iou=0.2", "--fresh") == 0
    assert "detecting and embedding, once" in capsys.readouterr().err
    det = tmp_path / "det.txt"
    det.write_text(det.read_text() + "80,-1,10,10,40,100,0.9\n")
    assert tune("--param", "min_iou=0.2") == 0
    assert "detecting and embedding, once" in capsys.readouterr().err
    caches = sorted((tmp_path / "cache").glob("*.npz"))
    assert len(caches) == 2
    for path in caches:
        path.write_bytes(path.read_bytes()[:100])
    assert tune("--param", "min_iou=0.2") == 0
    assert "damaged" in capsys.readouterr().err


def test_weights_that_come_with_another_version_are_not_mixed_up(
    tune: Any, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The shipped weights have names, not paths: their sums tell one version's detections from another's."""
    assert tune("--param", "views=10") == 0
    assert tune("--param", "views=10") == 0
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 1
    monkeypatch.setattr(cache, "shipped_sums", lambda package: {"mdpr-s.safetensors": "of another version"})
    assert tune("--param", "views=10") == 0
    assert len(list((tmp_path / "cache").glob("*.npz"))) == 2
    capsys.readouterr()


def test_sensitivity_of_each_option(tune: Any, sequence: Path, tmp_path: Path, capsys: Any) -> None:
    truth = sequence / "gt/gt.txt"
    truth.write_text("".join(truth.read_text().splitlines(keepends=True)[:100]))  # 20 frames are enough
    (tmp_path / "det.txt").write_text("".join((tmp_path / "det.txt").read_text().splitlines(keepends=True)[:80]))
    assert tune("--tracker", "bytetrack", "--csv", str(tmp_path / "all.csv"), "--json") == 0
    values = json.loads(capsys.readouterr().out)
    options = values["options"]
    assert options["max_age_s"]["default"] == 1.0
    assert [trial["value"] for trial in options["max_age_s"]["trials"]] == [0.5, 0.8, 1.25, 2.0]
    refused = [trial["value"] for trial in options["new_track_conf"]["trials"] if trial.get("refused")]
    assert refused == [1.2]
    with (tmp_path / "all.csv").open() as file:
        rows = list(csv.DictReader(file))
    tried = sum(not trial.get("refused") for one in options.values() for trial in one["trials"])
    assert len(rows) == 2 * (1 + tried)


def test_random_settings(tune: Any, capsys: Any) -> None:
    assert tune("--random", "5", "--param", "min_iou=0.05..0.9", "--seed", "1") == 0
    first = capsys.readouterr().out
    assert tune("--random", "5", "--param", "min_iou=0.05..0.9", "--seed", "1") == 0
    assert capsys.readouterr().out == first
    assert len(first.splitlines()) >= 7
    assert tune("--random", "2", "--by", "IDF1") == 0


def test_embeddings_are_those_of_the_video(make_walk: MakeWalk, tmp_path: Path, capsys: Any) -> None:
    clip = make_walk(frames=30)
    arguments = [str(clip), "--detector", "motion", "--reid", "histogram", "--set", "camera_motion.decide_s=0.5"]
    assert track_main([*arguments, "--no-save", "--quiet", "--project", str(tmp_path)]) == 0
    flags = ["--truth", str(tmp_path / "run"), "--cache", str(tmp_path / "cache"), "--param", "views=10", "--json"]
    assert main([*arguments, *flags]) == 0
    trials = json.loads(capsys.readouterr().out)["trials"]
    assert trials[0]["combined"]["HOTA"] == 1.0
    sequence = load(next((tmp_path / "cache").glob("*.npz")))
    assert len(sequence) == 30
    assert sequence.embeddings.shape == (int(sequence.count.sum()), sequence.facts.dimension)
    np.testing.assert_allclose(np.linalg.norm(sequence.embeddings, axis=1), 1, atol=1e-4)
    assert np.isfinite(sequence.motion[1:10]).all()  # while it was not known that the camera is fixed
    assert np.isnan(sequence.motion[20:]).all()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--param", "max_age=3"], "unknown option 'max_age'"),
        (["--param", "max_age_s"], "OPTION=V1"),
        (["--random", "0"], "--random"),
        (["--truth", "nowhere"], "no such file"),
    ],
)
def test_wrong_usage(tune: Any, capsys: Any, flags: list[str], message: str) -> None:
    assert tune(*flags) == 2
    assert message in capsys.readouterr().err


def test_no_truth(sequence: Path, tune: Any, capsys: Any) -> None:
    (sequence / "gt/gt.txt").unlink()
    assert tune() == 2
    assert "--truth" in capsys.readouterr().err
