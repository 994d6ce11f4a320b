"""The processes that train together, as torchrun starts them: who they are, and what they tell each other.

In this module every process runs the same code at the same time; one process alone needs none of it.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor

from mdpr.errors import ConfigError
from mdpr.reid.network import MdprOutputs

_PATIENCE = timedelta(hours=2)  # the others wait while the first one evaluates


@dataclass(frozen=True)
class Processes:
    """This process among those that train together.

    Attributes:
        rank: number of this process, from 0.
        count: of all processes.
        local_rank: number on this machine: its GPU.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files and the log."""
        return self.rank == 0

    @classmethod
    def of_environment(cls) -> Processes:
        """What torchrun's variables say; a single process without them."""
        return cls(
            int(os.environ.get("RANK", 0)),
            int(os.environ.get("WORLD_SIZE", 1)),
            int(os.environ.get("LOCAL_RANK", 0)),
        )


def choose_device(device: str, processes: Processes) -> torch.device:
    """The device of this process.

    Args:
        device: "cpu", "0", "cuda:0", ...; empty = a GPU if there is one. Of several processes each takes its own GPU.
        processes: that train together.

    Raises:
        ConfigError: a device that is not there.

    >>> choose_device("cpu", Processes())
    device(type='cpu')
    """
    if device == "cpu" or (device == "" and not torch.cuda.is_available()):
        return torch.device("cpu")
    text = device.removeprefix("cuda").removeprefix(":")
    if device and not text.isdecimal() and device != "cuda":
        raise ConfigError(f"run.device: expected cpu, or 0, 1, ... for a GPU, got {device!r}")
    index = processes.local_rank if processes.count > 1 else int(text or 0)
    available = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if index >= available:
        raise ConfigError(
            f"run.device: GPU {index} is wanted, but PyTorch sees {available} here. Use --device cpu"
            + (f", or start {available} processes (--nproc-per-node {available})" if available else "")
        )
    return torch.device("cuda", index)


@contextmanager
def joined(processes: Processes, device: torch.device) -> Iterator[None]:
    """Connects the processes while the body runs."""
    if device.type == "cuda":
        torch.cuda.set_device(device)
    if processes.count == 1:
        yield
        return
    dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def sum_over(values: Tensor, processes: Processes) -> Tensor:
    """Sum of a tensor over the processes."""
    if processes.count > 1:
        dist.all_reduce(values)
    return values


def tell_all(value: Any, processes: Processes) -> Any:
    """What the first process gave."""
    if processes.count == 1:
        return value
    box = [value]
    dist.broadcast_object_list(box)
    return box[0]


def collect(value: Any, processes: Processes) -> list[Any]:
    """What each process gave, in order."""
    if processes.count == 1:
        return [value]
    values: list[Any] = [None] * processes.count
    dist.all_gather_object(values, value)
    return values


def map_outputs(outputs: MdprOutputs, change: Callable[[Tensor], Tensor]) -> MdprOutputs:
    """Outputs with every tensor changed."""
    values: dict[str, Any] = {entry.name: getattr(outputs, entry.name) for entry in dataclasses.fields(outputs)}
    for name, value in values.items():
        if isinstance(value, dict):
            values[name] = {key: change(tensor) for key, tensor in value.items()}
    return type(outputs)(**values)


def gather_rows(tensor: Tensor) -> Tensor:
    """The rows of all processes, with a gradient.

    Every process computes the same loss from all rows. The sum of these losses has `count` times the gradient of one,
    and DistributedDataParallel's averaging takes the factor out again.

    Args:
        tensor: (n, ...), of the same shape everywhere.

    Returns:
        (count * n, ...).
    """
    return cast(Tensor, _GatherRows.apply(tensor))


def add_over(tensor: Tensor) -> Tensor:
    """Sum of a tensor over the processes, with the gradient of the sum of what they compute from it."""
    return cast(Tensor, _AddOver.apply(tensor))


class _GatherRows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        rows = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(dist.get_world_size())]
        dist.all_gather(rows, tensor.contiguous())
        return torch.cat(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0].chunk(dist.get_world_size())[dist.get_rank()] * dist.get_world_size()


class _AddOver(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor) -> Tensor:
        total = tensor.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        dist.all_reduce(total)
        return total
