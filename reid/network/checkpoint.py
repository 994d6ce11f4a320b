"""MDPR networks in .safetensors files that say themselves what they hold."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from mdpr.errors import ConfigError, ModelError, OutputError
from mdpr.files import write_bytes
from mdpr.reid.network.blocks import full_precision
from mdpr.reid.network.bounds import read_bounds, set_bounds
from mdpr.reid.network.description import FORMAT, read_config, read_metadata
from mdpr.reid.network.model import MdprNetwork
from mdpr.reid.network.tensors import differences, read_tensors


def save_model(model: MdprNetwork, path: Path, metadata: Mapping[str, Any], is_half: bool = False) -> None:
    """Write weights, configuration, slices, bounds and `metadata` (JSON values) to a .safetensors file.

    The file appears under its name only when it is whole.

    Args:
        model: kept in full precision where it is in half.
        path: whose name ends in ".safetensors"; its folder exists.
        metadata: JSON values by name; not those of `description.OF_THE_NETWORK`.
        is_half: convolutions and matrices as float16, which halves the file; norms and statistics stay in float32.

    Raises:
        OutputError: it cannot be written, or has another suffix.
        ModelError: a weight is too large for float16.
    """
    if path.suffix.lower() != ".safetensors":
        raise OutputError(f"{path}: a network is written as .safetensors, got the suffix {path.suffix!r}")
    header = {
        "format": FORMAT,
        "config": json.dumps(dataclasses.asdict(model.config)),
        "slices": json.dumps(model.config.slices),
        "num_classes": json.dumps(model.num_classes),
        "bounds": json.dumps(read_bounds(model)),
        "metadata": json.dumps(dict(metadata)),
    }
    state = {name: full_precision(tensor.detach()).cpu().contiguous() for name, tensor in model.state_dict().items()}
    if is_half:
        state = {name: tensor.half() if tensor.ndim > 1 else tensor for name, tensor in state.items()}
        if broken := [name for name, tensor in state.items() if not tensor.isfinite().all()]:
            raise ModelError(f"{path}: not written: {broken[0]} has values that float16 cannot hold")
    write_bytes(path, save(state, metadata=header))


def load_model(path: Path, with_classes: bool = False) -> MdprNetwork:
    """The network of a checkpoint, in evaluation mode on the CPU.

    Args:
        path: written by `save_model`.
        with_classes: with the class weights that training needs.

    Raises:
        ModelError: see `read_metadata`; also weights that do not fit the description, or no class weights although
            they are asked for.
    """
    described = read_metadata(path)
    config = read_config(path)
    num_classes = described["num_classes"]
    if with_classes and num_classes is None:
        raise ModelError(f"{path}: has no class weights, so its training cannot go on; use it with --init-from")
    state = {name: full_precision(tensor) for name, tensor in read_tensors(path).items()}
    if not with_classes:
        state = {name: tensor for name, tensor in state.items() if not name.endswith(".classifier")}
    try:
        with torch.device("meta"):
            model = MdprNetwork(config, num_classes if with_classes else None)
    except ConfigError as error:
        raise ModelError(f"{path}: its description is damaged: {error}") from error
    if problems := differences(state, model.state_dict()):
        raise ModelError(f"{path}: the weights do not fit the network that the file describes.\n{problems}")
    try:
        model.load_state_dict(state, assign=True)
    except RuntimeError as error:
        raise ModelError(f"{path}: the weights are not of the type that a network has.\n{error}") from error
    set_bounds(model, described["bounds"])
    return model.eval()
