"""A training run of the person detector from beginning to end.

for each epoch
    for each batch of its order          loader: mosaics and cameras
        learning rate, one step          schedule, step
    evaluate, write what is needed       inference, metrics, checkpoint
"""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mdpr.detectors.devices import choose_device
from mdpr.detectors.yolox.calibration import Calibration, calibrate
from mdpr.detectors.yolox.checkpoint import (
    NETWORK_FILE,
    STATE_FILE,
    Progress,
    read_checkpoint,
    restore,
    save_network,
    save_state,
)
from mdpr.detectors.yolox.config import TrainConfig
from mdpr.detectors.yolox.data import PeoplePictures
from mdpr.detectors.yolox.first_weights import blend, load_first_weights
from mdpr.detectors.yolox.inference import EVALUATION_CONF, TorchYolox, detect_in_pictures, truths_of
from mdpr.detectors.yolox.journal import Journal
from mdpr.detectors.yolox.loader import SampleLoader, epoch_order
from mdpr.detectors.yolox.metrics import Measures, measure
from mdpr.detectors.yolox.network import SIZES, YoloxNetwork
from mdpr.detectors.yolox.schedule import input_size, is_closing, learning_rate, share_done
from mdpr.detectors.yolox.setup import check_same, read_people
from mdpr.detectors.yolox.step import Learner, NotFiniteError, choose_precision, one_core_a_thread
from mdpr.errors import FormatError, ModelError, OutputError
from mdpr.files import results_folder, write_text
from mdpr.versions import versions

REPORT_FILE = "run.json"
_FIRST_SAMPLES = 64  # that the statistics of exported weights are measured on
log = logging.getLogger("mdpr")


