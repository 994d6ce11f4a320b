"""Folding changes what is computed, not the embedding."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from mdpr.reid.inference.benchmark import randomise
from mdpr.reid.inference.folding import fold
from mdpr.reid.network import MdprNetwork, build_model

SWITCHES = [
    {},
    {"ibn": False},
    {"fusion": False, "guidance": False},
    {"branches": "hard", "stripes": 0, "fusion": False, "distillation": False},
    {"branches": "soft", "fusion": False, "distillation": False},
    {"depth": 50, "stripes": 3, "attentions": 1},
]


def make(**overrides: object) -> MdprNetwork:
    torch.manual_seed(0)
    model = build_model(
        "mdpr-s", num_classes=3, **{"backbone_width": 0.125, "width": 8, "input_size": (80, 32), **overrides}
    ).eval()
    randomise(model)
    return model


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).norm() / expected.norm())


@pytest.mark.parametrize("overrides", SWITCHES, ids=str)
def test_same_embedding(overrides: dict[str, object]) -> None:
    model = make(**overrides)
    images = torch.randn(3, 3, *model.config.input_size)
    with torch.no_grad():
        expected = model(images)
        assert expected.std() > 0.1  # not an embedding of zeros
        assert relative_error(fold(model)(images), expected) < 1e-5
        assert relative_error(model(images), expected) == 0  # the model itself was not changed


def test_learned_pooling_exponents_are_kept() -> None:
    model = make()
    images = torch.randn(2, 3, 80, 32)
    with torch.no_grad():
        model.heads["fusion"].pool.p.fill_(2.2)
        expected = model(images)
        assert relative_error(fold(model)(images), expected) < 1e-5
        model.heads["fusion"].pool.p.fill_(3.0)
        assert relative_error(model(images), expected) > 1e-3  # the exponent matters


def test_nothing_that_only_training_needs() -> None:
    model = make()
    network = fold(model)
    names = {name for name, _ in network.named_parameters()}
    assert not [
        n for n in names if "classifier" in n or "logits" in n or "predictors" in n or "pool4" in n or "bap" in n
    ]
    left = [name for name, part in network.named_modules() if isinstance(part, nn.BatchNorm2d)]
    assert left == []
    kernels = [part.kernel_size for part in network.network.fusion.modules() if isinstance(part, nn.Conv2d)]
    assert kernels == [(3, 3)] * 4
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_attention_maps_are_the_same() -> None:
    model = make()
    images = torch.randn(2, 3, 80, 32)
    expected = model.attention_maps(images)
    found = fold(model, with_attention=True).network.attention_maps(images)
    assert found.keys() == expected.keys()
    for name, maps in expected.items():
        torch.testing.assert_close(found[name], maps, atol=1e-4, rtol=1e-4)


def test_channels_last_is_kept() -> None:
    model = make()
    images = torch.randn(2, 3, 80, 32)
    network = fold(model).to(memory_format=torch.channels_last)
    layouts: list[bool] = []
    for module in network.modules():
        if isinstance(module, nn.InstanceNorm2d):
            continue
        if not list(module.children()) or any(isinstance(child, nn.InstanceNorm2d) for child in module.children()):
            module.register_forward_hook(
                lambda _module, _inputs, y: layouts.append(
                    y.ndim != 4 or y.is_contiguous(memory_format=torch.channels_last)
                )
            )
    with torch.no_grad():
        found = network(images.contiguous(memory_format=torch.channels_last))
        assert relative_error(found, model(images)) < 1e-5
    assert len(layouts) > 50
    assert all(layouts)
