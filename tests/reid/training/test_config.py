"""The configuration of training: presets, mistakes, and what two runs must have in common."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from mdpr.configs import preset_names
from mdpr.errors import ConfigError
from mdpr.pipeline.settings import read_config
from mdpr.reid.losses import LossConfig
from mdpr.reid.network import PRESETS
from mdpr.reid.training.config import TrainConfig, build_train_config, differences


@pytest.mark.parametrize("name", preset_names("train"))
def test_every_preset_builds_and_survives_a_round_trip(name: str) -> None:
    config = build_train_config(read_config(name, "train"))
    assert build_train_config(yaml.safe_load(yaml.safe_dump(config.as_mapping()))) == config
    assert config.run.name == name


def test_the_paper() -> None:
    config = build_train_config(read_config("market1501-r101", "train"))
    assert config.model.network == PRESETS["mdpr-r101"]
    assert (config.sampler.batch, config.sampler.parts) == (256, 4)
    assert (config.optimiser.lr, config.optimiser.weight_decay) == (3.5e-4, 5e-4)
    assert (config.schedule.epochs, config.schedule.final_lr) == (60, 1e-7)
    assert (config.augment.padding, config.augment.flip, config.augment.erase, config.augment.patch) == (
        10,
        0.5,
        0.5,
        0.5,
    )
    assert config.loss == LossConfig()
    assert config.model.network.input_size == (384, 192)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sampling": {}}, "unknown section 'sampling'. Known: model, data, sampler"),
        ({"model": {"witdh": 3}}, "model: unknown key 'witdh'. Known: attentions, backbone, "),
        ({"model": {"name": "mdpr-x"}}, "unknown network 'mdpr-x'. Known: mdpr-r101"),
        ({"model": {"depth": 19}}, "model.depth"),
        ({"optimiser": {"learning_rate": 1}}, "optimiser: unknown key 'learning_rate'. Known: ema_decay, lr"),
        ({"optimiser": {"lr": "fast"}}, "optimiser.lr: expected float, got 'fast'"),
        ({"optimiser": {"ema_decay": 1.0}}, "ema_decay"),
        ({"run": {"precision": "half"}}, "run.precision: expected one of auto, fp32, bf16, fp16"),
        ({"run": {"workers": 0}}, "workers"),
        ({"run": {"seed": -1}}, "seed"),
        ({"sampler": {"parts": 3}}, "sampler.parts"),
        ({"loss": {"triplet_margin": -1}}, "triplet_margin"),
        ({"schedule": 5}, "schedule: expected a mapping"),
    ],
)
def test_mistakes_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_train_config(values)


def test_options_of_a_data_set_pass_through() -> None:
    config = build_train_config({"data": {"name": "folders", "root": "x", "hold_out": 0.2, "names": ["a", "b"]}})
    assert dict(config.data.options) == {"hold_out": 0.2, "names": ["a", "b"]}
    assert config.as_mapping()["data"] == {"name": "folders", "root": "x", "hold_out": 0.2, "names": ["a", "b"]}


def test_differences_are_those_that_change_results() -> None:
    before = build_train_config({"data": {"root": "here", "strict": True}})
    same = {
        "data": {"root": "there", "strict": True},
        "run": {"workers": 9, "log_every": 3, "name": "b", "device": "cpu"},
    }
    assert differences(before, build_train_config(same)) == []
    other = {"model": {"width": 8}, "data": {"strict": False}, "run": {"seed": 1}, "schedule": {"epochs": 70}}
    assert differences(before, build_train_config(other)) == [
        "data.strict: True before, False now",
        "model.width: 512 before, 8 now",
        "run.seed: 0 before, 1 now",
        "schedule.epochs: 60 before, 70 now",
    ]
    assert differences(TrainConfig(), TrainConfig()) == []
