"""One step: gradients and statistics of the parts, clipping, the average, and what is refused."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from mdpr.detectors.yolox import step
from mdpr.detectors.yolox.config import DetectorConfig
from mdpr.detectors.yolox.depthwise import HalvingDepthwise
from mdpr.detectors.yolox.loader import Batch
from mdpr.detectors.yolox.losses import detection_losses
from mdpr.detectors.yolox.network import NetworkConfig, YoloxNetwork
from mdpr.detectors.yolox.step import Learner, NotFiniteError, choose_precision

CPU = torch.device("cpu")
SIZE = (64, 96)


def tiny_network(seed: int = 0) -> YoloxNetwork:
    torch.manual_seed(seed)
    return YoloxNetwork(NetworkConfig(0.33, 0.0625, True))


def random_batch(count: int = 4, seed: int = 0) -> Batch:
    random = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (count, *SIZE, 3), dtype=torch.uint8, generator=random)
    people = tuple(torch.tensor([[10.0 + 3 * n, 5, 30 + 3 * n, 60]]) for n in range(count))
    return Batch(images, people, tuple(torch.zeros(0, 4) for _ in range(count)))


def learner(network: YoloxNetwork, threads: int = 1, precision: str = "fp32", **changes: Any) -> Learner:
    options: dict[str, Any] = {"batch": 4, "parts": 2, "max_grad_norm": 0.0, "ema_decay": 0.5} | changes
    return Learner(network, DetectorConfig(**options), precision, CPU, threads)


def losses_of(network: YoloxNetwork, part: Batch) -> Tensor:
    outputs = network(part.images.permute(0, 3, 1, 2).float())
    return torch.stack(list(detection_losses(outputs, part.people, part.ignored, SIZE, False).values())).sum()


def test_a_step_is_the_mean_over_its_parts() -> None:
    """Plain SGD by hand, on the network itself, part after part."""
    network, by_hand = tiny_network(), tiny_network()
    batch = random_batch()
    by_hand.train()
    first = {name: buffer.clone() for name, buffer in by_hand.named_buffers()}
    after: list[dict[str, Tensor]] = []
    for part in batch.split(2):
        by_hand.load_state_dict(first, strict=False)
        (losses_of(by_hand, part) / 2).backward()
        after.append({name: buffer.clone() for name, buffer in by_hand.named_buffers()})
    with learner(network, optimiser="sgd", weight_decay=0.0) as made:
        result = made.step(batch, 0.01, False)
    norm = torch.stack([p.grad.norm() for p in by_hand.parameters() if p.grad is not None]).norm()
    assert result.grad_norm == pytest.approx(float(norm), rel=1e-4)
    for (name, got), parameter in zip(network.named_parameters(), by_hand.parameters(), strict=True):
        assert parameter.grad is not None
        expected = parameter.detach() - 0.01 * 1.9 * parameter.grad  # the first step of Nesterov with 0.9
        torch.testing.assert_close(got.detach(), expected, rtol=1e-4, atol=1e-5, msg=name)
    for name, got in network.named_buffers():
        if got.is_floating_point():
            torch.testing.assert_close(got, (after[0][name] + after[1][name]) / 2, msg=name)
        else:
            assert int(got) == 1


def test_one_part_is_the_whole_batch() -> None:
    network, by_hand = tiny_network(), tiny_network()
    batch = random_batch()
    by_hand.train()
    losses_of(by_hand, batch).backward()
    with learner(network, parts=1, optimiser="sgd", weight_decay=0.0) as made:
        made.step(batch, 0.01, False)
    for (name, got), parameter in zip(network.named_parameters(), by_hand.parameters(), strict=True):
        assert parameter.grad is not None
        expected = parameter.detach() - 0.01 * 1.9 * parameter.grad
        torch.testing.assert_close(got.detach(), expected, rtol=1e-4, atol=1e-5, msg=name)
    for (name, got), buffer in zip(network.named_buffers(), by_hand.buffers(), strict=True):
        torch.testing.assert_close(got, buffer, msg=name)


def test_results_do_not_depend_on_threads() -> None:
    networks = []
    for threads in (1, 2):
        network = tiny_network()
        with learner(network, threads, optimiser="adamw") as made:
            for step in range(3):
                made.step(random_batch(seed=step), 0.01, step == 2)
        networks.append(network)
    for other in networks[1:]:
        for got, expected in zip(other.state_dict().values(), networks[0].state_dict().values(), strict=True):
            assert torch.equal(got, expected)


def test_only_weights_decay() -> None:
    network = tiny_network()
    with learner(network, weight_decay=0.1) as made:
        decayed, others = made.optimiser.param_groups
    assert (decayed["weight_decay"], others["weight_decay"]) == (0.1, 0.0)
    convolutions = [m for m in network.modules() if isinstance(m, nn.Conv2d)]
    assert {id(p) for p in decayed["params"]} == {id(m.weight) for m in convolutions}
    assert len(decayed["params"]) + len(others["params"]) == len(list(network.parameters()))


def test_gradients_are_clipped() -> None:
    moved = []
    for limit in (0.0, 1e-3):
        network = tiny_network()
        before = copy.deepcopy(network)
        with learner(network, optimiser="sgd", weight_decay=0.0, max_grad_norm=limit) as made:
            norm = made.step(random_batch(), 0.01, False).grad_norm
        pairs = zip(network.parameters(), before.parameters(), strict=True)
        moved.append(float(torch.stack([(a - b).detach().norm() for a, b in pairs]).norm()))
    assert norm > 0.1
    assert moved[1] == pytest.approx(0.01 * 1.9 * 1e-3, rel=1e-2)
    assert moved[0] > 50 * moved[1]


def test_the_average_follows() -> None:
    network = tiny_network()
    expected = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with learner(network, ema_decay=0.2) as made:
        for number, decay in enumerate((0.1, 2 / 11, 0.2, 0.2)):
            made.step(random_batch(seed=number), 0.01, False)
            for name, tensor in network.state_dict().items():
                now = decay * expected[name] + (1 - decay) * tensor if tensor.is_floating_point() else tensor
                expected[name] = now.clone()
        assert made.updates == 4
        for name, tensor in made.average.state_dict().items():
            torch.testing.assert_close(tensor, expected[name], rtol=1e-4, atol=1e-6, msg=name)
        assert not made.average.training


@pytest.mark.parametrize("parts", [1, 2])
def test_not_finite_leaves_the_weights_alone(parts: int) -> None:
    network = tiny_network()
    batch = random_batch()
    with learner(network, parts=parts) as made:
        made.step(batch, 0.01, False)
        with torch.no_grad():
            network.heads[0].boxes.bias[2] = torch.nan
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        with pytest.raises(NotFiniteError, match="iou"):
            made.step(batch, 0.01, False)
        assert all(p.grad is None for p in network.parameters())
        for name, tensor in network.state_dict().items():
            np.testing.assert_array_equal(tensor.numpy(), before[name].numpy())
        assert made.updates == 1


def test_bf16_is_near_fp32() -> None:
    results = []
    for precision in ("fp32", "bf16"):
        with learner(tiny_network(), precision=precision) as made:
            results.append(made.step(random_batch(), 0.01, True))
    assert results[1].loss == pytest.approx(results[0].loss, rel=0.05)
    assert results[1].grad_norm == pytest.approx(results[0].grad_norm, rel=0.2)
    assert results[1].loss != results[0].loss


@pytest.mark.parametrize("shape", [(2, 16, 12, 20), (1, 8, 2, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_halving_depthwise_is_conv2d(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    random = torch.Generator().manual_seed(0)
    x = torch.randn(shape, generator=random).to(dtype, memory_format=torch.channels_last)
    weight = torch.randn((shape[1], 1, 3, 3), generator=random).to(dtype)
    pairs = []
    for function in (
        HalvingDepthwise.apply,
        lambda a, b: nn.functional.conv2d(a, b, stride=2, padding=1, groups=shape[1]),
    ):
        inputs = [tensor.clone().requires_grad_() for tensor in (x, weight)]
        out = function(*inputs)
        out.backward(torch.linspace(-1, 1, out.numel()).reshape(out.shape).to(dtype))
        pairs.append([out.detach(), *(tensor.grad for tensor in inputs)])
    tolerance = {"rtol": 1e-4, "atol": 1e-5} if dtype == torch.float32 else {"rtol": 2e-2, "atol": 2e-2}
    for got, expected in zip(*pairs, strict=True):
        torch.testing.assert_close(got, expected, **tolerance)


@pytest.mark.parametrize("is_fast", [True, False])
def test_precision(is_fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "is_bf16_fast", lambda: is_fast)
    assert choose_precision("bf16", CPU) == "bf16"
    assert choose_precision("auto", CPU) == ("bf16" if is_fast else "fp32")
