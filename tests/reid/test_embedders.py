"""One contract for every embedder, and what is particular to each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mdpr.components import find_class
from mdpr.errors import ConfigError, ModelError
from mdpr.reid import EMBEDDERS, embedder_of_file
from mdpr.reid.histogram import Histogram
from mdpr.reid.onnx import OnnxEmbedder

RNG = np.random.default_rng(0)
IMAGES = [RNG.integers(0, 255, size).astype(np.uint8) for size in ((120, 160, 3), (90, 90, 3))]
BOXES = [
    np.array([[10, 10, 50, 100], [-20, -5, 30, 60], [300, 300, 400, 400], [5, 5, 5, 50], [7, 7, 8, 8]], np.float32),
    np.array([[0, 0, 90, 90]], np.float32),
]  # inside, over the border, outside, without area, one pixel; and a whole image


def write_onnx(path: Path, batch: int | str = "n", size: tuple[int, int] = (64, 32), width: int = 8) -> Path:
    """A tiny "ReID network": the mean of each channel, times a fixed matrix."""
    onnx = pytest.importorskip("onnx")
    helper, types = onnx.helper, onnx.TensorProto
    matrix = np.random.default_rng(3).normal(size=(3, width)).astype(np.float32)
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("MatMul", ["flat", "matrix"], ["features"]),
    ]
    graph = helper.make_graph(
        nodes,
        "reid",
        [helper.make_tensor_value_info("images", types.FLOAT, [batch, 3, *size])],
        [helper.make_tensor_value_info("features", types.FLOAT, [batch, width])],
        [onnx.numpy_helper.from_array(matrix, "matrix")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(path))
    return path


@pytest.fixture(params=sorted(EMBEDDERS))
def make_embedder(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Any]:
    cls = find_class("embedder", request.param, EMBEDDERS)
    options = {}
    if request.param == "onnx":
        options = {"weights": str(write_onnx(tmp_path / "reid.onnx"))}
    elif request.param == "mdpr":
        options = {"weights": str(request.getfixturevalue("tiny_checkpoint")), "engine": "openvino"}
    return lambda: cls(cls.Config(**options))


def test_contract(make_embedder: Callable[[], Any]) -> None:
    embedder = make_embedder()
    copies = [image.copy() for image in IMAGES], [boxes.copy() for boxes in BOXES]
    rows = embedder.embed(IMAGES, BOXES)
    assert rows.shape == (6, embedder.dimension)
    assert rows.dtype == np.float32
    assert embedder.description
    assert bool(embedder.fingerprint) == (embedder.dimension > 0)
    assert embedder.crop_s >= 0
    if embedder.dimension:
        is_visible = np.array([True, True, False, False, True, True])
        np.testing.assert_allclose(np.linalg.norm(rows, axis=1), is_visible, atol=1e-5)
    for before, after in zip(copies[0] + copies[1], IMAGES + BOXES, strict=True):
        np.testing.assert_array_equal(before, after)  # nothing was changed
    np.testing.assert_array_equal(rows, make_embedder().embed(IMAGES, BOXES))  # deterministic


def test_rows_do_not_depend_on_the_company(make_embedder: Callable[[], Any]) -> None:
    embedder = make_embedder()
    together = embedder.embed(IMAGES, BOXES)
    alone = [embedder.embed([image], [box[None]]) for image, boxes in zip(IMAGES, BOXES, strict=True) for box in boxes]
    np.testing.assert_array_equal(together, np.concatenate(alone))


def test_nothing_to_embed(make_embedder: Callable[[], Any]) -> None:
    embedder = make_embedder()
    none = np.empty((0, 4), np.float32)
    assert embedder.embed([], []).shape == (0, embedder.dimension)
    assert embedder.embed([IMAGES[0]], [none]).shape == (0, embedder.dimension)


def test_histogram_tells_colours_apart() -> None:
    """The same clothes are nearer than other clothes."""

    def person(top: tuple[int, int, int], ground: int) -> np.ndarray:
        image = np.full((200, 100, 3), ground, np.uint8)
        image[40:110, 25:75] = top
        image[110:190, 30:70] = (60, 40, 30)
        return image

    red, red_elsewhere, blue = person((20, 20, 200), 90), person((20, 20, 190), 92), person((200, 60, 20), 90)
    box = np.array([[0, 0, 100, 200]], np.float32)
    a, b, c = Histogram().embed([red, red_elsewhere, blue], [box] * 3)
    assert a @ b > a @ c + 0.1


def test_histogram_restated() -> None:
    """One stripe of one pure colour and one of grey: all weight of a stripe in one bin."""
    image = np.zeros((96, 48, 3), np.uint8)
    image[:48] = (0, 0, 255)  # red: hue 0, saturation 255
    image[48:] = 128
    config = Histogram.Config(stripes=2, hues=4, saturations=2, greys=4)
    row = Histogram(config).embed([image], [np.array([[0, 0, 48, 96]], np.float32)])[0]
    expected = np.zeros((2, 12))
    expected[0, 1] = expected[1, 8 + 2] = np.sqrt(0.5)
    np.testing.assert_allclose(row.reshape(2, 12), expected, atol=1e-6)


@pytest.mark.parametrize("batch", ["n", 1, 4])
def test_onnx_restated(tmp_path: Path, batch: int | str) -> None:
    path = write_onnx(tmp_path / "reid.onnx", batch)
    colour = np.array([10, 100, 200], np.uint8)  # BGR
    image = np.broadcast_to(colour, (90, 60, 3)).copy()
    rows = OnnxEmbedder(OnnxEmbedder.Config(weights=str(path))).embed(
        [image], [np.array([[0, 0, 50, 80]] * 3, np.float32)]
    )
    matrix = np.random.default_rng(3).normal(size=(3, 8)).astype(np.float32)
    expected = ((colour[::-1] - [123.675, 116.28, 103.53]) / [58.395, 57.12, 57.375]) @ matrix
    np.testing.assert_allclose(rows, [expected / np.linalg.norm(expected)] * 3, atol=1e-5)


@pytest.mark.parametrize("batch", ["n", 4])
def test_onnx_on_a_device_equals_the_cpu_path(tmp_path: Path, batch: int | str) -> None:
    """The CUDA path (torch crops, ONNX Runtime reading the device's memory), run on the CPU device."""
    embedder = OnnxEmbedder(OnnxEmbedder.Config(weights=str(write_onnx(tmp_path / "reid.onnx", batch))))
    expected = embedder.embed(IMAGES, BOXES)
    rows, is_visible = embedder.embed_on_device(IMAGES, BOXES, "cpu")
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12) * is_visible[:, None]
    np.testing.assert_allclose(rows, expected, atol=0.02)


