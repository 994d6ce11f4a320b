"""What the machine has, asked without importing torch (which takes seconds)."""

from __future__ import annotations

import ctypes
import functools
import os
import sys

from mdpr.errors import ConfigError


@functools.cache
def count_cuda_devices() -> int:
    """Number of CUDA devices that the driver shows to this process; 0 without a driver."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


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
