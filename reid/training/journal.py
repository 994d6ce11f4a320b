"""The numbers of a run as they come: averaged over some steps, then to every log."""

from __future__ import annotations

import math
import time
from contextlib import AbstractContextManager
from pathlib import Path

from mdpr.reid.training.config import TrainConfig
from mdpr.reid.training.logs import MetricsCsv, ProgressLog, TensorBoard
from mdpr.reid.training.step import StepResult


class Journal:
    """Writes metrics.csv, TensorBoard and the progress bar. A context manager.

    Args:
        folder: of the run.
        config: of the run.
        done: updates done before.
        total: updates of the whole run.
        is_shown: only the first of several processes writes.

    Raises:
        DependencyError: TensorBoard is wanted and not installed.
        OutputError: metrics.csv cannot be written.
    """

    def __init__(self, folder: Path, config: TrainConfig, done: int, total: int, is_shown: bool) -> None:
        self._every = config.run.log_every
        self._batch = config.sampler.batch
        self._csv = MetricsCsv(folder / "metrics.csv", done) if is_shown else None
        self._board = TensorBoard(folder, done) if is_shown and config.run.tensorboard else None
        self._progress = ProgressLog(total, done, self._batch, is_shown)
        self._terms: list[str] = []
        self._sums: dict[str, float] = {}
        self._last: dict[str, float | int] = {}
        self._steps = 0
        self._since = time.perf_counter()

    @property
    def images_per_s(self) -> float:
        """Since the run began, evaluations included."""
        return self._progress.images_per_s

    def add_step(self, update: int, epoch: float, lr: float, result: StepResult) -> None:
        """A step is done.

        Args:
            update: its number in the whole run, from 1.
            epoch: epochs done, with the fraction of the current one.
            lr: its learning rate.
            result: what it gave.
        """
        self._terms = list(result.terms)
        self._steps += 1
        for name, value in {**result.terms, "loss": result.loss, "grad_norm": result.grad_norm}.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._last = {"update": update, "epoch": epoch, "lr": lr}
        rate = self._steps * self._batch / max(time.perf_counter() - self._since, 1e-9)
        self._progress.update(math.ceil(epoch), result.loss, lr, rate)
        if update % self._every == 0:
            self._flush()

    def add_evaluation(self, update: int, epoch: float, measures: dict[str, float]) -> None:
        """An evaluation after `update` steps is done."""
        self._flush()
        self._write({"update": update, "epoch": epoch, **measures})

    def paused(self) -> AbstractContextManager[None]:
        """The progress bar makes room for log lines."""
        return self._progress.paused()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._progress.close()
        if kind is None:  # after an error there may be no disk to write to
            self._flush()
        if self._board is not None:
            self._board.close()

    def _flush(self) -> None:
        if self._steps:
            rate = self._steps * self._batch / max(time.perf_counter() - self._since, 1e-9)
            means = {name: value / self._steps for name, value in self._sums.items()}
            self._write({**self._last, **means, "images_per_s": rate})
        self._sums.clear()
        self._steps = 0
        self._since = time.perf_counter()

    def _write(self, values: dict[str, float | int]) -> None:
        if self._csv is not None:
            self._csv.write(values, self._terms)
        if self._board is not None:
            self._board.write(values)
