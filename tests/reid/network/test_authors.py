"""The authors' names for weights: made here by turning the rules around, then read back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mdpr.errors import ConfigError, ModelError
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.authors import (
    RULES,
    author_name,
    convert_author_state_dict,
    count_classes,
    import_checkpoint,
    infer_config,
)
from mdpr.reid.network.checkpoint import load_model
from mdpr.reid.network.description import read_metadata

TINY: dict[str, Any] = {"backbone_width": 0.125, "width": 8}
ENDS = {
    "heads.": (("classifier", "weight"), ("neck.", "bottleneck.0."), ("pool.", "pool_layer.")),
    "fusion.": (("conv1.", "0."), ("conv3.", "1."), ("bn.", "2.")),
}


def make(**overrides: Any) -> MdprNetwork:
    torch.manual_seed(0)
    return build_model("mdpr-r101", num_classes=3, **(TINY | {"depth": 18} | overrides))


def theirs_of(ours: str, predictors: str) -> str:
    """The authors' name for one of ours."""
    for pattern, beginning in RULES:
        match = re.match(re.sub(r"\\\\\d", r"(\\d)", re.escape(beginning)), ours)
        if match:
            rest = ours[match.end() :]
            for family, ends in ENDS.items():
                for end, their_end in ends if ours.startswith(family) else ():
                    if rest.startswith(end):
                        rest = their_end + rest.removeprefix(end)
                        break
            theirs = pattern.replace(r"(?:conv\.)?", predictors)
            for number in match.groups():
                theirs = re.sub(r"\(\\d\+?\)", number, theirs, count=1)
            return theirs.replace("\\.", ".") + rest
    raise AssertionError(f"no rule for {ours}")


def author_state(model: MdprNetwork, predictors: str = "") -> dict[str, Tensor]:
    return {theirs_of(name, predictors): tensor for name, tensor in model.state_dict().items()}


@pytest.fixture(scope="module")
def model() -> MdprNetwork:
    return make()


@pytest.fixture
def state(model: MdprNetwork) -> dict[str, Tensor]:
    return author_state(model)


def assert_is(converted: dict[str, Tensor], model: MdprNetwork) -> None:
    expected = model.state_dict()
    assert converted.keys() == expected.keys()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in converted.items())


def test_the_inverse_of_this_test_gives_their_names(state: dict[str, Tensor]) -> None:
    """Names of the reference file, by hand."""
    assert {
        "generate.backbone.0.weight",
        "generate.backbone_attn.1.0.conv1.weight",
        "generate.embedding_hard_part.1.bn.running_mean",
        "generate.attn_bap4.embedding_layer.0.embedding.weight",
        "generate.up_attn_4_3.conv.weight",
        "hard_part_head.0.bottleneck.0.weight",
        "hard_part_head.0.weight",
        "attn_bap_feature3_head.weight",
        "fusion_feat_head.pool_layer.p",
        "fusion.output_attn.1.weight",
        "predictor1.0.weight",
        "predictor2.3.bias",
    } <= state.keys()


@pytest.mark.parametrize("predictors", ["", "conv."], ids=["MDPR", "MDPREX"])
def test_both_of_their_networks(predictors: str, model: MdprNetwork) -> None:
    state = author_state(model, predictors)
    assert f"predictor1.{predictors}0.weight" in state
    assert_is(convert_author_state_dict(state), model)


def test_wrapped_states(state: dict[str, Tensor], model: MdprNetwork) -> None:
    assert_is(convert_author_state_dict({"module." + name: tensor for name, tensor in state.items()}), model)
    assert_is(convert_author_state_dict({"model": state, "epoch": 60, "optimizer": {}}), model)
    assert_is(convert_author_state_dict(state | {"pixel_mean": torch.zeros(3), "pixel_std": torch.ones(3)}), model)


OTHERS = [
    {"depth": 50},
    {"depth": 34, "ibn": False},
    {"fusion": False},
    {"guidance": False},
    {"distillation": False},
    {"stripes": 3, "attentions": 4, "width": 16},
]


@pytest.mark.parametrize("overrides", OTHERS, ids=str)
def test_other_architectures(overrides: dict[str, Any]) -> None:
    model = make(**overrides)
    converted = convert_author_state_dict(author_state(model))
    assert_is(converted, model)
    assert infer_config(converted) == model.config
    assert count_classes(converted) == 3


def test_the_fusion_head_that_they_make_but_do_not_use() -> None:
    unused = {name: tensor for name, tensor in author_state(make()).items() if name.startswith("fusion_feat_head.")}
    assert unused
    model = make(fusion=False)
    assert_is(convert_author_state_dict(author_state(model) | unused), model)


