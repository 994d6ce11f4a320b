"""Versions of everything that can change a result."""

from __future__ import annotations

import platform
from importlib import metadata

from mdpr import __version__

_PACKAGES = ("torch", "torchvision", "ultralytics", "opencv-python", "numpy", "scipy", "av", "onnxruntime", "openvino")


def versions() -> dict[str, str]:
    """By name; packages that are not installed are left out."""
    found = {"mdpr-track": __version__, "python": platform.python_version(), "platform": platform.platform()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
