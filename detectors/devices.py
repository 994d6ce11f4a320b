"""What the machine has, asked without importing torch (which takes seconds)."""

from __future__ import annotations

import os

from mdpr.errors import ConfigError
from mdpr.gpus import count_cuda_devices


def choose_device(device: str) -> str:
    """The device that an option stands for: "cpu", "mps" or "cuda:N"; "" gives the first CUDA device, else the CPU.

    Raises:
        ConfigError: a CUDA device that is not there.

    >>> choose_device("cpu")
    'cpu'
    """
    if device in ("cpu", "mps"):
        return device
    count = count_cuda_devices()
    if device == "":
        return "cuda:0" if count else "cpu"
    index = int(device.removeprefix("cuda").removeprefix(":") or 0)
    if index >= count:
        raise ConfigError(
            f"detector.device {device!r}: this machine shows {count} CUDA devices. Use cpu, or leave it out."
        )
    return f"cuda:{index}"


def count_cores() -> int:
    """CPU cores that this process may use, at least 1."""
    if hasattr(os, "sched_getaffinity"):
        return max(len(os.sched_getaffinity(0)), 1)
    return os.cpu_count() or 1
