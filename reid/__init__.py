"""Appearance: person crops in, unit embeddings out. See `mdpr.contracts.Embedder`."""

from __future__ import annotations

from pathlib import Path

from mdpr.errors import ModelError

EMBEDDERS: dict[str, str] = {
    "histogram": "mdpr.reid.histogram:Histogram",
    "none": "mdpr.reid.none:NoEmbedder",
    "onnx": "mdpr.reid.onnx:OnnxEmbedder",
}
"""Names to "module:Class"."""

DEFAULT_EMBEDDER = "histogram"
"""What `auto` means: the best appearance that needs nothing downloaded."""


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
    if suffix == ".safetensors":  # MDPR checkpoints get their reader here, together with the network
        raise ModelError(
            f"{path}: this version has no MDPR network to load a .safetensors checkpoint into; give an .onnx"
        )
    raise ModelError(f"{path}: no embedder reads {suffix or 'a file without suffix'!r}; expected an .onnx file")
