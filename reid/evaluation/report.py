"""An evaluation as a table for people and as JSON for programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from mdpr.reid.evaluation.evaluate import Evaluation
from mdpr.reid.evaluation.verification import SUGGESTED_RATE
from mdpr.versions import versions

_COLUMNS = (("mAP", "mAP"), ("mINP", "mINP"), ("rank1", "R1"), ("rank5", "R5"), ("rank10", "R10"))


@dataclass(frozen=True)
class Setting:
    """What was evaluated on what.

    Attributes:
        model: description of model and engine.
        fingerprint: of the weights.
        dataset: name of the data set.
        extract_s: seconds that the features took; None when they came from a file.
        junk: gallery images that were left out.
        notes: what a reader should know, a line each.
    """

    model: str
    fingerprint: str
    dataset: str
    extract_s: float | None = None
    junk: int = 0
    notes: tuple[str, ...] = field(default=())


def as_json(evaluation: Evaluation, setting: Setting) -> dict[str, Any]:
    """Everything that was measured, as JSON values."""
    return {
        "dataset": setting.dataset,
        "model": setting.model,
        "fingerprint": setting.fingerprint,
        "exclusion": str(evaluation.exclusion),
        **_counts(evaluation, setting),
        "measures": {name: evaluation.measures(name) for name in evaluation.rankings},
        "seconds": {"features": setting.extract_s, **evaluation.seconds},
        "verification": asdict(evaluation.verification),
        "notes": list(setting.notes),
        "versions": versions(),
    }


def header_lines(evaluation: Evaluation, setting: Setting) -> list[str]:
    """What was evaluated, on what, by which rule."""
    counts = _counts(evaluation, setting)
    gallery = f"{counts['gallery']:,} gallery images"
    extras = [
        f"{counts[key]:,} {text}"
        for key, text in (("distractors", "distractors among them"), ("junk_left_out", "junk left out"))
        if counts[key]
    ]
    lines = [
        f"data       {setting.dataset}: {counts['queries']:,} queries of {counts['identities']:,} people, "
        + ", ".join([gallery, *extras]),
        f"model      {setting.model}",
        f"excluded   {evaluation.exclusion}",
    ]
    if counts["queries_without_right_answer"]:
        lines.append(
            f"           {counts['queries_without_right_answer']:,} queries have no right answer left; "
            "they are not in the averages"
        )
    if setting.extract_s is None:
        lines.append("features   from a file")
    else:
        total = counts["queries"] + counts["gallery"]
        rate = total / max(setting.extract_s, 1e-9)
        lines.append(f"features   {total:,} images in {setting.extract_s:.1f} s ({rate:.0f} images/s)")
    return [*lines, *(f"note       {note}" for note in setting.notes)]


def _counts(evaluation: Evaluation, setting: Setting) -> dict[str, int]:
    return evaluation.counts | {"junk_left_out": setting.junk}


def table_rows(evaluation: Evaluation) -> list[list[str]]:
    """Rows of the table of rankings, the head first; percent, and seconds."""
    rows = [["", *(title for _, title in _COLUMNS), "seconds"]]
    for name in evaluation.rankings:
        measures = evaluation.measures(name)
        numbers = [f"{100 * measures[key]:.2f}" for key, _ in _COLUMNS]
        rows.append([name, *numbers, f"{evaluation.seconds[name]:.2f}"])
    return rows


def verification_rows(evaluation: Evaluation) -> list[list[str]]:
    """Rows of the table of operating points, the head first."""
    rows = [["false positives", "true positives", "cosine distance"]]
    for point in evaluation.verification.points:
        rate = f"{point.false_positive_rate:g}"
        if point.true_positive_rate is None or point.distance is None:
            rows.append([rate, "too few pairs", ""])
        else:
            rows.append([rate, f"{100 * point.true_positive_rate:.2f} %", f"{point.distance:.4f}"])
    return rows


def suggestion_lines(evaluation: Evaluation) -> list[str]:
    """Thresholds to start from."""
    found = evaluation.verification
    lines = []
    if found.threshold is not None:
        lines.append(
            f"threshold       {found.threshold:.4f}  same person or not, at {SUGGESTED_RATE:g} false positives"
        )
    if found.match_distance is not None:
        lines.append(f"match_distance  {found.match_distance:.4f}  19 of 20 pairs of {found.match_pairs} are nearer")
    if found.sure_distance is not None:
        lines.append(f"sure_distance   {found.sure_distance:.4f}  1 of 100 pairs of two people is nearer, at most")
    return lines


def as_text(evaluation: Evaluation, setting: Setting) -> str:
    """For the terminal."""
    sections = [
        header_lines(evaluation, setting),
        aligned(table_rows(evaluation)),
        aligned(verification_rows(evaluation)),
        suggestion_lines(evaluation),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def aligned(rows: list[list[str]]) -> list[str]:
    """Lines of a table: first column to the left, the others to the right.

    >>> aligned([["", "mAP"], ["cosine", "9.5"]])
    ['         mAP', 'cosine   9.5']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "   ".join(
            cell.ljust(width) if i == 0 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
