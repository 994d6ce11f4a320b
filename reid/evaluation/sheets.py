"""Ranked retrieval sheets: a query, what the model finds first, and whether it is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from mdpr.reid.data.images import read_image
from mdpr.reid.data.records import DISTRACTOR_PID, UNKNOWN, ReidImages
from mdpr.reid.evaluation.drawing import (
    BLUE,
    CAPTION,
    FAINT,
    GAP,
    GREEN,
    INK,
    PAPER,
    RED,
    cell_size,
    draw_cell,
    font,
)
from mdpr.reid.evaluation.evaluate import COSINE, Evaluation
from mdpr.reid.evaluation.similarity import top_k
from mdpr.reid.evaluation.truth import Integers

SHOWN = 10
_TITLE = 30


@dataclass(frozen=True, eq=False)
class Answer:
    """What the model answers to a query; items count within the gallery without junk.

    Attributes:
        query: number of the query.
        items: (k,) first items by cosine distance; excluded ones are left out.
        similarity: (k,) their cosine.
        is_right: (k,) bool.
        first_right: the best right answer.
        first_rank: its rank.
        average_precision: of the query, in (0, 1].
    """

    query: int
    items: Integers
    similarity: NDArray[np.float32]
    is_right: NDArray[np.bool_]
    first_right: int
    first_rank: int
    average_precision: float


def hardest(evaluation: Evaluation, count: int) -> Integers:
    """The queries with the lowest average precision, worst first; those without a right answer are left out."""
    precision = evaluation.rankings[COSINE].average_precision
    order = np.argsort(precision, kind="stable")  # NaN sorts last
    return order[: min(count, int(np.isfinite(precision).sum()))]


def spread(evaluation: Evaluation, count: int) -> Integers:
    """Queries from the worst to the best, at equal steps of rank: what is usual."""
    order = hardest(evaluation, len(evaluation.truth.query))
    places = (np.arange(count) + 0.5) / count * len(order)
    return order[np.unique(places.astype(np.int64))]


def answers(evaluation: Evaluation, queries: Integers, shown: int = SHOWN) -> list[Answer]:
    """What plain cosine distance answers to some queries."""
    ranking = evaluation.rankings[COSINE]
    found = []
    for query in queries.tolist():
        scores = evaluation.query[query] @ evaluation.gallery.T
        positives, excluded = evaluation.truth.block(query, 1)
        first_right = int(positives.columns[np.argmax(scores[positives.columns])])
        scores[excluded.columns] = -np.inf
        items = top_k(scores[None], shown)[0]
        items = items[np.isfinite(scores[items])]
        is_right = np.isin(items, positives.columns)
        first_rank, precision = int(ranking.first_rank[query]), float(ranking.average_precision[query])
        found.append(Answer(query, items, scores[items], is_right, first_right, first_rank, precision))
    return found


def draw_sheet(found: Sequence[Answer], query: ReidImages, gallery: ReidImages, title: str) -> Image.Image:
    """A sheet with a row for each answer.

    Args:
        found: at least one; see `answers`.
        query: the queries.
        gallery: without junk.
        title: above everything.

    Raises:
        FormatError: a picture that cannot be read; names the file.
    """
    shown = max(len(answer.items) for answer in found)
    width, height = cell_size(2)
    has_late = any(answer.first_rank > len(answer.items) for answer in found)
    columns = 1 + shown + has_late
    row_height = height + CAPTION + GAP
    size = (columns * (width + GAP) + GAP + 2 * GAP * (1 + has_late), _TITLE + len(found) * row_height + GAP)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    draw.text((GAP, _TITLE // 2 + 2), title, INK, font(14, is_bold=True), anchor="lm")
    for number, answer in enumerate(found):
        top = _TITLE + number * row_height
        q = answer.query
        told = (
            f"average precision {100 * answer.average_precision:.1f} %, first right answer at rank {answer.first_rank}"
        )
        draw.text((GAP, top + CAPTION // 2), told, FAINT, font(11), anchor="lm")
        top += CAPTION
        crop = read_image(query.paths[q], query.boxes[q])
        draw_cell(sheet, (GAP, top), crop, BLUE, ("query", _who(query, q)))
        for place, (item, similarity, is_right) in enumerate(
            zip(answer.items.tolist(), answer.similarity.tolist(), answer.is_right.tolist(), strict=True)
        ):
            mark = f"{'✓' if is_right else '✗'} {similarity:.2f}"
            left = 3 * GAP + (1 + place) * (width + GAP)
            crop = read_image(gallery.paths[item], gallery.boxes[item])
            draw_cell(sheet, (left, top), crop, GREEN if is_right else RED, (mark, _who(gallery, item)))
        if answer.first_rank > len(answer.items):
            item = answer.first_right
            crop = read_image(gallery.paths[item], gallery.boxes[item])
            left = 5 * GAP + (1 + shown) * (width + GAP)
            draw_cell(sheet, (left, top), crop, GREEN, (f"✓ rank {answer.first_rank}", _who(gallery, item)))
    return sheet


def _who(images: ReidImages, index: int) -> str:
    """Person and camera, short."""
    pid, camid = int(images.pids[index]), int(images.camids[index])
    person = "distractor" if pid == DISTRACTOR_PID else f"person {pid}"
    return person if camid == UNKNOWN or pid == DISTRACTOR_PID else f"{person}, c{camid}"
