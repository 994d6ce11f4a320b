"""The network on a CPU through OpenVINO."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.cpus import is_bf16_fast
from mdpr.errors import ConfigError
from mdpr.reid.inference.converted import NetworkSource, converted
from mdpr.reid.inference.engines import EngineOptions
from mdpr.reid.network.config import NetworkConfig

_MAX_STREAMS = 16
_HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
_CAPABILITIES = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16"}


class OpenVinoEngine:
    """One crop a request, one single-threaded stream a core; normalisation is compiled into the network.

    A batch gains nothing here (measured: 14.4 ms of one core a crop alone, 13.0 at batch 4 with mdpr-s), and single
    crops make rows independent of their company to the last bit.
    """

    takes_planes = False

    def __init__(self, source: NetworkSource, fingerprint: str, options: EngineOptions) -> None:
        from openvino import AsyncInferQueue, Core

        if options.device not in ("", "cpu"):
            raise ConfigError(f"engine openvino runs on the CPU, not on {options.device!r}; take --device cpu")
        core = Core()
        abilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        if options.precision != "auto" and _CAPABILITIES[options.precision] not in abilities:
            raise ConfigError(f"this CPU does not compute in {options.precision}; it has {', '.join(abilities)}")
        path = converted(source, fingerprint, "openvino", is_for_cpu=True) / "model.xml"
        model = _with_preprocessing(core.read_model(path), source.config)
        streams = min(os.cpu_count() or 1, _MAX_STREAMS)
        hints: dict[str, Any] = {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": streams,
        }
        precision = ("bf16" if is_bf16_fast() else "fp32") if options.precision == "auto" else options.precision
        hints["INFERENCE_PRECISION_HINT"] = _HINTS[precision]
        compiled = core.compile_model(model, "CPU", hints)
        self._dimension = source.config.dimension
        self._queue = AsyncInferQueue(compiled, streams)
        self._queue.set_callback(_store)
        used = str(compiled.get_property("INFERENCE_PRECISION_HINT").to_string())
        self.description = f"OpenVINO {used}, CPU, {streams} streams"

    def embed(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Engine`."""
        rows = np.empty((len(crops), self._dimension), np.float32)
        for i in range(len(crops)):
            self._queue.start_async({0: crops[i : i + 1]}, (rows, i))
        self._queue.wait_all()
        return rows


def _store(request: Any, place: tuple[NDArray[np.float32], int]) -> None:
    rows, i = place
    rows[i] = request.get_output_tensor(0).data[0]


def _with_preprocessing(model: Any, config: NetworkConfig) -> Any:
    """The model with one uint8 BGR crop (1, H, W, 3) as its input."""
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    height, width = config.input_size
    model.reshape([1, 3, height, width])
    steps = PrePostProcessor(model)
    steps.input().tensor().set_element_type(Type.u8).set_layout(Layout("NHWC")).set_color_format(ColorFormat.BGR)
    steps.input().model().set_layout(Layout("NCHW"))
    convert = steps.input().preprocess().convert_element_type(Type.f32).convert_color(ColorFormat.RGB)
    convert.mean(list(config.mean)).scale(list(config.std))
    return steps.build()
