"""Checkpoints of the method's authors: their names for the weights, and ours.

Their published code (Apache-2.0) has two networks that differ only in how the predictors are called: MDPR
(`predictor1.0`) and MDPREX (`predictor1.conv.0`). Both are read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mdpr.errors import ConfigError, ModelError
from mdpr.reid.network.checkpoint import save_model
from mdpr.reid.network.config import NetworkConfig, network_config
from mdpr.reid.network.model import MdprNetwork
from mdpr.reid.network.resnet import BLOCKS
from mdpr.reid.network.tensors import differences, read_tensors

RULES: tuple[tuple[str, str], ...] = (
    (r"generate\.backbone\.0\.", "trunk.conv1."),
    (r"generate\.backbone\.1\.", "trunk.bn1."),
    (r"generate\.backbone\.4\.", "trunk.layer1."),
    (r"generate\.backbone\.5\.", "trunk.layer2."),
    (r"generate\.backbone_part\.0\.", "hard.layer3."),
    (r"generate\.backbone_part\.1\.", "hard.layer4."),
    (r"generate\.backbone_attn\.0\.", "soft.layer3."),
    (r"generate\.backbone_attn\.1\.", "soft.layer4."),
    (r"generate\.embedding_hard_global\.embedding\.", "hard.embed_global.conv."),
    (r"generate\.embedding_hard_global\.bn\.", "hard.embed_global.bn."),
    (r"generate\.embedding_hard_part\.(\d+)\.embedding\.", r"hard.embed_parts.\1.conv."),
    (r"generate\.embedding_hard_part\.(\d+)\.bn\.", r"hard.embed_parts.\1.bn."),
    (r"generate\.embedding_attn_feature(\d)\.embedding\.", r"soft.embed\1.conv."),
    (r"generate\.embedding_attn_feature(\d)\.bn\.", r"soft.embed\1.bn."),
    (r"generate\.em3_1024\.embedding\.", "soft.reduce3.conv."),
    (r"generate\.em3_1024\.bn\.", "soft.reduce3.bn."),
    (r"generate\.attention_maker(\d)\.conv\.", r"soft.logits\1.conv1."),
    (r"generate\.attention_maker(\d)\.conv3\.", r"soft.logits\1.conv3."),
    (r"generate\.attention_maker(\d)\.bn\.", r"soft.logits\1.bn."),
    (r"generate\.up_attn_4_3\.conv\.", "soft.guide.conv."),
    (r"generate\.attn_bap(\d)\.pool\.", r"soft.pool\1.pool."),
    (r"generate\.attn_bap(\d)\.embedding_layer\.(\d+)\.embedding\.", r"soft.pool\1.embed.\2.conv."),
    (r"generate\.attn_bap(\d)\.embedding_layer\.(\d+)\.bn\.", r"soft.pool\1.embed.\2.bn."),
    (r"hard_global_head\.", "heads.hard_global."),
    (r"hard_part_head\.(\d+)\.", r"heads.hard_part_\1."),
    (r"attn_feature(\d)_head\.", r"heads.attn_feature\1."),
    (r"attn_bap_feature(\d)_head\.", r"heads.attn_bap\1."),
    (r"fusion_feat_head\.", "heads.fusion."),
    (r"fusion\.merge\.", "fusion.stripes."),
    (r"fusion\.output_part\.", "fusion.hard."),
    (r"fusion\.output_attn\.", "fusion.soft."),
    (r"fusion\.output\.", "fusion.both."),
    (r"predictor1\.(?:conv\.)?", "predictors.hard_global."),
    (r"predictor2\.(?:conv\.)?", "predictors.attn_feature4."),
)
"""Beginning of the authors' name, as a regular expression, and what ours has instead."""

_IN_HEAD = (("bottleneck.0.", "neck."), ("pool_layer.", "pool."))
_IN_MERGE = (("0.", "conv1."), ("1.", "conv3."), ("2.", "bn."))
_IGNORED = ("pixel_mean", "pixel_std")
_UNUSED_HEAD = "fusion_feat_head."  # the authors make this head even when they do not use it


def author_name(name: str) -> str | None:
    """Our name for an entry of the authors' state, None when they have no such entry.

    >>> author_name("hard_part_head.1.bottleneck.0.weight"), author_name("fusion.merge.1.weight")
    ('heads.hard_part_1.neck.weight', 'fusion.stripes.conv3.weight')
    """
    for pattern, ours in RULES:
        match = re.match(pattern, name)
        if match:
            rest = name[match.end() :]
            if ours.startswith("heads."):
                rest = "classifier" if rest == "weight" else _replace_start(rest, _IN_HEAD)
            elif ours.startswith("fusion."):
                rest = _replace_start(rest, _IN_MERGE)
            return match.expand(ours) + rest
    return None


def convert_author_state_dict(state: Mapping[str, Any]) -> dict[str, Tensor]:
    """The authors' state dict under our names, for `MdprNetwork.load_state_dict`.

    Args:
        state: their state dict, or a checkpoint that holds it under "model"; names may begin with "module.".

    Raises:
        ModelError: entries that do not belong to the method, that are missing, or that have another shape than the
            rest of the state implies; all are listed.
    """
    theirs = {name.removeprefix("module."): value for name, value in _unwrap(state).items()}
    has_fusion = any(name.startswith("fusion.") for name in theirs)
    converted: dict[str, Tensor] = {}
    unexpected: list[str] = []
    for name, value in theirs.items():
        ours = author_name(name)
        if name in _IGNORED or (name.startswith(_UNUSED_HEAD) and not has_fusion):
            continue
        if ours is None or ours in converted or not isinstance(value, Tensor):
            unexpected.append(name)
        else:
            converted[ours] = value
    if not converted:
        raise ModelError(
            "no MDPR network of the authors: none of the names is theirs (such as generate.backbone.0.weight); "
            f"the state begins with {', '.join(list(theirs)[:3]) or 'nothing'}"
        )
    _check(converted, unexpected)
    return converted


