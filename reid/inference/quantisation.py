"""An exported network with 8-bit convolutions: faster on a CPU, with embeddings of its own.

Weights are rounded by channel, activations to the range that they had on crops (static quantisation, as in Jacob et
al., 1712.05877, eq. 1; ONNX Runtime does it). Everything but convolutions stays in float32.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import DependencyError, ModelError
from mdpr.files import make_folder, write_bytes
from mdpr.reid.inference.export import onnx_runner

MOST_PICTURES = 200
"""That activations are measured on."""

LEAST_COSINE = 0.9
"""Mean cosine of embeddings before and after below which a network does not bear rounding."""

Batches = Sequence[NDArray[np.float32]]


def quantise_onnx(source: Path, out: Path, batches: Batches) -> tuple[float, float]:
    """Write `source` again with 8-bit convolutions.

    Args:
        source: a file of `export.export_onnx`; its metadata is kept.
        out: the file to write.
        batches: normalised crops (N, 3, H, W) to measure activations on.

    Returns:
        Mean and least cosine of what the two give for the crops.

    Raises:
        DependencyError: onnx is not installed.
        ModelError: the mean is below `LEAST_COSINE`; nothing is written then.
        OutputError: the file cannot be written.
    """
    try:
        import onnx
        from onnxruntime import quantization
        from onnxruntime.quantization.shape_inference import quant_pre_process
    except ImportError as error:
        raise DependencyError(error.name or "onnx", "8-bit export", "export") from error

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches: Iterator[NDArray[np.float32]] = iter(batches)

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(self._batches, None)
            return None if batch is None else {"images": batch}

    level = logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        prepared, made = Path(folder) / "prepared.onnx", Path(folder) / "made.onnx"
        try:
            logging.getLogger().setLevel(logging.ERROR)  # it logs its own suggestions there
            quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
            quantization.quantize_static(
                str(prepared),
                str(made),
                Reader(),
                quant_format=quantization.QuantFormat.QDQ,
                op_types_to_quantize=["Conv"],
                per_channel=True,
                activation_type=quantization.QuantType.QUInt8,
                weight_type=quantization.QuantType.QInt8,
                reduce_range=True,  # 7 bits of weights: sums of 8 overflow on processors without VNNI
            )
        finally:
            logging.getLogger().setLevel(level)
        cosines = _compare(source, made, batches)
        model = onnx.load(str(made))
    del model.metadata_props[:]
    model.metadata_props.extend(onnx.load(str(source)).metadata_props)
    make_folder(out.parent)
    write_bytes(out, model.SerializeToString())
    return cosines


def _compare(before: Path, after: Path, batches: Batches) -> tuple[float, float]:
    both = [np.concatenate([run(batch) for batch in batches]) for run in map(onnx_runner, (before, after))]
    first, second = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in both)
    cosines = (first * second).sum(axis=1)
    if not cosines.mean() >= LEAST_COSINE:
        raise ModelError(
            f"with 8 bits embeddings differ from those before: mean cosine {cosines.mean():.3f}, expected at least "
            f"{LEAST_COSINE}. Give --bounds the same folder, or do without --int8"
        )
    return float(cosines.mean()), float(cosines.min())
