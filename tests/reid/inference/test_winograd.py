"""Fewer multiplications, the same convolution."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from mdpr.reid.inference import winograd
from mdpr.reid.inference.engines import EngineOptions, make_engine
from mdpr.reid.inference.folding import InferenceNetwork, fold
from mdpr.reid.inference.winograd import WinogradConv, winograd_layers, with_winograd
from mdpr.reid.network import MdprNetwork, network_config
from mdpr.reid.network.description import fingerprint


@pytest.fixture
def of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(winograd, "LEAST_CHANNELS", 1)
    monkeypatch.setattr(winograd, "LEAST_TILES", 1)


@pytest.mark.parametrize("shape", [(1, 3, 2, 2), (2, 3, 6, 4), (3, 3, 4, 10)])
def test_equals_the_convolution(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    conv = nn.Conv2d(3, 5, 3, padding=1).double()
    x = torch.randn(shape, dtype=torch.float64)
    with torch.no_grad():
        expected = conv(x)
        torch.testing.assert_close(WinogradConv(conv)(x), expected, atol=1e-12, rtol=1e-12)
        bag = WinogradConv(conv, is_ordered=False)(x)
    pixels, wanted = (y.flatten(2).sort(dim=2).values for y in (bag, expected))
    torch.testing.assert_close(pixels, wanted, atol=1e-12, rtol=1e-12)


def test_multiplies_four_times_instead_of_nine() -> None:
    direct, fast = nn.Conv2d(8, 8, 3, padding=1), WinogradConv(nn.Conv2d(8, 8, 3, padding=1))
    pixels, tiles = 6 * 4, 3 * 2
    assert fast.products.weight.numel() * tiles * 9 == direct.weight.numel() * pixels * 4


@pytest.mark.parametrize(
    "options", [{"kernel_size": 1}, {"stride": 2}, {"padding": 0}, {"bias": False}, {"kernel_size": 5}], ids=str
)
def test_what_it_is_not_for(options: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="expected 3x3 with bias"):
        WinogradConv(nn.Conv2d(2, 2, **({"kernel_size": 3, "padding": 1} | options)))


@pytest.mark.parametrize(
    ("name", "size", "channels"),
    [
        ("mdpr-r101", (384, 192), [1024, 1024, 2048]),
        ("mdpr-r50", (256, 128), [1024, 1024, 2048]),
        ("mdpr-r50", (128, 64), []),  # too few pixels
        ("mdpr-r50", (272, 128), []),  # 17 rows
        ("mdpr-s", (192, 96), []),
    ],
)
def test_which_layers(name: str, size: tuple[int, int], channels: list[int]) -> None:
    with torch.device("meta"):
        network = InferenceNetwork(MdprNetwork(network_config(name, depth=18, input_size=size)))
    assert [layer.conv3.in_channels for layer in winograd_layers(network)] == channels


@pytest.mark.slow
@pytest.mark.usefixtures("of_any_size")
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_engines_give_the_same_embedding(
    engine: str, tiny_model: MdprNetwork, tiny_checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = []
    monkeypatch.setattr(winograd, "with_winograd", lambda network: changed.append(with_winograd(network)) or changed[0])
    crops = np.random.default_rng(0).integers(0, 256, (5, 64, 32, 3), dtype=np.uint8)
    network = fold(tiny_model)
    expected = make_engine(network, "unused", EngineOptions("torch", "fp32", "cpu")).embed(crops)
    name = f"{fingerprint(tiny_checkpoint)}-all"
    rows = make_engine(fold(tiny_model), name, EngineOptions(engine, "fp32", "cpu")).embed(crops)
    start, end = tiny_model.config.slices["fusion"]
    for part in (slice(start, end), slice(None)):
        np.testing.assert_allclose(rows[:, part], expected[:, part], atol=1e-4 * np.abs(expected[:, part]).max())
    assert any(isinstance(layer, WinogradConv) for layer in changed[0].modules())


@pytest.mark.usefixtures("of_any_size")
def test_the_network_itself_stays(tiny_model: MdprNetwork) -> None:
    network = fold(tiny_model)
    changed = with_winograd(network)
    assert sum(isinstance(module, WinogradConv) for module in changed.modules()) == 4
    assert not any(isinstance(module, WinogradConv) for module in network.modules())
    images = torch.randn(2, 3, 64, 32)
    expected, found = network(images), changed(images)
    assert float((found - expected).norm() / expected.norm()) < 1e-5
