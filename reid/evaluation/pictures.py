"""Everything an evaluation writes into its folder: metrics.json, pictures, and a page with all of it."""

from __future__ import annotations

import io
import json
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image

from mdpr.files import make_folder, write_bytes, write_text
from mdpr.reid.data.records import ReidImages
from mdpr.reid.evaluation.evaluate import Evaluation
from mdpr.reid.evaluation.page import Page
from mdpr.reid.evaluation.plots import draw_distances, draw_training, read_metrics
from mdpr.reid.evaluation.report import (
    Setting,
    as_json,
    header_lines,
    suggestion_lines,
    table_rows,
    verification_rows,
)
from mdpr.reid.evaluation.sheets import answers, draw_sheet, hardest, spread
from mdpr.reid.network.model import MdprNetwork

QUERIES = 12
"""Rows of a sheet."""


def write_report(
    folder: Path,
    evaluation: Evaluation,
    setting: Setting,
    query: ReidImages,
    gallery: ReidImages,
    network: MdprNetwork | None = None,
    metrics: Path | None = None,
) -> None:
    """Write metrics.json, *.png and report.html; each appears under its name when it is complete.

    Args:
        folder: is made.
        evaluation, setting: what was measured.
        query, gallery: the splits that were evaluated.
        network: its attention maps are drawn; None for models that have none.
        metrics: metrics.csv of the training; None = no curves.

    Raises:
        OutputError: a file cannot be written.
        FormatError: a picture or the metrics cannot be read.
    """
    make_folder(folder)
    page = Page(f"Re-identification on {setting.dataset}")
    page.lines(header_lines(evaluation, setting))
    page.table(table_rows(evaluation))
    page.heading("Same person or not, by one threshold")
    page.table(verification_rows(evaluation))
    page.lines(suggestion_lines(evaluation) or ["too few pairs to suggest a threshold"])
    _add(page, folder, "distances", draw_distances(evaluation), "distributions of distances, and CMC")

    page.heading("What the model finds")
    page.text(
        "Blue: the query. Green: right. Red: wrong. What the rule of exclusion leaves out is not shown. At the right "
        "end stands the first right answer where it is not among those shown."
    )
    for name, chosen, title in (
        ("hardest", hardest(evaluation, QUERIES), "Hardest queries first"),
        ("typical", spread(evaluation, QUERIES), "From the worst to the best, at equal steps of rank"),
    ):
        _add(page, folder, name, draw_sheet(answers(evaluation, chosen), query, gallery, title), title)
    if network is not None:
        from mdpr.reid.evaluation.attention import draw_attention

        page.heading("Where the model looks")
        page.text("Each map is coloured up to its own maximum, which stands below it.")
        sheet = draw_attention(network, query, spread(evaluation, QUERIES // 2), "Attention over the crop")
        _add(page, folder, "attention", sheet, "attention maps over crops")
    if metrics is not None:
        page.heading("Training")
        _add(page, folder, "training", draw_training(read_metrics(metrics)), "losses and measures during training")
    write_text(folder / "metrics.json", json.dumps(as_json(evaluation, setting), indent=2) + "\n")
    write_text(folder / "report.html", page.html())


def _add(page: Page, folder: Path, name: str, picture: Image.Image | Figure, alternative: str) -> None:
    """Write a picture, and put it on the page."""
    memory = io.BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(memory, format="png", dpi=110)
    else:
        picture.save(memory, "PNG")
    write_bytes(folder / f"{name}.png", memory.getvalue())
    page.picture(memory.getvalue(), alternative)
