"""The network in torch, on a CPU or a GPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.cpus import is_bf16_fast
from mdpr.errors import ConfigError
from mdpr.reid.inference.converted import NetworkSource
from mdpr.reid.inference.engines import EngineOptions

_CHUNK_CPU = 8
_CHUNK_GPU = 64
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class TorchEngine:
    """Channels-last; half precision for the convolutions where the device is fast at it, the heads always in fp32."""

    def __init__(self, source: NetworkSource, fingerprint: str, options: EngineOptions) -> None:
        del fingerprint  # nothing is converted, so nothing is kept
        self.device = choose_device(options.device)
        self.takes_planes = self.device.type != "cpu"
        precision = options.precision if options.precision != "auto" else fast_precision(self.device)
        if precision == "fp16" and self.device.type == "cpu":
            raise ConfigError("fp16 is slow on a CPU; take bf16 or fp32")
        self._type = _TYPES[precision]
        self._config = source.config
        network = source.folded().to(self.device).to(memory_format=torch.channels_last)
        if precision != "fp32":
            network.to(self._type)
            network.network.heads.float()
        self._run = cast(Callable[[Tensor], Tensor], network)
        self._is_compiled = options.compile
        if options.compile:  # "reduce-overhead" records CUDA graphs
            mode = "reduce-overhead" if self.device.type == "cuda" else "default"
            self._run = torch.compile(network, mode=mode, dynamic=False)
        self._chunk = _CHUNK_CPU if self.device.type == "cpu" else _CHUNK_GPU
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(self._config.mean, device=self.device).view(shape)
        self._std = torch.tensor(self._config.std, device=self.device).view(shape)
        compiled = ", compiled" if options.compile else ""
        self.description = f"torch {precision}, {self.device}, channels-last{compiled}"

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        planes = torch.from_numpy(np.ascontiguousarray(crops)).to(self.device).permute(0, 3, 1, 2)
        return self.embed_planes(planes.float())

    def embed_planes(self, planes: Tensor) -> NDArray[np.float32]:
        """(N, D) raw embeddings of (N, 3, H, W) float BGR crops, 0 to 255, on the engine's device."""
        rows = [torch.zeros(0, self._config.dimension)]
        with torch.inference_mode():
            images = ((planes.flip(1) - self._mean) / self._std).to(self._type)
            for chunk in torch.split(images, self._chunk) if len(images) else ():
                filled = self._filled(chunk) if self._is_compiled else chunk
                filled = filled.contiguous(memory_format=torch.channels_last)
                rows.append(self._run(filled)[: len(chunk)].float().cpu())
        return torch.cat(rows).numpy()

    def _filled(self, chunk: Tensor) -> Tensor:
        """The chunk with black crops up to the next power of two: each size is compiled on its own."""
        missing = (1 << (len(chunk) - 1).bit_length()) - len(chunk)
        return torch.cat([chunk, chunk.new_zeros(missing, *chunk.shape[1:])]) if missing else chunk


def choose_device(name: str) -> torch.device:
    """The torch device of a name; "" = CUDA where there is one.

    Raises:
        ConfigError: unknown, or not there.
    """
    if name == "":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device("cuda:" + name if name.isdigit() else name)
    except RuntimeError as error:
        raise ConfigError(f"unknown device {name!r}: expected cpu, cuda or cuda:N") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ConfigError(f"device {name!r}: torch sees {torch.cuda.device_count()} CUDA devices")
    if device.type not in ("cpu", "cuda"):
        raise ConfigError(f"device {name!r}: expected cpu, cuda or cuda:N")
    return device


def fast_precision(device: torch.device) -> str:
    """fp16 on a GPU; bf16 on a CPU that multiplies it faster; else fp32."""
    if device.type == "cuda":
        return "fp16"
    return "bf16" if is_bf16_fast() else "fp32"
