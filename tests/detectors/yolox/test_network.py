"""The network: shapes, invariances, and the published weights in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mdpr.detectors.yolo_outputs import grid
from mdpr.detectors.yolox.blocks import ConvUnit, space_to_depth
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.network import SIZES, NetworkConfig, YoloxNetwork
from mdpr.errors import ConfigError


def randomised(config: NetworkConfig) -> YoloxNetwork:
    """A network whose BatchNorm has statistics and weights of its own."""
    torch.manual_seed(0)
    network = YoloxNetwork(config)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.3, 0.3)
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return network.eval()


def pictures(*size: int) -> torch.Tensor:
    return torch.randint(0, 256, (1, 3, *size), generator=torch.Generator().manual_seed(1)).float()


@pytest.mark.parametrize(("name", "millions"), [("nano", 0.90), ("tiny", 5.03), ("s", 8.94)])
def test_sizes_are_those_of_the_paper(name: str, millions: float) -> None:
    """The paper's 0.91, 5.06 and 9.0 million are for 80 classes."""
    with torch.device("meta"):
        network = YoloxNetwork(SIZES[name])
    assert sum(parameter.numel() for parameter in network.parameters()) / 1e6 == pytest.approx(millions, abs=0.005)


@pytest.mark.parametrize("size", [(64, 64), (96, 160)])
def test_rows_are_those_of_the_grid(size: tuple[int, int]) -> None:
    out = YoloxNetwork(NetworkConfig(classes=3)).eval()(pictures(*size))
    assert out.shape == (1, grid(*size)[0].shape[1], 8)


def test_an_anchor_row_is_where_the_grid_says() -> None:
    """The row that a lone bright patch changes most lies in the patch."""
    network = randomised(NetworkConfig())
    picture = torch.full((1, 3, 128, 256), 114.0)
    with torch.inference_mode():
        before = network(picture)[0]
        picture[:, :, 40:56, 200:216] = 255
        change = (network(picture)[0] - before).abs().sum(dim=1)
    points, strides = grid(128, 256)
    fine = np.flatnonzero(strides == 8)
    column, row = points[:, fine[change[fine].argmax()]]
    assert (abs(column * 8 - 208), abs(row * 8 - 48)) < (24, 24)


def test_prior_says_background() -> None:
    torch.manual_seed(0)
    with torch.inference_mode():
        out = YoloxNetwork(NetworkConfig()).eval()(pictures(64, 64))
    assert out[..., 4:].sigmoid().mean().item() == pytest.approx(0.01, rel=0.5)


def test_four_pixels_become_channels() -> None:
    x = torch.arange(2 * 4 * 6.0).reshape(1, 2, 4, 6)
    blocks = space_to_depth(x)
    for row in range(2):
        for column in range(3):
            square = x[0, :, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2]  # (channels, rows, columns)
            expected = [square[:, 0, 0], square[:, 1, 0], square[:, 0, 1], square[:, 1, 1]]
            assert torch.equal(blocks[0, :, row, column], torch.cat(expected))


@pytest.mark.parametrize("depthwise", [True, False])
def test_folding_changes_nothing(depthwise: bool) -> None:
    network = randomised(NetworkConfig(0.33, 0.125, depthwise, 2))
    folded = FoldedNetwork(network)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    assert any(isinstance(module, nn.BatchNorm2d) for module in network.modules())
    with torch.inference_mode():
        expected = network(pictures(64, 96))
        got = folded(pictures(64, 96))
    torch.testing.assert_close(got[..., :4], expected[..., :4], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(got[..., 4:], expected[..., 4:].sigmoid(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("values", [{"depth": 0.0}, {"width": -1.0}, {"classes": 0}, {"width": 0.01}])
def test_wrong_sizes(values: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"network: "):
        NetworkConfig(**values)


@pytest.mark.shared
def test_published_weights_give_the_published_outputs(shared: Path) -> None:
    """COCO weights are only read here: what is shipped is trained from random weights.

    The published file has its BatchNorm folded, and lists its convolutions in the order in which they run.
    """
    onnx = pytest.importorskip("onnx")
    onnxruntime = pytest.importorskip("onnxruntime")
    path = shared / "models" / "yolox_nano" / "yolox_nano.onnx"
    graph = onnx.load(path).graph
    arrays = {entry.name: onnx.numpy_helper.to_array(entry) for entry in graph.initializer}
    network = YoloxNetwork(NetworkConfig(classes=80)).eval()
    folded = FoldedNetwork(network)
    order: list[nn.Conv2d] = []
    for module in folded.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_pre_hook(lambda layer, _: order.append(layer))
    folded(pictures(64, 64))
    published = [node for node in graph.node if node.op_type == "Conv"]
    assert len(published) == len(order) == 113
    for layer, node in zip(order, published, strict=True):
        weight, bias = (torch.from_numpy(arrays[name].copy()) for name in node.input[1:3])
        assert weight.shape == layer.weight.shape
        layer.weight.copy_(weight)
        assert layer.bias is not None
        layer.bias.copy_(bias)
        attributes = {entry.name: onnx.helper.get_attribute_value(entry) for entry in node.attribute}
        assert tuple(attributes["strides"]) == layer.stride
        assert attributes["group"] == layer.groups

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    images = pictures(416, 416)
    expected = session.run(None, {session.get_inputs()[0].name: images.numpy()})[0]
    assert expected.shape == (1, 3549, 85)
    with torch.inference_mode():
        got = folded(images).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
    assert expected[0, :, 4].max() > 1e-3, "nothing in the picture: the scores would be equal anyway"
    assert isinstance(next(network.modules()), YoloxNetwork)
    assert sum(isinstance(module, ConvUnit) for module in network.modules()) == 104
