"""`mdpr train-detector` and `mdpr eval detector` as a stranger uses them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mdpr.detectors.onnx import Onnx
from mdpr.detectors.yolox.checkpoint import read_checkpoint
from mdpr.detectors.yolox.config import TrainConfig, build_train_config
from mdpr.pipeline.commands import eval_detector
from mdpr.pipeline.commands.train_detector import FLAG_KEYS, config_of, main, make_parser
from mdpr.types import Frame


def config(*arguments: str) -> TrainConfig:
    return config_of(make_parser().parse_args(arguments))


def test_set_then_flags() -> None:
    made = config("--data", "d", "--set", "train.epochs=7", "--set", "augment.scale=[0.8, 1.2]", "--epochs", "9",
                  "--imgsz", "64", "96", "--minutes", "2.5")  # fmt: skip
    assert (made.train.epochs, made.train.imgsz, made.train.minutes) == (9, (64, 96), 2.5)
    assert made.augment.scale == (0.8, 1.2)


def test_every_flag_reaches_an_existing_key() -> None:
    for flag, key in FLAG_KEYS.items():
        section, option = key.split(".")
        assert option in TrainConfig().as_mapping()[section], flag
        assert f"--{flag.replace('_', '-')}" in make_parser().format_help()


def test_print_config_can_be_read_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "d", "--seed", "3", "--print-config"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["train"]["seed"] == 3
    assert build_train_config(values).as_mapping() == values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "train.data: where are the pictures? Give --data FOLDER"),
        (["--data", "nowhere"], "nowhere: no such folder or file"),
        (["--data", "d", "--size", "xl"], "size: unknown 'xl'. Known: nano, micro, tiny, s, m"),
        (["--data", "d", "--set", "train.epoch=3"], "train: unknown key 'epoch'. Known: "),
        (["--data", "d", "--set", "epochs=3"], "expected SECTION.KEY=VALUE"),
        (["--resume", "r", "--name", "n"], "--name does not go with --resume"),
        (["--resume", "r"], "no such file; expected one that mdpr train-detector wrote"),
    ],
)
def test_errors_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    assert main(arguments) in (1, 2)
    assert message in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_interrupted_then_resumed(make_scenes: Callable[..., Path], tmp_path: Path) -> None:
    """Ctrl-C, then the rest; the file that comes out is what `--detector onnx` takes."""
    pytest.importorskip("onnxscript")
    folder = make_scenes(tmp_path / "scenes", 16, size=(96, 64), height=(25, 60))
    command = [sys.executable, "-m", "mdpr.pipeline.commands.train_detector"]
    environment = dict(os.environ, OMP_NUM_THREADS="1")
    first = [*command, "--data", str(folder), "--val", str(folder), "--imgsz", "64", "96", "--epochs", "1000",
             "--batch", "4", "--project", str(tmp_path), "--device", "cpu", "--set", "run.log_every=1"]  # fmt: skip
    process = subprocess.Popen(first, env=environment, stderr=subprocess.PIPE, text=True)
    metrics = tmp_path / "run" / "metrics.csv"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and not (metrics.is_file() and metrics.read_text().count("\n") > 3):
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 130, errors
    assert "SIGINT: finishing the step and writing a checkpoint" in errors
    done = read_checkpoint(tmp_path / "run").progress.updates
    assert 1 <= done < 4000

    state = tmp_path / "run" / "last.safetensors"
    text = state.read_bytes().replace(b'\\"epochs\\": 1000', b'\\"epochs\\":    1')  # of the same length
    state.write_bytes(text)
    out = subprocess.run([*command, "--resume", str(tmp_path / "run"), "--json"], env=environment, capture_output=True,
                         text=True, check=False)  # fmt: skip
    assert out.returncode == 0, out.stderr
    report = json.loads(out.stdout)
    assert (report["status"], report["updates"]) == ("complete", max(done, 4))
    detector = Onnx(Onnx.Config(weights=str(tmp_path / "run" / "best.onnx"), conf=0.0, imgsz=96, device="cpu"))
    picture = cv2.imread(str(folder / "images" / "00000.jpg"))
    assert len(detector.detect([Frame("a", 0, 0.0, picture)])[0]) > 0


@pytest.fixture
def three_pictures(tmp_path: Path) -> Path:
    """Three pictures: two people, one person and one of whom little is seen, nobody; and detections of them."""
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    people: list[list[tuple[list[int], float]]] = [
        [([10, 10, 20, 60], 1.0), ([60, 10, 20, 60], 1.0)],
        [([10, 10, 20, 60], 1.0), ([60, 10, 20, 20], 0.1)],
        [],
    ]
    for number, some in enumerate(people):
        cv2.imwrite(str(tmp_path / "images" / f"{number}.png"), np.zeros((90, 120, 3), np.uint8))
        images.append({"id": number, "file_name": f"{number}.png", "width": 120, "height": 90})
        annotations += [{"image_id": number, "category_id": 1, "bbox": box, "visibility": v} for box, v in some]
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}]}
    (tmp_path / "truth.json").write_text(json.dumps(content))
    lines = [(1, 10, 10, 20, 60, 0.9), (1, 61, 10, 20, 60, 0.6), (2, 10, 10, 20, 60, 0.3), (2, 62, 12, 15, 15, 0.8),
             (3, 5, 5, 20, 60, 0.5)]  # fmt: skip
    (tmp_path / "det.txt").write_text("".join(f"{f},-1,{x},{y},{w},{h},{c}\n" for f, x, y, w, h, c in lines))
    return tmp_path


def run_eval(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert eval_detector.main([*arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def test_eval_with_truth(three_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of the boxes that count, best first: right, right, wrong, right; the one on the hidden person does not count."""
    file = ("--detector", "file", "--set", f"path={three_pictures / 'det.txt'}")
    got = run_eval(capsys, str(three_pictures), *file, "--conf", "0.4")
    assert got["people"] == 3
    assert got["ap50"] == pytest.approx((67 * 1 + 34 * 0.75) / 101)
    assert (got["recall"], got["precision"]) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
    low = run_eval(capsys, str(three_pictures), *file, "--conf", "0.1")
    assert (low["recall"], low["precision"]) == (1.0, 0.75)
    assert eval_detector.main([str(three_pictures), *file]) == 0
    assert "ap50       0.9158" in capsys.readouterr().out


