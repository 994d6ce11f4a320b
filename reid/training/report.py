"""What a training run was and how it went: run.json, and what a checkpoint says of itself."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from mdpr.reid.data import ReidDataset
from mdpr.reid.data.counts import SPLITS, split_counts
from mdpr.reid.training.config import TrainConfig
from mdpr.versions import versions


@dataclass
class TrainReport:
    """How a run went.

    Attributes:
        status: running, complete, interrupted or failed.
        error: why it failed.
        folder: where the results are.
        device: that it runs on.
        precision: of the arithmetic.
        processes: that train together.
        epochs, updates: done in all, by earlier runs that this one resumes too.
        loss: mean of the last complete epoch.
        measures: of the last evaluation; empty without one.
        best: of the best checkpoint: mAP, or the loss with its sign changed where there is no evaluation.
        best_epoch: epochs done when it was written.
        images_per_s: all processes together, evaluations included.
        wall_s: seconds of this process, from the first step on.
        peak_memory_mib: highest use of the accelerator, or of the process on a CPU; 0 = not known.
    """

    status: str = "running"
    error: str = ""
    folder: str = ""
    device: str = ""
    precision: str = ""
    processes: int = 1
    epochs: int = 0
    updates: int = 0
    loss: float | None = None
    measures: dict[str, float] = field(default_factory=dict)
    best: float | None = None
    best_epoch: int = 0
    images_per_s: float = 0.0
    wall_s: float = 0.0
    peak_memory_mib: float = 0.0

    def as_json(self) -> str:
        """The report and the versions of everything as indented JSON."""
        return json.dumps(asdict(self) | {"versions": versions()}, indent=2, ensure_ascii=False) + "\n"

    def as_text(self) -> str:
        """The summary for a person."""
        told = ", ".join(f"{name} {value:.4f}" for name, value in self.measures.items())
        lines = [f"{self.status}: {self.epochs} epochs, {self.updates} steps, {self.images_per_s:.0f} images/s"]
        if self.loss is not None:
            lines.append(f"loss {self.loss:.4f}" + (f"; {told}" if told else ""))
        if self.best is not None:
            lines.append(f"best after epoch {self.best_epoch}: {self.folder}/best/model.safetensors")
        lines.append(f"results: {self.folder}")
        return "\n".join(lines)


def checkpoint_metadata(
    config: TrainConfig, dataset: ReidDataset, report: TrainReport, epochs: float
) -> dict[str, Any]:
    """What a checkpoint says of itself, beside its architecture: where it comes from and what it may be used for."""
    return {
        "made_by": f"mdpr-train {versions()['mdpr-track']}",
        "dataset": {"name": dataset.name, **{split: split_counts(getattr(dataset, split)) for split in SPLITS}},
        "licence": dataset.licence or "unknown: ask for that of the images it was trained on",
        "notes": list(dataset.notes),
        "epochs": epochs,
        "loss": report.loss,
        "measures": report.measures,
        "configuration": config.as_mapping(),
    }


def device_name(device: torch.device) -> str:
    """The name of the machine's part that computes."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads"


def peak_memory_mib(device: torch.device) -> float:
    """Highest memory use so far: of the tensors on a GPU, or of the process on a CPU; 0 = not known.

    >>> peak_memory_mib(torch.device("cpu")) >= 0
    True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    if sys.platform == "win32":
        return 0.0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)
