"""Trials as tables."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mdpr.pipeline.tuning.replay import Trial
from mdpr.pipeline.tuning.space import FACTORS

SHOWN = ("HOTA", "IDF1", "MOTA", "AssA")
NEEDS_LUCK = 1.0
"""Points of HOTA or IDF1 that a change by a quarter may move before a default is said to need luck."""


@dataclass(frozen=True, eq=False)
class Sensitivity:
    """One option on its own.

    Attributes:
        name, default: of the option.
        trials: by value, in order; None where the tracker refuses the value.
        base: with all defaults.
    """

    name: str
    default: Any
    trials: tuple[tuple[Any, Trial | None], ...]
    base: Trial

    def change(self, trial: Trial) -> tuple[float, float]:
        """Points of HOTA and IDF1 that a trial is above the defaults."""
        return points(trial, "HOTA") - points(self.base, "HOTA"), points(trial, "IDF1") - points(self.base, "IDF1")

    @property
    def near(self) -> float:
        """The largest change of HOTA or IDF1 by a value within a quarter of the default; switches count as far."""
        values = [abs(one) for trial in self._near_trials() for one in self.change(trial)]
        return max(values, default=0.0)

    def _near_trials(self) -> list[Trial]:
        if len(self.trials) != len(FACTORS):
            return []
        return [trial for _, trial in self.trials[1:-1] if trial is not None]


def points(trial: Trial, name: str) -> float:
    """A score of all sequences together, in percent."""
    return 100 * float(trial.combined.values()[name])


def trials_table(trials: Sequence[Trial], names: Sequence[str], base: Trial) -> str:
    """A line a trial; those in `names` are the options that were searched."""
    rows = [["", *SHOWN, "IDSW", "return", *names]]
    for place, trial in enumerate(trials, 1):
        values = trial.combined.values()
        recall = values["returns"]["all"]["recall"] if values["returns"] else None
        rows.append(
            [
                "default" if trial is base else str(place),
                *(f"{100 * values[name]:.2f}" for name in SHOWN),
                f"{values['IDSW']:,}",
                "-" if recall is None else f"{100 * recall:.1f}",
                *(_text(trial.options.get(name, "")) for name in names),
            ]
        )
    return aligned(rows)


def sensitivity_table(found: Sequence[Sensitivity]) -> str:
    """A line an option: change of HOTA and IDF1 in points, by how its default was changed; the most sensitive first."""
    rows = [["option", "default", *(f"x{factor:g}" for factor in FACTORS), "within 25 %"]]
    for one in sorted(found, key=lambda one: (-one.near, one.name)):
        cells = [_change(one, trial) for _, trial in one.trials]
        cells += [""] * (len(FACTORS) - len(cells))
        note = " !" if one.near > NEEDS_LUCK else ""
        rows.append([one.name, _text(one.default), *cells, f"{one.near:.2f}{note}"])
    return aligned(rows)


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side: the first to the left, the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        ).rstrip()
        for row in rows
    )


def csv_of(trials: Sequence[Trial]) -> str:
    """A row a trial and sequence, with all options and scores."""
    rows: list[Mapping[str, Any]] = []
    for number, trial in enumerate(trials):
        for name, scores in (*trial.scores.items(), ("COMBINED", trial.combined)):
            values = {key: value for key, value in scores.values().items() if key != "returns"}
            rows.append({"trial": number, "sequence": name, **trial.options, **values, "seconds": trial.seconds})
    columns = list(dict.fromkeys(column for row in rows for column in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _change(one: Sensitivity, trial: Trial | None) -> str:
    if trial is None:
        return "-"
    hota, idf1 = one.change(trial)
    return f"{hota:+.2f}/{idf1:+.2f}"


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
