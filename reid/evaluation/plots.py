"""Plots: how training went, how well the distances of one person and of two people come apart, and CMC."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from mdpr.errors import FormatError
from mdpr.reid.evaluation.drawing import BLUE, FAINT, GREEN, RED
from mdpr.reid.evaluation.evaluate import Evaluation

Column = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Where a quantity was measured, and its values."""

_X = ("update", "step", "epoch")
_MEASURES = "measures, %"
_PANELS = (
    *("loss", _MEASURES, "cross-entropy", "triplet", "other terms", "distances"),
    *("learning rate", "length of the gradient", "images a second"),
)
_OWN_PANEL = {
    "loss": "loss",
    "lr": "learning rate",
    "grad_norm": "length of the gradient",
    "images_per_s": "images a second",
    "match_distance": "distances",
    "sure_distance": "distances",
}
_SHOWN_RANKS = 20


def read_metrics(path: Path) -> dict[str, Column]:
    """The numeric columns of a run's metrics.csv, each against the number of updates.

    Cells that are empty or no number are left out, and so are columns without any number: evaluations have rows of
    their own, and what is logged may differ from version to version.

    Raises:
        FormatError: no such file, or no table in it.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path}: cannot be read as a table: {error}") from error
    if not rows:
        raise FormatError(f"{path}: expected a line with the names of the columns, and at least one row")
    names = [name for name in rows[0] if name]
    x_name = next((name for name in _X if name in names), "")
    columns: dict[str, Column] = {}
    for name in names:
        points = []
        for number, row in enumerate(rows):
            x, y = (_number(row.get(x_name)) if x_name else float(number)), _number(row.get(name))
            if x is not None and y is not None:
                points.append((x, y))
        if points:
            table = np.array(points)
            columns[name] = (table[:, 0], table[:, 1])
    return columns


def draw_training(columns: Mapping[str, Column]) -> Figure:
    """Losses, measures, learning rate and speed over the updates; what was not logged is not drawn.

    Args:
        columns: see `read_metrics`.
    """
    panels = training_panels(columns)
    rows = max(1, math.ceil(len(panels) / 2))
    figure = Figure(figsize=(11, 3.2 * rows), layout="constrained")
    for number, (title, names) in enumerate(panels.items()):
        axes = figure.add_subplot(rows, min(len(panels), 2), number + 1)
        _style(axes)
        for name in names:
            x, y = columns[name]
            axes.plot(
                x,
                100 * y if title == _MEASURES else y,
                label=name,
                color=BLUE if len(names) == 1 else None,
                linewidth=1.3,
                marker="o" if len(x) < 30 else None,
                markersize=3,
            )
        axes.set_xlabel("updates", fontsize=8)
        axes.set_title(title, fontsize=10)
        if len(names) > 1:
            axes.legend(fontsize=7, ncols=2 if len(names) > 5 else 1, frameon=False)
    return figure


def training_panels(names: Iterable[str]) -> dict[str, list[str]]:
    """Which columns are drawn together, by title.

    >>> training_panels(["update", "lr", "loss", "global_cls", "part_0_cls", "diversity_4", "mAP", "rank1"])
    {'loss': ['loss'], 'measures, %': ['mAP', 'rank1'], 'cross-entropy': ['global_cls', 'part_0_cls'],
     'other terms': ['diversity_4'], 'learning rate': ['lr']}
    """
    panels: dict[str, list[str]] = {title: [] for title in _PANELS}
    for name in names:
        if name in _OWN_PANEL:
            panels[_OWN_PANEL[name]].append(name)
        elif name in ("mAP", "mINP") or name.startswith("rank"):
            panels[_MEASURES].append(name)
        elif name.endswith("_cls"):
            panels["cross-entropy"].append(name)
        elif name.endswith("_triplet"):
            panels["triplet"].append(name)
        elif name not in _X:
            panels["other terms"].append(name)
    return {title: members for title, members in panels.items() if members}


def draw_distances(evaluation: Evaluation) -> Figure:
    """Cosine distances of pairs of one person and of two, with the suggested thresholds; and CMC."""
    figure = Figure(figsize=(11, 3.6), layout="constrained")
    axes = figure.add_subplot(1, 2, 1)
    _style(axes)
    for name, (distance, density), colour in zip(
        ("one person", "two people"), evaluation.pairs.densities(), (GREEN, RED), strict=True
    ):
        axes.fill_between(distance, density, color=colour, alpha=0.35, linewidth=0)
        axes.plot(distance, density, color=colour, label=name, linewidth=1.2)
    found = evaluation.verification
    for text, value, style in (
        ("threshold", found.threshold, "-"),
        ("match_distance", found.match_distance, "--"),
        ("sure_distance", found.sure_distance, ":"),
    ):
        if value is not None:
            axes.axvline(value, color="black", linestyle=style, linewidth=1, label=f"{text} {value:.4f}")
    axes.set_xlabel("cosine distance")
    axes.set_ylabel("density")
    axes.set_ylim(bottom=0)
    axes.set_title("pairs of query and gallery", fontsize=10)
    axes.legend(fontsize=8, frameon=False)

    axes = figure.add_subplot(1, 2, 2)
    _style(axes)
    ranks = np.arange(1, _SHOWN_RANKS + 1)
    colours = ("black", BLUE, GREEN, FAINT)
    for (name, ranking), colour in zip(evaluation.rankings.items(), colours, strict=False):
        shares = [100 * ranking.cmc(int(rank)) for rank in ranks]
        axes.plot(ranks, shares, marker="o", markersize=3, color=colour, label=name)
    axes.set_xlabel("rank")
    axes.set_xticks([1, 5, 10, 15, 20])
    axes.set_title("queries with a right answer up to this rank, %", fontsize=10)
    axes.legend(fontsize=8, frameon=False)
    return figure


def _style(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    axes.tick_params(labelsize=8)


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
