"""A training run from beginning to end.

for each epoch
    for each batch of its order               sampler, loader
        learning rate, one step               schedule, step
    evaluate, write `last`, perhaps `best`    evaluate, checkpoint
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from mdpr.errors import ConfigError, FormatError, MdprError, ModelError
from mdpr.reid.data.counts import describe
from mdpr.reid.data.labels import relabel
from mdpr.reid.training.checkpoint import read_checkpoint, restore
from mdpr.reid.training.config import TrainConfig, differences
from mdpr.reid.training.evaluate import evaluate_model
from mdpr.reid.training.journal import Journal
from mdpr.reid.training.loader import BatchLoader, Part, PictureMaker
from mdpr.reid.training.logs import TensorBoard
from mdpr.reid.training.picture_cache import PictureCache
from mdpr.reid.training.processes import Processes, choose_device, joined, sum_over, tell_all
from mdpr.reid.training.randomness import seed_everything
from mdpr.reid.training.report import TrainReport, checkpoint_metadata, device_name, peak_memory_mib
from mdpr.reid.training.results import RunFolder
from mdpr.reid.training.sampler import check_identities, epoch_order, own_shards
from mdpr.reid.training.schedule import learning_rate
from mdpr.reid.training.setup import check_same_data, first_progress, make_model, read_dataset
from mdpr.reid.training.step import Learner, NotFiniteError, StepResult, choose_precision

log = logging.getLogger("mdpr")


class TrainRun:
    """One run of `mdpr-train`. `interrupt` may be called from a signal handler.

    Args:
        config: the checked configuration.
        resume: folder of an interrupted run to go on with, in its own folder.

    Raises:
        ConfigError: values that do not fit the data or the machine, or that differ from those of `resume`.
        FormatError: the data set's folder is not what its reader expects.
        ModelError: nothing to resume, or weights that do not fit.
        DependencyError: TensorBoard is wanted and not installed.
    """

    def __init__(self, config: TrainConfig, resume: Path | None = None) -> None:
        if config.run.tensorboard:
            TensorBoard.check_installed()
        self.config = config
        self._stop = threading.Event()
        self._processes = Processes.of_environment()
        self._shards, self._shard_count = own_shards(config.sampler, self._processes.rank, self._processes.count)
        self._device = choose_device(config.run.device, self._processes)
        self._checkpoint = read_checkpoint(resume) if resume is not None else None
        if self._checkpoint and (lines := differences(self._checkpoint.config, config)):
            raise ConfigError(
                f"--resume {resume}: the configuration is not that of the run:\n  " + "\n  ".join(lines) + "\n"
                "To go on, leave these as they were; to begin anew with its weights use --init-from"
            )
        self._dataset = read_dataset(config)
        self._has_evaluation = len(self._dataset.query) > 0 and len(self._dataset.gallery) > 0
        self._labels, classes = relabel(self._dataset.train.pids)
        check_identities(config.sampler, len(classes))
        self._progress = first_progress(self._dataset, choose_precision(config.run.precision, self._device))
        if self._checkpoint:
            check_same_data(self._checkpoint.progress, self._progress)
            self._progress = self._checkpoint.progress
        self.report = TrainReport(
            device=device_name(self._device), precision=self._progress.precision, processes=self._processes.count
        )
        self._learner = self._make_learner(len(classes))

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and talks."""
        return self._processes.is_first

    def interrupt(self) -> None:
        """End after the current step, with a checkpoint."""
        self._stop.set()

    def execute(self) -> bool:
        """Train; returns whether training is complete. Otherwise it was interrupted, and can be resumed.

        Raises:
            MdprError: what stopped the run; its last checkpoint is complete.
        """
        with joined(self._processes, self._device):
            self._learner.connect()
            self._folder = RunFolder(self.config, self._checkpoint, self._processes)
            log.info("results   %s", self._folder.path)
            self._order = self._order_of(self._progress.epoch)
            done, total = self._progress.updates, len(self._order) * self.config.schedule.epochs
            if done == total:
                log.info("this run is complete: nothing to do")
            self._journal = Journal(self._folder.path, self.config, done, total, self._processes.is_first)
            self._start = time.perf_counter()
            self._report("running")
            try:
                with self._journal:
                    is_complete = self._train()
            except BaseException as error:
                self._report("failed", str(error) or type(error).__name__)
                raise
            self._report("complete" if is_complete else "interrupted")
        return is_complete

    def _train(self) -> bool:
        config = self.config
        train, network, is_gpu = self._dataset.train, config.model.network, self._device.type == "cuda"
        cache = PictureCache(Path(config.run.cache), train, network.input_size) if config.run.cache else None
        maker = PictureMaker(train, network, config.augment, config.run.seed, cache)
        with BatchLoader(maker, self._labels, config.run.workers, is_gpu, processes=is_gpu) as loader:
            while self._progress.epoch < config.schedule.epochs:
                epoch = self._progress.epoch
                self._order = self._order_of(epoch)
                batches = loader.batches(self._order, epoch, self._progress.step, self._shards, self._shard_count)
                for parts in self._together(batches):
                    now = epoch + self._progress.step / len(self._order)
                    result = self._step(parts, learning_rate(now, config.optimiser.lr, config.schedule))
                    every = config.run.checkpoint_every
                    if result.is_stop_wanted or (every and self._progress.updates % every == 0):
                        self._save()
                    if result.is_stop_wanted:
                        return False
                self._end_epoch()
        return True

    def _step(self, parts: list[Part], lr: float) -> StepResult:
        try:
            result = self._learner.step(parts, lr, self._stop.is_set())
        except NotFiniteError as error:
            path = self._folder.save_batch(parts, self._dataset.train)
            self._save()
            raise ModelError(
                f"step {self._progress.updates + 1} of the run: {error} became NaN or infinite.\n"
                f"The batch is in {path}, the state before the step in {self._folder.last}. Lower optimiser.lr, set "
                "optimiser.max_grad_norm, or take another run.precision"
            ) from error
        self._progress = replace(
            self._progress,
            step=self._progress.step + 1,
            updates=self._progress.updates + 1,
            loss_sum=self._progress.loss_sum + result.loss,
        )
        epoch = self._progress.epoch + self._progress.step / len(self._order)
        self._journal.add_step(self._progress.updates, epoch, lr, result)
        return result

    def _together(self, batches: Iterator[list[Part]]) -> Iterator[list[Part]]:
        """The batches. When a process cannot read its part, all of them stop at the same step, with a checkpoint."""
        while True:
            failure, parts = None, None
            try:
                parts = next(batches, None)
            except FormatError as error:
                failure = error
            if float(sum_over(torch.tensor(float(failure is not None)), self._processes)) > 0:
                self._save()
                raise failure or ModelError("another process could not read an image; see its message")
            if parts is None:
                return
            yield parts

    def _end_epoch(self) -> None:
        """Evaluate, write `last`, and make it `best` when it is."""
        done, epochs, every = self._progress.epoch + 1, self.config.schedule.epochs, self.config.run.evaluate_every
        self.report.loss = self._progress.loss_sum / len(self._order)
        value: float | None = -self.report.loss
        measures: dict[str, float] = {}
        if self._has_evaluation:
            if done == epochs or (every > 0 and done % every == 0):
                measures = self.report.measures = self._evaluate(done)
            value = measures.get("mAP")
        self._progress = replace(self._progress, epoch=done, step=0, loss_sum=0.0)
        is_best = value is not None and (self._progress.best is None or value > self._progress.best)
        if is_best:
            self._progress = replace(self._progress, best=value, best_epoch=done)
        self._save()
        if is_best:
            self._folder.keep_as_best()
        told = "".join(f", {name} {measure:.4f}" for name, measure in measures.items())
        with self._journal.paused():
            log.info("epoch %d/%d: loss %.4f%s%s", done, epochs, self.report.loss, told, ", best" if is_best else "")

    def _evaluate(self, epochs: int) -> dict[str, float]:
        """The measures, worked out by the first process while the others wait."""
        measures, failure = {}, ""
        if self._processes.is_first:
            arguments = self._dataset, self._device, self._progress.precision, self.config.run.workers
            try:
                with self._journal.paused():
                    measures = evaluate_model(self._learner.best_model, *arguments)
                self._journal.add_evaluation(self._progress.updates, float(epochs), measures)
            except MdprError as error:
                failure = str(error)
        measures, failure = tell_all((measures, failure), self._processes)
        if failure:
            self._save()
            raise FormatError(f"evaluation: {failure}\nPut that right, then go on with --resume {self._folder.path}")
        return measures

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        return epoch_order(self._labels, self.config.sampler, self.config.run.seed, epoch)

    def _make_learner(self, identities: int) -> Learner:
        torch.backends.cudnn.benchmark = not self.config.run.deterministic
        torch.use_deterministic_algorithms(self.config.run.deterministic, warn_only=True)
        seed_everything(self.config.run.seed)
        log.info("data      %s", describe(self._dataset))
        model = make_model(self.config, identities, has_first_weights=self._checkpoint is None)
        learner = Learner(model.to(self._device), self.config, self._progress.precision, self._processes, self._device)
        log.info("device    %s, %s", self.report.device, self._progress.precision)
        if not self._has_evaluation:
            log.info("no query and gallery images: `best` is the checkpoint with the lowest training loss")
        if self._checkpoint is not None:
            told = restore(self._checkpoint, learner, self._processes.rank)
            self.report.loss, self.report.measures = told["loss"], told["measures"]
            log.info("resumed   epoch %d, step %d", self._progress.epoch + 1, self._progress.step)
        return learner

    def _save(self) -> None:
        done = self._progress.epoch + self._progress.step / len(self._order)
        metadata = checkpoint_metadata(self.config, self._dataset, self.report, done)
        self._folder.save(self._learner, self._progress, metadata)

    def _report(self, status: str, error: str = "") -> None:
        """Bring the report up to date and write it."""
        report, progress = self.report, self._progress
        report.status, report.error = status, error
        report.epochs, report.updates = progress.epoch, progress.updates
        report.best, report.best_epoch = progress.best, progress.best_epoch
        report.wall_s = time.perf_counter() - self._start
        report.images_per_s = self._journal.images_per_s
        report.peak_memory_mib = peak_memory_mib(self._device)
        self._folder.write_report(report)
