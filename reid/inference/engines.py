"""Engines that run the inference network: the contract, the names, and the choice of the fastest.

An engine is made from a folded network and gets crops as they were cut; colour order and normalisation are its
business.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, DependencyError
from mdpr.gpus import count_cuda_devices

if TYPE_CHECKING:
    from mdpr.reid.inference.converted import NetworkSource

ENGINES: dict[str, str] = {
    "openvino": "mdpr.reid.inference.openvino_engine:OpenVinoEngine",
    "onnxruntime": "mdpr.reid.inference.onnxruntime_engine:OnnxRuntimeEngine",
    "torch": "mdpr.reid.inference.torch_engine:TorchEngine",
}
"""Names to "module:Class"."""

PRECISIONS = ("auto", "fp32", "bf16", "fp16")
_EXPORT_PACKAGES = ("onnx", "onnxscript")


@dataclass(frozen=True)
class EngineOptions:
    """How to run the network.

    Attributes:
        engine: a key of `ENGINES`, or "auto" = the fastest that is installed.
        precision: "auto" = the fastest that the device computes in; "fp32", "bf16", "fp16".
        device: "" = CUDA where torch has it, else the CPU; "cpu", "cuda", "cuda:1" or "1"; "tensorrt" (ONNX Runtime).
        compile: torch.compile the network (torch only); with CUDA graphs on a GPU. The first crops then take minutes.
    """

    engine: str = "auto"
    precision: str = "auto"
    device: str = ""
    compile: bool = False

    def __post_init__(self) -> None:
        if self.engine not in ("auto", *ENGINES):
            raise ConfigError(f"unknown engine {self.engine!r}. Known: auto, {', '.join(ENGINES)}")
        if self.precision not in PRECISIONS:
            raise ConfigError(f"unknown precision {self.precision!r}. Known: {', '.join(PRECISIONS)}")


class Engine(Protocol):
    """Runs one network. A row does not depend on the other crops of the call, up to rounding."""

    description: str
    """Engine, precision and device, for the log."""
    takes_planes: bool
    """Whether crops are best cut on its device, and given to `TorchEngine.embed_planes`."""

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, D) raw embeddings of (N, H, W, 3) uint8 BGR crops of the network's input size; N may be 0."""


def make_engine(source: NetworkSource, fingerprint: str, options: EngineOptions = EngineOptions()) -> Engine:
    """The engine that the options ask for.

    Args:
        source: a `CheckpointSource`, or what `fold` made: the engine may keep that and change its memory format.
        fingerprint: of the weights; names the files that converted networks are kept in.
        options: see there.

    Raises:
        DependencyError: the engine's package is not installed.
        ConfigError: a device or precision that the engine does not have here.
    """
    name = options.engine if options.engine != "auto" else fastest_engine(options.device)
    if missing := _missing_packages(name):
        raise DependencyError(missing[0], f"the engine {name}", _extra(name))
    module, _, cls = ENGINES[name].partition(":")
    engine: Engine = getattr(importlib.import_module(module), cls)(source, fingerprint, options)
    return engine


def fastest_engine(device: str = "") -> str:
    """The engine that `auto` means on a device: torch on a GPU; on a CPU OpenVINO, ONNX Runtime, torch, in this order.

    OpenVINO and ONNX Runtime are equally fast in fp32; OpenVINO also computes in bf16 where the CPU does.
    """
    if device == "tensorrt":
        return "onnxruntime"
    if device.startswith("cuda") or device.isdigit() or (device == "" and _has_cuda()):
        return "torch"
    return next(name for name in ENGINES if not _missing_packages(name))


def _missing_packages(name: str) -> list[str]:
    needed = {"openvino": ("openvino",), "onnxruntime": _EXPORT_PACKAGES, "torch": ()}[name]
    return [package for package in needed if find_spec(package) is None]


def _extra(name: str) -> str:
    return "openvino" if name == "openvino" else "export"


def _has_cuda() -> bool:
    if not count_cuda_devices():
        return False
    import torch

    return bool(torch.cuda.is_available())