def test_eval_against_another_detector(three_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = ("--detector", "file", "--set", f"path={three_pictures / 'det.txt'}")
    against = ("--against", "file", "--against-set", f"path={three_pictures / 'det.txt'}", "--against-conf", "0.55")
    got = run_eval(capsys, str(three_pictures / "images"), *file, *against, "--conf", "0.7")
    assert (got["pictures"], got["reference"], got["found"], got["both"]) == (3, 3, 2, 2)
    assert (got["recall"], got["precision"], got["mean_iou"]) == (pytest.approx(2 / 3), 1.0, 1.0)
    got = run_eval(capsys, str(three_pictures / "images"), *file, *against, "--conf", "0.7", "--min-height", "20")
    assert (got["reference"], got["found"], got["both"]) == (2, 1, 1)
    got = run_eval(capsys, str(three_pictures / "images"), *file, *against, "--stride", "2")
    assert (got["pictures"], got["reference"], got["found"]) == (2, 2, 3)


def test_eval_errors(three_pictures: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert eval_detector.main([str(three_pictures), "--truth", "--against", "yolo"]) == 2
    assert "give one of them" in capsys.readouterr().err
    assert eval_detector.main([str(three_pictures)]) == 2
    assert "the detector onnx needs an ONNX file" in capsys.readouterr().err
    assert eval_detector.main([str(three_pictures), "--detector", "file", "--set", "pth=x"]) == 2
    assert "unknown key 'pth'" in capsys.readouterr().err