def test_onnx_errors(tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    for options, error, message in (
        ({"weights": ""}, ConfigError, "needs a model"),
        ({"weights": str(tmp_path / "absent.onnx")}, ModelError, "absent.onnx"),
        ({"weights": str(broken)}, ModelError, "cannot load"),
        ({"weights": str(write_onnx(tmp_path / "a.onnx")), "height": 999}, ModelError, "999x32"),
        ({"weights": str(tmp_path / "a.onnx"), "color": "hsv"}, ConfigError, "rgb or bgr"),
        ({"weights": str(tmp_path / "a.onnx"), "std": (1.0, 0.0, 1.0)}, ConfigError, "std above 0"),
    ):
        with pytest.raises(error, match=message):
            OnnxEmbedder(OnnxEmbedder.Config(**options))


def test_files_find_their_embedder() -> None:
    assert embedder_of_file("a/b.ONNX") == "onnx"
    assert embedder_of_file("checkpoint.safetensors") == "mdpr"
    with pytest.raises(ModelError, match="no embedder reads"):
        embedder_of_file("checkpoint.pth")


@pytest.mark.shared
def test_osnet_tells_people_apart(shared: Path) -> None:
    """Neighbouring frames of MOT17-02-mini: the same person is nearer than anyone else for nearly all."""
    import cv2

    folder = shared / "data/mot/MOT17-02-mini"
    truth = np.loadtxt(folder / "gt/gt.txt", delimiter=",")
    truth = truth[(truth[:, 6] == 1) & (truth[:, 7] == 1) & (truth[:, 8] > 0.6)]
    images = [cv2.imread(str(folder / f"img1/{index:06d}.jpg")) for index in (1, 4)]
    rows = [truth[truth[:, 0] == index] for index in (1, 4)]
    boxes = [np.concatenate([r[:, 2:4], r[:, 2:4] + r[:, 4:6]], axis=1).astype(np.float32) for r in rows]
    embedder = OnnxEmbedder(OnnxEmbedder.Config(weights=str(shared / "models/osnet_x0_25/osnet_x0_25_msmt17.onnx")))
    embeddings = embedder.embed(images, boxes)
    first, second = embeddings[: len(boxes[0])], embeddings[len(boxes[0]) :]
    nearest = rows[1][:, 1][np.argmax(first @ second.T, axis=1)]
    assert (nearest == rows[0][:, 1]).mean() > 0.9
