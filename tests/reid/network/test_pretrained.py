"""ImageNet weights: made by the tests under ImageNet's names, then found, checked and loaded into both branches."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mdpr.errors import ModelError
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.pretrained import URLS, backbone_name, load_backbone
from mdpr.weights import cache_folder


def make(**overrides: Any) -> MdprNetwork:
    tiny: dict[str, Any] = {"backbone_width": 0.1, "width": 8, "input_size": (64, 32)}
    return build_model("mdpr-s", **(tiny | overrides))


def imagenet(seed: int = 5, **overrides: Any) -> dict[str, Tensor]:
    """Weights as a classifier of the same backbone has them."""
    random = torch.Generator().manual_seed(seed)
    weights = {}
    for name, tensor in make(**overrides).state_dict().items():
        if not name.startswith("soft.") and (source := backbone_name(name)) is not None:
            weights[source] = torch.rand(tensor.shape, generator=random) + 0.5
    return weights | {"fc.weight": torch.zeros(10, 51), "fc.bias": torch.zeros(10)}


def save(weights: dict[str, Tensor], tmp_path: Path) -> str:
    torch.save(weights, tmp_path / "backbone.pth")
    return str(tmp_path / "backbone.pth")


def assert_loaded(model: MdprNetwork, weights: dict[str, Tensor]) -> None:
    state = model.state_dict()
    for source, tensor in weights.items():
        if source.startswith(("layer3.", "layer4.")):
            assert torch.equal(state[f"hard.{source}"], tensor)
            assert torch.equal(state[f"soft.{source}"], tensor)
        elif not source.startswith("fc."):
            assert torch.equal(state[f"trunk.{source}"], tensor)


@pytest.mark.parametrize("overrides", [{}, {"ibn": False}, {"depth": 50}], ids=str)
def test_trunk_and_both_branches_get_the_weights(overrides: dict[str, Any], tmp_path: Path) -> None:
    model, weights = make(**overrides), imagenet(**overrides)
    others = {name: t.clone() for name, t in model.state_dict().items() if backbone_name(name) is None}
    report = load_backbone(model, save(weights, tmp_path))
    assert_loaded(model, weights)
    assert report.loaded == report.expected
    assert report.expected == sum(1 + name.startswith(("layer3.", "layer4.")) for name in weights if name[:2] != "fc")
    assert report.path == tmp_path / "backbone.pth"
    assert others
    for name, tensor in others.items():
        assert torch.equal(model.state_dict()[name], tensor), name


@pytest.mark.parametrize("prefix", ["module.", "module.encoder_q.", "backbone."])
def test_prefixes_are_dropped(prefix: str, tmp_path: Path) -> None:
    model, weights = make(), imagenet()
    wrapped = {prefix + name: tensor for name, tensor in weights.items()}
    load_backbone(model, save({"state_dict": wrapped, "epoch": 3}, tmp_path))  # type: ignore[dict-item]
    assert_loaded(model, weights)


def refused(model: MdprNetwork, path: str) -> str:
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with pytest.raises(ModelError) as caught:
        load_backbone(model, path)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert str(caught.value).startswith(f"{path}: fits ")
    return str(caught.value)


def test_plain_weights_do_not_leave_ibn_at_its_first_values(tmp_path: Path) -> None:
    message = refused(make(), save(imagenet(ibn=False), tmp_path))
    assert "It holds a plain ResNet: take IBN-a weights, or set model.ibn to false." in message
    assert "Expected a ResNet-18 with IBN-a, backbone_width 0.1." in message
    assert "layer1.0.bn1.IN.weight missing" in message


def test_ibn_weights_for_a_plain_network(tmp_path: Path) -> None:
    message = refused(make(ibn=False), save(imagenet(), tmp_path))
    assert "It holds a ResNet with IBN: take plain weights, or set model.ibn to true." in message


def test_less_than_95_percent_of_the_convolutions(tmp_path: Path) -> None:
    """A ResNet-18 has 20 convolutions, here 30 with the second branch: one may be missing, two may not."""
    weights = imagenet()
    del weights["conv1.weight"]
    model = make()
    report = load_backbone(model, save(weights, tmp_path))
    assert (report.loaded, report.expected - report.loaded) == (report.expected - 1, 1)
    assert_loaded(model, weights)
    del weights["layer1.0.conv1.weight"]
    message = refused(make(), save({"layer1.0.conv1.weight": torch.zeros(1)} | weights, tmp_path))
    assert "fits 28 of the 30 convolutions" in message
    assert "layer1.0.conv1.weight (1,), expected (6, 6, 3, 3)" in message


def test_what_keeps_its_random_values_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    weights = imagenet()
    del weights["conv1.weight"]
    with caplog.at_level(logging.INFO, logger="mdpr"):
        load_backbone(make(), save(weights, tmp_path))
    assert "the rest keeps its random values: conv1.weight missing" in caplog.text


def test_a_missing_normalisation_is_refused(tmp_path: Path) -> None:
    weights = imagenet()
    del weights["layer4.1.bn2.running_mean"]
    message = refused(make(), save(weights, tmp_path))
    assert "all but 2 of its other tensors" in message
    assert "First differences: layer4.1.bn2.running_mean missing" in message


def test_another_width_and_another_network(tmp_path: Path) -> None:
    assert "fits 0 of the 30 convolutions" in refused(make(), save(imagenet(backbone_width=0.2), tmp_path))
    assert "fits 0 of the 30 convolutions" in refused(make(), save({"a": torch.zeros(1)}, tmp_path))


def test_a_published_file_that_is_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_MODELS", str(tmp_path))
    path = tmp_path / Path(URLS["resnet18_ibn_a"]).name
    path.write_bytes(b"half of it")
    model = make(backbone_width=1)
    for name in ("imagenet", "resnet18_ibn_a", str(path)):
        with pytest.raises(ModelError, match=r"SHA-256 begins with [0-9a-f]{8}, expected 2f571257"):
            load_backbone(model, name)


@pytest.mark.parametrize(("ibn", "file"), [(True, "resnet18_ibn_a-2f571257.pth"), (False, "resnet18-f37072fd.pth")])
def test_absent_weights_name_the_places(ibn: bool, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MDPR_MODELS", str(tmp_path / "models"))
    with pytest.raises(ModelError) as caught:
        load_backbone(make(backbone_width=1, ibn=ibn))
    for place in (tmp_path / "models" / file, cache_folder() / file, "MDPR_OFFLINE", URLS[file.split("-")[0]]):
        assert str(place) in str(caught.value)


def test_an_absent_file() -> None:
    with pytest.raises(ModelError, match=r"'absent/backbone\.pth' not found"):
        load_backbone(make(), "absent/backbone.pth")


@pytest.mark.parametrize("name", ["imagenet", "resnet18"])
def test_nothing_is_fetched_for_a_width_that_is_not_published(name: str) -> None:
    with pytest.raises(ModelError, match=r"published for backbone_width 1, this network has 0.1") as caught:
        load_backbone(make(), name)
    assert "not found" not in str(caught.value)


def test_every_depth_has_weights() -> None:
    assert set(URLS) == {f"resnet{depth}{end}" for depth in (18, 34, 50, 101) for end in ("", "_ibn_a")}
    for name, url in URLS.items():
        assert Path(url).name.startswith(f"{name}-")
