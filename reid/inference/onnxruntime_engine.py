"""The network through ONNX Runtime: on a CPU, on CUDA, or by TensorRT."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, ModelError
from mdpr.reid.crops import normalise
from mdpr.reid.inference.converted import NetworkSource, converted
from mdpr.reid.inference.engines import EngineOptions

_CHUNK_CPU = 4  # crops a call; several calls run side by side, each on one core
_CHUNK_GPU = 64
_PROVIDERS = {"cuda": "CUDAExecutionProvider", "tensorrt": "TensorrtExecutionProvider"}


class OnnxRuntimeEngine:
    """Chunks of crops, single-threaded side by side on a CPU, one after the other on a GPU."""

    takes_planes = False

    def __init__(self, source: NetworkSource, fingerprint: str, options: EngineOptions) -> None:
        import onnxruntime

        device = options.device.split(":")[0] or "cpu"
        if options.precision not in ("auto", "fp32") and device != "tensorrt":
            raise ConfigError(f"engine onnxruntime computes in fp32 here, not in {options.precision}")
        available = onnxruntime.get_available_providers()
        if device != "cpu" and _PROVIDERS.get(device) not in available:
            raise ConfigError(f"engine onnxruntime has no {device!r} here; it has {', '.join(available)}")
        path = converted(source, fingerprint, "onnx", is_for_cpu=device == "cpu")
        settings = onnxruntime.SessionOptions()
        settings.log_severity_level = 3
        if device == "cpu":
            settings.intra_op_num_threads = 1
        providers: list[Any] = [] if device == "cpu" else [(_PROVIDERS[device], _provider_options(options))]
        try:
            self._session = onnxruntime.InferenceSession(str(path), settings, [*providers, "CPUExecutionProvider"])
        except Exception as error:
            raise ModelError(f"{path}: ONNX Runtime cannot load it: {error}") from error
        self._config = source.config
        self._chunk = _CHUNK_CPU if device == "cpu" else _CHUNK_GPU
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1 if device == "cpu" else 1, "embed")
        self.description = f"ONNX Runtime {options.precision.replace('auto', 'fp32')}, {device.upper()}"

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        chunks = [crops[start : start + self._chunk] for start in range(0, len(crops), self._chunk)]
        empty = np.zeros((0, self._config.dimension), np.float32)
        return np.concatenate([empty, *self._workers.map(self._run, chunks)])

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        images = normalise(crops, self._config.mean, self._config.std, "rgb")
        return np.asarray(self._session.run(None, {"images": images})[0], np.float32)


def _provider_options(options: EngineOptions) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if ":" in options.device:
        values["device_id"] = int(options.device.split(":")[1])
    if options.device.startswith("tensorrt"):
        values["trt_fp16_enable"] = options.precision in ("auto", "fp16")
        values["trt_engine_cache_enable"] = True
    return values
