"""A sheet of the queries that an embedder answers worst: look there for wrong labels, and for what it does not see."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw

from mdpr.reid.crops import crop_people
from mdpr.reid.evaluation.drawing import BLUE, GAP, GREEN, INK, PAPER, RED, cell_size, draw_cell, font
from real_crops import RealCrops
from real_scores import Floats, rank_across_views

_SHOWN = 8  # answers of a query
_ROWS = 16
_OF_ONE = 2  # queries of one person, camera and view: neighbours in time fail alike


def draw_worst(embeddings: Floats, crops: RealCrops, path: Path) -> int:
    """Write a PNG: a row a query, its first answers (green: right), then the best and the last right answer.

    Dark pictures are shown brighter. Nothing is written for a set that is not ranked.

    Returns:
        Rows drawn.
    """
    found = []  # (average precision, query, gallery, identities)
    for answers in rank_across_views(embeddings, crops):
        precision = answers.ranking.average_precision
        found += [
            (precision[i], answers.query[i], answers.gallery, answers.pids)
            for i in np.flatnonzero(answers.ranking.is_valid)
        ]
    if not found:
        return 0
    seen: Counter[tuple[int, int, str]] = Counter()
    rows = []
    for one in sorted(found, key=lambda item: item[0]):
        key = (int(crops.pids[one[1]]), int(crops.cameras[one[1]]), str(crops.views[one[1]]))
        seen[key] += 1
        if seen[key] <= _OF_ONE:
            rows.append(one)
    rows = rows[:_ROWS]
    pictures, _ = crop_people(crops.patches, crops.boxes, 256, 128)
    brightness = np.percentile(pictures, 95) / 255
    table = np.round(255 * (np.arange(256) / 255) ** (1.0 if brightness > 0.7 else 0.6)).astype(np.uint8)
    pictures = np.ascontiguousarray(cv2.LUT(pictures.reshape(-1, 128, 3), table).reshape(pictures.shape)[..., ::-1])

    width, height = cell_size(2)
    sheet = Image.new("RGB", ((_SHOWN + 3) * (width + GAP) + 60, len(rows) * (height + GAP) + GAP), PAPER)
    for number, (precision, query, gallery, pids) in enumerate(rows):
        top = GAP + number * (height + GAP)
        ImageDraw.Draw(sheet).text((4, top + height // 2), f"AP {precision:.2f}", INK, font(13))
        similarity = embeddings[gallery] @ embeddings[query]
        order = np.argsort(-similarity, kind="stable")
        is_right = pids[gallery] == crops.pids[query]
        right = order[is_right[order]]
        cells = [(int(query), BLUE, "asked")]
        cells += [(int(gallery[i]), GREEN if is_right[i] else RED, f"{similarity[i]:.2f}") for i in order[:_SHOWN]]
        cells += [
            (int(gallery[i]), GREEN, f"{name} {similarity[i]:.2f}")
            for i, name in ((right[0], "best"), (right[-1], "last"))
        ]
        for column, (crop, colour, told) in enumerate(cells):
            who = f"{crops.pids[crop]} in {crops.cameras[crop]}: {crops.frames[crop]}"
            draw_cell(sheet, (60 + column * (width + GAP), top), pictures[crop], colour, (who, told))
    sheet.save(path)
    return len(rows)
