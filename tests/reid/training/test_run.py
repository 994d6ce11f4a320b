"""Whole runs: what they write, and that an interrupted one goes on as if nothing had happened."""

from __future__ import annotations

import csv
import json
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from mdpr.errors import ConfigError, FormatError, ModelError, OutputError
from mdpr.reid.network.checkpoint import load_model
from mdpr.reid.network.description import read_metadata
from mdpr.reid.training import checkpoint as checkpoint_module
from mdpr.reid.training.checkpoint import read_checkpoint
from mdpr.reid.training.logs import MEASURES
from mdpr.reid.training.run import TrainRun
from mdpr.reid.training.step import Learner
from reid_images import save_person
from tiny_training import tiny_config

STEPS = 3  # an epoch: 4 people x 6 pictures, 4 x 2 a batch


class StopAfter:
    """An event that is set from the n-th question on."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def is_set(self) -> bool:
        self.left -= 1
        return self.left <= 0


def interrupted(run: TrainRun, steps: int) -> TrainRun:
    run._stop = StopAfter(steps)  # type: ignore[assignment]
    return run


def tensors(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{file}:{name}": tensor
        for file in ("model.safetensors", "state.safetensors")
        for name, tensor in load_file(folder / file).items()
    }


def assert_same_checkpoint(one: Path, other: Path) -> None:
    first, second = tensors(one), tensors(other)
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]), name
    states = [json.loads((folder / "state.json").read_text()) for folder in (one, other)]
    assert states[0] == states[1]
    told = [read_metadata(folder / "model.safetensors") for folder in (one, other)]
    for key in ("config", "slices", "dataset", "licence", "epochs", "loss", "measures"):
        assert told[0][key] == told[1][key], key


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "metrics.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def finished(crops: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of 2 epochs with a moving average."""
    torch.set_num_threads(1)
    project = tmp_path_factory.mktemp("runs")
    assert TrainRun(tiny_config(crops, project, optimiser__ema_decay=0.9, run__evaluate_every=1)).execute()
    return project / "run"


def test_what_a_run_writes(finished: Path) -> None:
    files = {path.name for path in finished.iterdir()}
    assert files == {"config.yaml", "run.json", "metrics.csv", "last", "best"}
    report = json.loads((finished / "run.json").read_text())
    assert (report["status"], report["epochs"], report["updates"]) == ("complete", 2, 2 * STEPS)
    assert report["images_per_s"] > 0
    assert report["peak_memory_mib"] > 0
    assert set(report["measures"]) == {"mAP", "mINP", "rank1", "rank5", "rank10", "match_distance"}  # few pairs

    table = rows(finished)
    steps = [row for row in table if row["loss"]]
    assert [int(row["update"]) for row in steps] == list(range(1, 2 * STEPS + 1))
    terms = [name for name in table[0] if name.endswith(("_cls", "_triplet")) or "diver" in name or "distill" in name]
    assert len(terms) >= 14
    not_terms = {"update", "epoch", "lr", "loss", "grad_norm", "images_per_s", *MEASURES}
    for row in steps:
        total = sum(float(value) for name, value in row.items() if name not in not_terms)
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
    evaluations = [row for row in table if row["mAP"]]
    assert [row["update"] for row in evaluations] == ["3", "6"]
    assert report["best"] == pytest.approx(max(float(row["mAP"]) for row in evaluations), rel=1e-5)


def test_a_complete_run_stays_as_it_is(crops: Path, finished: Path, tmp_path: Path) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    config = tiny_config(crops, tmp_path, optimiser__ema_decay=0.9, run__evaluate_every=1)
    assert TrainRun(config, resume=run).execute()
    reports = [json.loads((folder / "run.json").read_text()) for folder in (run, finished)]
    for key in ("status", "epochs", "updates", "loss", "measures", "best", "best_epoch"):
        assert reports[0][key] == reports[1][key], key
    assert (run / "metrics.csv").read_text() == (finished / "metrics.csv").read_text()


