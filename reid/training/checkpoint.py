"""Checkpoints of a training run: the network as others use it, and everything that training needs to go on.

A folder each (`last`, `best`): `model.safetensors`, `state.safetensors`, `state.json`, `config.yaml`. Nothing in it is
a pickle, so nothing in it can run code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
import yaml
from safetensors.torch import save
from torch import Tensor

from mdpr.components import build_config
from mdpr.errors import ConfigError, ModelError
from mdpr.files import write_errors
from mdpr.reid.network import MdprNetwork
from mdpr.reid.network.checkpoint import save_model
from mdpr.reid.network.description import read_metadata
from mdpr.reid.network.tensors import read_tensors
from mdpr.reid.training.config import SECTIONS, TrainConfig, build_train_config
from mdpr.reid.training.folders import find_folder, replace_folder
from mdpr.reid.training.randomness import set_random_state
from mdpr.reid.training.step import Learner

FORMAT = "mdpr-train-state-1"
_MODEL, _TENSORS, _STATE, _CONFIG = "model.safetensors", "state.safetensors", "state.json", "config.yaml"
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of torch.optim.Adam


@dataclass(frozen=True)
class Progress:
    """How far a run is, and what must not change while it is interrupted.

    Attributes:
        epoch: that runs, from 0; equal to the number of epochs when training is over.
        step: steps done in this epoch.
        updates: steps done in all.
        best: measure of the best checkpoint so far (higher is better); None before the first.
        best_epoch: epochs done when it was written.
        loss_sum: of the losses of this epoch's steps.
        precision: that training runs in.
        identities, images: of the training split.
        digest: of the names and labels of the training images.
    """

    epoch: int = 0
    step: int = 0
    updates: int = 0
    best: float | None = None
    best_epoch: int = 0
    loss_sum: float = 0.0
    precision: str = "fp32"
    identities: int = 0
    images: int = 0
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What `read_checkpoint` found; its tensors are read by `restore`."""

    folder: Path
    config: TrainConfig
    progress: Progress
    scaler: dict[str, Any]
    random: list[dict[str, Any]] = field(default_factory=list)


def save_checkpoint(
    folder: Path,
    learner: Learner,
    config: TrainConfig,
    progress: Progress,
    random: list[dict[str, Any]],
    metadata: Mapping[str, Any],
) -> None:
    """Write a checkpoint in the place of an older one.

    Args:
        folder: of the checkpoint.
        learner: network, optimiser, scaler and average.
        config: resolved configuration of the run.
        progress: how far the run is.
        random: state of the random generators of each process.
        metadata: JSON values that go into the network's file.

    Raises:
        OutputError: it cannot be written; an older one is still there.
    """
    state = {
        "format": FORMAT,
        "progress": asdict(progress),
        "scaler": learner.scaler.state_dict(),
        "random": random,
    }

    def write(part: Path) -> None:
        save_model(learner.best_model, part / _MODEL, metadata)
        with write_errors(folder / _TENSORS):
            (part / _TENSORS).write_bytes(save(_tensors(learner)))
            (part / _STATE).write_text(json.dumps(state), encoding="utf-8")
            text = yaml.safe_dump(config.as_mapping(), sort_keys=False, allow_unicode=True)
            (part / _CONFIG).write_text(text, encoding="utf-8")

    replace_folder(folder, write)


