"""Scores that mean what they say: the fit against made-up truth, and what is exported."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from mdpr.detectors.yolox.calibration import Calibration, calibrate, fit, logit
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.metrics import Truth
from mdpr.detectors.yolox.network import NetworkConfig, YoloxNetwork
from mdpr.types import Detections


@pytest.mark.parametrize(("slope", "shift"), [(1.0, 0.0), (0.6, 1.5), (2.0, -1.0)])
def test_the_line_is_found_again(slope: float, shift: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 20_000)
    is_right = rng.random(20_000) < 1 / (1 + np.exp(-(slope * logits + shift)))
    found = fit(logits, is_right)
    assert found.slope == pytest.approx(slope, rel=0.06)
    assert found.shift == pytest.approx(shift, abs=0.08)


def scene(rng: np.random.Generator, confidence: float, share: float, count: int) -> tuple[Truth, Detections]:
    """`count` boxes of one confidence, of which a share lies on people; two lie on somebody who is ignored."""
    boxes = np.array([[20.0 * n, 0, 20 * n + 10, 30] for n in range(count)], np.float32)
    is_right = rng.random(count) < share
    truth = Truth(boxes[is_right], np.array([[-50.0, 0, -20, 30]], np.float32))
    found = np.concatenate([boxes, [[-48, 0, -24, 30], [-45, 0, -22, 29]]]).astype(np.float32)
    return truth, Detections(found, np.full(len(found), confidence, np.float32), np.zeros(len(found), np.int32))


def test_scores_become_shares() -> None:
    rng = np.random.default_rng(1)
    scenes = [scene(rng, confidence, share, 50) for confidence, share in ((0.1, 0.3), (0.4, 0.8)) for _ in range(40)]
    made = calibrate([truth for truth, _ in scenes], [found for _, found in scenes])
    for score, share in ((0.1, 0.3), (0.4, 0.8)):
        became = 1 / (1 + np.exp(-(made.slope * logit(np.array([score])) + made.shift)))
        assert became[0] == pytest.approx(share, abs=0.03)


def test_few_boxes_change_nothing() -> None:
    rng = np.random.default_rng(2)
    truth, found = scene(rng, 0.5, 0.5, 60)
    assert calibrate([truth], [found]) == Calibration()
    assert calibrate([], []) == Calibration()


def test_what_is_exported_is_the_calibrated_product() -> None:
    torch.manual_seed(0)
    network = YoloxNetwork(NetworkConfig(0.33, 0.0625, True)).eval()
    for head in network.heads:
        torch.nn.init.normal_(head.objectness.weight, std=3.0)  # type: ignore[union-attr]
        torch.nn.init.normal_(head.class_logits.weight, std=3.0)  # type: ignore[union-attr]
    images = torch.randint(0, 256, (1, 3, 64, 96)).float()
    with torch.inference_mode():
        plain = FoldedNetwork(network)(images).double().numpy()
        got = FoldedNetwork(network, Calibration(0.7, 0.4))(images).numpy()
    np.testing.assert_array_equal(got[..., :4], plain[..., :4].astype(np.float32))
    score = plain[..., 4] * plain[..., 5]
    expected = 1 / (1 + np.exp(-(0.7 * np.log(score / (1 - score)) + 0.4)))
    np.testing.assert_allclose(got[..., 4] * got[..., 5], expected, atol=1e-5)
