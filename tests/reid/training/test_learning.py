"""A tiny network learns to tell people apart whom it has never seen."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import torch

from mdpr.reid.data import load_dataset
from mdpr.reid.network import build_model
from mdpr.reid.training.evaluate import evaluate_model
from mdpr.reid.training.logs import MEASURES
from mdpr.reid.training.run import TrainRun
from reid_images import make_market
from tiny_training import tiny_config


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_rank1_is_perfect_on_new_people_and_every_term_moves(precision: str, tmp_path: Path) -> None:
    data = make_market(tmp_path / "market", identities=8, cameras=2, images=4, test_identities=8)
    config = tiny_config(
        data, tmp_path, model__backbone_width=0.25, model__width=32, model__fusion=True, sampler__identities=8,
        sampler__images=4, optimiser__lr=2e-3, schedule__epochs=40, schedule__warmup_epochs=2, run__evaluate_every=0,
        run__precision=precision,
    )  # fmt: skip
    torch.manual_seed(0)
    untrained = build_model(config.model.network, num_classes=8)
    dataset, cpu = load_dataset("market1501", data), torch.device("cpu")
    before = evaluate_model(untrained, dataset, cpu, "fp32", 2)
    run = TrainRun(config)
    assert run.execute()
    assert before["rank1"] < 0.9
    assert run.report.measures["rank1"] == 1.0
    assert run.report.measures["mAP"] > max(0.95, before["mAP"] + 0.2)

    with (run._folder.path / "metrics.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["loss"]]
    not_terms = {"update", "epoch", "lr", "grad_norm", "images_per_s", *MEASURES}
    for name in rows[0].keys() - not_terms:
        first, last = ([float(row[name]) for row in part] for part in (rows[:5], rows[-5:]))
        # the size of the attentions moves least: by 0.2 % in bf16
        assert abs(sum(last) - sum(first)) > 1e-3 * abs(sum(first)), f"{name} has not moved"
        if name.endswith(("_cls", "_triplet")) or name in ("loss", "mutual_distillation"):
            assert sum(last) < sum(first), f"{name} has not fallen"
