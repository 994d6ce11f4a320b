"""One step: parts of a batch, averages, precision, and what happens to NaN."""

from __future__ import annotations

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mdpr.errors import ModelError
from mdpr.reid.inference import torch_engine
from mdpr.reid.losses import mdpr_losses
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.training.ema import MovingAverage
from mdpr.reid.training.loader import Part
from mdpr.reid.training.processes import Processes
from mdpr.reid.training.step import Learner, NotFiniteError, choose_precision
from tiny_training import tiny_config

CPU = torch.device("cpu")


def learner(precision: str = "fp32", **changes: object) -> Learner:
    config = tiny_config(Path("data"), Path("runs"), **changes)
    torch.manual_seed(0)
    return Learner(build_model(config.model.network, num_classes=4), config, precision, Processes(), CPU)


def part(seed: int, people: tuple[int, ...] = (0, 1, 2, 3), copies: int = 2) -> Part:
    rng = np.random.default_rng(seed)
    count = len(people) * copies
    images = torch.from_numpy(rng.integers(0, 256, (count, 64, 32, 3), dtype=np.uint8))
    return Part(images, torch.tensor(people).repeat_interleave(copies), np.arange(count))


def normalised(model: MdprNetwork, images: Tensor) -> Tensor:
    mean, std = torch.tensor(model.config.mean), torch.tensor(model.config.std)
    return ((images.float() - mean) / std).permute(0, 3, 1, 2).contiguous()


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def test_a_step_of_two_parts_is_adam_on_the_mean_gradient() -> None:
    tested = learner(sampler__parts=2, run__channels_last=False)
    model = copy.deepcopy(tested.model)
    parts = [part(1, (0, 1)), part(2, (2, 3))]
    result = tested.step(parts, 2e-3, is_stop_wanted=False)

    adam = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=2e-3, weight_decay=5e-4)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}
    statistics: dict[str, Tensor] = {name: torch.zeros_like(buffer) for name, buffer in before.items()}
    terms: dict[str, float] = {}
    for one in parts:
        for name, buffer in model.named_buffers():
            buffer.copy_(before[name])
        losses = mdpr_losses(model.outputs(normalised(model, one.images)), one.labels)
        (sum(losses.values()) / 2).backward()
        for name, value in losses.items():
            terms[name] = terms.get(name, 0.0) + value.item() / 2
        for name, buffer in model.named_buffers():
            statistics[name] = statistics[name] + buffer / 2
    norm = math.sqrt(sum(float(p.grad.square().sum()) for p in model.parameters() if p.grad is not None))
    adam.step()

    assert result.terms == pytest.approx(terms, rel=1e-5)
    assert result.loss == pytest.approx(sum(terms.values()), rel=1e-5)
    assert result.grad_norm == pytest.approx(norm, rel=1e-5)
    for name, value in tested.model.named_parameters():
        torch.testing.assert_close(value, dict(model.named_parameters())[name], rtol=1e-5, atol=1e-6, msg=name)
    for name, value in tested.model.named_buffers():
        torch.testing.assert_close(value.double(), statistics[name].double(), rtol=1e-5, atol=1e-6, msg=name)


def test_channels_last_changes_only_the_layout() -> None:
    results = [learner(run__channels_last=flag).step([part(1)], 1e-3, False) for flag in (True, False)]
    assert results[0].terms == pytest.approx(results[1].terms, rel=1e-4)


def test_gradients_are_scaled_down_to_the_limit() -> None:
    free = learner(optimiser__weight_decay=0.0)
    clipped = learner(optimiser__weight_decay=0.0, optimiser__max_grad_norm=1.0)
    norm = free.step([part(1)], 1e-3, False).grad_norm
    assert norm > 10
    assert clipped.step([part(1)], 1e-3, False).grad_norm == pytest.approx(norm, rel=1e-6), "the norm before is told"
    moments = [one.optimiser.state_dict()["state"] for one in (free, clipped)]
    for number, state in moments[0].items():  # Adam's first moment is a tenth of the gradient
        torch.testing.assert_close(moments[1][number]["exp_avg"], state["exp_avg"] / norm, rtol=1e-4, atol=1e-9)


def test_moving_average() -> None:
    model = build_model("mdpr-s", num_classes=3, backbone_width=0.125, width=8, input_size=(64, 32))
    average = MovingAverage(model, 0.9)
    expected = weights(model)
    for updates in range(12):
        with torch.no_grad():
            for tensor in model.state_dict().values():
                tensor.add_(1)
        average.update(model, updates)
        decay = min(0.9, (1 + updates) / (10 + updates))
        for name, tensor in model.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * tensor if tensor.is_floating_point() else tensor
    for name, tensor in average.model.state_dict().items():
        torch.testing.assert_close(tensor, expected[name].to(tensor.dtype), rtol=1e-5, atol=1e-5, msg=name)
    assert not average.model.training
    assert not any(parameter.requires_grad for parameter in average.model.parameters())


def test_the_average_is_what_is_kept() -> None:
    tested = learner(optimiser__ema_decay=0.5)
    first = weights(tested.model)
    tested.step([part(1)], 1e-3, False)
    now, kept = weights(tested.model), weights(tested.best_model)
    name = "hard.embed_global.conv.weight"
    torch.testing.assert_close(kept[name], first[name] + (now[name] - first[name]) * 0.9)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_reduced_precision_trains(precision: str) -> None:
    tested, exact = learner(precision), learner()
    result, wanted = tested.step([part(1)], 1e-3, False), exact.step([part(1)], 1e-3, False)
    assert result.loss == pytest.approx(wanted.loss, rel=0.05)
    assert tested.scaler.is_enabled() == (precision == "fp16")
    assert all(parameter.dtype == torch.float32 for parameter in tested.model.parameters())


def test_fp16_overflow_skips_the_step_and_lowers_the_scale() -> None:
    tested = learner("fp16")
    tested.scaler.scale(torch.zeros(1))  # makes the scale, which update needs
    tested.scaler.update(2.0**120)
    before = weights(tested.model)
    result = tested.step([part(1)], 1e-3, False)
    assert not math.isfinite(result.grad_norm)
    assert tested.scaler.get_scale() == 2.0**119
    name = "hard.embed_global.conv.weight"
    assert torch.equal(tested.model.state_dict()[name], before[name])


def test_nan_leaves_everything_as_it_was() -> None:
    tested = learner()
    tested.step([part(1)], 1e-3, False)
    with torch.no_grad():
        next(iter(tested.model.predictors.parameters()))[0] = math.nan
    before = weights(tested.model)
    with pytest.raises(NotFiniteError, match="the loss term mutual_distillation") as raised:
        tested.step([part(2)], 1e-3, False)
    assert isinstance(raised.value, ModelError)
    assert tested.updates == 1
    for name, tensor in tested.model.state_dict().items():
        np.testing.assert_array_equal(tensor.numpy(), before[name].numpy(), err_msg=name)


@pytest.mark.parametrize("is_fast", [True, False])
def test_precision_of_a_cpu(is_fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_engine, "is_bf16_fast", lambda: is_fast)
    assert choose_precision("auto", CPU) == ("bf16" if is_fast else "fp32")
    assert choose_precision("bf16", CPU) == "bf16"
