"""The configuration of a training run: frozen dataclasses, every value checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdpr.components import build_config
from mdpr.detectors.options import STRIDE
from mdpr.detectors.yolox.camera import CameraConfig
from mdpr.detectors.yolox.data import ReadOptions
from mdpr.detectors.yolox.network import SIZES
from mdpr.detectors.yolox.views import AugmentConfig
from mdpr.errors import ConfigError

PRECISIONS = ("auto", "fp32", "bf16")
OPTIMISERS = {"sgd": 0.01, "adamw": 3e-3}
"""Names, and the learning rate of each for a batch of 16."""


@dataclass(frozen=True)
class DetectorConfig:
    """What is trained, for how long, and how.

    Attributes:
        data, val: a folder or an annotation file, or several, see `mdpr.detectors.yolox.data`; without `val` nothing is
            evaluated.
        size: of the network, see `mdpr.detectors.yolox.network.SIZES`.
        init_from: weights to begin with, see `mdpr.detectors.yolox.first_weights`; empty for random ones.
        keep_first: share of those weights in the network that is measured and kept, see `first_weights.blend`.
        imgsz: height and width of the network's input in training, multiples of 32.
        multiscale: each batch has sides up to so many steps of 32 pixels shorter or longer.
        epochs: through all pictures.
        minutes: training ends, with its schedule complete, after this time if not after `epochs`; 0 = no limit.
        batch: pictures of a step.
        parts: equal pieces of a batch, each with its own statistics in BatchNorm; one a core is computed at once.
        optimiser: sgd (Nesterov, momentum 0.9) or adamw.
        lr: learning rate after the warm-up; 0 = that of the optimiser, for a batch of 16, times batch / 16.
        final_lr: share of it at the end of the cosine.
        weight_decay: of the convolutions' weights.
        warmup: share of training in which the learning rate rises.
        closing: share of training at its end without mosaic, with the L1 loss.
        max_grad_norm: gradients with a larger norm are scaled down to it; 0 = never.
        ema_decay: of the moving average of the weights, which is what is evaluated and kept.
        seed: of weights, order and samples.
    """

    data: str | tuple[str, ...] = ""
    val: str | tuple[str, ...] = ""
    size: str = "nano"
    init_from: str = ""
    keep_first: float = 0.0
    imgsz: tuple[int, ...] = (320, 544)
    multiscale: int = 0
    epochs: int = 30
    minutes: float = 0.0
    batch: int = 16
    parts: int = 2
    optimiser: str = "adamw"
    lr: float = 0.0
    final_lr: float = 0.02
    weight_decay: float = 5e-4
    warmup: float = 0.05
    closing: float = 0.1
    max_grad_norm: float = 10.0
    ema_decay: float = 0.9998
    seed: int = 0

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise ConfigError(f"size: unknown {self.size!r}. Known: {', '.join(SIZES)}")
        if len(self.imgsz) != 2 or any(side <= 0 or side % STRIDE for side in self.imgsz):
            raise ConfigError(f"imgsz: expected height and width, positive multiples of {STRIDE}, got {self.imgsz}")
        if not 0 <= self.multiscale < min(self.imgsz) // STRIDE:
            raise ConfigError(f"multiscale: expected 0 to {min(self.imgsz) // STRIDE - 1}, got {self.multiscale}")
        if min(self.epochs, self.batch, self.parts) < 1 or self.batch % self.parts:
            raise ConfigError(
                "epochs, batch and parts must be 1 or more, and batch a multiple of parts; got "
                f"{self.epochs}, {self.batch} and {self.parts}"
            )
        if self.optimiser not in OPTIMISERS:
            raise ConfigError(f"optimiser: expected one of {', '.join(OPTIMISERS)}, got {self.optimiser!r}")
        for name in ("minutes", "lr", "weight_decay", "max_grad_norm", "seed"):
            if getattr(self, name) < 0:
                raise ConfigError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("final_lr", "warmup", "closing", "ema_decay", "keep_first"):
            if not 0 <= getattr(self, name) < 1:
                raise ConfigError(f"{name}: expected 0 to below 1, got {getattr(self, name)}")

        if self.keep_first and not self.init_from:
            raise ConfigError("keep_first: there are no first weights to keep. Give --init-from FILE")

    @property
    def peak_lr(self) -> float:
        """The learning rate after the warm-up."""
        return self.lr or OPTIMISERS[self.optimiser] * self.batch / 16


@dataclass(frozen=True)
class RunConfig:
    """Where a run computes, and where its results go; nothing here changes what is learnt, but for the precision.

    Attributes:
        project, name: results go to the folder project/name; when it exists, to name2, name3, ...
        exist_ok: write into an existing folder instead.
        device: "cpu", or "0", "1", ... for a GPU; empty = the first GPU, else the CPU.
        precision: fp32, bf16, or auto: bf16 where the device multiplies it in hardware.
        workers: processes that read pictures; 0 = a thread of the training process.
        cache_mib: decoded pictures that are kept, in a temporary file.
        evaluate_every: epochs; the last one is always evaluated; 0 = only that one.
        save_every: minutes between checkpoints within an epoch.
        log_every: steps between two rows of metrics.csv.
    """

    project: str = "runs/train-detector"
    name: str = "run"
    exist_ok: bool = False
    device: str = ""
    precision: str = "auto"
    workers: int = 2
    cache_mib: int = 2048
    evaluate_every: int = 5
    save_every: float = 5.0
    log_every: int = 20

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"run.precision: expected one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if not self.name or self.log_every < 1:
            raise ConfigError("run: name must not be empty, log_every must be 1 or more")
        if min(self.workers, self.cache_mib, self.evaluate_every, self.save_every) < 0:
            raise ConfigError("run: workers, cache_mib, evaluate_every and save_every must not be negative")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that a training run is given."""

    train: DetectorConfig = field(default_factory=DetectorConfig)
    read: ReadOptions = field(default_factory=ReadOptions)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    camera: CameraConfig = field(default_factory=CameraConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def as_mapping(self) -> dict[str, dict[str, Any]]:
        """Plain values: what `build_train_config` reads again."""
        return {
            section: {key: list(value) if isinstance(value, tuple) else value for key, value in values.items()}
            for section, values in dataclasses.asdict(self).items()
        }


_TYPES: dict[str, type[Any]] = {
    "train": DetectorConfig,
    "read": ReadOptions,
    "augment": AugmentConfig,
    "camera": CameraConfig,
    "run": RunConfig,
}
SECTIONS = tuple(_TYPES)

_OF_NO_EFFECT = {"train.data", "train.val", *(f"run.{entry.name}" for entry in dataclasses.fields(RunConfig))}


def build_train_config(values: Mapping[str, Any]) -> TrainConfig:
    """The checked configuration of plain values by section.

    Raises:
        ConfigError: an unknown section or key (lists those that exist), or a value that does not fit.

    >>> build_train_config({"train": {"epochs": 3}}).train.epochs
    3
    """
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise ConfigError(f"configuration: unknown section {unknown[0]!r}. Known: {', '.join(SECTIONS)}")
    return TrainConfig(**{name: build_config(cls, values.get(name) or {}, name) for name, cls in _TYPES.items()})


def differences(before: TrainConfig, now: TrainConfig) -> list[str]:
    """The settings in which two runs cannot give the same, a line each; empty when they can.

    >>> differences(TrainConfig(), TrainConfig(run=RunConfig(workers=7)))
    []
    """
    flat = [
        {f"{section}.{key}": value for section, keys in config.as_mapping().items() for key, value in keys.items()}
        for config in (before, now)
    ]
    keys = sorted(set(flat[0]) - _OF_NO_EFFECT)
    return [f"{key}: {flat[0][key]} before, {flat[1][key]} now" for key in keys if flat[0][key] != flat[1][key]]
