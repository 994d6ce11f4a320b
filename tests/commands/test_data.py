"""`mdpr data`: what it prints, writes and refuses."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mdpr.errors import OutputError
from mdpr.pipeline import crops
from mdpr.pipeline.commands import main
from mdpr.reid.data import UNKNOWN, load_dataset
from mdpr.reid.data.images import read_image
from reid_images import make_market
from reid_layouts import box_folders

Walk = Callable[..., Path]


def truth_of_walk(folder: Path, frames: int = 40) -> Path:
    """Ground truth of the first walker of `make_walk`: 30x80 pixels from (10, 20), 5 pixels a frame."""
    path = folder / "gt.txt"
    path.write_text("".join(f"{i + 1},4,{11 + 5 * i},21,30,80,1,1,1\n" for i in range(frames)))
    return path


def numbered_images(folder: Path, numbers: range) -> Path:
    folder.mkdir(parents=True)
    for number in numbers:
        cv2.imwrite(str(folder / f"{number:06d}.png"), np.full((120, 320, 3), number, np.uint8))
    return folder


def test_check_prints_counts_and_notes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_market(tmp_path, identities=2, cameras=2, images=2)
    assert main(["data", "check", "market1501", "--root", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "  train            8           2        2        0            0\n" in out
    assert "note: train: found 8 images of 2 people, published are 12936 of 751" in out


def test_check_opens_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_market(tmp_path, identities=1, cameras=1, images=2)
    command = ["data", "check", "market1501", "--root", str(tmp_path), "--open-images"]
    assert main(command) == 0
    assert "all 4 images can be read" in capsys.readouterr().out
    broken = next((tmp_path / "query").iterdir())
    broken.write_bytes(broken.read_bytes()[:100])
    assert main(command) == 1
    error = capsys.readouterr().err
    assert f"error: {broken}: " in error
    assert "1 of 4 images cannot be used" in error


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        (["check", "market", "--root", "."], 2, "unknown data set 'market'"),
        (["check", "market1501", "--root", "nowhere"], 1, "nowhere: expected the folder of Market-1501"),
        (["check", "market1501", "--root", "ROOT", "--set", "colour=red"], 2, "unknown key 'colour'"),
        (["check", "market1501", "--root", "ROOT", "--set", "strict=true"], 1, "published are 12936 of 751"),
        (["manifest", "market1501", "--root", "ROOT", "--out", "m.txt"], 1, "ends in .csv or .parquet"),
        (["crops", "none.txt", "none.mp4", "--out", "ROOT"], 1, "none.txt: cannot be read"),
        (["crops", "none.txt", "none.mp4", "--out", "ROOT", "--every", "-1"], 2, "every_s: expected 0 or more"),
        (["import-checkpoint", "none.pth", "--out", "o.safetensors", "--network", "x"], 2, "unknown network 'x'"),
        (["import-checkpoint", "none.pth", "--out", "o.safetensors"], 1, "none.pth"),
    ],
)
def test_errors_have_a_line_and_an_exit_code(
    command: list[str], code: int, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    root = box_folders(tmp_path / "set")
    before = sorted(tmp_path.rglob("*"))
    assert main(["data", *(str(root) if word == "ROOT" else word for word in command)]) == code
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert message in captured.err
    assert captured.out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_usage_errors_exit_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["data"])
    assert "usage: mdpr data" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_manifest_holds_the_same_images(suffix: str, tmp_path: Path) -> None:
    root = box_folders(tmp_path / "set")
    out = tmp_path / "new" / f"m.{suffix}"
    assert main(["data", "manifest", "market1501", "--root", str(root), "--out", str(out)]) == 0
    assert load_dataset("manifest", out).gallery.paths == load_dataset("market1501", root).gallery.paths


def test_crops_show_the_walker(tmp_path: Path, make_walk: Walk) -> None:
    out = tmp_path / "crops"
    truth, video = truth_of_walk(tmp_path), make_walk(walkers=1)
    assert main(["data", "crops", str(truth), str(video), "--out", str(out), "--name", "door", "--every", "0.4"]) == 0
    train = load_dataset("manifest", out / "manifest.csv").train
    names = [Path(path).name for path in train.paths]
    assert names == ["00004_000001.jpg", "00004_000011.jpg", "00004_000021.jpg", "00004_000031.jpg"]
    assert train.pids.tolist() == [4] * 4
    assert train.camids.tolist() == [UNKNOWN] * 4
    for path in train.paths:
        crop = read_image(path)
        assert crop.shape == (80, 30, 3)
        assert np.abs(crop[10:-10, 5:-5].mean((0, 1)) - [90, 30, 40]).max() < 15  # RGB of the walker
    assert not list(out.rglob("*.part"))


def test_frames_after_the_last_box_are_not_read(make_walk: Walk) -> None:
    assert [frame.index for frame in crops._frames(str(make_walk()), 3, None)] == [0, 1, 2, 3]


def test_a_second_sequence_gets_people_of_its_own(tmp_path: Path, make_walk: Walk) -> None:
    out = tmp_path / "crops"
    truth, video = truth_of_walk(tmp_path), make_walk(walkers=1)
    command = ["data", "crops", str(truth), str(video), "--out", str(out)]
    assert main([*command, "--name", "door", "--camera-id", "1"]) == 0
    assert main([*command, "--name", "hall", "--camera-id", "2"]) == 0
    assert main([*command, "--name", "yard", "--camera-id", "3", "--pid-offset", "0"]) == 0
    train = load_dataset("manifest", out / "manifest.csv").train
    pairs = set(zip(train.pids.tolist(), train.camids.tolist(), strict=True))
    assert pairs == {(4, 1), (8, 2), (4, 3)}


def test_the_same_sequence_again_is_refused_or_replaced(
    tmp_path: Path, make_walk: Walk, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "crops"
    truth, video = truth_of_walk(tmp_path), make_walk(walkers=1)
    command = ["data", "crops", str(truth), str(video), "--out", str(out)]
    assert main([*command, "--every", "0"]) == 0
    assert len(list(out.rglob("*.jpg"))) == 40
    assert main(command) == 1
    assert "already has crops of gt" in capsys.readouterr().err
    assert main([*command, "--exist-ok"]) == 0
    assert len(list(out.rglob("*.jpg"))) == 2
    assert load_dataset("manifest", out / "manifest.csv").train.pids.tolist() == [4, 4]


def test_people_held_out_become_queries_and_gallery(tmp_path: Path) -> None:
    images = numbered_images(tmp_path / "img1", range(1, 31))
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{i},{p},{20 * p},10,20,80,1,1,1\n" for i in range(1, 31) for p in (1, 2, 3, 4)))
    command = ["data", "crops", str(truth), str(images), "--out", str(tmp_path / "out"), "--fps", "10"]
    assert main([*command, "--hold-out", "0.5", "--queries", "2"]) == 0
    dataset = load_dataset("manifest", tmp_path / "out/manifest.csv")
    assert (len(dataset.train), len(dataset.query), len(dataset.gallery)) == (6, 4, 2)
    assert not set(dataset.train.pids) & set(dataset.gallery.pids)


def test_images_must_say_which_frame_they_are(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = numbered_images(tmp_path / "seq" / "img1", range(5, 9))
    truth = tmp_path / "gt.txt"
    truth.write_text("".join(f"{i},1,20,10,20,80,1,1,1\n" for i in range(1, 9)))
    command = ["data", "crops", str(truth), str(images), "--out", str(tmp_path / "out"), "--every", "0"]
    assert main(command) == 1
    assert "4 images numbered 5 to 8 do not say which frame is the first" in capsys.readouterr().err
    (tmp_path / "seq/seqinfo.ini").write_text("[Sequence]\nframeRate=10\n")
    assert main(command) == 0
    train = load_dataset("manifest", tmp_path / "out/manifest.csv").train
    for path in train.paths:  # the picture of frame 5 is grey 5
        assert abs(int(read_image(path).mean()) - int(Path(path).stem.split("_")[1])) <= 1
    assert len(train) == 4


def test_ground_truth_that_the_video_does_not_show(
    tmp_path: Path, make_walk: Walk, capsys: pytest.CaptureFixture[str]
) -> None:
    video = make_walk(walkers=1, frames=10)
    command = ["data", "crops", str(truth_of_walk(tmp_path)), str(video), "--out", str(tmp_path / "out")]
    assert main(command) == 0
    assert "30 of 40 boxes are later" in capsys.readouterr().err
    (tmp_path / "gt.txt").write_text("100,1,1,1,30,80,1,1,1\n")
    assert main([*command, "--exist-ok"]) == 1
    assert "no frame shows one of the 1 boxes" in capsys.readouterr().err
    (tmp_path / "gt.txt").write_text("1,1,1,1,30,20,1,1,1\n")
    assert main([*command, "--exist-ok"]) == 1
    assert "none of its 1 boxes of pedestrians is at least 64 pixels high" in capsys.readouterr().err
    assert len(load_dataset("manifest", tmp_path / "out/manifest.csv").train) == 1  # as it was


def test_a_broken_off_run_leaves_the_manifest_as_it_was(
    tmp_path: Path, make_walk: Walk, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    video, truth = make_walk(walkers=1), truth_of_walk(tmp_path)
    assert main(["data", "crops", str(truth), str(video), "--out", str(out), "--name", "a"]) == 0
    before = (out / "manifest.csv").read_bytes()
    count = 0

    def fill_the_disk(path: Path, crop: object) -> None:
        nonlocal count
        count += 1
        if count > 1:
            raise OutputError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(crops, "_write_jpeg", fill_the_disk)
        assert main(["data", "crops", str(truth), str(video), "--out", str(out), "--name", "b"]) == 1
    assert (out / "manifest.csv").read_bytes() == before
    assert main(["data", "crops", str(truth), str(video), "--out", str(out), "--name", "b"]) == 0
    assert len(load_dataset("manifest", out / "manifest.csv").train) == 4


@pytest.mark.shared
@pytest.mark.parametrize("given", ["", "img1"])
def test_crops_of_a_real_sequence(given: str, shared: Path, tmp_path: Path) -> None:
    sequence = shared / "data/mot/MOT17-02-mini"
    command = ["data", "crops", str(sequence / "gt/gt.txt"), str(sequence / given), "--out", str(tmp_path)]
    assert main([*command, "--every", "0.05", "--min-visibility", "0.6"]) == 0
    train = load_dataset("manifest", tmp_path / "manifest.csv").train
    assert {Path(path).stem.split("_")[1] for path in train.paths} == {"000001", "000003"}
    assert Path(train.paths[0]).parent.name == "MOT17-02-mini"
    lines = [line.split(",") for line in (sequence / "gt/gt.txt").read_text().splitlines()]
    wanted = {
        int(line[1])
        for line in lines
        if line[0] in "13" and line[6] == "1" and line[7] == "1" and float(line[8]) >= 0.6 and float(line[5]) >= 64
    }
    assert set(train.pids.tolist()) == wanted
