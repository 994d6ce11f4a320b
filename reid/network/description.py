"""What a checkpoint says of itself, read without torch, which takes seconds to load."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from mdpr.errors import ConfigError, ModelError
from mdpr.reid.network.config import NetworkConfig, network_config

FORMAT = "mdpr-network-1"
OF_THE_NETWORK = ("config", "slices", "num_classes", "bounds")
"""What the network tells of itself; files from before have no bounds."""


DISTANCES = ("match_distance", "sure_distance")
"""Those of the measures that trackers begin with, see `mdpr.contracts.Embedder`."""

ONNX_PREFIX = "mdpr."
"""Of the keys in the metadata of an exported ONNX file; the values are JSON."""


def read_metadata(path: Path) -> dict[str, Any]:
    """What a checkpoint says of itself: `OF_THE_NETWORK`, and the keys given to `save_model`.

    Raises:
        ModelError: no such file, no whole .safetensors file, or not one of an MDPR network.
    """
    header = _read_header(path)
    try:
        described = {
            **json.loads(header["metadata"]),
            **{key: json.loads(header[key]) for key in OF_THE_NETWORK if key in header or key != "bounds"},
        }
        described.setdefault("bounds", {})
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path}: its description is damaged ({error}); expected that of {FORMAT}") from error
    bounds = described["bounds"]
    if not isinstance(bounds, dict) or not all(isinstance(bound, int | float) for bound in bounds.values()):
        raise ModelError(f"{path}: its description is damaged (bounds); expected that of {FORMAT}")
    if not isinstance(described["config"], dict) or not isinstance(described["num_classes"], int | None):
        raise ModelError(f"{path}: its description is damaged (config or num_classes); expected that of {FORMAT}")
    return described


def read_config(path: Path) -> NetworkConfig:
    """The configuration of a checkpoint's network.

    Raises:
        ModelError: see `read_metadata`; also a network that this version does not know.
    """
    try:
        config: NetworkConfig = network_config(read_metadata(path)["config"])
    except ConfigError as error:
        raise ModelError(f"{path}: describes a network that this version does not know: {error}") from error
    return config


def fingerprint(path: Path) -> str:
    """Name and digest of a weights file: embeddings of equal fingerprints can be compared."""
    return f"{path.stem}-{hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"


def _read_header(path: Path) -> dict[str, str]:
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    try:
        with safe_open(path, framework="np") as file:
            header: dict[str, str] = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{path}: not a whole .safetensors file ({error}); copy or download it again") from error
    if header.get("format") != FORMAT:
        raise ModelError(
            f"{path}: not a checkpoint of mdpr-train: expected the format {FORMAT}, got {header.get('format')!r}. "
            "For weights of the method's authors see `mdpr data import-checkpoint`."
        )
    return header
