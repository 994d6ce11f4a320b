"""Bounds of activations: measured, kept in the file, applied in evaluation alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, safe_open, save_file

from mdpr.errors import FormatError, ModelError
from mdpr.reid.inference.folding import fold
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.bounds import BoundedReLU, measure_bounds, read_bounds, set_bounds
from mdpr.reid.network.checkpoint import load_model, save_model
from mdpr.reid.network.description import read_metadata


@pytest.fixture
def model() -> MdprNetwork:
    torch.manual_seed(0)
    return build_model("mdpr-s", backbone_width=0.125, width=8, input_size=(64, 32)).eval()


def pictures(count: int, strength: float = 1.0) -> torch.Tensor:
    return strength * torch.randn(count, 3, 64, 32, generator=torch.Generator().manual_seed(1))


def test_a_share_of_the_values_is_within_the_bound(model: MdprNetwork) -> None:
    bounds = measure_bounds(model, [pictures(8), pictures(8)], 0.9)
    layers = {name: layer for name, layer in model.named_modules() if isinstance(layer, BoundedReLU)}
    assert bounds.keys() == layers.keys()
    assert len(bounds) == 1 + 2 * 12  # the stem; two ReLUs in each block of layers 1 and 2, and 3 and 4 twice
    assert read_bounds(model) == {}, "measuring does not change the network"
    seen: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        layer.register_forward_hook(lambda _layer, _inputs, output, name=name: seen.__setitem__(name, output.clone()))
    with torch.no_grad():
        model(pictures(8))
        shares = {name: float((seen[name] <= bound).float().mean()) for name, bound in bounds.items()}
        set_bounds(model, bounds)
        model(pictures(8, 5.0))
    assert all(share == pytest.approx(0.9, abs=0.02) for share in shares.values())
    for name, bound in bounds.items():
        assert float(seen[name].max()) <= bound + 1e-6
        assert float(seen[name].min()) >= 0


def test_training_knows_no_bounds(model: MdprNetwork) -> None:
    layer = BoundedReLU()
    layer.bound = 1.0
    x = torch.tensor([-1.0, 0.5, 3.0])
    assert layer.train()(x.clone()).tolist() == [0, 0.5, 3]
    assert layer.eval()(x.clone()).tolist() == [0, 0.5, 1]
    layer.bound = math.inf
    assert layer(x.clone()).tolist() == [0, 0.5, 3]


@pytest.mark.parametrize("is_half", [False, True])
def test_the_file_keeps_them_and_the_folded_network_has_them(is_half: bool, model: MdprNetwork, tmp_path: Path) -> None:
    strong = pictures(4, 3.0)
    with torch.no_grad():
        free = model(strong)
        set_bounds(model, measure_bounds(model, [pictures(16)], 0.95))
        bounded = model(strong)
        assert (free - bounded).abs().max() > 0.05 * free.abs().max()
        save_model(model, tmp_path / "m.safetensors", {"note": 1}, is_half)
        loaded = load_model(tmp_path / "m.safetensors")
        assert read_bounds(loaded) == read_bounds(model)
        assert read_metadata(tmp_path / "m.safetensors")["note"] == 1
        torch.testing.assert_close(loaded(strong), bounded, atol=0.02 if is_half else 1e-6, rtol=0.02)
        torch.testing.assert_close(fold(loaded)(strong), loaded(strong), atol=1e-4, rtol=1e-4)


def test_bounds_that_do_not_fit(model: MdprNetwork, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no layer .trunk.nowhere."):
        set_bounds(model, {"trunk.nowhere": 1.0})
    with pytest.raises(ModelError, match=r"above 0, got -1.0 for trunk.relu"):
        set_bounds(model, {"trunk.relu": -1.0})
    with pytest.raises(FormatError, match="no pictures"):
        measure_bounds(model, [])
    with torch.no_grad():
        model.trunk.bn1.weight.zero_()
    with pytest.raises(FormatError, match=r"trunk.relu is 0 for 99.5% of its values"):
        measure_bounds(model, [pictures(4)])


def test_a_damaged_description(model: MdprNetwork, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    save_model(model, path, {})
    with safe_open(path, framework="pt") as file:
        header = file.metadata()
    for bounds, message in (('["trunk.relu"]', "damaged .bounds."), ('{"a": 1}', "no layer 'a'")):
        save_file(load_file(path), path, metadata={**header, "bounds": bounds})
        with pytest.raises(ModelError, match=message):
            load_model(path)
    old = {key: value for key, value in header.items() if key != "bounds"}
    save_file(load_file(path), path, metadata=old)
    assert read_bounds(load_model(path)) == {}, "files from before have none"
    assert json.loads(header["bounds"]) == {}
    assert np.isfinite(load_model(path)(pictures(1)).detach().numpy()).all()
