"""MDPR networks as embedders of the pipeline."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError
from mdpr.reid.crops import crop_people, crop_people_torch
from mdpr.reid.inference.converted import CheckpointSource
from mdpr.reid.inference.engines import EngineOptions, make_engine
from mdpr.reid.network.description import fingerprint, read_config, read_metadata
from mdpr.shipped import obtain_or_shipped

if TYPE_CHECKING:
    from mdpr.reid.inference.torch_engine import TorchEngine

MATCH_DISTANCE = 0.4
SURE_DISTANCE = 0.25
"""For checkpoints that do not tell their own: usual for learned ReID models."""


@dataclass(frozen=True)
class MdprEmbedderConfig:
    """Options of `MdprEmbedder`.

    Attributes:
        weights: a checkpoint of mdpr-train (.safetensors): a path, or a name that is looked for in the working folder,
            MDPR_MODELS, the cache and among those that are shipped.
        engine, precision, device, compile: see `mdpr.reid.inference.engines.EngineOptions`.
        flip_test: the mean of a crop's embedding and of its mirror image's, at twice the cost; None = as the checkpoint
            says.
        match_distance, sure_distance: see `Embedder`; None = what was measured when the checkpoint was evaluated in
            training, else 0.4 and 0.25.
    """

    weights: str = "mdpr-s"
    engine: str = "auto"
    precision: str = "auto"
    device: str = ""
    compile: bool = False
    flip_test: bool | None = None
    match_distance: float | None = None
    sure_distance: float | None = None

    def __post_init__(self) -> None:
        EngineOptions(self.engine, self.precision, self.device, self.compile)
        for name in ("match_distance", "sure_distance"):
            value = getattr(self, name)
            if value is not None and not 0 < value <= 2:
                raise ConfigError(f"reid.{name}: expected a cosine distance above 0 and up to 2, got {value}")


def find_checkpoint(weights: str) -> Path:
    """The checkpoint of a path or a name; the latter in the working folder, MDPR_MODELS, the cache, or shipped.

    Raises:
        ModelError: it is nowhere.
    """
    return obtain_or_shipped("mdpr.reid", weights, [f"{weights}.safetensors"], "MDPR checkpoint")


class MdprEmbedder:
    """Embeddings of an MDPR checkpoint, scaled to unit length, by the fastest engine there is."""

    Config = MdprEmbedderConfig

    def __init__(self, config: MdprEmbedderConfig = MdprEmbedderConfig()) -> None:
        self.config = config
        path = find_checkpoint(config.weights)
        told, network = read_metadata(path), read_config(path)
        self.fingerprint = fingerprint(path)
        if config.flip_test not in (None, network.flip_test):
            network = dataclasses.replace(network, flip_test=bool(config.flip_test))
            self.fingerprint += "-flip" if config.flip_test else "-noflip"
        options = EngineOptions(config.engine, config.precision, config.device, config.compile)
        self._engine = engine = make_engine(CheckpointSource(path, network), self.fingerprint, options)
        self._on_gpu = cast("TorchEngine", engine) if engine.takes_planes else None
        self._height, self._width = network.input_size
        self.dimension = network.dimension
        measured = told.get("measures") or {}  # of its last evaluation
        self.match_distance = config.match_distance or float(measured.get("match_distance") or MATCH_DISTANCE)
        self.sure_distance = config.sure_distance or float(measured.get("sure_distance") or SURE_DISTANCE)
        self.crop_s = 0.0
        self.description = (
            f"{path.name}, {self._engine.description}, {self._height}x{self._width} crops, {self.dimension} values"
            + (", mirrored too" if network.flip_test else "")
        )

    def embed(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(sum of N_i, D) float32 unit rows; zeros for a box without pixels."""
        start = time.perf_counter()
        if self._on_gpu is not None:
            planes, is_visible = crop_people_torch(images, boxes, self._height, self._width, str(self._on_gpu.device))
            self.crop_s = time.perf_counter() - start
            rows = self._on_gpu.embed_planes(planes)
        else:
            crops, is_visible = crop_people(images, boxes, self._height, self._width)
            self.crop_s = time.perf_counter() - start
            rows = self._engine.embed(crops)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) * is_visible[:, None]