def infer_config(state: Mapping[str, Tensor], input_size: tuple[int, int] = (384, 192)) -> NetworkConfig:
    """The architecture that a state dict under our names belongs to; it does not tell the input size.

    Raises:
        ModelError: no ResNet of a known depth, or names from which nothing can be told.
    """
    try:
        blocks = tuple(
            _count(state, f"{layer}.") for layer in ("trunk.layer1", "trunk.layer2", "hard.layer3", "hard.layer4")
        )
        is_bottleneck = "hard.layer4.0.conv3.weight" in state
        depths = [depth for depth, counts in BLOCKS.items() if counts == blocks and (depth >= 50) == is_bottleneck]
        if not depths:
            raise ModelError(f"layers of {blocks} blocks are no ResNet of depth {', '.join(map(str, BLOCKS))}")
        return NetworkConfig(
            depth=depths[0],
            ibn="trunk.layer1.0.bn1.IN.weight" in state,
            backbone_width=state["trunk.conv1.weight"].shape[0] / 64,
            width=state["hard.embed_global.conv.weight"].shape[0],
            stripes=_count(state, "hard.embed_parts."),
            attentions=_count(state, "soft.pool4.embed."),
            guidance=any(name.startswith("soft.guide.") for name in state),
            fusion=any(name.startswith("fusion.") for name in state),
            distillation=any(name.startswith("predictors.") for name in state),
            input_size=input_size,
        )
    except KeyError as error:
        raise ModelError(f"the state has no {error.args[0]}, without which its architecture cannot be told") from error
    except IndexError as error:
        raise ModelError("the state's first weights are no convolutions, so its architecture cannot be told") from error
    except ConfigError as error:
        raise ModelError(f"the state belongs to no network that exists: {error}") from error


def count_classes(state: Mapping[str, Tensor]) -> int | None:
    """Number of identities that a state dict under our names was trained on; None without class weights."""
    weights = state.get("heads.hard_global.classifier")
    return None if weights is None or not weights.ndim else int(weights.shape[0])


def _check(state: Mapping[str, Tensor], unexpected: list[str]) -> None:
    """Hold the converted state to the network that its own shapes imply."""
    config = infer_config(state)
    try:
        with torch.device("meta"):
            expected = MdprNetwork(config, count_classes(state)).state_dict()
    except ConfigError as error:
        raise ModelError(f"the state belongs to no network that exists: {error}") from error
    if problems := differences(state, expected, unexpected):
        raise ModelError(
            f"the authors' state does not fit a {config.depth}-layer MDPR network. In our names, where they have one:\n"
            f"{problems}"
        )


def _unwrap(state: Mapping[str, Any]) -> Mapping[str, Any]:
    inner = state.get("model")
    return inner if isinstance(inner, Mapping) else state


def _replace_start(text: str, pairs: tuple[tuple[str, str], ...]) -> str:
    for start, ours in pairs:
        if text.startswith(start):
            return ours + text.removeprefix(start)
    return text


def _count(state: Mapping[str, Any], prefix: str) -> int:
    """How many numbered children a module has."""
    return len({name.removeprefix(prefix).split(".")[0] for name in state if name.startswith(prefix)})


def import_checkpoint(
    path: Path, out: Path, network: str = "mdpr-r101", overrides: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Turn a checkpoint of the authors into one of ours.

    Args:
        path: their file (.pth with tensors only, or .safetensors).
        out: the .safetensors file to write.
        network: preset that it should be.
        overrides: fields of `NetworkConfig` that differ from the preset.

    Returns:
        What was imported: config, num_classes, tensors (their number), dimension.

    Raises:
        ModelError: unreadable, not theirs, incomplete, or of another architecture than was asked for.
        ConfigError: unknown preset or field.
        OutputError: `out` cannot be written.
    """
    wanted = network_config(network, **(overrides or {}))
    tensors = read_tensors(path)
    try:
        state = convert_author_state_dict(tensors)
        config = infer_config(state, (wanted.input_size[0], wanted.input_size[1]))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    config = dataclasses.replace(
        config, mean=wanted.mean, std=wanted.std, diversity=wanted.diversity, flip_test=wanted.flip_test
    )
    differences = [
        f"{field.name} {getattr(config, field.name)!r}, not {getattr(wanted, field.name)!r}"
        for field in dataclasses.fields(config)
        if getattr(config, field.name) != getattr(wanted, field.name)
    ]
    if differences:
        raise ModelError(f"{path}: holds a network with {'; '.join(differences)}. Say so, or choose another preset.")
    model = MdprNetwork(config, count_classes(state))
    model.load_state_dict(state)
    save_model(model, out, {"source": path.name, "licence": "that of the imported weights"})
    return {
        "config": dataclasses.asdict(config),
        "num_classes": model.num_classes,
        "tensors": len(state),
        "dimension": config.dimension,
    }
