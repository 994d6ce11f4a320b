"""`mdpr export`: an MDPR checkpoint as ONNX (8-bit too), OpenVINO or smaller .safetensors, checked against torch."""

from __future__ import annotations

import argparse
import dataclasses
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command

if TYPE_CHECKING:
    from mdpr.reid.inference.folding import InferenceNetwork

log = logging.getLogger("mdpr")

_EPILOG = """\
onnx, openvino: the network takes normalised RGB images (N, 3, H, W), N from 1 to 4096, and gives raw embeddings (N, D):
compare them by cosine. `mdpr-track --reid MODEL.onnx` reads the ONNX file; other programs read both.
With --int8 embeddings are slightly other ones, so galleries made before must be re-embedded.
safetensors: the checkpoint without class weights and the rest of the training state, in half precision; it is what
mdpr-track needs, and `mdpr-train --init-from` takes it too.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""


def make_parser() -> argparse.ArgumentParser:
    """The flags."""
    parser = argparse.ArgumentParser(
        "mdpr export", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", metavar="MODEL", help="a .safetensors checkpoint of mdpr-train, or a name: mdpr-s")
    parser.add_argument("--format", choices=("onnx", "openvino", "safetensors"), default="onnx")
    parser.add_argument("--out", type=Path, metavar="PATH", help="file, or folder (openvino); beside MODEL")
    parser.add_argument(
        "--average", nargs="+", default=[], metavar="MODEL",
        help="the mean of MODEL and these, which were trained further from the same weights",
    )  # fmt: skip
    parser.add_argument(
        "--flip-test", action=argparse.BooleanOptionalAction, help="embed crops and their mirror images; as MODEL says"
    )
    parser.add_argument(
        "--bounds", type=Path, metavar="FOLDER",
        help="bound activations by what crops in FOLDER, like those of the training, excite; as MODEL says",
    )  # fmt: skip
    parser.add_argument(
        "--bound-share", type=float, default=0.995, metavar="X", help="of the values that stay as they are (0.995)"
    )
    parser.add_argument(
        "--int8", type=Path, metavar="FOLDER",
        help="8-bit convolutions, faster on CPUs, rounded by what crops in FOLDER excite (onnx)",
    )  # fmt: skip
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _export(flags))


def _export(flags: argparse.Namespace) -> int:
    name, kind, out = flags.model, flags.format, flags.out
    from mdpr.reid.inference import export  # torch takes seconds to import: not for --help
    from mdpr.reid.inference.calibration import bound_activations
    from mdpr.reid.inference.folding import fold
    from mdpr.reid.mdpr import find_checkpoint
    from mdpr.reid.network.average import average_into
    from mdpr.reid.network.checkpoint import load_model, save_model
    from mdpr.reid.network.description import OF_THE_NETWORK, read_metadata

    path = find_checkpoint(name)
    if out is None:
        names = {
            "onnx": ".onnx" if flags.int8 is None else "-int8.onnx",
            "openvino": "_openvino",
            "safetensors": "-half.safetensors",
        }
        out = path.with_name(path.stem + names[kind])
    if flags.int8 is not None and kind != "onnx":
        raise ConfigError(f"--int8 goes with --format onnx, not with {kind}")
    if kind == "onnx" and out.suffix != ".onnx":
        raise ConfigError(f"--out {out}: the name of an ONNX file must end in .onnx")
    if kind == "openvino" and out.exists() and not (out / "model.xml").is_file():
        raise ConfigError(f"--out {out}: exists and is no OpenVINO model; it would be replaced. Give another folder")
    if kind == "safetensors" and out.resolve() == path.resolve():
        raise ConfigError(f"--out {out}: is MODEL itself, which would be replaced. Give another name")
    model = load_model(path)
    average_into(model, [load_model(find_checkpoint(other)) for other in flags.average])
    if flags.flip_test is not None:
        model.config = dataclasses.replace(model.config, flip_test=flags.flip_test)
    if flags.bounds is not None:
        log.info("bounds from %d crops", bound_activations(model, flags.bounds, flags.bound_share))
    network = fold(model)
    told = {key: value for key, value in read_metadata(path).items() if key not in OF_THE_NETWORK}
    if flags.average:
        told.pop("measures", None)  # they are MODEL's
        told["average_of"] = [path.name, *(Path(other).name for other in flags.average)]
    if kind == "safetensors":
        save_model(model, out, told, is_half=True)
        cosines = export.check_parity(network, export.checkpoint_runner(out))
    elif kind == "onnx":
        cosines = _export_onnx(network, out, told.get("measures"), flags.int8)
    else:
        export.export_openvino(network, out)
        cosines = export.check_parity(network, export.openvino_runner(out))
    height, width = network.config.input_size
    log.info("%s: %dx%d crops to %d values", out, height, width, network.config.dimension)
    for batch, cosine in cosines.items():
        log.info("batch %d: least cosine with torch %.7f", batch, cosine)
    return 0


def _export_onnx(
    network: InferenceNetwork, out: Path, measures: Mapping[str, float | None] | None, int8: Path | None
) -> dict[int, float]:
    """Write it, see `export.check_parity`; with 8 bits parity is that of the network before."""
    from mdpr.reid.inference import calibration, export

    if int8 is None:
        export.export_onnx(network, out, measures)
        return export.check_parity(network, export.onnx_runner(out))
    from mdpr.reid.inference.quantisation import MOST_PICTURES, quantise_onnx

    crops = list(calibration.read_batches(network.config, calibration.choose_pictures(int8, MOST_PICTURES)))
    with tempfile.TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        export.export_onnx(network, whole, measures)
        cosines = export.check_parity(network, export.onnx_runner(whole))
        mean, least = quantise_onnx(whole, out, crops)
    log.info(
        "8 bits, %d crops: mean cosine with the network before %.4f, least %.4f", sum(map(len, crops)), mean, least
    )
    return cosines
