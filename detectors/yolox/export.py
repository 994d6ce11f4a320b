"""The network as an ONNX file that `--detector onnx` reads, for pictures of any proportions.

As the published YOLOX files: input `images` (1, 3, H, W), BGR in 0..255, picture in the upper left corner, grey 114
around it; output (1, A, 6), boxes not decoded. Height and width are left open, in multiples of 32.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mdpr.detectors.options import STRIDE
from mdpr.detectors.yolox.calibration import Calibration
from mdpr.detectors.yolox.checkpoint import load_network
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.network import YoloxNetwork
from mdpr.errors import DependencyError, ModelError
from mdpr.exporter_notes import strip_notes
from mdpr.files import make_folder, write_bytes

PARITY_SIZES = ((416, 416), (384, 640), (320, 544))
"""Height and width of inputs at which the file is compared with torch."""

_OPSET = 18
_MOST_DIFFERENCE = 1e-3  # of scores, and of boxes in cells
_LARGEST = 64  # multiples of 32


def export_onnx(
    network: YoloxNetwork,
    path: Path,
    metadata: Mapping[str, Any] | None = None,
    calibration: Calibration | None = None,
) -> float:
    """Write a network, and compare the file with it.

    Args:
        network: of one class or more.
        path: of the file.
        metadata: JSON values that go into the file, each under its name with "mdpr." in front.
        calibration: that its scores get.

    Returns:
        The largest difference of an output from torch's, over `PARITY_SIZES`.

    Raises:
        DependencyError: onnx or onnxscript is not installed.
        ModelError: the file computes something else; it is not written.
        OutputError: it cannot be written.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  torch asks for it, with a message that names no extra
    except ImportError as error:
        raise DependencyError(error.name or "onnx", "ONNX export", "export") from error
    folded = FoldedNetwork(network, calibration).cpu()
    rows, columns = (torch.export.Dim(name, min=2, max=_LARGEST) for name in ("rows", "columns"))
    example = torch.zeros(1, 3, 8 * STRIDE, 10 * STRIDE)
    with _quiet():
        shapes = {"images": {2: STRIDE * rows, 3: STRIDE * columns}}
        program = torch.onnx.export(
            torch.export.export(folded, (example,), dynamic_shapes=shapes), (), dynamo=True, opset_version=_OPSET,
            input_names=["images"], output_names=["output"], verbose=False,
        )  # fmt: skip
    if program is None:
        raise ModelError("torch.onnx.export gave no model")
    model = program.model_proto
    strip_notes(model)
    for key, value in {"classes": ["person"], "color": "bgr", **(metadata or {})}.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = f"mdpr.{key}", json.dumps(value)
    onnx.checker.check_model(model)
    content = model.SerializeToString()
    difference = parity(folded, content)
    if not difference < _MOST_DIFFERENCE:
        raise ModelError(f"{path}: the exported network differs from torch by {difference:.2g}; nothing was written")
    make_folder(path.parent)
    write_bytes(path, content)
    return difference


def export_checkpoint(checkpoint: Path, path: Path) -> float:
    """`export_onnx` for a file of mdpr train-detector, or the folder of a run, with the calibration that it holds.

    The file says what it was trained on.

    Raises:
        ModelError: damaged, or something else.
    """
    network, told = load_network(checkpoint)
    kept: dict[str, Any] = {
        key: told[key] for key in ("made_by", "pictures", "updates", "epochs", "measures", "calibration") if key in told
    }
    calibration = Calibration(**told["calibration"]) if told.get("calibration") else None
    return export_onnx(network, path, kept, calibration)


def parity(network: FoldedNetwork, content: bytes) -> float:
    """The largest difference between torch's output and that of an ONNX file, for random pictures.

    Args:
        network: on the CPU.
        content: of the file.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # on a busy machine, several would mostly wait for each other
    session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    generator = np.random.default_rng(0)
    largest = 0.0
    for size in PARITY_SIZES:
        images = generator.integers(0, 256, (1, 3, *size)).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(images)).numpy()
        got = session.run(None, {"images": images})[0]
        if got.shape != expected.shape:
            raise ModelError(f"the exported network gives {got.shape} for {size}, expected {expected.shape}")
        largest = max(largest, float(np.abs(got - expected).max()))
    return largest


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's progress lines and warnings about its own insides."""
    loggers: list[Any] = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
