"""The inference network in other formats: ONNX and OpenVINO, with the batch size left open, checked against torch."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mdpr.errors import DependencyError, ModelError
from mdpr.exporter_notes import strip_notes
from mdpr.files import make_folder, write_bytes, write_errors
from mdpr.reid.inference.folding import InferenceNetwork, fold
from mdpr.reid.network.checkpoint import load_model
from mdpr.reid.network.description import DISTANCES, ONNX_PREFIX

FORMATS = ("onnx", "openvino")
PARITY_BATCHES = (1, 3, 8)
LEAST_COSINE = 0.9999
_MOST_CROPS = 4096
_OPSET = 18


def export_program(network: InferenceNetwork) -> torch.export.ExportedProgram:
    """The network as a graph with input `images` (N, 3, H, W), N from 1 to 4,096."""
    height, width = network.config.input_size
    example = torch.zeros(2, 3, height, width, device=next(network.parameters()).device)
    batch = torch.export.Dim("batch", min=1, max=_MOST_CROPS)
    with _quiet():
        return torch.export.export(network, (example,), dynamic_shapes={"images": {0: batch}})


def export_onnx(network: InferenceNetwork, path: Path, measures: Mapping[str, float | None] | None = None) -> None:
    """Write the network as one ONNX file: `images` (N, 3, H, W) normalised RGB to `embeddings` (N, D) raw.

    Its metadata tells mean, std and the slices of the embedding, and of `measures` (a checkpoint's, see
    `mdpr.reid.training.evaluate`) the distances that trackers begin with.

    Raises:
        DependencyError: onnx or onnxscript is not installed.
        OutputError: the file cannot be written.
    """
    try:
        import onnx
        import onnxscript  # noqa: F401  torch asks for it, with a message that names no extra
    except ImportError as error:
        raise DependencyError(error.name or "onnx", "ONNX export", "export") from error
    make_folder(path.parent)
    with _quiet():
        program = torch.onnx.export(
            export_program(network),
            (),
            dynamo=True,
            opset_version=_OPSET,
            input_names=["images"],
            output_names=["embeddings"],
            verbose=False,
        )
    if program is None:
        raise ModelError("torch.onnx.export gave no model")
    model = program.model_proto
    strip_notes(model)
    config = network.config
    told: dict[str, Any] = {"mean": config.mean, "std": config.std, "slices": config.slices, "color": "rgb"}
    told |= {key: value for key in DISTANCES if (value := (measures or {}).get(key))}
    for key, value in told.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = f"{ONNX_PREFIX}{key}", json.dumps(value)
    write_bytes(path, model.SerializeToString())
    onnx.checker.check_model(str(path))


def export_openvino(network: InferenceNetwork, folder: Path) -> None:
    """Write the network as an OpenVINO model (`model.xml`, `model.bin`, float32 weights) into a new folder.

    Raises:
        DependencyError: openvino is not installed.
        OutputError: the folder cannot be written.
    """
    try:
        import openvino
    except ImportError as error:
        raise DependencyError("openvino", "OpenVINO export", "openvino") from error
    make_folder(folder.parent)
    with _quiet():
        model = openvino.convert_model(export_program(network))
    model.inputs[0].set_names({"images"})
    model.outputs[0].set_names({"embeddings"})
    with write_errors(folder), tempfile.TemporaryDirectory(dir=folder.parent) as made:
        inside = Path(made) / "model"
        inside.mkdir()
        openvino.save_model(model, str(inside / "model.xml"), compress_to_fp16=False)
        if folder.exists():
            shutil.rmtree(folder)
        os.replace(inside, folder)


def check_parity(
    network: InferenceNetwork, run: Callable[[NDArray[np.float32]], NDArray[np.float32]]
) -> dict[int, float]:
    """Least cosine of torch's rows and those of `run`, for random images at each batch size of `PARITY_BATCHES`.

    Args:
        network: float32 on the CPU.
        run: normalised (N, 3, H, W) float32 to (N, D).

    Raises:
        ModelError: a cosine of `LEAST_COSINE` or less.
    """
    generator = np.random.default_rng(0)
    height, width = network.config.input_size
    cosines: dict[int, float] = {}
    for batch in PARITY_BATCHES:
        images = generator.normal(size=(batch, 3, height, width)).astype(np.float32)
        with torch.inference_mode():
            expected = network(torch.from_numpy(images)).numpy()
        rows = run(images)
        if rows.shape != expected.shape:
            raise ModelError(f"the exported network gives {rows.shape} for {batch} images, expected {expected.shape}")
        norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(expected, axis=1)
        cosines[batch] = float(((rows * expected).sum(axis=1) / norms).min())
        if not cosines[batch] > LEAST_COSINE:
            raise ModelError(
                f"the exported network differs from torch: cosine {cosines[batch]:.6f} at batch {batch}, "
                f"expected more than {LEAST_COSINE}"
            )
    return cosines


def onnx_runner(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """`run` of `check_parity` for an ONNX file, on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return lambda images: np.asarray(session.run(None, {"images": images})[0])


def openvino_runner(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """`run` of `check_parity` for an OpenVINO folder, in fp32 on the CPU."""
    import openvino

    compiled = openvino.Core().compile_model(folder / "model.xml", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return lambda images: np.array(compiled(images)[0])


def checkpoint_runner(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """`run` of `check_parity` for a .safetensors checkpoint, in fp32 on the CPU."""
    network = fold(load_model(path))

    @torch.inference_mode()
    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = network(torch.from_numpy(images)).numpy()
        return rows

    return run


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporters' progress lines and warnings about their own insides."""
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
