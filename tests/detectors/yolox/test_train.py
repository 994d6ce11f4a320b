"""Whole runs: what they write, that an interrupted one goes on as if it had not been, and that time budgets hold."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mdpr.detectors.yolox import train as train_module
from mdpr.detectors.yolox.checkpoint import NETWORK_FILE, STATE_FILE, load_network, read_checkpoint, save_network
from mdpr.detectors.yolox.config import TrainConfig, build_train_config
from mdpr.detectors.yolox.journal import COLUMNS
from mdpr.detectors.yolox.network import SIZES, NetworkConfig, YoloxNetwork
from mdpr.detectors.yolox.schedule import input_size, is_closing, learning_rate, share_done
from mdpr.detectors.yolox.step import Learner, NotFiniteError
from mdpr.detectors.yolox.train import DetectorRun
from mdpr.errors import ConfigError, FormatError, ModelError, OutputError

STEPS = 3  # an epoch: 12 pictures, 4 a batch


class StopAfter:
    """An event that is set from the n-th question on."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


def interrupted(run: DetectorRun, steps: int) -> DetectorRun:
    run._stop = StopAfter(steps)  # type: ignore[assignment]
    return run


@pytest.fixture(autouse=True, scope="module")
def _tiny_size() -> Iterator[None]:
    SIZES["test"] = NetworkConfig(0.33, 0.0625, True)
    yield
    del SIZES["test"]