class DetectorRun:
    """One run. `interrupt` may be called from a signal handler.

    Args:
        config: the checked configuration.
        resume: folder of an interrupted run to go on with, in its own folder.

    Raises:
        ConfigError: values that do not fit the machine, or that differ from those of `resume`.
        FormatError: the pictures are not as expected, or show nobody.
        ModelError: nothing to resume.
    """

    def __init__(self, config: TrainConfig, resume: Path | None = None) -> None:
        self.config = config
        self._stop = threading.Event()
        self._device = torch.device(choose_device(config.run.device))
        checkpoint = read_checkpoint(resume) if resume is not None else None
        self._pictures = read_people(config, "data")
        self._val = read_people(config, "val") if config.train.val else None
        precision = choose_precision(config.run.precision, self._device)
        self._progress = Progress(precision=precision, digest=self._pictures.digest)
        if checkpoint is not None:
            check_same(checkpoint, config, self._progress)
            self._progress = checkpoint.progress
        self._checkpoint = checkpoint
        self._used_before, self._began = self._progress.used_s, 0.0
        self._order = self._order_of(0)
        self._measures: Measures | None = None
        self.report: dict[str, Any] = {}

    @property
    def folder(self) -> Path:
        """Where the results are; made when training begins."""
        return self._folder

    def summary(self) -> str:
        """What a person wants to know of a run that is over."""
        report, measures = self.report, self.report["measures"]
        lines = [f"{report['status']}: {report['updates']} steps, {report['images_per_s']:.1f} images/s"]
        if measures:
            lines.append(
                f"AP {measures['ap']:.4f}, AP50 {measures['ap50']:.4f}; best AP {report['best']:.4f} after step "
                f"{report['best_update']}"
            )
        return "\n".join([*lines, f"results: {self._folder}"])

    def interrupt(self) -> None:
        """End after the current step, with a checkpoint."""
        self._stop.set()

    def execute(self) -> bool:
        """Train; returns whether training is complete. Otherwise it was interrupted, and can be resumed.

        Raises:
            MdprError: what stopped the run; the state before it is saved.
        """
        run = self.config.run
        one_core_a_thread()  # the parts of a batch run side by side
        if self._checkpoint is not None:
            self._folder = self._checkpoint.path.parent
        else:
            network = self._first_network()  # before there is a folder: what it begins with may be damaged
            self._folder = results_folder(run.project, run.name, run.exist_ok)
            write_text(self._folder / "config.json", json.dumps(self.config.as_mapping(), indent=2) + "\n")
        log.info("results   %s", self._folder)
        if self._is_over() and self._progress.evaluated == self._progress.updates:
            log.info("this run is complete: nothing to do")
            self.report = json.loads((self._folder / REPORT_FILE).read_text(encoding="utf-8"))
            return True
        if self._checkpoint is not None:
            network = self._first_network()
        network = network.to(self._device)
        self._journal = Journal(self._folder, self.config.train.batch, run.log_every, self._progress.updates)
        self._began = self._saved = time.perf_counter()
        try:
            with Learner(network, self.config.train, self._progress.precision, self._device) as learner:
                self._learner = learner
                if self._checkpoint is not None:
                    restore(self._checkpoint, learner)
                is_complete = self._train()
            self._report("complete" if is_complete else "interrupted")
        except BaseException as error:
            self._report("failed", str(error) or type(error).__name__)
            raise
        return is_complete

    def _first_network(self) -> YoloxNetwork:
        """What training begins with, and what of it is kept for `keep_first`."""
        config = self.config.train
        torch.manual_seed(config.seed)
        network = YoloxNetwork(SIZES[config.size])
        if config.init_from and (self._checkpoint is None or config.keep_first):
            self._samples = self._some_samples()
            load_first_weights(network, config.init_from, self._samples)
            self._first = copy.deepcopy(network)
            log.info("weights   %s", config.init_from)
        return network

    def _train(self) -> bool:
        config = self.config
        height, width = config.train.imgsz
        with SampleLoader(
            self._pictures, (width, height), config.augment, config.camera, config.train.seed, config.run.workers,
            config.run.cache_mib << 20,
        ) as loader:  # fmt: skip
            while not self._is_over():
                if not self._epoch(loader):
                    return False
        if self._progress.evaluated < self._progress.updates:
            self._evaluate()
        self._save()
        return True

    def _some_samples(self) -> Tensor:
        """(N, 3, H, W) BGR in 0..255: samples as the first epoch has them."""
        config = self.config
        height, width = config.train.imgsz
        with SampleLoader(
            self._pictures, (width, height), config.augment, config.camera, config.train.seed, 0
        ) as loader:
            numbers = enumerate(self._order.ravel()[:_FIRST_SAMPLES].tolist())
            samples = [loader.sample(index, 0, number, (width, height), False).image for number, index in numbers]
        return torch.from_numpy(np.stack(samples)).permute(0, 3, 1, 2).float()

    def _epoch(self, loader: SampleLoader) -> bool:
        """The rest of an epoch; returns False when it was interrupted. It ends early when the time is over."""
        config, epoch, first = self.config.train, self._progress.epoch, self._progress.step
        self._order = self._order_of(epoch)

        def plan(step: int) -> tuple[tuple[int, int], bool]:
            share = self._share(epoch * len(self._order) + step)
            return input_size(epoch, step, config), is_closing(share, config)

        try:
            for batch in loader.batches(self._order, epoch, first, plan):
                share = self._share()
                lr = learning_rate(share, config)
                result = self._learner.step(batch, lr, with_l1=is_closing(share, config))
                self._progress = replace(
                    self._progress, step=self._progress.step + 1, updates=self._progress.updates + 1
                )
                done = epoch + self._progress.step / len(self._order)
                self._journal.add_step(self._progress.updates, done, lr, result, share)
                if self._stop.is_set():
                    self._save()
                    return False
                if time.perf_counter() - self._saved > 60 * self.config.run.save_every:
                    self._save()
                if self._share() >= 1:
                    break
        except NotFiniteError as error:
            self._save()
            raise ModelError(
                f"step {self._progress.updates + 1}: {error} became NaN or infinite. The state before the step is in "
                f"{self._folder / STATE_FILE}. Lower train.lr, or take run.precision=fp32"
            ) from error
        except FormatError:
            self._save()
            raise
        if self._progress.step == len(self._order):
            self._progress = replace(self._progress, epoch=epoch + 1, step=0)
            every = self.config.run.evaluate_every
            if every and self._progress.epoch % every == 0:
                self._evaluate()
            self._save()
        return True

    def _evaluate(self) -> None:
        """Measure the result, and keep it when it is the best, or where nothing can be measured."""
        measures: Measures | None = None
        calibration, network = Calibration(), self._result()
        if self._val is not None:
            measures, calibration = self._measure(network, self._val)
            self._measures = measures
            done = self._progress.epoch + self._progress.step / len(self._order)
            self._journal.add_evaluation(self._progress.updates, done, asdict(measures))
        self._progress = replace(self._progress, evaluated=self._progress.updates)
        is_best = measures is None or self._progress.best is None or measures.ap > self._progress.best
        if is_best:
            best = measures.ap if measures is not None else None
            self._progress = replace(self._progress, best=best, best_update=self._progress.updates)
            save_network(network, self._folder / NETWORK_FILE, self._metadata(measures, calibration))
        if measures is not None:
            log.info(
                "epoch %d, step %d: AP %.4f, AP50 %.4f, recall %.3f and precision %.3f at %g%s",
                self._progress.epoch, self._progress.updates, measures.ap, measures.ap50, measures.recall,
                measures.precision, measures.conf, ", best" if is_best else "",
            )  # fmt: skip

    def _result(self) -> YoloxNetwork:
        """The network that is measured and kept."""
        share = self.config.train.keep_first
        if not share:
            return self._learner.average
        last = copy.deepcopy(self._learner.average).cpu()
        return blend(self._first, last, share, self._samples).to(self._device)

    def _measure(self, network: YoloxNetwork, pictures: PeoplePictures) -> tuple[Measures, Calibration]:
        imgsz = max(self.config.train.imgsz)
        detector = TorchYolox(network, imgsz, conf=EVALUATION_CONF, device=self._device)
        threads = 0 if self._device.type == "cpu" else 1
        truths, found = truths_of(pictures), detect_in_pictures(detector.detect, pictures, threads)
        return measure(truths, found), calibrate(truths, found)

    def _metadata(self, measures: Measures | None, calibration: Calibration) -> dict[str, Any]:
        """What a network says of itself: where it comes from, and what was measured."""
        return {
            "made_by": f"mdpr train-detector {versions()['mdpr-track']}",
            "pictures": self._pictures.describe(),
            "digest": self._pictures.digest,
            "updates": self._progress.updates,
            "epochs": self._progress.epoch + self._progress.step / len(self._order),
            "measures": asdict(measures) if measures is not None else {},
            "calibration": asdict(calibration),
            "config": self.config.as_mapping(),
        }

    def _is_over(self) -> bool:
        return self._progress.epoch >= self.config.train.epochs or self._share() >= 1

    def _share(self, updates: int | None = None) -> float:
        """The share of training that is done, or will be when `updates` steps are, at the time it is now."""
        config = self.config.train
        steps = self._progress.updates if updates is None else updates
        return share_done(steps, config.epochs * len(self._order), self._used_s(), config.minutes)

    def _used_s(self) -> float:
        return self._used_before + (time.perf_counter() - self._began if self._began else 0.0)

    def _order_of(self, epoch: int) -> NDArray[np.int64]:
        return epoch_order(len(self._pictures), self.config.train.batch, self.config.train.seed, epoch)

    def _save(self) -> None:
        self._progress = replace(self._progress, used_s=self._used_s())
        if self._val is None or self._progress.best is None:
            save_network(self._result(), self._folder / NETWORK_FILE, self._metadata(None, Calibration()))
        save_state(self._folder / STATE_FILE, self._learner, self.config, self._progress)
        self._saved = time.perf_counter()

    def _report(self, status: str, error: str = "") -> None:
        """Write run.json; a full disk is logged, not raised, because another error may be on its way."""
        progress = dataclasses.asdict(self._progress) | {"used_s": self._used_s()}
        self.report = {
            "status": status, "error": error, "folder": str(self._folder), "device": str(self._device), **progress,
            "measures": asdict(self._measures) if self._measures is not None else {},
            "images_per_s": self._journal.images_per_s, "versions": versions(),
        }  # fmt: skip
        try:
            self._journal.flush()
            write_text(self._folder / REPORT_FILE, json.dumps(self.report, indent=2) + "\n")
        except OutputError as failure:
            log.error("%s", failure)
