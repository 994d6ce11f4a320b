"""What a training run tells while it runs: metrics.csv, TensorBoard, a progress bar or plain lines."""

from __future__ import annotations

import csv
import io
import logging
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tqdm import tqdm

from mdpr.errors import DependencyError
from mdpr.files import write_errors, write_text

MEASURES = ("mAP", "mINP", "rank1", "rank5", "rank10", "match_distance", "sure_distance")
"""Columns of an evaluation, in [0, 1]."""

_LINE_EVERY_S = 30.0
log = logging.getLogger("mdpr")


class MetricsCsv:
    """metrics.csv: a row every few steps with the means since the last one, and a row an evaluation.

    Args:
        path: of the file.
        after: updates done; later rows of an older file, written before the run was interrupted, are dropped.

    Raises:
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path, after: int) -> None:
        self._path = path
        self._columns: list[str] = []
        text = path.read_text(encoding="utf-8") if after and path.is_file() else ""
        rows = list(csv.reader(io.StringIO(text)))
        if rows:
            self._columns = rows[0]
            whole = [row for row in rows[1:] if len(row) == len(self._columns) and row[0].isdecimal()]
            write_text(path, _lines([self._columns, *(row for row in whole if int(row[0]) <= after)]))
        else:
            with write_errors(path):
                path.unlink(missing_ok=True)

    def write(self, values: Mapping[str, float | int], terms: Sequence[str]) -> None:
        """Add a row.

        Args:
            values: by column; the first row of all decides which there are.
            terms: names of the loss terms.

        Raises:
            OutputError: it cannot be written.
        """
        rows: list[list[str]] = []
        if not self._columns:
            self._columns = ["update", "epoch", "lr", "loss", *terms, "grad_norm", "images_per_s", *MEASURES]
            rows.append(self._columns)
        rows.append([_number(values[column]) if column in values else "" for column in self._columns])
        with write_errors(self._path), self._path.open("a", encoding="utf-8") as file:
            file.write(_lines(rows))


class TensorBoard:
    """The same numbers for TensorBoard, in the folder of the run.

    Raises:
        DependencyError: it is not installed.
    """

    def __init__(self, folder: Path, after: int) -> None:
        self.check_installed()
        from torch.utils.tensorboard import SummaryWriter

        writer: Any = SummaryWriter
        self._writer = writer(str(folder), purge_step=after + 1 if after else None)

    @staticmethod
    def check_installed() -> None:
        """
        Raises:
            DependencyError: TensorBoard is not installed.
        """
        try:
            import torch.utils.tensorboard  # noqa: F401
        except ImportError as error:
            raise DependencyError("tensorboard", "run.tensorboard", "tensorboard") from error

    def write(self, values: Mapping[str, float | int]) -> None:
        """Add the values at their update."""
        for name, value in values.items():
            if name != "update":
                self._writer.add_scalar(name, value, int(values["update"]))

    def close(self) -> None:
        """Write what is left."""
        self._writer.close()


class ProgressLog:
    """A progress bar on a terminal, else a line now and then: loss, learning rate, images a second, time to go.

    Args:
        total: updates of the whole run.
        done: updates done before.
        batch: images of an update.
        is_shown: only the first of several processes talks.
    """

    def __init__(self, total: int, done: int, batch: int, is_shown: bool) -> None:
        self._total, self._first, self._done, self._batch = total, done, done, batch
        self._start = self._last_line = time.perf_counter()
        self._is_shown = is_shown
        is_bar = is_shown and sys.stderr.isatty() and log.isEnabledFor(logging.INFO)
        self._bar = tqdm(total=total, initial=done, unit=" steps", file=sys.stderr, leave=False) if is_bar else None

    @property
    def images_per_s(self) -> float:
        """Since this process began, evaluations included."""
        return (self._done - self._first) * self._batch / max(time.perf_counter() - self._start, 1e-9)

    def update(self, epoch: int, loss: float, lr: float, images_per_s: float) -> None:
        """One more update is done, in epoch `epoch`, counted from 1."""
        self._done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"epoch {epoch}, loss {loss:.3f}, lr {lr:.2e}, {images_per_s:.0f} images/s", refresh=False
            )
            self._bar.update()
        elif self._is_shown and time.perf_counter() - self._last_line > _LINE_EVERY_S:
            self._last_line = time.perf_counter()
            log.info(
                "step %d/%d, epoch %d, loss %.3f, lr %.2e, %.0f images/s, %s to go",
                self._done, self._total, epoch, loss, lr, images_per_s, self._time_left(),
            )  # fmt: skip

    @contextmanager
    def paused(self) -> Iterator[None]:
        """The bar makes room for log lines."""
        if self._bar is None:
            yield
        else:
            with tqdm.external_write_mode(file=sys.stderr):
                yield

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()

    def _time_left(self) -> str:
        a_step = (time.perf_counter() - self._start) / max(self._done - self._first, 1)
        minutes, seconds = divmod(round(a_step * (self._total - self._done)), 60)
        hours, minutes = divmod(minutes, 60)
        return f"{hours}:{minutes:02}:{seconds:02}"


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def _number(value: float | int) -> str:
    return str(value) if isinstance(value, int) else f"{value:.6g}"
