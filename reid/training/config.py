"""The configuration of a training run: sections of YAML, every key checked."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mdpr.components import build_config
from mdpr.errors import ConfigError
from mdpr.reid.losses import LossConfig
from mdpr.reid.network import NetworkConfig, network_config
from mdpr.reid.training.augmentations import AugmentConfig
from mdpr.reid.training.sampler import SamplerConfig
from mdpr.reid.training.schedule import ScheduleConfig

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class ModelConfig:
    """The network and what its weights begin with.

    Attributes:
        name: preset of the network.
        network: its configuration; the preset with the keys of this section replaced.
        backbone: weights of the backbone: "imagenet", a name, a file, or empty for none. See
            `mdpr.reid.network.pretrained`.
        init_from: a checkpoint of mdpr-train whose weights to begin with; empty for none.
        init_strict: class weights of `init_from` that do not fit the number of identities are an error; else they are
            left out.
    """

    name: str = "mdpr-r101"
    network: NetworkConfig = field(default_factory=NetworkConfig)
    backbone: str = ""
    init_from: str = ""
    init_strict: bool = False


@dataclass(frozen=True)
class DataConfig:
    """What is trained and evaluated on.

    Attributes:
        name: of the data set, see `mdpr.reid.data.DATASETS`.
        root: its folder, or the file of a manifest.
        options: of the data set's reader: its other keys in this section.
    """

    name: str = "market1501"
    root: str = ""
    options: tuple[tuple[str, Any], ...] = ()


@dataclass(frozen=True)
class OptimiserConfig:
    """Adam; the defaults are the paper's.

    Attributes:
        lr: learning rate between warm-up and cosine.
        weight_decay: added to the gradient of everything that is trained.
        max_grad_norm: gradients with a larger norm are scaled down to it; 0 = never.
        ema_decay: of the exponential moving average of the weights, which is then what is evaluated and kept; 0 = none.
    """

    lr: float = 3.5e-4
    weight_decay: float = 5e-4
    max_grad_norm: float = 0.0
    ema_decay: float = 0.0

    def __post_init__(self) -> None:
        if self.lr <= 0 or self.weight_decay < 0 or self.max_grad_norm < 0:
            raise ConfigError("optimiser: lr must be above 0, weight_decay and max_grad_norm not below 0")
        if not 0 <= self.ema_decay < 1:
            raise ConfigError(f"optimiser.ema_decay: expected 0 to below 1, got {self.ema_decay}")


@dataclass(frozen=True)
class RunConfig:
    """How training runs, and where its results go.

    Attributes:
        project, name: results go to the folder project/name; when it exists, to name2, name3, ...
        exist_ok: write into an existing folder instead.
        device: "cpu", or "0", "1", ... for a GPU; empty = the first GPU, else the CPU.
        seed: of weights, batches and augmentations.
        precision: fp32, bf16, fp16 (with a gradient scaler), or auto: bf16 on GPUs and CPUs that multiply it in
            hardware, fp16 on older GPUs, fp32 on other CPUs.
        channels_last: memory layout of the convolutions; faster with reduced precision on GPUs, and on CPUs.
        compile: torch.compile the network: minutes once, faster steps.
        deterministic: only algorithms that give the same result every time, where a GPU has them; slower there.
        workers: that read and augment images for each process of the training: threads, or processes where it runs on
            a GPU.
        cache: folder for the resized pictures of the training split, which are then decoded only once; empty = none.
            192x96 pixels take 55 kB a picture.
        evaluate_every: epochs; the last epoch is always evaluated; 0 = only that one.
        checkpoint_every: steps between checkpoints within an epoch; 0 = only at the end of each epoch.
        log_every: steps between two rows of metrics.csv.
        tensorboard: TensorBoard logs besides.
    """

    project: str = "runs/train"
    name: str = "run"
    exist_ok: bool = False
    device: str = ""
    seed: int = 0
    precision: str = "auto"
    channels_last: bool = True
    compile: bool = False
    deterministic: bool = False
    workers: int = 4
    cache: str = ""
    evaluate_every: int = 5
    checkpoint_every: int = 0
    log_every: int = 10
    tensorboard: bool = False

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise ConfigError(f"run.precision: expected one of {', '.join(PRECISIONS)}, got {self.precision!r}")
        if self.workers < 1 or self.log_every < 1:
            raise ConfigError("run: workers and log_every must be 1 or more")
        if not self.name or min(self.seed, self.evaluate_every, self.checkpoint_every) < 0:
            raise ConfigError("run: name must not be empty; seed, evaluate_every and checkpoint_every not below 0")


@dataclass(frozen=True)
class TrainConfig:
    """Everything that decides what a training run gives."""

    model: ModelConfig = field(default_factory=ModelConfig)
    data: DataConfig = field(default_factory=DataConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    run: RunConfig = field(default_factory=RunConfig)

    def as_mapping(self) -> dict[str, dict[str, Any]]:
        """Plain values, as YAML: what `build_train_config` reads again."""
        values = {section: _plain(dataclasses.asdict(getattr(self, section))) for section in SECTIONS}
        values["model"] |= values["model"].pop("network")
        values["data"].pop("options")
        values["data"] |= {key: _plain_value(value) for key, value in self.data.options}
        return values


SECTIONS = tuple(entry.name for entry in dataclasses.fields(TrainConfig))

_OF_NO_EFFECT = {
    "data.root",
    *(f"run.{key}" for key in ("project", "name", "exist_ok", "device", "workers", "cache")),
    *(f"run.{key}" for key in ("evaluate_every", "checkpoint_every", "log_every", "tensorboard")),
}


def build_train_config(values: Mapping[str, Any]) -> TrainConfig:
    """The checked configuration of plain values.

    Raises:
        ConfigError: an unknown section or key (lists those that exist), or a value that does not fit.

    >>> build_train_config({"model": {"name": "mdpr-s", "width": 64}}).model.network.dimension
    576
    """
    unknown = sorted(set(values) - set(SECTIONS))
    if unknown:
        raise ConfigError(f"configuration: unknown section {unknown[0]!r}. Known: {', '.join(SECTIONS)}")
    sections = {section: _section(values, section) for section in SECTIONS}
    types: dict[str, type[Any]] = {"sampler": SamplerConfig, "augment": AugmentConfig, "optimiser": OptimiserConfig}
    types |= {"schedule": ScheduleConfig, "loss": LossConfig, "run": RunConfig}
    return TrainConfig(
        model=_model(sections["model"]),
        data=_data(sections["data"]),
        **{section: build_config(cls, sections[section], section) for section, cls in types.items()},
    )


def differences(before: TrainConfig, now: TrainConfig) -> list[str]:
    """The settings in which two runs cannot give the same, a line each; empty when they can.

    Where images and results lie, how many threads read, and how often is logged, evaluated and saved, is no difference.

    >>> differences(TrainConfig(), TrainConfig(optimiser=OptimiserConfig(lr=1e-3)))
    ['optimiser.lr: 0.00035 before, 0.001 now']
    """
    flat = [
        {f"{section}.{key}": value for section, keys in config.as_mapping().items() for key, value in keys.items()}
        for config in (before, now)
    ]
    keys = sorted((set(flat[0]) | set(flat[1])) - _OF_NO_EFFECT)
    lines = [(key, flat[0].get(key, "(not set)"), flat[1].get(key, "(not set)")) for key in keys]
    return [f"{key}: {old} before, {new} now" for key, old, new in lines if old != new]


def _model(options: Mapping[str, Any]) -> ModelConfig:
    own = {entry.name for entry in dataclasses.fields(ModelConfig)} - {"network"}
    overrides = {key: value for key, value in options.items() if key not in own}
    known = {entry.name for entry in dataclasses.fields(NetworkConfig)}
    unknown = sorted(set(overrides) - known)
    if unknown:
        raise ConfigError(f"model: unknown key {unknown[0]!r}. Known: {', '.join(sorted(own | known))}")
    base: ModelConfig = build_config(ModelConfig, {key: options[key] for key in own & set(options)}, "model")
    return dataclasses.replace(base, network=network_config(base.name, **overrides))


def _data(options: Mapping[str, Any]) -> DataConfig:
    base: DataConfig = build_config(DataConfig, {k: options[k] for k in ("name", "root") if k in options}, "data")
    rest = tuple((key, value) for key, value in options.items() if key not in ("name", "root"))
    return dataclasses.replace(base, options=rest)


def _section(values: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = values.get(name) or {}
    if not isinstance(section, dict):
        raise ConfigError(f"{name}: expected a mapping of options, got {section!r}")
    return section


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {key: _plain_value(value) for key, value in values.items()}


def _plain_value(value: Any) -> Any:
    """Tuples become lists, so that YAML and JSON give back what they got."""
    if isinstance(value, dict):
        return _plain(value)
    return [_plain_value(item) for item in value] if isinstance(value, (list, tuple)) else value
