"""Any ReID network in ONNX with the usual (N, 3, H, W) input, run by ONNX Runtime."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mdpr.components import build_config
from mdpr.errors import ConfigError, ModelError
from mdpr.reid.crops import crop_people, crop_people_torch, normalise
from mdpr.reid.network.description import DISTANCES, ONNX_PREFIX
from mdpr.shipped import obtain_or_shipped

_CHUNK = 4  # crops a call on a CPU: small enough to share 8 people between 2 cores; larger ones gain nothing a crop
_CHUNK_CUDA = 64


PREPARATION: dict[str, Any] = {
    "mean": (123.675, 116.28, 103.53),
    "std": (58.395, 57.12, 57.375),
    "color": "rgb",
    "match_distance": 0.4,
    "sure_distance": 0.25,
}
"""Of a file that does not say what its network needs, see `OnnxEmbedderConfig`."""


@dataclass(frozen=True)
class OnnxEmbedderConfig:
    """Options of `OnnxEmbedder`.

    Attributes:
        weights: the .onnx file: a path, or a name that is looked for in MDPR_MODELS and the cache, or shipped.
        height, width: crop size in pixels; 0 = what the model says, else 256 x 128.
        mean, std: normalisation on the scale 0 to 255, in the order of `color`; None = what a file of `mdpr export`
            says, else ImageNet's.
        color: channel order of the network, "rgb" or "bgr"; None = what the file says, else "rgb".
        match_distance, sure_distance: see `Embedder`; None = what the file says, else 0.4 and 0.25. Those suit OSNet:
            one person 1 to 5 s apart stays below 0.4 in 19 of 20 pairs, two people fall below 0.25 in fewer than 1 of
            100.
        device: "" = CUDA where ONNX Runtime has it, else CPU; "cpu"; "cuda".
    """

    weights: str = ""
    height: int = 0
    width: int = 0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    color: str | None = None
    match_distance: float | None = None
    sure_distance: float | None = None
    device: str = ""

    def __post_init__(self) -> None:
        if self.color not in (None, "rgb", "bgr"):
            raise ConfigError(f"reid.color: expected rgb or bgr, got {self.color!r}")
        mean, std = (PREPARATION[key] if getattr(self, key) is None else getattr(self, key) for key in ("mean", "std"))
        if len(mean) != 3 or len(std) != 3 or min(std) <= 0:
            raise ConfigError("reid.mean and reid.std: expected three values each, std above 0")
        for name in DISTANCES:
            value = getattr(self, name)
            if value is not None and not 0 < value <= 2:
                raise ConfigError(f"reid.{name}: expected a cosine distance above 0 and up to 2, got {value}")
        if min(self.height, self.width) < 0:
            raise ConfigError("reid.height and reid.width: expected 0 or more pixels")


class OnnxEmbedder:
    """Embeddings of an ONNX ReID model, scaled to unit length."""

    Config = OnnxEmbedderConfig

    def __init__(self, config: OnnxEmbedderConfig) -> None:
        if not config.weights:
            raise ConfigError("reid: the onnx embedder needs a model: --reid model.onnx or --reid-weights model.onnx")
        self.config = config
        self.crop_s = 0.0
        path = obtain_or_shipped("mdpr.reid", config.weights, [f"{config.weights}.onnx"], "ReID model")
        self._session, self._engine = _open_session(path, config.device)
        told = _told(self._session, path)
        told |= {key: value for key in told if (value := getattr(config, key)) is not None}
        self._mean, self._std, self._color = tuple(told["mean"]), tuple(told["std"]), str(told["color"])
        self.match_distance, self.sure_distance = float(told["match_distance"]), float(told["sure_distance"])
        self._workers = ThreadPoolExecutor(os.cpu_count() or 1, "embed")
        model_input = self._session.get_inputs()[0]
        shape = model_input.shape
        if len(shape) != 4 or (shape[1] not in (3, None) and not isinstance(shape[1], str)):
            raise ModelError(f"{path}: expected an input of shape (N, 3, height, width), got {shape}")
        self._input_name = model_input.name
        self._fixed_batch = shape[0] if isinstance(shape[0], int) else 0
        self._height = config.height or (shape[2] if isinstance(shape[2], int) else 256)
        self._width = config.width or (shape[3] if isinstance(shape[3], int) else 128)
        self.dimension = self._probe(path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        self.fingerprint = f"{path.stem}-{digest}"
        self.description = (
            f"{path.name}, ONNX Runtime {self._engine}, {self._height}x{self._width} crops, {self.dimension} values"
        )

    @property
    def input_size(self) -> tuple[int, int]:
        """(height, width) of a crop in pixels."""
        return self._height, self._width

    def embed(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(sum of N_i, D) float32 unit rows; zeros for a box without pixels."""
        if self._engine == "CUDA":
            rows, is_visible = self.embed_on_device(images, boxes, "cuda")
        else:
            start = time.perf_counter()
            crops, is_visible = crop_people(images, boxes, self._height, self._width)
            self.crop_s = time.perf_counter() - start
            rows = self.embed_crops(crops)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) * is_visible[:, None]

    def embed_on_device(
        self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]], device: str
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Raw rows (N, D) and visibility (N,): crops are cut, normalised and read by ONNX Runtime on `device`."""
        import torch

        start = time.perf_counter()
        crops, is_visible = crop_people_torch(images, boxes, self._height, self._width, device)
        planes = crops.flip(1) if self._color == "rgb" else crops
        mean = torch.tensor(self._mean, device=device).view(1, 3, 1, 1)
        planes = ((planes - mean) / torch.tensor(self._std, device=device).view(1, 3, 1, 1)).contiguous()
        if device != "cpu":
            torch.cuda.synchronize()  # ONNX Runtime reads on a stream of its own
        self.crop_s = time.perf_counter() - start
        rows = [np.zeros((0, self.dimension), np.float32)]
        size = self._fixed_batch or _CHUNK_CUDA
        for chunk in torch.split(planes, size):
            count = len(chunk)
            if count < self._fixed_batch:
                chunk = torch.cat([chunk, chunk.new_zeros(self._fixed_batch - count, *chunk.shape[1:])])
            binding = self._session.io_binding()
            binding.bind_input(self._input_name, device, 0, np.float32, tuple(chunk.shape), chunk.data_ptr())
            binding.bind_output(self._session.get_outputs()[0].name, "cpu")
            self._session.run_with_iobinding(binding)
            rows.append(binding.copy_outputs_to_cpu()[0][:count].reshape(count, -1))
        return np.concatenate(rows), is_visible

    def embed_crops(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(N, D) raw rows of (N, H, W, 3) uint8 BGR crops; chunks run on all cores, each on one."""
        size = self._fixed_batch or _CHUNK
        chunks = [crops[start : start + size] for start in range(0, len(crops), size)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *self._workers.map(self._run, chunks)])

    def _run(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, D) raw outputs of one chunk, filled up with zeros where the model has a fixed batch."""
        batch = normalise(crops, self._mean, self._std, self._color)
        if self._fixed_batch > len(batch):
            batch = np.concatenate([batch, np.zeros((self._fixed_batch - len(batch), *batch.shape[1:]), np.float32)])
        output = self._session.run(None, {self._input_name: batch})[0]
        return np.asarray(output[: len(crops)], np.float32).reshape(len(crops), -1)

    def _probe(self, path: Path) -> int:
        """Width of the embedding, found by running the model once."""
        self.dimension = 0
        try:
            return int(self._run(np.zeros((1, self._height, self._width, 3), np.uint8)).shape[1])
        except Exception as error:
            raise ModelError(
                f"{path}: does not run on {self._height}x{self._width} crops: {error}. "
                "Is it a ReID model? Set reid.height and reid.width if it wants another size"
            ) from error


def _told(session: Any, path: Path) -> dict[str, Any]:
    """What a file of `mdpr export` says of its input and its distances, and for what it does not say, `PREPARATION`."""
    given = session.get_modelmeta().custom_metadata_map
    try:
        found = {key: json.loads(given[name]) for key in PREPARATION if (name := f"{ONNX_PREFIX}{key}") in given}
        build_config(OnnxEmbedderConfig, found, "reid")
    except (ValueError, ConfigError) as error:
        raise ModelError(f"{path}: its metadata is damaged ({error}); export it again") from error
    return {**PREPARATION, **found}


def _open_session(path: Path, device: str) -> tuple[Any, str]:
    """An ONNX Runtime session and the name of its engine."""
    import onnxruntime

    available = onnxruntime.get_available_providers()
    has_cuda = "CUDAExecutionProvider" in available
    if device not in ("", "cpu") and not has_cuda:
        raise ConfigError(
            f"reid.device: {device!r} needs onnxruntime-gpu; this ONNX Runtime has {', '.join(available)}"
        )
    use_cuda = has_cuda and device != "cpu"
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # chunks run in parallel instead: the second thread of one call gains 1.2x, not 2x
    options.log_severity_level = 3
    providers = ["CUDAExecutionProvider", "CPUExecutionProvider"] if use_cuda else ["CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=providers), "CUDA" if use_cuda else "CPU"
    except Exception as error:
        raise ModelError(f"{path}: ONNX Runtime cannot load it: {error}") from error
