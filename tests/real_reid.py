"""Judge embedders on crops of real people that they never saw: python tests/real_reid.py EMBEDDER..."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "helpers"))

from mdpr.components import find_class
from mdpr.contracts import Embedder
from mdpr.reid import EMBEDDERS, MODELS, embedder_of_file
from real_crops import SETS, load_real_crops
from real_pictures import draw_worst
from real_scores import Scores, embed_crops, score

SHARED = Path(__file__).resolve().parents[2] / "shared"

_HEAD = (
    f"{'set':10}{'people':>7}{'crops':>7} | {'queries':>7}{'gallery':>8}{'Rank-1':>8}{'mAP':>7}"
    f" | {'pairs':>7}{'AUC':>7}{'TPR@1%':>8} | {'all R-1':>8}{'all mAP':>8}"
)


def make_embedder(name: str) -> Embedder:
    """The embedder that `name` stands for.

    Args:
        name: a key of `EMBEDDERS`, a name of weights, a .safetensors or .onnx file, "package.module:Class", or
            `random:NAME[:SEED]`: the network NAME (mdpr-s) with random weights.

    Raises:
        MdprError: there is no such embedder, or its weights are not there.
    """
    if name.startswith("random:"):
        return _untrained(*name.split(":")[1:])
    kind = MODELS.get(name) or (name if name in EMBEDDERS or ":" in name else embedder_of_file(name))
    cls = find_class("embedder", kind, EMBEDDERS)
    has_weights = "weights" in {field.name for field in dataclasses.fields(cls.Config)} and kind != name
    embedder: Embedder = cls(cls.Config(weights=name) if has_weights else cls.Config())
    return embedder


def _untrained(network: str, seed: str = "0") -> Embedder:
    import torch

    from mdpr.reid.mdpr import MdprEmbedder
    from mdpr.reid.network import build_model
    from mdpr.reid.network.checkpoint import save_model

    torch.manual_seed(int(seed))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{network}-random-{seed}.safetensors"
        save_model(build_model(network).eval(), path, {})
        return MdprEmbedder(MdprEmbedder.Config(weights=str(path), precision="fp32"))


def judge(
    embedder: Embedder, shared: Path = SHARED, sets: Sequence[str] = SETS, worst: Path | None = None
) -> list[Scores]:
    """The figures of each set; with `worst`, a sheet SET.png of the queries that are answered worst in that folder."""
    found = []
    for name in sets:
        crops = load_real_crops(name, shared)
        embeddings = embed_crops(embedder, crops)
        found.append(score(embeddings, crops))
        if worst is not None:
            draw_worst(embeddings, crops, worst / f"{name}.png")
    return found


def means(scores: Sequence[Scores]) -> dict[str, float]:
    """Rank-1, mAP, AUC and TPR averaged over the sets that have them: one figure each to compare runs by."""
    found = {}
    for key in ("rank1", "mean_average_precision", "auc", "tpr"):
        values = [value for one in scores if (value := getattr(one, key)) is not None]
        if values:
            found[key] = sum(values) / len(values)
    return found


def table(scores: Sequence[Scores]) -> str:
    """One line a set, and one with the means."""

    def figure(value: float | None, width: int) -> str:
        return f"{'-' if value is None else f'{value:.3f}':>{width}}"

    lines = [_HEAD]
    for one in scores:
        lines.append(
            f"{one.name:10}{one.people:7}{one.crops:7} | {one.queries:7}{one.gallery:8}{figure(one.rank1, 8)}"
            f"{figure(one.mean_average_precision, 7)} | {one.positives:7}{figure(one.auc, 7)}{figure(one.tpr, 8)}"
            f" | {figure(one.all_rank1, 8)}{figure(one.all_map, 8)}"
        )
    mean = means(scores)
    lines.append(
        f"{'mean':24} | {'':15}{figure(mean.get('rank1'), 8)}{figure(mean.get('mean_average_precision'), 7)}"
        f" | {'':7}{figure(mean.get('auc'), 7)}{figure(mean.get('tpr'), 8)} |"
    )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser("real_reid.py", description=__doc__)
    parser.add_argument("embedders", nargs="+", metavar="EMBEDDER", help="histogram, a file, a name, random:mdpr-s:0")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder with the development data")
    parser.add_argument("--sets", nargs="+", choices=SETS, default=list(SETS), metavar="SET")
    parser.add_argument(
        "--worst", type=Path, metavar="FOLDER", help="pictures of the worst answers, a folder an embedder"
    )
    options = parser.parse_args(arguments)
    results = []
    for name in options.embedders:
        embedder = make_embedder(name)
        worst = options.worst and options.worst / embedder.fingerprint
        if worst:
            worst.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        scores = judge(embedder, options.shared, options.sets, worst)
        seconds = time.perf_counter() - start
        results.append(
            {
                "embedder": name,
                "description": embedder.description,
                "fingerprint": embedder.fingerprint,
                "sets": {one.name: dataclasses.asdict(one) for one in scores},
                "mean": means(scores),
            }
        )
        if not options.json:
            sys.stdout.write(f"{name}: {embedder.description}; {seconds:.1f} s\n{table(scores)}\n\n")
    if options.json:
        sys.stdout.write(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
