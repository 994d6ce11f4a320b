"""`mdpr data`: look at ReID data sets, write manifests, cut or export crops, make synthetic people, import weights."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.commands import data_export, data_synth
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.settings import parse_setting
from mdpr.reid.data import DATASETS, ReidDataset, load_dataset
from mdpr.reid.data.counts import SPLITS, describe

log = logging.getLogger("mdpr")

_EPILOG = f"""\
data sets: {", ".join(DATASETS)}, or package.module:function of your own.
           The root is the folder of the data set or the one that holds it; for a manifest its file.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""
_MOST_BROKEN = 20


def make_parser() -> argparse.ArgumentParser:
    """The subcommands and their flags."""
    parser = argparse.ArgumentParser(
        "mdpr data", description=__doc__, epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)

    check = commands.add_parser("check", help="count images, identities and cameras of a data set")
    _add_dataset(check)
    check.add_argument(
        "--open-images", action="store_true", help="open every image too, and name those that are broken"
    )

    manifest = commands.add_parser("manifest", help="write a data set as a table: path, pid, camid, split")
    _add_dataset(manifest)
    manifest.add_argument("--out", required=True, type=Path, metavar="FILE", help="ends in .csv or .parquet")

    crops = commands.add_parser("crops", help="cut crops from a video by MOTChallenge ground truth")
    crops.add_argument("truth", type=Path, metavar="GT.txt", help="frame,id,x,y,width,height,flag,class,visibility")
    crops.add_argument("video", metavar="VIDEO", help="the video, image folder or sequence that it belongs to")
    crops.add_argument("--out", required=True, type=Path, metavar="DIR", help="folder of the crops and manifest.csv")
    crops.add_argument("--name", default="", help="of the sequence (folder of the ground truth)")
    crops.add_argument("--every", type=float, default=1.0, metavar="SECONDS", help="at most one crop a person in (1)")
    crops.add_argument("--min-visibility", type=float, default=0.5, metavar="PART", help="visible part, 0 to 1 (0.5)")
    crops.add_argument("--min-height", type=float, default=64.0, metavar="PIXELS", help="of a box (64)")
    crops.add_argument("--camera-id", type=int, metavar="N", help="camera of the sequence (unknown)")
    crops.add_argument("--pid-offset", type=int, metavar="N", help="added to identities (after those in the manifest)")
    crops.add_argument("--hold-out", type=float, default=0.0, metavar="PART", help="people to test on, 0 to 1 (0)")
    crops.add_argument("--queries", type=int, default=1, metavar="N", help="query images of each of them (1)")
    crops.add_argument("--seed", type=int, default=0, help="chooses them (0)")
    crops.add_argument("--fps", type=float, help="rate of image folders that do not state one (25)")
    crops.add_argument("--exist-ok", action="store_true", help="replace crops of a sequence of the same name")

    weights = commands.add_parser("import-checkpoint", help="turn a checkpoint of the method's authors into ours")
    weights.add_argument("checkpoint", type=Path, metavar="AUTHORS.pth")
    weights.add_argument("--out", required=True, type=Path, metavar="model.safetensors")
    weights.add_argument("--network", default="mdpr-r101", metavar="NAME", help="preset that it is (mdpr-r101)")
    weights.add_argument("--depth", type=int, help="18, 34, 50 or 101, where it differs from the preset")
    weights.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other field: stripes=3, input_size=[256,128]",
    )
    data_synth.add_parser(commands)
    data_export.add_parser(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr data`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    body = {
        "check": _check,
        "manifest": _manifest,
        "crops": _crops,
        "import-checkpoint": _import,
        "synth": data_synth.run,
        "export-crops": data_export.run,
    }[flags.command]
    return run_command(lambda: body(flags))


def _add_dataset(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="of the data set; see mdpr data --help")
    parser.add_argument("--root", required=True, metavar="DIR", help="its folder, or the one that holds it")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="option of the reader: strict=true, boxes=labeled",
    )


def _load(flags: argparse.Namespace) -> ReidDataset:
    return load_dataset(flags.name, flags.root, **dict(map(parse_setting, flags.set)))


def _check(flags: argparse.Namespace) -> int:
    dataset = _load(flags)
    sys.stdout.write(describe(dataset) + "\n")
    return _open_images(dataset) if flags.open_images else 0


def _open_images(dataset: ReidDataset) -> int:
    """Read every crop; 1 when there is a broken one."""
    from mdpr.reid.data.images import read_image

    crops = [
        pair
        for split in SPLITS
        for images in [getattr(dataset, split)]
        for pair in zip(images.paths, images.boxes, strict=True)
    ]
    broken = 0
    for path, box in tqdm(crops, unit=" images", leave=False, disable=not sys.stderr.isatty()):
        try:
            read_image(path, box)
        except FormatError as error:
            broken += 1
            if broken <= _MOST_BROKEN:
                log.error("%s", error)
    if broken:
        log.error("%d of %d images cannot be used", broken, len(crops))
    else:
        sys.stdout.write(f"  all {len(crops)} images can be read\n")
    return 1 if broken else 0


def _manifest(flags: argparse.Namespace) -> int:
    from mdpr.reid.data.manifest import write_manifest

    dataset = _load(flags)
    write_manifest(dataset, flags.out)
    sys.stdout.write(f"{describe(dataset)}\n  written to {flags.out}\n")
    return 0


def _crops(flags: argparse.Namespace) -> int:
    from mdpr.pipeline.crops import MANIFEST, CutConfig, cut_crops
    from mdpr.reid.data.motcrops import CropOptions

    config = CutConfig(
        name=flags.name,
        crops=CropOptions(flags.every, flags.min_visibility, flags.min_height),
        camid=flags.camera_id,
        pid_offset=flags.pid_offset,
        hold_out=flags.hold_out,
        queries=flags.queries,
        seed=flags.seed,
        fps=flags.fps,
        exist_ok=flags.exist_ok,
    )
    dataset = cut_crops(flags.truth, flags.video, flags.out, config)
    sys.stdout.write(f"{describe(dataset)}\n  added to {flags.out / MANIFEST}\n")
    return 0


def _import(flags: argparse.Namespace) -> int:
    from mdpr.reid.network.authors import import_checkpoint

    overrides: dict[str, Any] = dict(map(parse_setting, flags.set))
    if flags.depth is not None and overrides.setdefault("depth", flags.depth) != flags.depth:
        raise ConfigError(f"--depth {flags.depth} and --set depth={overrides['depth']} differ; give one of them")
    report = import_checkpoint(flags.checkpoint, flags.out, flags.network, overrides)
    sys.stdout.write(f"{flags.out}\n" + "".join(f"  {key:<12} {value}\n" for key, value in report.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
