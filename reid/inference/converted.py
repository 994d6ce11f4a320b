"""Networks converted for an engine, kept in the cache: torch is loaded only when one must be made."""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mdpr.reid.network.config import NetworkConfig
from mdpr.weights import cache_folder

if TYPE_CHECKING:
    from mdpr.reid.inference.folding import InferenceNetwork

_VERSION = 2  # raise it when the same network is converted differently, so that cached files are made again


class NetworkSource(Protocol):
    """Where an engine has its network from."""

    @property
    def config(self) -> NetworkConfig:
        """Of the network."""

    def folded(self) -> InferenceNetwork:
        """The inference network; the caller may change it."""


@dataclass(frozen=True)
class CheckpointSource:
    """The network of a file, which is read when an engine needs it.

    Attributes:
        path: of a .safetensors checkpoint.
        config: what is to be computed: that of the file, but for `flip_test`.
    """

    path: Path
    config: NetworkConfig

    def folded(self) -> InferenceNetwork:
        """See `NetworkSource`.

        Raises:
            ModelError: damaged weights.
        """
        from mdpr.reid.inference.folding import fold
        from mdpr.reid.network.checkpoint import load_model

        model = load_model(self.path)
        model.config = dataclasses.replace(model.config, flip_test=self.config.flip_test)
        return fold(model)


def converted(source: NetworkSource, fingerprint: str, kind: str, is_for_cpu: bool = False) -> Path:
    """The network in a format of `export.FORMATS`, from the cache, or converted into it now (which takes seconds).

    Args:
        source: of the network.
        fingerprint: of its weights.
        kind: "onnx" (a file) or "openvino" (a folder).
        is_for_cpu: with its large convolutions as a CPU computes them fastest, see `with_winograd`.
    """
    suffix = ("-cpu" if is_for_cpu else "") + (".onnx" if kind == "onnx" else "_openvino")
    path = cache_folder() / "reid" / f"{fingerprint}-v{_VERSION}{suffix}"
    if not path.exists():
        from mdpr.reid.inference.export import export_onnx, export_openvino
        from mdpr.reid.inference.winograd import with_winograd

        logging.getLogger("mdpr").info("exporting the network to %s, once", path)
        network = source.folded()
        network = with_winograd(network) if is_for_cpu else network
        (export_onnx if kind == "onnx" else export_openvino)(network, path)
    return path
