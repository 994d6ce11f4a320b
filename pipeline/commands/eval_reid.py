"""`mdpr eval reid MODEL --data DATA`: mAP, mINP, CMC, re-ranking, thresholds and pictures of a ReID model."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from mdpr.errors import ConfigError
from mdpr.pipeline.commands.running import run_command
from mdpr.pipeline.memory import keep_freed_memory
from mdpr.pipeline.settings import parse_setting
from mdpr.reid.data import DATASETS, ReidDataset, ReidImages, load_dataset

if TYPE_CHECKING:
    from mdpr.reid.evaluation.models import FeatureModel, Floats

log = logging.getLogger("mdpr")

_EPILOG = f"""\
MODEL: a checkpoint of mdpr-train (.safetensors), the folder of a run, an .onnx file, or the name of one of these in
       MDPR_MODELS or the cache, or mdpr-s.
DATA:  {", ".join(DATASETS)}, with --root; or a manifest (.csv, .parquet); or a folder of people;
       or package.module:function of your own. It need not be what the model was trained on.
exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 130 interrupted.
"""
_FOLDER_OF_PEOPLE, _MANIFEST = "folders", "manifest"


def make_parser() -> argparse.ArgumentParser:
    """The flags of the command."""
    parser = argparse.ArgumentParser(
        "mdpr eval reid",
        description=__doc__,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("model", metavar="MODEL", help="what is evaluated; see below")
    group = parser.add_argument_group("data")
    group.add_argument("--data", required=True, metavar="DATA", help="what it is evaluated on; see below")
    group.add_argument("--root", metavar="DIR", help="folder of the data set, or the one that holds it")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="option of its reader: hold_out=1, strict=true"
    )
    group = parser.add_argument_group("evaluation")
    group.add_argument("--rerank", action="store_true", help="also with k-reciprocal re-ranking")
    group.add_argument(
        "--rerank-set", action="append", default=[], metavar="KEY=VALUE", help="k1=20, k2=6 or original_weight=0.3"
    )
    group.add_argument("--expand", type=int, default=0, metavar="K", help="also with queries expanded by K neighbours")
    group.add_argument("--alpha", type=float, default=3.0, help="power of their similarity as weight; 0 = average (3)")
    group.add_argument(
        "--exclude", choices=("auto", "camera", "image"), default="auto", help="what is left out of a ranking (auto)"
    )
    group = parser.add_argument_group("model")
    group.add_argument("--batch", type=int, default=64, metavar="N", help="crops a call (64)")
    group.add_argument("--device", default="", help="cpu, cuda, cuda:1; default: the first GPU, else the CPU")
    group.add_argument("--engine", default="auto", help="auto, openvino, onnxruntime, torch (auto)")
    group.add_argument("--precision", default="fp32", help="auto, fp32, bf16, fp16 (fp32)")
    group.add_argument("--workers", type=int, default=0, metavar="N", help="threads that read images (one a core)")
    group.add_argument(
        "--features", type=Path, metavar="FILE.npz", help="keep the features there; read them if it exists"
    )
    group = parser.add_argument_group("output")
    group.add_argument("--out", type=Path, metavar="DIR", help="write metrics.json, pictures and report.html there")
    group.add_argument("--json", action="store_true", help="print the result as JSON")
    group.add_argument("--quiet", action="store_true", help="only the result, warnings and errors")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry point of `mdpr eval reid`; returns the exit code."""
    flags = make_parser().parse_args(arguments)
    return run_command(lambda: _run(flags), flags.quiet or flags.json)


def _run(flags: argparse.Namespace) -> int:
    dataset = _load(flags)
    keep_freed_memory()
    from mdpr.reid.evaluation.evaluate import EvaluateConfig, evaluate
    from mdpr.reid.evaluation.models import model_file, open_model
    from mdpr.reid.evaluation.report import Setting, as_json, as_text
    from mdpr.reid.evaluation.truth import without_junk

    config = EvaluateConfig(flags.exclude, _rerank_config(flags), flags.expand, flags.alpha)
    path = model_file(flags.model)
    model = open_model(path, flags.engine, flags.precision, flags.device)
    gallery = without_junk(dataset.gallery)
    log.info("%s", model.description)
    query_features, gallery_features, extract_s = _features(flags, model, dataset.query, gallery)
    evaluation = evaluate(dataset.query, gallery, query_features, gallery_features, config)
    junk = len(dataset.gallery) - len(gallery)
    setting = Setting(model.description, model.fingerprint, dataset.name, extract_s, junk, dataset.notes)
    if flags.out is not None:
        _write(flags.out, evaluation, setting, dataset.query, gallery, path)
    text = json.dumps(as_json(evaluation, setting), indent=2) if flags.json else as_text(evaluation, setting)
    sys.stdout.write(text + "\n")
    return 0