@pytest.fixture(scope="module")
def scenes(make_scenes: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    make_scenes(folder / "train", 12, size=(96, 64), height=(25, 60))
    make_scenes(folder / "val", 4, seed=1, size=(96, 64), height=(25, 60))
    return folder


def config(scenes: Path, project: Path, **changes: Any) -> TrainConfig:
    values: dict[str, dict[str, Any]] = {
        "train": {
            "data": str(scenes / "train"), "val": str(scenes / "val"), "size": "test", "imgsz": [64, 96], "epochs": 2,
            "batch": 4, "closing": 0.4,
        },
        "run": {"project": str(project), "device": "cpu", "precision": "fp32", "log_every": 1, "evaluate_every": 1,
            "workers": 0,
        },
    }  # fmt: skip
    for name, value in changes.items():
        section, _, key = name.partition("__")
        values.setdefault(section, {})[key] = value
    return build_train_config(values)


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(scenes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 2 epochs."""
    torch.set_num_threads(1)
    project = tmp_path_factory.mktemp("runs")
    run = DetectorRun(config(scenes, project))
    assert run.execute()
    assert run.summary().startswith("complete: 6 steps")
    return project / "run"


def test_what_a_run_writes(finished: Path, scenes: Path) -> None:
    written = sorted(path.name for path in finished.iterdir())
    assert written == [NETWORK_FILE, "config.json", STATE_FILE, "metrics.csv", "run.json"]
    table = rows(finished)
    assert list(table[0]) == list(COLUMNS)
    steps = [row for row in table if row["loss"]]
    assert [row["update"] for row in steps] == ["1", "2", "3", "4", "5", "6"]
    assert [bool(row["l1"]) for row in steps] == [False, False, False, False, True, True]  # 4/6 done is the last 0.4
    for row in steps:
        parts = [float(row[name] or 0) for name in ("iou", "objectness", "class", "l1")]
        assert float(row["loss"]) == pytest.approx(sum(parts), rel=1e-4)
    evaluations = [row for row in table if row["ap"]]
    assert [row["update"] for row in evaluations] == ["3", "6"]
    report = json.loads((finished / "run.json").read_text())
    assert (report["status"], report["updates"], report["epoch"], report["device"]) == ("complete", 6, 2, "cpu")
    assert report["measures"]["ap"] == pytest.approx(float(evaluations[-1]["ap"]), rel=1e-4)
    network, told = load_network(finished)
    assert network.config == SIZES["test"]
    assert told["config"]["train"]["size"] == "test"
    assert told["pictures"].startswith("annotations.json: 12 pictures")
    assert told["measures"]["ap"] == pytest.approx(max(float(row["ap"]) for row in evaluations), rel=1e-4)
    assert json.loads((finished / "config.json").read_text())["train"]["epochs"] == 2


def assert_same_state(one: Path, other: Path) -> None:
    for file in (STATE_FILE, NETWORK_FILE):
        first, second = load_file(one / file), load_file(other / file)
        assert first.keys() == second.keys()
        for name, tensor in first.items():
            assert torch.equal(tensor, second[name]), name
    states = [read_checkpoint(folder).progress for folder in (one, other)]
    assert states[0].updates == states[1].updates
    assert (states[0].best, states[0].best_update) == (states[1].best, states[1].best_update)
    volatile = ("images_per_s",)
    tables = [[{k: v for k, v in row.items() if k not in volatile} for row in rows(folder)] for folder in (one, other)]
    assert tables[0] == tables[1]


@pytest.mark.parametrize("steps", [2, 3])
def test_resume_is_exact(steps: int, finished: Path, scenes: Path, tmp_path: Path) -> None:
    made = config(scenes, tmp_path, run__workers=1)
    run = interrupted(DetectorRun(made), steps)
    assert not run.execute()
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "interrupted"
    load_network(tmp_path / "run")  # usable at any time
    again = DetectorRun(made, tmp_path / "run")
    assert again.execute()
    assert_same_state(finished, tmp_path / "run")
    assert DetectorRun(made, tmp_path / "run").execute()  # nothing left to do, nothing spoilt
    assert_same_state(finished, tmp_path / "run")


def test_resume_refuses_what_would_give_something_else(finished: Path, scenes: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"train.epochs: 2 before, 3 now"):
        DetectorRun(config(scenes, tmp_path, train__epochs=3), finished)
    with pytest.raises(ConfigError, match=r"augment.mosaic: 1.0 before, 0.5 now"):
        DetectorRun(config(scenes, tmp_path, augment__mosaic=0.5), finished)
    with pytest.raises(ConfigError, match=r"trained in fp32, here it would be bf16"):
        DetectorRun(config(scenes, tmp_path, run__precision="bf16"), finished)
    with pytest.raises(ConfigError, match="pictures or boxes are not those of the run"):
        DetectorRun(config(scenes, tmp_path, train__data=str(scenes / "val")), finished)
    with pytest.raises(ModelError, match=r"last.safetensors: no such file"):
        DetectorRun(config(scenes, tmp_path), tmp_path)
    (tmp_path / STATE_FILE).write_bytes((finished / STATE_FILE).read_bytes()[:-100])
    with pytest.raises(ModelError, match=r"last.safetensors: not a whole .safetensors file"):
        DetectorRun(config(scenes, tmp_path), tmp_path)
    with pytest.raises(ModelError, match="expected the format mdpr-yolox-state-1, got 'mdpr-yolox-1'"):
        read_checkpoint(finished / NETWORK_FILE)
    with pytest.raises(ModelError, match="expected the format mdpr-yolox-1"):
        load_network(finished / STATE_FILE)


class Clock:
    """Every look at it takes a second."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def test_a_time_budget_goes_through_the_whole_schedule(
    scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()
    monkeypatch.setattr(train_module, "time", clock)
    made = config(scenes, tmp_path, train__epochs=1000, train__minutes=1.0, run__evaluate_every=0)
    run = interrupted(DetectorRun(made), 4)
    assert not run.execute()
    used_s = read_checkpoint(tmp_path / "run").progress.used_s
    assert 4 < used_s < 40
    clock.now += 1000.0  # while nothing runs, no time is used
    run = DetectorRun(made, tmp_path / "run")
    assert run.execute()
    steps = [row for row in rows(tmp_path / "run") if row["loss"]]
    assert 8 < len(steps) < 60
    rates = [float(row["lr"]) for row in steps]
    assert rates[-1] < 0.2 * max(rates)
    assert max(rates) > 0.8 * made.train.peak_lr
    assert [bool(row["l1"]) for row in steps] == sorted(bool(row["l1"]) for row in steps)
    assert steps[-1]["l1"]
    assert not steps[0]["l1"]
    assert rows(tmp_path / "run")[-1]["ap"]
    assert run.report["status"] == "complete"
    assert DetectorRun(made, tmp_path / "run").execute()  # the time is over
    assert read_checkpoint(tmp_path / "run").progress.updates == int(steps[-1]["update"])


def test_without_val_the_last_average_is_kept(scenes: Path, tmp_path: Path) -> None:
    run = DetectorRun(config(scenes, tmp_path, train__val="", train__epochs=1))
    assert run.execute()
    network, told = load_network(tmp_path / "run")
    assert told["measures"] == {}
    state = load_file(tmp_path / "run" / STATE_FILE)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, state[f"average.{name}"])
    assert run.report["measures"] == {}


def test_not_finite_ends_the_run_with_its_state(scenes: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Learner.step

    def break_at_two(self: Learner, *arguments: Any, **options: Any) -> Any:
        if self.updates == 1:
            raise NotFiniteError("iou")
        return step(self, *arguments, **options)

    monkeypatch.setattr(train_module.Learner, "step", break_at_two)
    with pytest.raises(ModelError, match=r"step 2: iou became NaN or infinite.*last.safetensors. Lower train.lr"):
        DetectorRun(config(scenes, tmp_path)).execute()
    assert read_checkpoint(tmp_path / "run").progress.updates == 1
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "failed"


def test_a_broken_picture_ends_the_run_with_its_state(scenes: Path, tmp_path: Path) -> None:
    import shutil

    shutil.copytree(scenes / "train", tmp_path / "train")
    for path in sorted((tmp_path / "train" / "images").iterdir())[::2]:
        path.write_bytes(b"no picture")
    with pytest.raises(FormatError, match=r"000\d\d.jpg: not an image, or damaged"):
        DetectorRun(config(scenes, tmp_path, train__data=str(tmp_path / "train"))).execute()
    assert (tmp_path / "run" / STATE_FILE).is_file()


def test_what_cannot_be_trained_on(scenes: Path, tmp_path: Path, make_scenes: Callable[..., Path]) -> None:
    with pytest.raises(ConfigError, match="where are the pictures"):
        DetectorRun(config(scenes, tmp_path, train__data=""))
    empty = make_scenes(tmp_path / "empty", 2, size=(96, 64), most=0)
    with pytest.raises(FormatError, match="nobody to be found in its 2 pictures"):
        DetectorRun(config(scenes, tmp_path, train__data=str(empty)))
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError):
        DetectorRun(config(scenes, tmp_path / "file")).execute()


def test_schedule() -> None:
    made = build_train_config({"train": {"lr": 1.0, "warmup": 0.2, "final_lr": 0.1, "closing": 0.25}}).train
    rates = [learning_rate(share, made) for share in np.linspace(0, 1, 101)]
    assert rates[20] == max(rates) == 1.0
    assert rates[0] == pytest.approx(0.01)
    assert rates[10] == pytest.approx(0.5)
    assert rates[60] == pytest.approx(0.55)
    assert rates[100] == pytest.approx(0.1)
    assert [is_closing(share, made) for share in (0, 0.74, 0.75, 1.0)] == [False, False, True, True]
    assert (share_done(5, 10, 0.0, 0.0), share_done(5, 10, 54.0, 1.0), share_done(50, 10, 0.0, 0.0)) == (0.5, 0.9, 1.0)
    assert learning_rate(0.5, build_train_config({"train": {"warmup": 0.0}}).train) > 0


def test_sizes_of_inputs_vary_with_multiscale() -> None:
    made = build_train_config({"train": {"imgsz": [320, 544], "multiscale": 2}}).train
    sizes = {input_size(epoch, step, made) for epoch in range(3) for step in range(20)}
    assert sizes == {(544 + more, 320 + more) for more in (-64, -32, 0, 32, 64)}
    assert input_size(1, 2, made) == input_size(1, 2, made)
    assert input_size(0, 0, build_train_config({}).train) == (544, 320)


WRONG = [("size", "huge"), ("imgsz", [320]), ("imgsz", [320, 500]), ("multiscale", 10), ("epochs", 0), ("batch", 15),
         ("parts", 0), ("optimiser", "lion"), ("minutes", -1), ("warmup", 1.0), ("ema_decay", 1.0),
         ("lr", -1.0)]  # fmt: skip


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_wrong_options(key: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=key):
        build_train_config({"train": {key: value}})


def test_wrong_sections() -> None:
    with pytest.raises(ConfigError, match="unknown section 'trian'"):
        build_train_config({"trian": {}})
    for key, value in (("precision", "fp16"), ("workers", -1), ("cache_mib", -1)):
        with pytest.raises(ConfigError, match=key):
            build_train_config({"run": {key: value}})


def test_damaged_network_files(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone.safetensors: no such file"):
        load_network(tmp_path / "gone.safetensors")
    path = tmp_path / "n.safetensors"
    save_network(YoloxNetwork(SIZES["test"]), path, {"note": "ä"})
    assert load_network(path)[1] == {"note": "ä"}
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match=r"not a whole .safetensors file"):
        load_network(path)
    with pytest.raises(OutputError):
        save_network(YoloxNetwork(SIZES["test"]), tmp_path / "no" / "n.safetensors", {})


def test_the_network_looks_at_pictures_as_the_pipeline_does(scenes: Path) -> None:
    """Evaluation finds the same boxes as `--detector onnx` would, on a picture that is not of the input's size."""
    from mdpr.detectors.letterbox import Letterbox
    from mdpr.detectors.yolo_outputs import decode_yolox, suppress
    from mdpr.detectors.yolox.inference import TorchYolox
    from mdpr.types import Frame

    torch.manual_seed(1)
    network = YoloxNetwork(SIZES["test"]).eval()
    picture = cv2.imread(str(scenes / "train" / "images" / "00000.jpg"))
    found = TorchYolox(network, 64, conf=1e-6, max_det=7).detect([Frame("a", 0, 0.0, picture)])[0]
    letterbox = Letterbox.fit((96, 64), (64, 64), centred=False)
    padded = letterbox.apply(picture)
    assert (padded[43:] == 114).all()
    with torch.inference_mode():
        rows = network(torch.from_numpy(padded).permute(2, 0, 1)[None].float())[0].numpy()
    rows[:, 4:] = 1 / (1 + np.exp(-rows[:, 4:]))
    expected = suppress(decode_yolox(rows, 64, 64, 1e-6, (0,)), 0.7, 7)
    assert len(found) > 0
    np.testing.assert_allclose(found.confidence, expected.confidence[: len(found)], rtol=1e-3)
