"""One training step: forward, losses, backward, Adam, for all parts of a batch and all processes."""

from __future__ import annotations

import contextlib
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from mdpr.errors import ModelError
from mdpr.reid.inference.torch_engine import fast_precision
from mdpr.reid.losses import mdpr_losses
from mdpr.reid.network import MdprNetwork, MdprOutputs
from mdpr.reid.training.config import TrainConfig
from mdpr.reid.training.ema import MovingAverage
from mdpr.reid.training.loader import Part
from mdpr.reid.training.processes import Processes, gather_rows, map_outputs, sum_over
from mdpr.reid.training.syncnorm import synchronise_norms

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
_SMALLEST_SCALE = 2.0**-10  # of fp16 gradients; below it they are not too large but wrong


class NotFiniteError(ModelError):
    """A loss or the gradient is NaN or infinite; the weights are as they were before the step."""


@dataclass(frozen=True)
class StepResult:
    """What a step gave.

    Attributes:
        terms: value of each loss term, averaged over the parts of the batch.
        grad_norm: norm of the gradient of everything that is trained; infinite where fp16 overflowed.
        is_stop_wanted: whether any process was asked to stop.
    """

    terms: dict[str, float]
    grad_norm: float
    is_stop_wanted: bool

    @property
    def loss(self) -> float:
        """The sum of the terms."""
        return sum(self.terms.values())


