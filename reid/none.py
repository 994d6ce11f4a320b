"""No appearance: tracking by motion alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NoEmbedderConfig:
    """No options."""


class NoEmbedder:
    """Gives embeddings of width 0; reads no pixel."""

    Config = NoEmbedderConfig
    description: ClassVar[str] = "none (motion only)"
    fingerprint: ClassVar[str] = ""
    dimension: ClassVar[int] = 0
    match_distance: ClassVar[float] = 0.0
    sure_distance: ClassVar[float] = 0.0
    crop_s: ClassVar[float] = 0.0

    def __init__(self, config: NoEmbedderConfig | None = None) -> None:
        self.config = config or NoEmbedderConfig()

    def embed(self, images: Sequence[NDArray[np.uint8]], boxes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(sum of N_i, 0) float32."""
        return np.zeros((sum(map(len, boxes)), 0), np.float32)