def test_the_checkpoint_says_what_it_is(finished: Path) -> None:
    metadata = read_metadata(finished / "last/model.safetensors")
    assert metadata["dataset"]["train"]["identities"] == 4
    assert "research" in metadata["licence"]
    assert metadata["configuration"]["optimiser"]["ema_decay"] == 0.9
    assert metadata["epochs"] == 2
    model = load_model(finished / "last/model.safetensors")
    assert metadata["slices"].keys() == model.config.slices.keys()
    assert model(torch.zeros(1, 3, 64, 32)).shape == (1, model.config.dimension)


@pytest.mark.parametrize("steps", [1, STEPS, STEPS + 1])
def test_interrupted_and_resumed_equals_uninterrupted(steps: int, crops: Path, finished: Path, tmp_path: Path) -> None:
    config = tiny_config(crops, tmp_path, optimiser__ema_decay=0.9, run__evaluate_every=1)
    assert interrupted(TrainRun(config), steps).execute() is False
    kept = read_checkpoint(tmp_path / "run")
    assert kept.progress.updates == steps
    assert json.loads((tmp_path / "run/run.json").read_text())["status"] == "interrupted"
    torch.manual_seed(99)  # whatever the process did in between
    assert TrainRun(config, resume=tmp_path / "run").execute()
    assert_same_checkpoint(tmp_path / "run/last", finished / "last")
    assert_same_checkpoint(tmp_path / "run/best", finished / "best")
    assert [row["update"] for row in rows(tmp_path / "run")] == [row["update"] for row in rows(finished)]


