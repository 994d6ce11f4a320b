"""The average of networks: of all weights and statistics, and only of networks of one build."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path

import pytest
import torch

from mdpr.errors import ModelError
from mdpr.pipeline.commands import main
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.average import average_into
from mdpr.reid.network.checkpoint import load_model, save_model
from mdpr.reid.network.description import read_metadata


def network(seed: int, **changes: object) -> MdprNetwork:
    torch.manual_seed(seed)
    model = build_model("mdpr-s", **{"backbone_width": 0.125, "width": 8, "input_size": (64, 32), **changes})
    for name, buffer in model.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model.eval()


def test_every_weight_and_statistic_is_the_mean() -> None:
    models = [network(seed) for seed in range(3)]
    before = copy.deepcopy(models)
    average_into(models[0], models[1:])
    for name, tensor in models[0].state_dict().items():
        states = [model.state_dict()[name] for model in before]
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, torch.stack(states).mean(dim=0), msg=name)
            assert "conv" not in name or not torch.equal(tensor, states[0])
        else:
            assert torch.equal(tensor, states[0])
    for model, same in zip(models[1:], before[1:], strict=True):
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), same.parameters(), strict=True))


def test_one_alone_stays() -> None:
    model = network(0)
    before = copy.deepcopy(model.state_dict())
    average_into(model, [])
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_another_build_is_refused_and_mirror_images_are_none() -> None:
    model, mirrored = network(0), network(1)
    mirrored.config = dataclasses.replace(mirrored.config, flip_test=True)
    average_into(model, [mirrored])
    assert not model.config.flip_test
    with pytest.raises(ModelError, match="network 3 of those to be averaged is of another build than the first"):
        average_into(model, [mirrored, network(2, width=16)])


def test_export_averages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The measures of the first file are not those of the average."""
    models = [network(seed) for seed in range(2)]
    for number, model in enumerate(models):
        save_model(model, tmp_path / f"{number}.safetensors", {"measures": {"match_distance": 0.8}, "licence": "none"})
    out = tmp_path / "mean.safetensors"
    files = [str(tmp_path / f"{number}.safetensors") for number in range(2)]
    assert main(["export", files[0], "--average", files[1], "--format", "safetensors", "--out", str(out)]) == 0
    told = read_metadata(out)
    assert "measures" not in told
    assert told["average_of"] == ["0.safetensors", "1.safetensors"]
    assert told["licence"] == "none"
    average_into(models[0], models[1:])
    for name, tensor in load_model(out).state_dict().items():
        torch.testing.assert_close(tensor, models[0].state_dict()[name], rtol=1e-3, atol=1e-3, msg=name)
    assert main(["export", files[0], "--average", str(tmp_path / "none.safetensors"), "--out", str(out)]) == 2
    assert main(["export", files[0], "--average", str(tmp_path / "none.safetensors")]) == 1
    assert "none.safetensors" in capsys.readouterr().err
