"""`mdpr doctor`: what is installed, what is missing, and which engines run here."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata, util

from mdpr.errors import ConfigError
from mdpr.pipeline.window import require_display
from mdpr.versions import versions
from mdpr.weights import cache_folder

_OPENCV = ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless")


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr doctor`; returns 0 when nothing is wrong, else 1."""
    argparse.ArgumentParser("mdpr doctor", description=__doc__).parse_args(arguments)
    sys.stdout.write("".join(f"{name:<16} {version}\n" for name, version in versions().items()))
    sys.stdout.write("".join(f"{name:<16} {text}\n" for name, text in _engines()))
    problems = list(_problems())
    sys.stdout.write("".join(f"problem: {problem}\n" for problem in problems) or "no problems found\n")
    return 1 if problems else 0


def _engines() -> Iterator[tuple[str, str]]:
    """Where things run, and where weights are looked for."""
    import onnxruntime
    import torch

    from mdpr.reid.inference.engines import fastest_engine

    cuda = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"
    yield "CUDA device", cuda
    yield "ONNX Runtime", ", ".join(onnxruntime.get_available_providers())
    has_openvino = util.find_spec("openvino") is not None
    yield (
        "YOLO on CPU",
        "OpenVINO" if has_openvino else "torch (pip install 'mdpr-track[openvino]' is 3 to 8 times faster)",
    )
    yield "MDPR by", fastest_engine()
    yield "MDPR_MODELS", os.environ.get("MDPR_MODELS", "(not set)")
    yield "cache", str(cache_folder())
    try:
        require_display()
        yield "display", "yes"
    except ConfigError:
        yield "display", "none: --show will not work"


def _problems() -> Iterator[str]:
    """What would break a run, with the way out."""
    installed = [name for name in _OPENCV if _is_installed(name)]
    if len(installed) > 1:
        yield (
            f"{' and '.join(installed)} overwrite each other. "
            f"Do: pip uninstall -y {' '.join(installed)} && pip install opencv-python"
        )
    models = os.environ.get("MDPR_MODELS")
    if models and not os.path.isdir(models):
        yield f"MDPR_MODELS names a folder that does not exist: {models}"


def _is_installed(package: str) -> bool:
    try:
        metadata.version(package)
    except metadata.PackageNotFoundError:
        return False
    return True
