"""Plots: how training went, how well the distances of one person and of two people come apart, and CMC."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
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
_NOT_LOSSES = frozenset({"lr", "grad_norm", "images_per_s", "scale"})
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
    """Losses, measures and learning rate over the updates; what was not logged is not drawn.

    Args:
        columns: see `read_metrics`.
    """
    measures = [name for name in columns if _is_measure(name)]
    losses = [name for name in columns if name not in (*_X, *_NOT_LOSSES, *measures)]
    others = [name for name in ("lr", "images_per_s", "grad_norm") if name in columns]
    panels = [names for names in (losses, measures) if names] + [[name] for name in others]
    count = max(len(panels), 1)
    figure = Figure(figsize=(11, 3.6 * math.ceil(count / 2)), layout="constrained")
    for number, names in enumerate(panels):
        axes = figure.add_subplot(math.ceil(count / 2), min(count, 2), number + 1)
        _style(axes)
        for name in names:
            x, y = columns[name]
            is_main = name in ("loss", "mAP") or len(names) == 1
            scale = 100 if name in measures else 1
            axes.plot(
                x, scale * y, label=name, color="black" if is_main else None, linewidth=2 if is_main else 1.1,
                marker="o" if len(x) < 30 else None, markersize=3,
            )  # fmt: skip
        axes.set_xlabel("updates")
        if len(names) > 1:
            axes.legend(fontsize=7, ncols=2, frameon=False)
        title = names[0] if len(names) == 1 else "measures, %" if names == measures else "losses"
        axes.set_title({"lr": "learning rate", "images_per_s": "images a second"}.get(title, title), fontsize=10)
        if names == losses and min(columns[name][1].min() for name in names) > 0:
            axes.set_yscale("log")
    return figure


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


def _is_measure(name: str) -> bool:
    return name in ("mAP", "mINP") or name.lower().startswith("rank")


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
