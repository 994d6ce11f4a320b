"""`mdpr eval reid` from end to end, on pictures made by the test."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from mdpr.pipeline.commands import main
from mdpr.reid.network import build_model
from mdpr.reid.network.checkpoint import save_model
from reid_images import make_market, save_person


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of mdpr-train, as far as the evaluation looks at it."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("run")
    (folder / "best").mkdir()
    save_model(build_model("mdpr-s", width=8, input_size=(64, 32)), folder / "best" / "model.safetensors", {})
    (folder / "metrics.csv").write_text("update,loss,mAP\n1,2.0,\n2,1.5,0.5\n")
    return folder


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_market(tmp_path_factory.mktemp("market"), 1, 2, 3, test_identities=5)
    save_person(root / "bounding_box_test" / "-1_c1s1_000001_00.jpg", 99)
    save_person(root / "bounding_box_test" / "0000_c1s1_000001_00.jpg", 98)
    return root


def evaluated(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = main(["eval", "reid", *map(str, arguments), "--engine", "torch"])
    out, err = capsys.readouterr()
    return code, out, err


def test_whole_command(run_folder: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = ("--data", "market1501", "--root", market)
    kept = ("--features", tmp_path / "features.npz")
    code, out, err = evaluated(capsys, run_folder, *data, *kept, "--rerank", "--expand", 1, "--out", tmp_path / "out")
    assert code == 0, err
    for part in ("10 queries of 5 people", "21 gallery images, 1 distractors", "1 junk left out", "re-ranked", "R10"):
        assert part in out
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "training.png").is_file()
    assert list(tmp_path.rglob("*.part")) == []

    code, again, err = evaluated(capsys, run_folder, *data, *kept, "--json")
    assert code == 0, err
    told, written = json.loads(again), json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert told["measures"]["cosine"] == written["measures"]["cosine"]
    assert told["seconds"]["features"] is None
    assert told["exclusion"] == "same identity and camera"


def test_folder_of_people(run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for identity in (1, 2, 3):
        for seed in range(3):
            save_person(tmp_path / "people" / f"person{identity}" / f"{seed}.jpg", identity, seed)
    code, _, err = evaluated(capsys, run_folder, "--data", tmp_path / "people")
    assert code == 2
    assert "--set hold_out=1" in err
    code, out, err = evaluated(capsys, run_folder, "--data", tmp_path / "people", "--set", "hold_out=1", "--json")
    assert code == 0, err
    told = json.loads(out)
    assert (told["queries"], told["gallery"], told["exclusion"]) == (3, 6, "same image")
    assert 0 < told["measures"]["cosine"]["mAP"] <= 1


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["{run}", "--data", "market1501"], 2, "needs --root"),
        (["{run}", "--data", "no-such"], 2, "neither a data set nor a file or folder"),
        (["{run}", "--data", "market1501", "--root", "{tmp}"], 1, "Market-1501"),
        (["{run}", "--data", "market1501", "--root", "{market}", "--rerank-set", "k1=3"], 2, "without --rerank"),
        (["{run}", "--data", "market1501", "--root", "{market}", "--rerank", "--rerank-set", "k9=3"], 2, "unknown key"),
        (["{run}", "--data", "market1501", "--root", "{market}", "--features", "f.txt"], 2, "ends in .npz"),
        (["{run}", "--data", "market1501", "--root", "{market}", "--expand", "-1"], 2, "0 or more"),
        (["{tmp}", "--data", "market1501", "--root", "{market}"], 1, "no model in this folder"),
    ],
)
def test_wrong_usage_is_named(
    run_folder: Path,
    market: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    given = [text.format(run=run_folder, market=market, tmp=tmp_path) for text in arguments]
    got, _, err = evaluated(capsys, *given)
    assert (got, message in err) == (code, True), err


def test_broken_picture_leaves_nothing_behind(
    run_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = make_market(tmp_path / "market", 1, 2, 2)
    broken = next((root / "query").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    out = (tmp_path / "out", tmp_path / "features.npz")
    code, _, err = evaluated(
        capsys, run_folder, "--data", "market1501", "--root", root, "--out", out[0], "--features", out[1]
    )
    assert code == 1
    assert broken.name in err
    assert not out[0].exists()
    assert not out[1].exists()


def test_features_of_another_model_are_refused(
    run_folder: Path, market: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "features.npz"
    np.savez(path, query=np.eye(2), gallery=np.eye(2), model=np.array("x fp32"), images=np.array(""))
    code, _, err = evaluated(capsys, run_folder, "--data", "market1501", "--root", market, "--features", path)
    assert code == 2
    assert "another model" in err


def test_kinds_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["eval", "--help"])
    assert stop.value.code == 0
    assert "reid" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["eval", "nothing"])
    assert stop.value.code == 2
