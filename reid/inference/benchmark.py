"""How fast networks and engines embed on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mdpr.errors import MdprError
from mdpr.reid.inference.engines import EngineOptions, make_engine
from mdpr.reid.inference.folding import fold
from mdpr.reid.network.model import MdprNetwork

AS_PUBLISHED = "as published"


@dataclass(frozen=True)
class Speed:
    """One row of the table.

    Attributes:
        name: what ran.
        ms_a_crop: the fastest of the rounds; NaN when it does not run here.
        note: why it did not run.
    """

    name: str
    ms_a_crop: float
    note: str = ""


def randomise(model: MdprNetwork, seed: int = 0) -> None:
    """Random weights everywhere: branches that are equal, as at the start of training, get merged by exporters."""
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not name.endswith(".p"):
            noise = torch.rand(value.shape, generator=generator)
            if value.ndim > 1:
                value.copy_((noise - 0.5) * (6 / value[0].numel()) ** 0.5)
            else:
                value.copy_(noise + 0.5 if name.endswith(("weight", "running_var")) else noise - 0.5)


def as_published(model: MdprNetwork) -> Callable[[Tensor], Tensor]:
    """What the published code computes for an embedding: attention and bilinear pooling too, nothing folded."""

    def run(images: Tensor) -> Tensor:
        trunk = model.trunk(images)
        x3, x4 = model.soft.backbone(trunk)
        reduced3 = model.soft.reduce3(x3)
        attentions = model.soft.attend(x3, x4)
        model.soft.pool4(x4, attentions["attn4"])
        model.soft.pool3(reduced3, attentions["attn3"])
        return model.embed_maps(trunk, x4, reduced3)

    return run


def measure(
    model: MdprNetwork, fingerprint: str, variants: dict[str, EngineOptions], batch: int = 8, rounds: int = 5
) -> list[Speed]:
    """Time the network as published, in fp32 torch, and each variant: rounds in turn, the fastest counts.

    Crops are random; an engine gets uint8 crops and normalises them itself, which is part of its time.

    Args:
        model: in evaluation mode, on the CPU; see `randomise`.
        fingerprint: see `make_engine`.
        variants: name of the row to its options; one that cannot run here gives a row that says why.
        batch: crops a call.
        rounds: calls of each that are timed, after one that is not.
    """
    height, width = model.config.input_size
    crops = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(255).contiguous()
    published = as_published(model)
    calls: dict[str, Callable[[], object]] = {AS_PUBLISHED: lambda: published(images)}
    failed: dict[str, str] = {}
    for name, options in variants.items():
        try:
            engine = make_engine(fold(model), fingerprint, options)
        except MdprError as error:
            failed[name] = str(error)
            continue
        calls[f"{name}: {engine.description}"] = lambda engine=engine: engine.embed(crops)  # type: ignore[misc]
    best = dict.fromkeys(calls, float("inf"))
    with torch.inference_mode():
        for turn in range(rounds + 1):
            for name, call in calls.items():
                start = time.perf_counter()
                call()
                if turn:
                    best[name] = min(best[name], (time.perf_counter() - start) / batch * 1e3)
    rows = [Speed(name, value) for name, value in best.items()]
    return rows + [Speed(name, float("nan"), note) for name, note in failed.items()]