def read_checkpoint(run: Path) -> Checkpoint:
    """The newest checkpoint of a run, or the one given.

    Args:
        run: folder of a run, or of one of its checkpoints.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    folder = find_folder(run / "last")
    folder = folder if folder.is_dir() else run
    if not (folder / _STATE).is_file():
        raise ModelError(f"{run}: no checkpoint here; expected the folder of a run of mdpr-train, with last/{_STATE}")
    try:
        state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
        if state.get("format") != FORMAT:
            raise ModelError(f"{folder / _STATE}: expected the format {FORMAT}, got {state.get('format')!r}")
        progress = build_config(Progress, state["progress"], "progress")
        config = _read_config(folder / _CONFIG)
        return Checkpoint(folder, config, progress, dict(state["scaler"]), list(state["random"]))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError, ConfigError) as error:
        raise ModelError(f"{folder}: the checkpoint is damaged or of another version: {error}") from error


def _read_config(path: Path) -> TrainConfig:
    """The configuration of a run, which is written whole: the beginning of it is YAML too, but of another run."""
    text = path.read_text(encoding="utf-8")
    values = yaml.safe_load(text)
    if not text.endswith("\n") or (missing := [section for section in SECTIONS if section not in values]):
        raise ValueError(f"{path.name} is cut off" + (f": no {missing[0]}" if text.endswith("\n") else ""))
    return build_train_config(values)


def restore(checkpoint: Checkpoint, learner: Learner, rank: int) -> dict[str, Any]:
    """Put a checkpoint into network, average, optimiser, scaler and random generators.

    Args:
        checkpoint: of a run with this configuration.
        learner: changed in place.
        rank: of this process; where the checkpoint has no random state for it, the generators stay as they are.

    Returns:
        What the checkpoint says of itself.

    Raises:
        ModelError: damaged, or of another architecture.
    """
    path = checkpoint.folder / _MODEL
    metadata = read_metadata(path)
    described = metadata["config"]
    own = json.loads(json.dumps(asdict(learner.model.config)))
    if described != own:
        differ = [
            f"{key}: {described.get(key)} there, {own[key]} here" for key in own if described.get(key) != own[key]
        ]
        raise ModelError(f"{path}: holds a network of another architecture ({'; '.join(differ)})")
    kept, tensors = read_tensors(path), read_tensors(checkpoint.folder / _TENSORS)
    try:
        if learner.average is not None:
            learner.average.model.load_state_dict(kept)
            kept = {name.removeprefix("model."): t for name, t in tensors.items() if name.startswith("model.")}
        learner.model.load_state_dict(kept)
        learner.scaler.load_state_dict(checkpoint.scaler)
        learner.optimiser.load_state_dict(_adam_state(learner, tensors))
        if rank < len(checkpoint.random):
            set_random_state(checkpoint.random[rank])
        if not {"loss", "measures"} <= metadata.keys():
            raise KeyError("loss and measures")
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{checkpoint.folder}: its contents do not fit this run: {error}") from error
    learner.updates = checkpoint.progress.updates
    return metadata


def load_weights(model: MdprNetwork, path: Path, is_strict: bool) -> list[str]:
    """Begin with the weights of a checkpoint.

    Args:
        model: changed in place.
        path: a file of mdpr-train or `mdpr data import-checkpoint`.
        is_strict: class weights that do not fit are an error, too.

    Returns:
        Names of the tensors that keep their first values: class weights of another number of identities.

    Raises:
        ModelError: damaged, or of another architecture; names the tensors that do not fit.
    """
    if path.suffix.lower() != ".safetensors":
        raise ModelError(
            f"{path}: expected a .safetensors checkpoint. For weights of the method's authors see "
            "`mdpr data import-checkpoint`; those of a backbone go to model.backbone"
        )
    read_metadata(path)
    tensors = read_tensors(path)
    own = model.state_dict()
    wrong = [name for name in own if name not in tensors or tensors[name].shape != own[name].shape]
    surplus = sorted(set(tensors) - set(own))
    left_out = [] if is_strict else [name for name in wrong if name.endswith(".classifier")]
    problems = [name for name in [*wrong, *surplus] if name not in left_out]
    if problems:
        lines = [f"{name}: {_shape(tensors.get(name))} there, {_shape(own.get(name))} here" for name in problems[:5]]
        raise ModelError(
            f"{path}: {len(problems)} tensors do not fit the network of this run, so it is of another architecture "
            f"(or, with model.init_strict, of another number of identities):\n" + "\n".join(lines)
        )
    model.load_state_dict({name: tensor for name, tensor in tensors.items() if name not in left_out}, strict=False)
    return left_out


def _tensors(learner: Learner) -> dict[str, Tensor]:
    """Adam's moments by the names of the weights; with a moving average the weights themselves, too."""
    state = learner.optimiser.state_dict()["state"]
    tensors = {
        f"{moment}.{name}": state[number][moment].detach().cpu().contiguous()
        for number, name in enumerate(_trained_names(learner))
        for moment in _MOMENTS
        if number in state
    }
    if learner.average is not None:
        weights = learner.model.state_dict()
        tensors |= {f"model.{name}": tensor.detach().cpu().contiguous() for name, tensor in weights.items()}
    return tensors or {"empty": torch.zeros(0)}


def _adam_state(learner: Learner, tensors: dict[str, Tensor]) -> dict[str, Any]:
    names = _trained_names(learner)
    state = learner.optimiser.state_dict()
    if any(name.startswith("exp_avg.") for name in tensors):  # none before the first step
        state["state"] = {
            number: {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS} for number, name in enumerate(names)
        }
    return state


def _trained_names(learner: Learner) -> list[str]:
    return [name for name, parameter in learner.model.named_parameters() if parameter.requires_grad]


def _shape(tensor: Tensor | None) -> str:
    return "none" if tensor is None else str(tuple(tensor.shape))
