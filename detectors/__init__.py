"""Detectors by name. A module is imported only when its detector is asked for."""

from __future__ import annotations

DETECTORS: dict[str, str] = {
    "yolo": "mdpr.detectors.yolo:Yolo",
    "person": "mdpr.detectors.person:Person",
    "onnx": "mdpr.detectors.onnx:Onnx",
    "torchvision": "mdpr.detectors.torchvision_models:Torchvision",
    "file": "mdpr.detectors.file:File",
    "motion": "mdpr.detectors.motion:Motion",
}
