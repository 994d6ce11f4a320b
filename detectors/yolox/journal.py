"""The numbers of a run as they come: metrics.csv, and a line in the log now and then."""

from __future__ import annotations

import csv
import io
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from mdpr.detectors.yolox.step import StepResult
from mdpr.files import write_errors, write_text

COLUMNS = (
    "update", "epoch", "lr", "loss", "iou", "objectness", "class", "l1", "grad_norm", "images_per_s",
    "ap", "ap50", "recall", "precision", "best_f1", "best_conf",
)  # fmt: skip
_LINE_EVERY_S = 30.0
log = logging.getLogger("mdpr")


class Journal:
    """Writes metrics.csv and the log.

    Args:
        folder: of the run.
        batch: pictures of a step.
        every: steps between two rows.
        after: updates done; later rows of an older file, written before the run was interrupted, are dropped.

    Raises:
        OutputError: metrics.csv cannot be written.
    """

    def __init__(self, folder: Path, batch: int, every: int, after: int) -> None:
        self._path = folder / "metrics.csv"
        self._batch, self._every = batch, every
        self._sums: dict[str, float] = {}
        self._steps = self._all_steps = 0
        self._since = self._start = self._last_line = time.perf_counter()
        self._last: dict[str, float] = {}
        text = self._path.read_text(encoding="utf-8") if after and self._path.is_file() else ""
        rows = [row for row in csv.reader(io.StringIO(text)) if len(row) == len(COLUMNS) and row[0].isdecimal()]
        write_text(self._path, _lines([list(COLUMNS), *(row for row in rows if int(row[0]) <= after)]))

    @property
    def images_per_s(self) -> float:
        """Since this process began to train, evaluations included."""
        return self._all_steps * self._batch / max(time.perf_counter() - self._start, 1e-9)

    def add_step(self, update: int, epoch: float, lr: float, result: StepResult, share: float) -> None:
        """A step is done.

        Args:
            update: its number in the whole run, from 1.
            epoch: epochs done, with the fraction of the current one.
            lr: its learning rate.
            result: what it gave.
            share: of training that is done.
        """
        self._steps += 1
        self._all_steps += 1
        for name, value in {**result.terms, "loss": result.loss, "grad_norm": result.grad_norm}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._last = {"update": update, "epoch": epoch, "lr": lr}
        if time.perf_counter() - self._last_line > _LINE_EVERY_S:
            self._last_line = time.perf_counter()
            log.info(
                "step %d, epoch %.2f, %.0f %% done, loss %.3f, lr %.2e, %.1f images/s",
                update, epoch, 100 * share, result.loss, lr, self._rate(),
            )  # fmt: skip
        if update % self._every == 0:
            self.flush()

    def add_evaluation(self, update: int, epoch: float, measures: Mapping[str, float]) -> None:
        """An evaluation after `update` steps is done."""
        self.flush()
        self._write({"update": update, "epoch": epoch, **measures})
        self._since = time.perf_counter()

    def flush(self) -> None:
        """Write the means since the last row."""
        if self._steps:
            means = {name: value / self._steps for name, value in self._sums.items()}
            self._write({**self._last, **means, "images_per_s": self._rate()})
        self._sums.clear()
        self._steps = 0
        self._since = time.perf_counter()

    def _rate(self) -> float:
        return self._steps * self._batch / max(time.perf_counter() - self._since, 1e-9)

    def _write(self, values: Mapping[str, float]) -> None:
        row = [_number(values[column]) if column in values else "" for column in COLUMNS]
        with write_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(_lines([row]))


def _lines(rows: list[list[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
