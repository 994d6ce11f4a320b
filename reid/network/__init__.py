"""The MDPR network: backbone, branches, fusion, heads; presets; checkpoints; the authors' weights."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mdpr.reid.network.config import PRESETS, NetworkConfig, network_config

if TYPE_CHECKING:
    from mdpr.reid.network.model import MdprNetwork, MdprOutputs, build_model

__all__ = ["PRESETS", "MdprNetwork", "MdprOutputs", "NetworkConfig", "build_model", "network_config"]


def __getattr__(name: str) -> Any:
    """What needs torch, on first use: what a checkpoint says of itself is read without."""
    if name not in __all__:
        raise AttributeError(f"module 'mdpr.reid.network' has no attribute {name!r}")
    return getattr(importlib.import_module("mdpr.reid.network.model"), name)
