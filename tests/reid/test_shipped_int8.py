"""The 8-bit network that comes along: found by its name, and nearly the same as the whole one."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from mdpr.pipeline.config import component_of
from mdpr.reid.mdpr import MdprEmbedder
from mdpr.reid.onnx import OnnxEmbedder

DEMO = Path(__file__).resolve().parents[2] / "demo" / "east.mp4"


def test_the_eight_bit_network_is_nearly_the_whole_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On boxes of a picture of a corridor, with people in it or not."""
    monkeypatch.setenv("MDPR_MODELS", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    component = component_of("reid", {"name": "mdpr-s-int8"})
    assert component.cls is OnnxEmbedder
    small, whole = component.cls(component.options), MdprEmbedder(MdprEmbedder.Config("mdpr-s", precision="fp32"))
    assert small.dimension == whole.dimension == 864
    assert small.input_size == (192, 96)
    assert small.fingerprint != whole.fingerprint
    assert small.match_distance == pytest.approx(whole.match_distance)
    assert small.sure_distance == pytest.approx(whole.sure_distance)
    video = cv2.VideoCapture(str(DEMO))
    video.set(cv2.CAP_PROP_POS_FRAMES, 40)
    image = video.read()[1]
    boxes = [np.array([[x, 60, x + 80, 240] for x in range(0, image.shape[1] - 80, 60)], np.float32)]
    rows, expected = (embedder.embed([image], boxes) for embedder in (small, whole))
    cosines = (rows * expected).sum(axis=1)
    assert cosines.mean() > 0.97
    assert cosines.max() < 1 - 1e-7
