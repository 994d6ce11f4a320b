"""Scores as a table for people and as CSV for programs."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from typing import Any

from mdpr.pipeline.metrics.evaluate import Scores
from mdpr.pipeline.metrics.links import Links
from mdpr.pipeline.metrics.returns import Returns

_SHARES = ("HOTA", "DetA", "AssA", "LocA", "IDF1", "IDP", "IDR", "MOTA", "MOTP")
_COUNTS = ("IDSW", "Frag", "FP", "FN", "MT", "ML")
_MORE_SHARES = ("HOTA(0)", "LocA(0)", "DetRe", "DetPr", "AssRe", "AssPr")
_MORE_COUNTS = ("PT",)
_RETURNS = "Return"


def text_table(rows: Mapping[str, Scores], first: str, with_details: bool = False) -> str:
    """A row a sequence; shares and recall of returns in percent, "-" where there is nothing to measure.

    Args:
        rows: scores by the name of their row.
        first: heading of the names.
        with_details: also a second table with recall and precision of HOTA's parts.
    """
    blocks = [_block(rows, first, _SHARES, _COUNTS, with_returns=True)]
    if with_details:
        blocks.append(_block(rows, first, _MORE_SHARES, _MORE_COUNTS, with_returns=False))
    return "\n\n".join(blocks)


def returns_text(returns: Returns | None) -> str:
    """Lines on people who return, a bucket a line."""
    if returns is None:
        return "returns    need the frame rate: a seqinfo.ini beside the truth, or --fps"
    lines = []
    for label, values in returns.values().items():
        if values["returns"] or values["claims"] or label == "all":
            recall = _of(values["recall"], values["kept"], values["returns"])
            precision = _of(values["precision"], values["right_claims"], values["claims"])
            lines.append(
                f"{label:<8} recall {recall:<20} covered before and after {values['covered']:<6} precision {precision}"
            )
    return _indented("returns", lines)


def links_text(links: Mapping[str, Links]) -> str:
    """A line for links between cameras: of all, or of the two cameras that name them."""
    size = max(10, *(len(name) for name in links))
    lines = []
    for name, one in links.items():
        values = one.values()
        precision = _of(values["precision"], one.right, one.predicted)
        recall = _of(values["recall"], one.right, one.true)
        people = f"{one.people_tracklets:,} of {one.tracklets:,} tracklets are people"
        lines.append(f"{name:<{size}} recall {recall:<20} precision {precision:<20} {people}")
    return "\n".join(lines)


def csv_text(rows: Mapping[str, Scores], first: str) -> str:
    """All values as fractions and counts, a row a sequence; empty where there is nothing to measure."""
    flat = {name: _flat(scores.values()) for name, scores in rows.items()}
    columns = list(dict.fromkeys(column for values in flat.values() for column in values))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([first, *columns])
    for name, values in flat.items():
        writer.writerow([name, *("" if values.get(one) is None else values[one] for one in columns)])
    return out.getvalue()


def _block(
    rows: Mapping[str, Scores], first: str, shares: Sequence[str], counts: Sequence[str], with_returns: bool
) -> str:
    table = [[first, *shares, *counts, *([_RETURNS] if with_returns else [])]]
    for name, scores in rows.items():
        values = scores.values()
        cells = [f"{100 * values[one]:.1f}" for one in shares] + [f"{values[one]:,}" for one in counts]
        if with_returns:
            recall = values["returns"]["all"]["recall"] if values["returns"] else None
            cells.append("-" if recall is None else f"{100 * recall:.1f}")
        table.append([name, *cells])
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(size) for cell, size in zip(row[1:], widths[1:], strict=True))]
        )
        for row in table
    )


def _of(share: float | None, part: float | None, whole: float | None) -> str:
    return f"- (0 of {whole})" if share is None else f"{100 * share:.1f} % ({part} of {whole})"


def _indented(name: str, lines: Sequence[str]) -> str:
    return "\n".join(f"{name if place == 0 else '':<10} {line}" for place, line in enumerate(lines))


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns as columns of their own."""
    flat = {name: value for name, value in values.items() if name != "returns"}
    for bucket, counts in (values["returns"] or {}).items():
        flat |= {f"returns {bucket} {name}": value for name, value in counts.items()}
    return flat
