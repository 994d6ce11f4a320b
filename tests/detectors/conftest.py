"""Tiny networks whose answer is known: a cell's score for class k is the mean of colour channel k in that cell."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mdpr.types import Frame

STRIDES = (8, 16, 32)


def naive_grid(height: int, width: int) -> list[tuple[float, float, int]]:
    """(x, y, stride) of every anchor in cells, by loops."""
    return [
        (column + 0.5, row + 0.5, stride)
        for stride in STRIDES
        for row in range(height // stride)
        for column in range(width // stride)
    ]


@pytest.fixture
def make_network(tmp_path: Path) -> Callable[..., Path]:
    """`make_network(kind, height, width)` writes an ONNX file of kind yolov8, yolox or baked (boxes constant)."""
    onnx = pytest.importorskip("onnx")
    helper, numpy_helper, types = onnx.helper, onnx.numpy_helper, onnx.TensorProto

    def make(kind: str = "yolov8", height: int = 128, width: int = 128, **metadata: str) -> Path:
        nodes: list[Any] = []
        constants: list[Any] = []

        def constant(name: str, values: NDArray[Any]) -> str:
            constants.append(numpy_helper.from_array(values, name))
            return name

        def node(kind_of_node: str, inputs: list[str], output: str, **attributes: Any) -> str:
            nodes.append(helper.make_node(kind_of_node, inputs, [output], **attributes))
            return output

        points = np.array(naive_grid(height, width), np.float32)
        anchors = constant("anchors", points[:, :2].T[None].copy())  # (1, 2, A)
        strides = constant("strides", points[:, 2][None, None].copy())  # (1, 1, A)
        parts = []
        for stride in STRIDES:
            pooled = node("AveragePool", ["images"], f"pool{stride}", kernel_shape=[stride] * 2, strides=[stride] * 2)
            cells = (height // stride) * (width // stride)
            target = constant(f"target{stride}", np.array([1, 3, cells], np.int64))
            parts.append(node("Reshape", [pooled, target], f"part{stride}"))
        scores = node("Concat", parts, "scores", axis=2)  # (1, 3, A)
        if kind == "yolov8":
            centre = node("Mul", [anchors, strides], "centre")
            node("Concat", [centre, strides, strides, scores], "output", axis=1)
        elif kind == "baked":
            boxes = np.concatenate([points[:, :2] * points[:, 2:], points[:, [2, 2]]], axis=1).T[None].copy()
            node("Concat", [constant("boxes", boxes), scores], "output", axis=1)
        else:
            raw = np.concatenate([np.full((1, 2, len(points)), 0.5), np.zeros((1, 2, len(points)))], axis=1)
            objectness = np.ones((1, 1, len(points)))
            head = constant("head", np.concatenate([raw, objectness], axis=1).astype(np.float32))
            scaled = node("Mul", [scores, constant("scale", np.float32(1 / 255).reshape(1))], "scaled")
            node("Transpose", [node("Concat", [head, scaled], "joined", axis=1)], "output", perm=[0, 2, 1])
        shape = [1, len(points), 8] if kind == "yolox" else [1, 7, len(points)]
        graph = helper.make_graph(
            nodes,
            "detector",
            [helper.make_tensor_value_info("images", types.FLOAT, [1, 3, height, width])],
            [helper.make_tensor_value_info("output", types.FLOAT, shape)],
            constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        path = tmp_path / f"{kind}_{height}x{width}.onnx"
        onnx.save(model, str(path))
        return path

    return make


@pytest.fixture
def make_folder(make_network: Callable[..., Path]) -> Callable[..., Path]:
    """`make_folder(kind, height, width, metadata)`: the same network as an OpenVINO folder."""
    openvino = pytest.importorskip("openvino")

    def make(kind: str = "yolov8", height: int = 128, width: int = 128, metadata: str = "task: detect\n") -> Path:
        file = make_network(kind, height, width)
        folder = file.with_name(f"{file.stem}_openvino_model")
        folder.mkdir()
        openvino.save_model(openvino.Core().read_model(file), folder / "model.xml", compress_to_fp16=False)
        (folder / "metadata.yaml").write_text(metadata)
        return folder

    return make


@pytest.fixture
def make_frame() -> Callable[..., Frame]:
    """`make_frame(width, height, colour, box)`: black, with one patch of a BGR colour."""

    def make(
        width: int = 256,
        height: int = 256,
        colour: tuple[int, int, int] = (0, 0, 230),
        box: tuple[int, int, int, int] = (64, 64, 128, 128),
        camera: str = "cam",
        index: int = 0,
    ) -> Frame:
        image = np.zeros((height, width, 3), np.uint8)
        image[box[1] : box[3], box[0] : box[2]] = colour
        return Frame(camera, index, index / 25, image)

    return make
