"""Appearance: person crops in, unit embeddings out. See `mdpr.contracts.Embedder`."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mdpr.errors import ModelError

if TYPE_CHECKING:
    from mdpr.reid.losses import LossConfig as LossConfig
    from mdpr.reid.losses import mdpr_losses as mdpr_losses
    from mdpr.reid.network import build_model as build_model
    from mdpr.reid.network.authors import convert_author_state_dict as convert_author_state_dict

_LAZY = {
    "LossConfig": "mdpr.reid.losses",
    "build_model": "mdpr.reid.network",
    "convert_author_state_dict": "mdpr.reid.network.authors",
    "mdpr_losses": "mdpr.reid.losses",
}

EMBEDDERS: dict[str, str] = {
    "histogram": "mdpr.reid.histogram:Histogram",
    "mdpr": "mdpr.reid.mdpr:MdprEmbedder",
    "none": "mdpr.reid.none:NoEmbedder",
    "onnx": "mdpr.reid.onnx:OnnxEmbedder",
}
"""Names to "module:Class"."""

DEFAULT_EMBEDDER = "mdpr"
"""What `auto` means: the weights that come with the package, so nothing is downloaded."""


MODELS = {"mdpr-s": "mdpr", "mdpr-r50": "mdpr", "mdpr-r101": "mdpr", "mdpr-s-int8": "onnx"}
"""Names of weights to the embedder that reads them."""


def embedder_of_file(path: str) -> str:
    """The name of the embedder that reads a model file, by its suffix.

    Raises:
        ModelError: no embedder reads such a file.

    >>> embedder_of_file("models/osnet.onnx")
    'onnx'
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".onnx":
        return "onnx"
    if suffix == ".safetensors":
        return "mdpr"
    raise ModelError(
        f"{path}: no embedder reads {suffix or 'a file without suffix'!r}; expected an .onnx file, or a .safetensors "
        "checkpoint of mdpr-train (`mdpr data import-checkpoint` makes one from weights of the method's authors)"
    )


def __getattr__(name: str) -> Any:
    """`build_model`, `mdpr_losses`, `convert_author_state_dict`: on first use, since they need torch."""
    if name not in _LAZY:
        raise AttributeError(f"module 'mdpr.reid' has no attribute {name!r}")
    return getattr(importlib.import_module(_LAZY[name]), name)