def test_every_problem_is_named(state: dict[str, Tensor]) -> None:
    del state["generate.em3_1024.bn.bias"]
    state["generate.colour.weight"] = torch.zeros(1)
    state["fusion_feat_head.colour"] = torch.zeros(1)
    state["attn_feature3_head.weight"] = torch.zeros(4, 8)
    state["predictor1.conv.0.weight"] = state["predictor1.0.weight"]  # the same weights under both of their names
    state["hard_global_head.scale"] = 64  # type: ignore[assignment]
    with pytest.raises(ModelError, match="the authors' state does not fit a 18-layer MDPR network") as caught:
        convert_author_state_dict(state)
    missing, unexpected, shapes = str(caught.value).splitlines()[1:]
    assert missing == "missing: soft.reduce3.bn.bias"
    assert set(unexpected.removeprefix("unexpected: ").split(", ")) == {
        "generate.colour.weight",
        "predictor1.conv.0.weight",
        "hard_global_head.scale",
        "heads.fusion.colour",
    }
    assert shapes == "other shapes: heads.attn_feature3.classifier (4, 8), expected (3, 8)"


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "no MDPR network of the authors: .* the state begins with nothing"),
        ({"layer1.0.conv1.weight": torch.zeros(1)}, "the state begins with layer1.0.conv1.weight"),
        ({"generate.backbone.0.weight": torch.zeros(64, 3, 7, 7)}, "layers of .0, 0, 0, 0. blocks are no ResNet"),
    ],
)
def test_states_that_are_not_theirs(state: dict[str, Tensor], message: str) -> None:
    with pytest.raises(ModelError, match=message):
        convert_author_state_dict(state)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("generate.backbone.0.weight", None, "the state has no trunk.conv1.weight"),
        ("generate.backbone.0.weight", torch.tensor(1.0), "the state's first weights are no convolutions"),
        ("generate.backbone.0.weight", torch.zeros(2, 3, 7, 7), "the state belongs to no network that exists"),
        ("hard_global_head.weight", torch.zeros(1, 8), "1 identities cannot be told apart"),
        ("hard_global_head.weight", torch.tensor(1.0), r"unexpected: .*heads\.hard_part_0\.classifier"),
    ],
)
def test_states_from_which_nothing_can_be_told(
    name: str, value: Tensor | None, message: str, state: dict[str, Tensor]
) -> None:
    state.pop(name)
    if value is not None:
        state[name] = value
    with pytest.raises(ModelError, match=message):
        convert_author_state_dict(state)


def test_names_that_are_not_theirs() -> None:
    assert author_name("trunk.conv1.weight") is None
    assert author_name("generate") is None


def test_import(state: dict[str, Tensor], model: MdprNetwork, tmp_path: Path) -> None:
    torch.save({"model": state, "iteration": 7}, tmp_path / "model_best.pth")
    out = tmp_path / "out" / "model.safetensors"
    out.parent.mkdir()
    overrides = TINY | {"depth": 18, "diversity": False, "mean": [1.0, 2.0, 3.0], "input_size": [256, 128]}
    report = import_checkpoint(tmp_path / "model_best.pth", out, "mdpr-r101", overrides)
    assert report["num_classes"] == 3
    assert report["dimension"] == 72
    assert report["tensors"] == len(model.state_dict())
    assert report["config"]["input_size"] == (256, 128)
    loaded = load_model(out, with_classes=True)
    assert loaded.config.mean == (1.0, 2.0, 3.0)
    assert not loaded.config.diversity
    assert_is(loaded.state_dict(), model)
    assert read_metadata(out)["source"] == "model_best.pth"
    assert [path.name for path in out.parent.iterdir()] == ["model.safetensors"]


def test_import_of_another_architecture_than_was_asked_for(state: dict[str, Tensor], tmp_path: Path) -> None:
    path, out = tmp_path / "model_best.pth", tmp_path / "model.safetensors"
    torch.save(state, path)
    with pytest.raises(ModelError) as caught:
        import_checkpoint(path, out, "mdpr-r50", {"width": 8})
    assert str(caught.value).startswith(f"{path}: holds a network with depth 18, not 50; backbone_width 0.125, not 1.0")
    with pytest.raises(ConfigError, match="unknown network 'mdpr-x'"):
        import_checkpoint(path, out, "mdpr-x")
    del state["generate.backbone.0.weight"]
    torch.save(state, path)
    with pytest.raises(ModelError, match=re.escape(f"{path}: the state has no trunk.conv1.weight")):
        import_checkpoint(path, out, "mdpr-r101", TINY | {"depth": 18})
    assert not out.exists()
