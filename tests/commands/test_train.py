"""`mdpr-train` as a stranger uses it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from mdpr.configs import preset_names
from mdpr.errors import ConfigError
from mdpr.pipeline.commands import main as mdpr
from mdpr.pipeline.commands.train import FLAG_KEYS, config_of, main, make_parser
from mdpr.reid.training.config import TrainConfig, build_train_config
from reid_images import make_market
from tiny_training import tiny_values


def config(*arguments: str) -> TrainConfig:
    return config_of(make_parser().parse_args(arguments))


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A configuration file with data beside it."""
    make_market(tmp_path / "market")
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(tiny_values(tmp_path / "market", tmp_path / "runs", schedule__epochs=1)))
    return path


def test_order_file_then_set_then_flags(tiny: Path) -> None:
    made = config(str(tiny), "--set", "optimiser.lr=1e-2", "--set", "run.seed=3", "--seed", "4", "--batch", "12")
    assert (made.optimiser.lr, made.run.seed, made.sampler.identities, made.sampler.images) == (0.01, 4, 6, 2)


def test_every_flag_reaches_an_existing_key() -> None:
    for flag, key in FLAG_KEYS.items():
        section, option = key.split(".")
        assert option in TrainConfig().as_mapping()[section], flag
        assert f"--{flag.replace('_', '-')}" in make_parser().format_help()


@pytest.mark.parametrize("name", preset_names("train"))
def test_print_config_of_every_preset_can_be_read_again(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--data", "d", "--print-config"]) == 0
    values = yaml.safe_load(capsys.readouterr().out)
    assert values["data"]["root"] == "d"
    assert build_train_config(values).as_mapping() == values


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), r"what should be trained\? Give a YAML file or a preset: folder, market1501-r101"),
        (("market",), "market: no such file. Presets: folder"),
        (("folder", "--batch", "30"), "--batch 30: expected a multiple of sampler.images, 4"),
        (("folder", "--set", "optimizer.lr=1"), "unknown section 'optimizer'"),
        (("folder", "--set", "lr=1"), "expected SECTION.KEY=VALUE with SECTION one of model, data"),
        (("folder", "--epochs", "3"), "warmup_epochs"),
        (("folder", "--resume", "x", "--name", "y"), "--name does not go with --resume"),
        (("folder", "--resume", "x", "--init-from", "y"), "--init-from does not go with --resume"),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        config(*arguments)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["folder", "--data", "nowhere"], 1, "nowhere"),
        (["market1501-r50", "--data", "."], 1, "bounding_box_train"),
        (["folder", "--set", "data.root="], 2, "data.root"),
        (["--resume", "nowhere"], 1, "nowhere: no checkpoint here"),
        (["TINY", "--init-from", "nowhere.safetensors"], 1, "nowhere.safetensors: no such file"),
        (["TINY", "--batch", "10"], 2, "wants 5 different people, but the training images show only 4"),
        (["TINY", "--device", "7"], 2, "GPU 7 is wanted"),
        (["TINY", "--dataset", "folders"], 1, "market"),
        (["TINY", "--set", "model.backbone=no.pth"], 1, "no.pth"),
    ],
)
def test_a_run_that_cannot_begin_writes_nothing(
    arguments: list[str], code: int, message: str, tiny: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tiny.parent)
    assert main([str(tiny) if one == "TINY" else one for one in arguments]) == code
    assert message in capsys.readouterr().err
    assert {path.name for path in tiny.parent.iterdir()} == {"market", "tiny.yaml"}


def test_train_init_from_and_the_summary(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    assert mdpr(["train", str(tiny), "--set", "run.tensorboard=true"]) == 0
    out, told = capsys.readouterr()
    assert "best after epoch 1" in out
    assert "epoch 1/1: loss" in told
    run = tiny.parent / "runs/run"
    assert list(run.glob("events.out.tfevents*"))
    assert main([str(tiny), "--init-from", str(run / "best/model.safetensors"), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["folder"].endswith("run2")
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == handlers


def test_a_missing_tensorboard_is_told_with_the_command(
    tiny: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    assert main([str(tiny), "--set", "run.tensorboard=true"]) == 1
    assert "pip install 'mdpr-track[tensorboard]'" in capsys.readouterr().err
    assert not (tiny.parent / "runs").exists()


@pytest.mark.slow
def test_ctrl_c_then_resume(tiny: Path) -> None:
    command = [sys.executable, "-m", "mdpr.pipeline.commands.train"]
    run = tiny.parent / "runs/run"
    process = subprocess.Popen(
        [*command, str(tiny), "--epochs", "400", "--quiet"], env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    deadline = time.monotonic() + 60
    while not (run / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 130
    assert json.loads((run / "run.json").read_text())["status"] == "interrupted"
    done = json.loads((run / "last/state.json").read_text())["progress"]["updates"]
    assert done > 0
    process = subprocess.Popen([*command, "--resume", str(run)], env={**os.environ, "OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 60
    while _last_update(run) <= done and time.monotonic() < deadline:
        time.sleep(0.1)
    process.kill()
    process.wait()
    assert _last_update(run) > done


def _last_update(run: Path) -> int:
    return int((run / "metrics.csv").read_text().splitlines()[-1].split(",")[0])
