"""How fast networks and engines embed on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from mdpr.errors import MdprError
from mdpr.reid.inference.engines import Engine, EngineOptions, make_engine
from mdpr.reid.inference.folding import fold
from mdpr.reid.inference.published import PublishedProcess, as_published
from mdpr.reid.network.model import MdprNetwork

AS_PUBLISHED = "as published"
WITH_OUR_ALLOCATOR = "as published, with our allocator settings"
_PAUSE_S = 0.05  # the threads of the call before go on waiting busily for some milliseconds


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


def measure(
    model: MdprNetwork, fingerprint: str, variants: dict[str, EngineOptions], batch: int = 8, rounds: int = 5
) -> list[Speed]:
    """Time the network as published, in fp32 torch, and each variant: rounds in turn, the fastest counts.

    As published it runs twice: in a process of its own, with the C library's allocator as it comes, and in this one.
    Only one of them all computes at a time. Crops are random; an engine gets uint8 crops and normalises them itself,
    which is part of its time.

    Args:
        model: in evaluation mode, on the CPU; see `randomise`.
        fingerprint: see `make_engine`.
        variants: name of the row to its options; one that cannot run here gives a row that says why.
        batch: crops a call.
        rounds: calls of each that are timed, after one that is not.

    Raises:
        ModelError: the other process ended.
    """
    height, width = model.config.input_size
    crops = np.random.default_rng(0).integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
    images = torch.from_numpy(crops).permute(0, 3, 1, 2).float().div(255).contiguous()
    engines: dict[str, Engine] = {}
    failed: dict[str, str] = {}
    for name, options in variants.items():
        try:
            engine = make_engine(fold(model), fingerprint, options)
            engines[f"{name}: {engine.description}"] = engine
        except MdprError as error:
            failed[name] = str(error)
    published = as_published(model)
    with PublishedProcess(model, batch) as process, torch.inference_mode():
        calls: dict[str, Callable[[], float]] = {AS_PUBLISHED: process.seconds}
        calls[WITH_OUR_ALLOCATOR] = partial(_seconds, published, images)
        calls |= {name: partial(_seconds, engine.embed, crops) for name, engine in engines.items()}
        best = dict.fromkeys(calls, float("inf"))
        for turn in range(rounds + 1):
            for name, call in calls.items():
                time.sleep(_PAUSE_S)
                seconds = call()
                if turn:
                    best[name] = min(best[name], seconds / batch * 1e3)
    rows = [Speed(name, value) for name, value in best.items()]
    return rows + [Speed(name, float("nan"), note) for name, note in failed.items()]


def _seconds(call: Callable[..., object], *arguments: object) -> float:
    start = time.perf_counter()
    call(*arguments)
    return time.perf_counter() - start
