"""Presets, unknown names and keys, the layout of the embedding, and stripes that the feature map has no rows for."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
import torch
from torch import nn

from mdpr.errors import ConfigError
from mdpr.reid.network import PRESETS, NetworkConfig, network_config
from mdpr.reid.network.config import map_rows
from mdpr.reid.network.resnet import Trunk, make_layer


@pytest.mark.parametrize(
    ("name", "depth", "input_size", "dimension"),
    [
        ("mdpr-r101", 101, (384, 192), 4608),
        ("mdpr-r50", 50, (256, 128), 4608),
        ("mdpr-s", 18, (192, 96), 864),
    ],
)
def test_presets(name: str, depth: int, input_size: tuple[int, int], dimension: int) -> None:
    config = network_config(name)
    assert (config.depth, config.input_size, config.dimension) == (depth, input_size, dimension)
    assert (config.ibn, config.stripes, config.attentions) == (True, 2, 2)
    assert config.guidance
    assert config.fusion
    assert config.distillation
    assert config.diversity


def test_every_preset_is_tested_above() -> None:
    assert set(PRESETS) == {"mdpr-r101", "mdpr-r50", "mdpr-s"}


@pytest.mark.parametrize(
    ("stripes", "fusion", "names"),
    [
        (1, False, ["hard_global", "hard_part_0", "attn_feature4", "attn_feature3"]),
        (2, True, ["hard_global", "hard_part_0", "hard_part_1", "attn_feature4", "attn_feature3", "fusion"]),
        (3, False, ["hard_global", "hard_part_0", "hard_part_1", "hard_part_2", "attn_feature4", "attn_feature3"]),
    ],
)
def test_slices_follow_each_other(stripes: int, fusion: bool, names: list[str]) -> None:
    config = NetworkConfig(width=6, stripes=stripes, fusion=fusion)
    assert list(config.slices) == names
    widths = {name: end - begin for name, (begin, end) in config.slices.items()}
    assert widths == {name: 24 if name == "fusion" else 6 for name in names}
    ends = [0, *(end for _, end in config.slices.values())]
    assert [begin for begin, _ in config.slices.values()] == ends[:-1]
    assert config.dimension == ends[-1]


@pytest.mark.parametrize("switch", ["guidance", "distillation", "diversity", "ibn"])
def test_switches_of_training_leave_the_embedding_alone(switch: str) -> None:
    assert network_config("mdpr-r101", **{switch: False}).slices == PRESETS["mdpr-r101"].slices


def test_a_configuration_from_a_name_a_mapping_and_a_configuration() -> None:
    config = network_config("mdpr-s", input_size=[64, 32], backbone_width=1)
    assert config.input_size == (64, 32)
    assert config.backbone_width == 1.0
    assert network_config(config) == config
    assert network_config({"depth": 50, "input_size": [256, 128]}) == PRESETS["mdpr-r50"]
    assert network_config(config, depth=34).depth == 34
    assert PRESETS["mdpr-s"].input_size == (192, 96)


@pytest.mark.parametrize(
    ("name", "overrides", "message"),
    [
        ("mdpr-r152", {}, "unknown network 'mdpr-r152'. Known: mdpr-r101, mdpr-r50, mdpr-s"),
        ("mdpr-s", {"colour": 1}, "model: unknown key 'colour'. Known: attentions, "),
        ("mdpr-s", {"depth": 152}, "model.depth: expected one of (18, 34, 50, 101), got 152"),
        ("mdpr-s", {"depth": "18"}, "model.depth: expected int, got '18'"),
        ("mdpr-s", {"fusion": 1}, "model.fusion: expected bool, got 1"),
        ("mdpr-s", {"backbone_width": 0.05}, "model.backbone_width: expected 0.1 to 4, got 0.05"),
        ("mdpr-s", {"width": 0}, "width, stripes and attentions must be 1 or more"),
        ("mdpr-s", {"stripes": 0}, "width, stripes and attentions must be 1 or more"),
        ("mdpr-s", {"attentions": 0}, "width, stripes and attentions must be 1 or more"),
        ("mdpr-s", {"input_size": (64,)}, "model.input_size: expected (height, width) of 32 or more, got (64,)"),
        ("mdpr-s", {"input_size": (64, 16)}, "model.input_size: expected (height, width) of 32 or more, got (64, 16)"),
        ("mdpr-s", {"mean": (0.0, 0.0)}, "mean and std need three values each"),
        ("mdpr-s", {"std": (1.0, 0.0, 1.0)}, "mean and std need three values each, std above 0"),
        ("mdpr-s", {"input_size": (64, 32), "stripes": 3}, "map of 4 rows cannot be cut into 3 stripes"),
        ("mdpr-s", {"input_size": (32, 32), "stripes": 3}, "map of 2 rows cannot be cut into 3 stripes"),
        ("mdpr-s", {"input_size": (33, 32), "stripes": 3}, "map of 2 rows cannot be cut into 3 stripes"),
    ],
)
def test_errors(name: str, overrides: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        network_config(name, **overrides)


@pytest.fixture(scope="module")
def backbone() -> nn.Module:
    parts = [Trunk(18, 0.1, False), make_layer(18, 0.1, False, 3), make_layer(18, 0.1, False, 4)]
    return nn.Sequential(*parts).eval()


@pytest.mark.parametrize("height", [*range(32, 50), 192, 217, 384])
def test_rows_are_those_of_the_network(backbone: nn.Module, height: int) -> None:
    with torch.no_grad():
        assert map_rows(height) == backbone(torch.zeros(1, 3, height, 32)).shape[2]


def test_stripes_are_allowed_exactly_where_the_map_can_be_cut() -> None:
    for height, stripes in itertools.product(range(32, 300, 16), range(1, 9)):
        pieces = torch.zeros(map_rows(height)).chunk(stripes)
        if len(pieces) == stripes:
            assert network_config("mdpr-s", input_size=(height, 32), stripes=stripes).stripes == stripes
        else:
            with pytest.raises(ConfigError, match="cannot be cut"):
                network_config("mdpr-s", input_size=(height, 32), stripes=stripes)
