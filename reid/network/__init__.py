"""The MDPR network: backbone, branches, fusion, heads; presets; checkpoints; the authors' weights."""

from mdpr.reid.network.config import PRESETS, NetworkConfig, network_config
from mdpr.reid.network.model import MdprNetwork, MdprOutputs, build_model

__all__ = ["PRESETS", "MdprNetwork", "MdprOutputs", "NetworkConfig", "build_model", "network_config"]
