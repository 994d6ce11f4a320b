"""Run by torchrun in test_processes.py: a step of two processes that share a batch; the first saves what it gave."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from mdpr.reid.network import build_model
from mdpr.reid.training.loader import Part
from mdpr.reid.training.processes import Processes, joined
from mdpr.reid.training.sampler import own_shards
from mdpr.reid.training.step import Learner
from tiny_training import tiny_config


def one_step(is_global: bool) -> dict[str, torch.Tensor]:
    """Terms, gradients and running statistics after a step on 8 people x 2 pictures; call it in joined processes."""
    torch.set_num_threads(1)
    processes, device = Processes.of_environment(), torch.device("cpu")
    parts = 1 if is_global else 2
    config = tiny_config(
        Path("data"), Path("runs"), sampler__identities=8, sampler__parts=parts, sampler__global_batch=is_global,
        run__channels_last=False, optimiser__weight_decay=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    learner = Learner(build_model(config.model.network, num_classes=8), config, "fp32", processes, device)
    images = np.random.default_rng(0).integers(0, 256, (16, 64, 32, 3), dtype=np.uint8)
    labels = np.arange(8).repeat(2)
    shards, count = own_shards(config.sampler, processes.rank, processes.count)
    pieces = np.split(np.arange(16), count)
    own = [Part(torch.from_numpy(images[p]), torch.from_numpy(labels[p]), p) for p in (pieces[s] for s in shards)]
    learner.connect()
    result = learner.step(own, 1e-3, is_stop_wanted=processes.rank == 1)
    found = {f"term.{name}": torch.tensor(value) for name, value in result.terms.items()}
    found["stop"] = torch.tensor(float(result.is_stop_wanted))
    names = [name for name, parameter in learner.model.named_parameters() if parameter.requires_grad]
    for number, state in learner.optimiser.state_dict()["state"].items():
        found[f"gradient.{names[number]}"] = state["exp_avg"] * 10
    return found | {f"buffer.{name}": buffer.float() for name, buffer in learner.model.named_buffers()}


if __name__ == "__main__":
    with joined(Processes.of_environment(), torch.device("cpu")):
        for mode in ("parts", "global"):
            found = one_step(mode == "global")
            if Processes.of_environment().is_first:
                save_file(found, Path(sys.argv[1]) / f"{mode}.safetensors")
