"""The network and its losses against what the authors' published code computes, and against a naive restatement."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

import naive_mdpr
from mdpr.reid import build_model, convert_author_state_dict, mdpr_losses
from mdpr.reid.inference.folding import fold
from mdpr.reid.network import MdprNetwork, MdprOutputs

REFERENCE = Path(__file__).parent / "mdpr_r18ibn_128x64.npz"
"""See the folder's README: figures of the authors' implementation (Apache-2.0) for weights filled by a rule."""

STEPS, LEARNING_RATE, WEIGHT_DECAY = 5, 3.5e-4, 5e-4


@pytest.fixture(scope="module")
def reference() -> dict[str, np.ndarray]:
    with np.load(REFERENCE) as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def state() -> dict[str, Tensor]:
    return naive_mdpr.filled_state(REFERENCE)


@pytest.fixture
def model(state: dict[str, Tensor]) -> MdprNetwork:
    made = build_model("mdpr-r101", num_classes=4, depth=18, input_size=(128, 64))
    made.load_state_dict(convert_author_state_dict(state))
    return made


def losses_of(model: MdprNetwork, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    outputs = model(images)
    assert isinstance(outputs, MdprOutputs)
    return mdpr_losses(outputs, targets)


def relative_error(found: Tensor, expected: np.ndarray) -> float:
    return float(np.linalg.norm(found.detach().numpy() - expected) / np.linalg.norm(expected))


def test_embedding(model: MdprNetwork, reference: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        found = model.eval()(naive_mdpr.images(8, 128, 64))
    assert found.shape == (8, 4608)
    assert relative_error(found, reference["embedding"]) < 1e-4


def test_embedding_after_folding(model: MdprNetwork, reference: dict[str, np.ndarray]) -> None:
    with torch.no_grad():
        assert relative_error(fold(model)(naive_mdpr.images(8, 128, 64)), reference["embedding"]) < 1e-4


def test_losses(model: MdprNetwork, reference: dict[str, np.ndarray]) -> None:
    found = losses_of(model.train(), naive_mdpr.images(8, 128, 64), torch.from_numpy(reference["targets"]))
    names = [str(name).removeprefix("loss_") for name in reference["loss_names"]]
    assert set(found) == set(names)
    for name, expected in zip(names, reference["loss_values"], strict=True):
        assert float(found[name].detach()) == pytest.approx(float(expected), rel=1e-3), name


def test_the_restatement_is_the_reference_too(state: dict[str, Tensor], reference: dict[str, np.ndarray]) -> None:
    """Else the tests that use it would prove nothing."""
    images = naive_mdpr.images(8, 128, 64)
    assert relative_error(naive_mdpr.embedding(state, images), reference["embedding"]) < 1e-4
    found = naive_mdpr.losses(state, images, torch.from_numpy(reference["targets"]))
    for name, expected in zip(reference["loss_names"], reference["loss_values"], strict=True):
        assert float(found[str(name).removeprefix("loss_")]) == pytest.approx(float(expected), rel=1e-3), name


@pytest.fixture
def _all_cores() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.slow
@pytest.mark.usefixtures("_all_cores")
def test_five_adam_steps(model: MdprNetwork, state: dict[str, Tensor], reference: dict[str, np.ndarray]) -> None:
    """Gradients: the losses stay equal, step by step, to those of the restatement under a naive Adam.

    In double precision: Adam's first step is the sign of the gradient, and float32 leaves the sign of small ones open.
    """
    images, targets = naive_mdpr.images(8, 128, 64).double(), torch.from_numpy(reference["targets"])
    state = {name: value.double() if value.is_floating_point() else value for name, value in state.items()}
    model = model.double()
    trained = [
        name
        for name, value in state.items()
        if value.is_floating_point() and "running_" not in name and not name.endswith("bottleneck.0.bias")
    ]
    first = {name: torch.zeros_like(state[name]) for name in trained}
    second = {name: torch.zeros_like(state[name]) for name in trained}
    optimiser = torch.optim.Adam(
        [parameter for parameter in model.train().parameters() if parameter.requires_grad],
        lr=LEARNING_RATE,
        weight_decay=WEIGHT_DECAY,
    )
    assert sum(map(len, (group["params"] for group in optimiser.param_groups))) == len(trained)
    totals = []
    for step in range(1, STEPS + 1):
        found = losses_of(model, images, targets)
        optimiser.zero_grad()
        torch.stack(list(found.values())).sum().backward()
        optimiser.step()

        parameters = [state[name].requires_grad_() for name in trained]
        expected = naive_mdpr.losses(state, images, targets)
        gradients = torch.autograd.grad(sum(expected.values()), parameters)
        for name, gradient in zip(trained, gradients, strict=True):
            weight = state[name].detach()
            gradient = gradient + WEIGHT_DECAY * weight
            first[name] = 0.9 * first[name] + 0.1 * gradient
            second[name] = 0.999 * second[name] + 0.001 * gradient**2
            mean, square = first[name] / (1 - 0.9**step), second[name] / (1 - 0.999**step)
            state[name] = weight - LEARNING_RATE * mean / (square.sqrt() + 1e-8)

        for name, value in expected.items():
            assert float(found[name].detach()) == pytest.approx(float(value.detach()), rel=1e-6, abs=1e-9), (step, name)
        totals.append(float(sum(value.detach() for value in expected.values())))
    assert totals[-1] < 0.9 * totals[0]  # the steps did something
