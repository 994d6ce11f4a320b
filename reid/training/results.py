"""The folder of a run: configuration, checkpoints, report, and the batch that broke it."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from mdpr.errors import OutputError
from mdpr.files import results_folder, write_errors, write_text
from mdpr.reid.data import ReidImages
from mdpr.reid.training.checkpoint import Checkpoint, Progress, save_checkpoint
from mdpr.reid.training.config import TrainConfig
from mdpr.reid.training.folders import link_folder
from mdpr.reid.training.loader import Part
from mdpr.reid.training.processes import Processes, collect, tell_all
from mdpr.reid.training.randomness import random_state
from mdpr.reid.training.report import TrainReport
from mdpr.reid.training.step import Learner

log = logging.getLogger("mdpr")

LAST, BEST = "last", "best"


class RunFolder:
    """Made by the first process, or that of the run that goes on; all processes call it, the first one writes.

    Args:
        config: of the run.
        checkpoint: of the run that goes on; None for a new one.
        processes: that train together.

    Attributes:
        path: of the folder.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, config: TrainConfig, checkpoint: Checkpoint | None, processes: Processes) -> None:
        self._config = config
        self._processes = processes
        self.path = Path(tell_all(self._make(checkpoint) if processes.is_first else "", processes))

    @property
    def last(self) -> Path:
        """The newest checkpoint."""
        return self.path / LAST

    def save(self, learner: Learner, progress: Progress, metadata: Mapping[str, Any]) -> None:
        """Write `last`; every process gives its random state.

        Raises:
            OutputError: it cannot be written; the one before is still there.
        """
        states = collect(random_state(), self._processes)
        if self._processes.is_first:
            save_checkpoint(self.last, learner, self._config, progress, states, metadata)

    def keep_as_best(self) -> None:
        """Let `best` be what `last` is."""
        if self._processes.is_first:
            link_folder(self.last, self.path / BEST)

    def save_batch(self, parts: list[Part], images: ReidImages) -> Path:
        """The pictures, labels and files of this process's part of a batch, for a look at what broke the training."""
        rank = self._processes.rank
        path = self.path / ("nan_batch.npz" if rank == 0 else f"nan_batch.{rank}.npz")
        with write_errors(path):
            np.savez(
                path,
                images=np.concatenate([part.images.numpy() for part in parts]),
                labels=np.concatenate([part.labels.numpy() for part in parts]),
                paths=np.array([images.paths[index] for part in parts for index in part.indices]),
                parts=np.repeat(np.arange(len(parts)), [len(part.indices) for part in parts]),
            )
        return path

    def write_report(self, report: TrainReport) -> None:
        """Write run.json; a full disk is logged, not raised, because another error may be on its way."""
        if self._processes.is_first:
            report.folder = str(self.path)
            try:
                write_text(self.path / "run.json", report.as_json())
            except OutputError as failure:
                log.error("%s", failure)

    def _make(self, checkpoint: Checkpoint | None) -> str:
        if checkpoint is not None:
            path = checkpoint.folder.parent
            if checkpoint.progress.best_epoch == checkpoint.progress.epoch and checkpoint.progress.step == 0:
                link_folder(checkpoint.folder, path / BEST)  # the run may have been killed before it came to that
            return str(path)
        run = self._config.run
        path = results_folder(run.project, run.name, run.exist_ok)
        text = yaml.safe_dump(self._config.as_mapping(), sort_keys=False, allow_unicode=True)
        write_text(path / "config.yaml", text)
        return str(path)
