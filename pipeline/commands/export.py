"""`mdpr export`: an MDPR checkpoint as ONNX, OpenVINO or smaller .safetensors, checked against torch."""

from __future__ import annotations

import argparse
import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command

log = logging.getLogger("mdpr")

_EPILOG = """\
onnx, openvino: the network takes normalised RGB images (N, 3, H, W), N from 1 to 4096, and gives raw embeddings (N, D):
compare them by cosine. `mdpr-track --reid MODEL.onnx` reads the ONNX file; other programs read both.
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
        "--flip-test", action=argparse.BooleanOptionalAction, help="embed crops and their mirror images; as MODEL says"
    )
    parser.add_argument(
        "--bounds", type=Path, metavar="FOLDER",
        help="bound activations by what crops in FOLDER, like those of the training, excite; as MODEL says",
    )  # fmt: skip
    parser.add_argument(
        "--bound-share", type=float, default=0.995, metavar="X", help="of the values that stay as they are (0.995)"
    )
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
    from mdpr.reid.network.checkpoint import load_model, save_model
    from mdpr.reid.network.description import OF_THE_NETWORK, read_metadata

    path = find_checkpoint(name)
    if out is None:
        names = {"onnx": ".onnx", "openvino": "_openvino", "safetensors": "-half.safetensors"}
        out = path.with_name(path.stem + names[kind])
    if kind == "onnx" and out.suffix != ".onnx":
        raise ConfigError(f"--out {out}: the name of an ONNX file must end in .onnx")
    if kind == "openvino" and out.exists() and not (out / "model.xml").is_file():
        raise ConfigError(f"--out {out}: exists and is no OpenVINO model; it would be replaced. Give another folder")
    if kind == "safetensors" and out.resolve() == path.resolve():
        raise ConfigError(f"--out {out}: is MODEL itself, which would be replaced. Give another name")
    model = load_model(path)
    if flags.flip_test is not None:
        model.config = dataclasses.replace(model.config, flip_test=flags.flip_test)
    if flags.bounds is not None:
        log.info("bounds from %d crops", bound_activations(model, flags.bounds, flags.bound_share))
    network = fold(model)
    told = {key: value for key, value in read_metadata(path).items() if key not in OF_THE_NETWORK}
    if kind == "safetensors":
        save_model(model, out, told, is_half=True)
        cosines = export.check_parity(network, export.checkpoint_runner(out))
    elif kind == "onnx":
        export.export_onnx(network, out, told.get("measures"))
        cosines = export.check_parity(network, export.onnx_runner(out))
    else:
        export.export_openvino(network, out)
        cosines = export.check_parity(network, export.openvino_runner(out))
    height, width = network.config.input_size
    log.info("%s: %dx%d crops to %d values", out, height, width, network.config.dimension)
    for batch, cosine in cosines.items():
        log.info("batch %d: least cosine with torch %.7f", batch, cosine)
    return 0