class Learner:
    """The network in training with all that a step needs.

    Args:
        model: on its device, with its first weights.
        config: of the run.
        precision: fp32, bf16 or fp16.
        processes: that train together; each calls `step` at the same time.
        device: of the model.

    Attributes:
        model: the network whose weights are trained.
        average: the moving average of its weights, or None.
        optimiser, scaler: their state belongs into a checkpoint.
        updates: steps done.
    """

    def __init__(
        self, model: MdprNetwork, config: TrainConfig, precision: str, processes: Processes, device: torch.device
    ) -> None:
        self.model = model
        self.updates = 0
        self._config = config
        self._processes = processes
        self._device = device
        self._dtype = DTYPES[precision]
        self._is_global = config.sampler.global_batch and processes.count > 1
        if self._is_global:
            synchronise_norms(model, device)
        if config.run.channels_last:
            model.to(memory_format=torch.channels_last)
        decay = config.optimiser.ema_decay
        self.average = MovingAverage(model, decay) if decay else None
        self._trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
        self._buffers = list(model.buffers())
        options = config.optimiser
        self.optimiser = torch.optim.Adam(self._trained, lr=options.lr, weight_decay=options.weight_decay)
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        if config.run.compile:
            model.compile()
        self._network: nn.Module = model
        shape = (1, 1, 1, 3)
        self._mean = torch.tensor(model.config.mean, device=device).reshape(shape)
        self._std = torch.tensor(model.config.std, device=device).reshape(shape)

    def connect(self) -> None:
        """Average gradients with the other processes from now on; call it when they are joined."""
        if self._processes.count > 1:
            ids = [self._device.index] if self._device.type == "cuda" else None
            self._network = DistributedDataParallel(self.model, device_ids=ids, gradient_as_bucket_view=True)

    @property
    def best_model(self) -> MdprNetwork:
        """The network to evaluate and to keep: the average where there is one."""
        return self.average.model if self.average is not None else self.model

    def step(self, parts: list[Part], lr: float, is_stop_wanted: bool) -> StepResult:
        """Train on one batch.

        Args:
            parts: of the batch, those of this process.
            lr: learning rate.
            is_stop_wanted: whether this process was asked to stop; all processes hear of it.

        Raises:
            NotFiniteError: NaN or infinity; names the term. Every process raises it.
        """
        self.model.train()
        statistics = [buffer.clone() for buffer in self._buffers]
        seen: list[list[Tensor]] = []
        terms: dict[str, Tensor] = {}
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            self._set_statistics(statistics)
            with self._sync(is_last):
                losses = self._losses(part)
                loss = torch.stack(list(losses.values())).sum() / len(parts)
                torch.autograd.backward(self.scaler.scale(loss))
            for name, value in losses.items():
                terms[name] = terms.get(name, 0) + value.detach() / len(parts)
            seen.append([buffer.clone() for buffer in self._buffers])
        self._average_statistics(seen)
        self.scaler.unscale_(self.optimiser)
        gradients = [parameter.grad for parameter in self._trained if parameter.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        result, broken, is_broken = self._tell(terms, norm, is_stop_wanted)
        if is_broken:
            self._set_statistics(statistics)
            self.optimiser.zero_grad(set_to_none=True)
            raise NotFiniteError(_what_is_not_finite(broken, result.grad_norm))
        if limit := self._config.optimiser.max_grad_norm:
            torch.nn.utils.clip_grads_with_norm_(self._trained, limit, norm)
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.optimiser.zero_grad(set_to_none=True)
        if self.average is not None:
            self.average.update(self.model, self.updates)
        self.updates += 1
        return result

    def _losses(self, part: Part) -> dict[str, Tensor]:
        labels = part.labels.to(self._device, non_blocking=True)
        images = part.images.to(self._device, non_blocking=True)
        images = ((images.float() - self._mean) / self._std).permute(0, 3, 1, 2)  # already channels-last in memory
        if not self._config.run.channels_last:
            images = images.contiguous()
        with torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32):
            outputs = cast(MdprOutputs, self._network(images))
        outputs = map_outputs(outputs, Tensor.float)
        if self._is_global:
            outputs, labels = map_outputs(outputs, gather_rows), gather_rows(labels)
        return mdpr_losses(outputs, labels, self._config.loss)

    def _sync(self, is_last: bool) -> AbstractContextManager[None]:
        """Gradients are exchanged with the last part only."""
        if isinstance(self._network, DistributedDataParallel) and not is_last:
            return cast(AbstractContextManager[None], self._network.no_sync())
        return contextlib.nullcontext()

    def _tell(self, terms: dict[str, Tensor], norm: Tensor, is_stop_wanted: bool) -> tuple[StepResult, list[str], bool]:
        """Average the terms over the processes, and agree on whether to go on; the only wait for the device."""
        values = torch.stack([*terms.values(), norm.to(self._device)])
        is_finite = values.isfinite()
        wrong = ~is_finite[:-1].all() if self.scaler.is_enabled() else ~is_finite.all()
        flags = torch.stack([wrong.float(), torch.tensor(float(is_stop_wanted), device=self._device)])
        total = sum_over(torch.cat([values, flags, is_finite.float()]), self._processes).tolist()
        count = len(values)
        means = [value / self._processes.count for value in total[:count]]
        result = StepResult(dict(zip(terms, means[:-1], strict=True)), means[-1], total[count + 1] > 0)
        broken = [
            name for name, finite in zip(terms, total[count + 2 :], strict=False) if finite < self._processes.count
        ]
        is_underflow = self.scaler.is_enabled() and self.scaler.get_scale() < _SMALLEST_SCALE
        return result, broken, total[count] > 0 or is_underflow

    def _set_statistics(self, values: list[Tensor]) -> None:
        for buffer, value in zip(self._buffers, values, strict=True):
            buffer.copy_(value)

    def _average_statistics(self, seen: list[list[Tensor]]) -> None:
        """BatchNorm's running statistics move once a step, by all parts of the batch, whichever process they were on.

        (DistributedDataParallel would keep those of the first process, accumulation would move them once a part.)
        """
        if len(seen) == self._processes.count == 1:
            return
        means = [torch.stack(values).sum(0) / len(seen) for values in zip(*seen, strict=True)]
        total = sum_over(torch.cat([mean.double().flatten() for mean in means]), self._processes)
        total /= self._processes.count
        pieces = torch.split(total, [mean.numel() for mean in means])
        self._set_statistics([piece.reshape(mean.shape) for piece, mean in zip(pieces, means, strict=True)])


def choose_precision(precision: str, device: torch.device) -> str:
    """What `auto` stands for on a device; any other precision is returned as it is.

    bf16 where a GPU or CPU multiplies it in hardware; else fp16 on a GPU, fp32 on a CPU.

    >>> choose_precision("fp32", torch.device("cpu"))
    'fp32'
    """
    if precision != "auto":
        return precision
    if device.type != "cuda":
        return fast_precision(device)
    return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp16"


def _what_is_not_finite(broken: list[str], norm: float) -> str:
    if broken:
        return f"the loss term{'s' if len(broken) > 1 else ''} {', '.join(broken)}"
    return f"the norm of the gradient ({norm})" if not math.isfinite(norm) else "the fp16 gradient at every scale"