def _load(flags: argparse.Namespace) -> ReidDataset:
    """The data set that --data and --root name, with a query and a gallery."""
    options: dict[str, Any] = dict(map(parse_setting, flags.set))
    path = Path(flags.data).expanduser()
    if flags.root is not None or flags.data in DATASETS or ":" in flags.data:
        if flags.root is None:
            raise ConfigError(
                f"--data {flags.data} needs --root DIR, the folder of the data set or the one that holds it"
            )
        dataset = load_dataset(flags.data, flags.root, **options)
    elif path.exists():
        dataset = load_dataset(_FOLDER_OF_PEOPLE if path.is_dir() else _MANIFEST, path, **options)
    else:
        raise ConfigError(
            f"--data {flags.data}: neither a data set nor a file or folder. Known: {', '.join(sorted(DATASETS))}"
        )
    for split in ("query", "gallery"):
        if not len(getattr(dataset, split)):
            raise ConfigError(
                f"{dataset.name} has no {split} images. For a folder of people without a split, --set hold_out=1 makes "
                "an image of each person a query; a manifest says it in its column split"
            )
    return dataset


def _rerank_config(flags: argparse.Namespace) -> Any:
    from mdpr.components import build_config
    from mdpr.reid.evaluation.reranking import RerankConfig

    if not flags.rerank:
        if flags.rerank_set:
            raise ConfigError("--rerank-set does nothing without --rerank")
        return None
    return build_config(RerankConfig, dict(map(parse_setting, flags.rerank_set)), "re-ranking")


def _features(
    flags: argparse.Namespace, model: FeatureModel, query: ReidImages, gallery: ReidImages
) -> tuple[Floats, Floats, float | None]:
    """Features of both splits, and the seconds that they took; None when they come from the file."""
    from mdpr.reid.evaluation.extract import extract_features
    from mdpr.reid.evaluation.features_file import images_digest, load_features, save_features

    path: Path | None = flags.features
    if path is not None and path.suffix != ".npz":
        raise ConfigError(f"--features {path}: expected a name that ends in .npz")
    made_by = f"{model.fingerprint} {flags.precision}"
    digest = images_digest(query, gallery) if path is not None else ""
    if path is not None and path.exists():
        log.info("features from %s", path)
        return *load_features(path, made_by, digest), None
    start = time.perf_counter()
    is_shown = sys.stderr.isatty() and log.isEnabledFor(logging.INFO)
    with tqdm(
        total=len(query) + len(gallery), unit=" images", file=sys.stderr, leave=False, disable=not is_shown
    ) as bar:
        found = [extract_features(model, images, flags.batch, flags.workers, bar.update) for images in (query, gallery)]
    seconds = time.perf_counter() - start
    if path is not None:
        save_features(path, found[0], found[1], made_by, digest)
    return found[0], found[1], seconds


def _write(folder: Path, evaluation: Any, setting: Any, query: ReidImages, gallery: ReidImages, path: Path) -> None:
    """Pictures and page; attention maps for MDPR checkpoints, curves where the run of the checkpoint is still there."""
    from mdpr.reid.evaluation.pictures import write_report
    from mdpr.reid.network.checkpoint import load_model

    network = load_model(path) if path.suffix.lower() == ".safetensors" else None
    metrics = next(
        (near for near in (path.with_name("metrics.csv"), path.parent.parent / "metrics.csv") if near.is_file()), None
    )
    write_report(folder, evaluation, setting, query, gallery, network, metrics)
    log.info("%s", folder / "report.html")


if __name__ == "__main__":
    sys.exit(main())