def test_scaler_and_random_generators_are_resumed(crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[tuple[float, float, float]] = []
    step = Learner.step

    def draw_and_step(self: Learner, *arguments: Any) -> Any:
        drawn.append((float(torch.rand(())), float(np.random.rand()), random.random()))  # noqa: NPY002
        return step(self, *arguments)

    monkeypatch.setattr(Learner, "step", draw_and_step)
    configs = [tiny_config(crops, tmp_path, run__precision="fp16", run__name=name) for name in ("whole", "cut")]
    TrainRun(configs[0]).execute()
    whole, drawn[:] = list(drawn), []
    assert len(set(whole)) == 2 * STEPS
    interrupted(TrainRun(configs[1]), 2).execute()
    random.seed(1)
    TrainRun(configs[1], resume=tmp_path / "cut").execute()
    assert drawn == whole
    assert_same_checkpoint(tmp_path / "cut/last", tmp_path / "whole/last")
    assert json.loads((tmp_path / "cut/last/state.json").read_text())["scaler"]["scale"] < 2**16, "it has moved"


def test_a_run_in_bf16_is_resumed_exactly(crops: Path, tmp_path: Path) -> None:
    configs = [tiny_config(crops, tmp_path, run__precision="bf16", run__name=name) for name in ("whole", "cut")]
    TrainRun(configs[0]).execute()
    interrupted(TrainRun(configs[1]), 2).execute()
    TrainRun(configs[1], resume=tmp_path / "cut").execute()
    assert_same_checkpoint(tmp_path / "cut/last", tmp_path / "whole/last")
    kept = tensors(tmp_path / "whole/last")
    assert {tensor.dtype for tensor in kept.values()} == {torch.float32, torch.int64}  # int64: batches seen


@pytest.mark.slow
def test_rows_after_the_checkpoint_are_written_anew(crops: Path, finished: Path, tmp_path: Path) -> None:
    """Killed without warning: the last checkpoint is older than the log, whose last line is cut off."""
    shutil.copytree(finished, tmp_path / "run")
    config = tiny_config(crops, tmp_path, optimiser__ema_decay=0.9, run__evaluate_every=1, run__exist_ok=True)
    interrupted(TrainRun(config), 2).execute()
    metrics = tmp_path / "run/metrics.csv"
    third = ",".join(["3", *metrics.read_text().splitlines()[-1].split(",")[1:]])
    with metrics.open("a") as file:
        file.write(f"{third}\n4,1.1")
    assert TrainRun(config, resume=tmp_path / "run").execute()
    steps = [[row["update"], row["loss"]] for row in rows(tmp_path / "run")]
    assert steps == [[row["update"], row["loss"]] for row in rows(finished)]


def test_checkpoints_within_an_epoch(crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(Exception):
        pass

    step = Learner.step

    def step_until_four(self: Learner, *arguments: Any) -> Any:
        if self.updates == 5:
            raise PowerCut
        return step(self, *arguments)

    monkeypatch.setattr(Learner, "step", step_until_four)
    with pytest.raises(PowerCut):
        TrainRun(tiny_config(crops, tmp_path, run__checkpoint_every=2)).execute()
    assert read_checkpoint(tmp_path / "run").progress.updates == 4


@pytest.mark.slow
def test_an_unreadable_picture_costs_nothing(crops: Path, finished: Path, tmp_path: Path) -> None:
    data = shutil.copytree(crops, tmp_path / "market")
    config = tiny_config(data, tmp_path, optimiser__ema_decay=0.9, run__evaluate_every=1, augment__patch=0.0)
    TrainRun(config).execute()
    name = "0003_c2s1_000002_01.jpg"
    whole = (data / "bounding_box_train" / name).read_bytes()
    (data / "bounding_box_train" / name).write_bytes(whole[:300])
    again = tiny_config(
        data, tmp_path, optimiser__ema_decay=0.9, run__evaluate_every=1, augment__patch=0.0, run__name="again"
    )
    with pytest.raises(FormatError, match=name):
        TrainRun(again).execute()
    report = json.loads((tmp_path / "again/run.json").read_text())
    assert report["status"] == "failed"
    assert name in report["error"]
    (data / "bounding_box_train" / name).write_bytes(whole)
    assert TrainRun(again, resume=tmp_path / "again").execute()
    assert_same_checkpoint(tmp_path / "again/last", tmp_path / "run/last")


@pytest.mark.slow
def test_an_unreadable_gallery_picture_loses_no_training(crops: Path, tmp_path: Path) -> None:
    data = shutil.copytree(crops, tmp_path / "market")
    picture = data / "bounding_box_test/0006_c1s1_000002_01.jpg"
    whole = picture.read_bytes()
    picture.write_bytes(b"")
    config = tiny_config(data, tmp_path, schedule__epochs=1)
    with pytest.raises(FormatError, match="0006_c1s1_000002_01"):
        TrainRun(config).execute()
    assert read_checkpoint(tmp_path / "run").progress.step == STEPS
    picture.write_bytes(whole)
    assert TrainRun(config, resume=tmp_path / "run").execute()


def test_a_full_disk_leaves_the_older_checkpoint(crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved = checkpoint_module.save
    calls: list[int] = []

    def save_until_full(*arguments: Any) -> bytes:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return saved(*arguments)

    monkeypatch.setattr(checkpoint_module, "save", save_until_full)
    with pytest.raises(OutputError, match="the disk is full"):
        TrainRun(tiny_config(crops, tmp_path)).execute()
    assert read_checkpoint(tmp_path / "run").progress.epoch == 1
    assert load_model(tmp_path / "run/last/model.safetensors")
    assert not list((tmp_path / "run").glob(".*.part"))


def test_nan_stops_with_step_term_and_batch(crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Learner.step

    def break_at_four(self: Learner, *arguments: Any) -> Any:
        if self.updates == 4:
            with torch.no_grad():
                next(iter(self.model.predictors.parameters())).fill_(float("nan"))
        return step(self, *arguments)

    monkeypatch.setattr(Learner, "step", break_at_four)
    with pytest.raises(ModelError, match=r"step 5 of the run: the loss term mutual_distillation became NaN") as raised:
        TrainRun(tiny_config(crops, tmp_path)).execute()
    assert "nan_batch.npz" in str(raised.value)
    with np.load(tmp_path / "run/nan_batch.npz", allow_pickle=False) as batch:
        assert batch["images"].shape == (8, 64, 32, 3)
        assert sorted(set(batch["labels"].tolist())) == [0, 1, 2, 3]
        assert all(Path(path).is_file() for path in batch["paths"])
    assert read_checkpoint(tmp_path / "run").progress.updates == 4


def test_without_evaluation_images_the_lowest_loss_is_best(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for person in range(1, 5):
        for number in range(4):
            save_person(tmp_path / f"crops/person{person}/{number}.jpg", person, number)
    config = tiny_config(tmp_path / "crops", tmp_path, data__name="folders")
    with caplog.at_level("INFO", "mdpr"):
        run = TrainRun(config)
        run.execute()
    assert "lowest training loss" in caplog.text
    losses = [float(row["loss"]) for row in rows(tmp_path / "run")]
    means = [np.mean(losses[:2]), np.mean(losses[2:])]
    assert run.report.best == pytest.approx(-min(means), rel=1e-4)
    assert run.report.best_epoch == 1 + int(np.argmin(means))


class TestResume:
    """What a run cannot go on with."""

    def config(self, crops: Path, finished: Path, **changes: Any) -> Any:
        return tiny_config(crops, finished.parent, optimiser__ema_decay=0.9, run__evaluate_every=1, **changes)

    def test_other_settings(self, crops: Path, finished: Path) -> None:
        with pytest.raises(ConfigError, match=r"optimiser\.lr: 0\.001 before, 0\.002 now"):
            TrainRun(self.config(crops, finished, optimiser__lr=2e-3), resume=finished)

    def test_another_architecture(self, crops: Path, finished: Path) -> None:
        with pytest.raises(ConfigError, match=r"model\.width: 16 before, 8 now"):
            TrainRun(self.config(crops, finished, model__width=8), resume=finished)

    def test_another_precision(self, crops: Path, finished: Path) -> None:
        with pytest.raises(ConfigError, match=r"run\.precision: fp32 before, bf16 now"):
            TrainRun(self.config(crops, finished, run__precision="bf16"), resume=finished)

    def test_other_people(self, crops: Path, finished: Path, tmp_path: Path) -> None:
        data = shutil.copytree(crops, tmp_path / "market")
        for path in (data / "bounding_box_train").glob("0004*"):
            path.rename(path.with_name(path.name.replace("0004", "0009")))
        with pytest.raises(ConfigError, match="names or labels"):
            TrainRun(self.config(data, finished), resume=finished)
        save_person(data / "bounding_box_train/0010_c1s1_000001_01.jpg", 10)
        with pytest.raises(ConfigError, match=r"trained on 4 identities, the data set has 5 now.*--init-from"):
            TrainRun(self.config(data, finished), resume=finished)

    @pytest.mark.parametrize(
        ("file", "message"),
        [
            ("model.safetensors", "not a whole"),
            ("state.safetensors", "not a whole"),
            ("state.json", "damaged"),
            ("config.yaml", "damaged"),
        ],
    )
    def test_truncated_files(self, file: str, message: str, crops: Path, finished: Path, tmp_path: Path) -> None:
        run = shutil.copytree(finished, tmp_path / "run")
        content = (run / "last" / file).read_bytes()
        (run / "last" / file).write_bytes(content[: len(content) // 2])
        with pytest.raises(ModelError, match=message):
            TrainRun(self.config(crops, finished), resume=run)

    def test_nothing_there(self, crops: Path, finished: Path, tmp_path: Path) -> None:
        with pytest.raises(ModelError, match="no checkpoint here"):
            TrainRun(self.config(crops, finished), resume=tmp_path)
