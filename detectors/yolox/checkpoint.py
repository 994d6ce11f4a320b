"""Files of a training run: the network as others use it, and everything that training needs to go on.

Each is one .safetensors file that is replaced as a whole, and nothing in it can run code.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from mdpr.components import build_config
from mdpr.detectors.yolox.config import TrainConfig, build_train_config
from mdpr.detectors.yolox.network import NetworkConfig, YoloxNetwork
from mdpr.detectors.yolox.step import Learner
from mdpr.errors import ConfigError, ModelError
from mdpr.files import write_bytes

NETWORK_FORMAT = "mdpr-yolox-1"
STATE_FORMAT = "mdpr-yolox-state-1"
NETWORK_FILE, STATE_FILE = "best.safetensors", "last.safetensors"


@dataclass(frozen=True)
class Progress:
    """How far a run is, and what must not change while it is interrupted.

    Attributes:
        epoch: that runs, from 0; equal to the number of epochs when all are done.
        step: steps done in this epoch.
        updates: steps done in all.
        used_s: seconds of training and evaluation so far.
        best: average precision of the best network so far; None before the first evaluation.
        best_update: updates done then.
        evaluated: updates done at the last evaluation; -1 before the first.
        precision: that training runs in.
        digest: of the training pictures.
    """

    epoch: int = 0
    step: int = 0
    updates: int = 0
    used_s: float = 0.0
    best: float | None = None
    best_update: int = 0
    evaluated: int = -1
    precision: str = "fp32"
    digest: str = ""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What `read_checkpoint` found; its tensors are put back by `restore`."""

    path: Path
    config: TrainConfig
    progress: Progress
    tensors: dict[str, Tensor]


def save_network(network: YoloxNetwork, path: Path, metadata: Mapping[str, Any]) -> None:
    """Write weights, size and `metadata` (JSON values).

    Raises:
        OutputError: it cannot be written.
    """
    header = {
        "format": NETWORK_FORMAT,
        "network": json.dumps(dataclasses.asdict(network.config)),
        "metadata": json.dumps(dict(metadata)),
    }
    write_bytes(path, save(_plain(network.state_dict()), metadata=header))


def load_network(path: Path) -> tuple[YoloxNetwork, dict[str, Any]]:
    """The network of a file, in evaluation mode on the CPU, and what the file says of it.

    Args:
        path: of `save_network`, or the folder of a run.

    Raises:
        ModelError: no such file, damaged, or something else.
    """
    path = path / NETWORK_FILE if path.is_dir() else path
    header, tensors = _read(path, NETWORK_FORMAT)
    try:
        config: NetworkConfig = build_config(NetworkConfig, json.loads(header["network"]), "network")
        network = YoloxNetwork(config)
        network.load_state_dict(tensors)
        return network.eval(), dict(json.loads(header["metadata"]))
    except (KeyError, ValueError, TypeError, RuntimeError, ConfigError) as error:
        raise ModelError(f"{path}: damaged, or of another version: {error}") from error


def save_state(path: Path, learner: Learner, config: TrainConfig, progress: Progress) -> None:
    """Write everything that `restore` needs, in the place of an older one.

    Raises:
        OutputError: it cannot be written; the older one is still there.
    """
    tensors = {f"network.{name}": tensor for name, tensor in learner.network.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in learner.average.state_dict().items()}
    for number, moments in learner.optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{name}": torch.as_tensor(value) for name, value in moments.items()}
    header = {
        "format": STATE_FORMAT,
        "config": json.dumps(config.as_mapping()),
        "progress": json.dumps(dataclasses.asdict(progress)),
    }
    write_bytes(path, save(_plain(tensors), metadata=header))


def read_checkpoint(run: Path) -> Checkpoint:
    """The newest state of a run.

    Args:
        run: its folder, or a file of `save_state`.

    Raises:
        ModelError: there is none, or it is damaged.
    """
    path = run / STATE_FILE if run.is_dir() else run
    header, tensors = _read(path, STATE_FORMAT)
    try:
        progress = build_config(Progress, json.loads(header["progress"]), "progress")
        return Checkpoint(path, build_train_config(json.loads(header["config"])), progress, tensors)
    except (KeyError, ValueError, TypeError, ConfigError) as error:
        raise ModelError(f"{path}: damaged, or of another version: {error}") from error


def restore(checkpoint: Checkpoint, learner: Learner) -> None:
    """Put a state into network, average and optimiser.

    Raises:
        ModelError: it is of another network or optimiser.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimiser": {}}
    for name, tensor in checkpoint.tensors.items():
        part, _, rest = name.partition(".")
        parts.get(part, {})[rest] = tensor
    state = learner.optimiser.state_dict()
    state["state"] = {}
    try:
        for name, tensor in parts["optimiser"].items():
            number, _, moment = name.partition(".")
            layout = torch.channels_last if tensor.ndim == 4 else torch.contiguous_format  # as that of the weights
            state["state"].setdefault(int(number), {})[moment] = tensor.contiguous(memory_format=layout)
        learner.network.load_state_dict(parts["network"])
        learner.average.load_state_dict(parts["average"])
        learner.optimiser.load_state_dict(state)
    except (RuntimeError, ValueError, KeyError) as error:
        raise ModelError(f"{checkpoint.path}: does not fit this run: {error}") from error
    learner.updates = checkpoint.progress.updates


def _read(path: Path, expected: str) -> tuple[dict[str, str], dict[str, Tensor]]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file; expected one that mdpr train-detector wrote")
    try:
        with safe_open(path, framework="pt") as file:
            header: dict[str, str] = file.metadata() or {}
            if header.get("format") != expected:
                raise ModelError(f"{path}: expected the format {expected}, got {header.get('format')!r}")
            return header, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a whole .safetensors file ({error})") from error


def _plain(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Contiguous copies on the CPU: safetensors knows no other memory layout."""
    return {
        name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()
    }
