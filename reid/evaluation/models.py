"""Models that turn crops into features: MDPR checkpoints, and any ReID model in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError, ModelError
from mdpr.shipped import obtain_or_shipped

Crops = NDArray[np.uint8]
Floats = NDArray[np.float32]

CHECKPOINT_NAMES = ("best/model.safetensors", "last/model.safetensors", "model.safetensors")
"""Where a run of mdpr-train keeps its weights, the best first."""


@dataclass(frozen=True, eq=False)
class FeatureModel:
    """A model that features are taken from.

    Attributes:
        description: model, engine and device, for people.
        fingerprint: identifies the weights; features of different ones cannot be compared.
        input_size: (height, width) of a crop in pixels.
        embed: (N, height, width, 3) uint8 BGR crops to (N, D) raw features.
    """

    description: str
    fingerprint: str
    input_size: tuple[int, int]
    embed: Callable[[Crops], Floats]


def model_file(name: str) -> Path:
    """The file that MODEL stands for: a file, a folder of mdpr-train, or a name in MDPR_MODELS, the cache, or those
    that are shipped.

    Raises:
        ModelError: nothing there, or a suffix that is neither .safetensors nor .onnx.
    """
    folder = Path(name).expanduser()
    if folder.is_dir():
        found = next((folder / file for file in CHECKPOINT_NAMES if (folder / file).is_file()), None)
        if found is None:
            raise ModelError(f"{folder}: no model in this folder; expected one of {', '.join(CHECKPOINT_NAMES)}")
        return found
    files, kind = [f"{name}.safetensors", f"{name}.onnx"], "ReID model"
    path = obtain_or_shipped("mdpr.reid", name, files, kind)
    if path.suffix.lower() not in (".safetensors", ".onnx"):
        raise ModelError(
            f"{path}: expected a checkpoint of mdpr-train (.safetensors) or an .onnx file. "
            "For weights of the method's authors see `mdpr data import-checkpoint`"
        )
    return path


def open_model(path: Path, engine: str = "auto", precision: str = "fp32", device: str = "") -> FeatureModel:
    """The model of a file, run by the fastest engine there is unless another is asked for.

    Args:
        path: a .safetensors checkpoint of mdpr-train, or an .onnx file with the usual (N, 3, H, W) input.
        engine, precision, device: see `mdpr.reid.inference.engines.EngineOptions`.

    Raises:
        ModelError: a damaged file, or one that is no ReID model.
        ConfigError: an engine, precision or device that the model cannot have.
        DependencyError: the engine is not installed.
    """
    if path.suffix.lower() == ".onnx":
        return _open_onnx(path, engine, precision, device)
    from mdpr.reid.inference.engines import EngineOptions, make_engine
    from mdpr.reid.inference.folding import fold
    from mdpr.reid.network.checkpoint import load_model
    from mdpr.reid.network.description import fingerprint

    network = load_model(path)
    made_from = fingerprint(path)
    runner = make_engine(fold(network), made_from, EngineOptions(engine, precision, device))
    height, width = network.config.input_size
    return FeatureModel(f"{path.name}, {runner.description}", made_from, (height, width), runner.embed)


def _open_onnx(path: Path, engine: str, precision: str, device: str) -> FeatureModel:
    from mdpr.reid.onnx import OnnxEmbedder, OnnxEmbedderConfig

    if engine not in ("auto", "onnxruntime") or precision not in ("auto", "fp32"):
        raise ConfigError(f"{path.name}: an .onnx file runs with ONNX Runtime as it is; engine {engine}, {precision}?")
    embedder = OnnxEmbedder(OnnxEmbedderConfig(weights=str(path.absolute()), device=device))
    return FeatureModel(embedder.description, embedder.fingerprint, embedder.input_size, embedder.embed_crops)
