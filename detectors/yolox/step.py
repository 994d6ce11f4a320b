"""One training step: forward, losses and backward for the parts of a batch side by side, then the optimiser."""

from __future__ import annotations

import copy
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mdpr.cpus import is_bf16_fast
from mdpr.detectors.devices import count_cores
from mdpr.detectors.yolox.config import DetectorConfig
from mdpr.detectors.yolox.loader import Batch
from mdpr.detectors.yolox.losses import detection_losses
from mdpr.detectors.yolox.network import YoloxNetwork
from mdpr.errors import ModelError

_MOMENTUM = 0.9


class NotFiniteError(ModelError):
    """A loss or the gradient is NaN or infinite; the weights are as they were before the step."""


@dataclass(frozen=True)
class StepResult:
    """What a step gave.

    Attributes:
        terms: value of each loss term, averaged over the parts of the batch.
        grad_norm: of the gradient, before it is clipped.
    """

    terms: dict[str, float]
    grad_norm: float

    @property
    def loss(self) -> float:
        """The sum of the terms."""
        return sum(self.terms.values())


class Learner:
    """The network in training with all that a step needs. A context manager that ends its threads.

    On a CPU the parts of a batch run in threads of their own, each computing with one core: the threads that torch
    would use within an operation wait for each other at the end of each, and with other work on the machine (reading
    pictures is enough) they wait long. Each part has copies of the network that share its weights but not its
    gradients and statistics, which are put together in the order of the parts: the result does not depend on threads.
    A single part runs on the network itself.

    Args:
        network: on its device, with its first weights.
        config: of the run.
        precision: fp32 or bf16.
        device: of the network.
        threads: parts that run at once on a CPU; 0 = one a core.

    Attributes:
        network: whose weights are trained.
        average: the moving average of its weights.
        optimiser: its state belongs into a checkpoint.
        updates: steps done.
    """

    def __init__(
        self, network: YoloxNetwork, config: DetectorConfig, precision: str, device: torch.device, threads: int = 0
    ) -> None:
        self.network = network.to(memory_format=torch.channels_last).train()
        self.updates = 0
        self._config = config
        self._device = device
        self._is_bf16 = precision == "bf16"
        self.average = copy.deepcopy(network).eval().requires_grad_(False)
        self.optimiser = make_optimiser(network, config)
        self._parameters = list(network.parameters())
        self._buffers = list(network.buffers())
        alone = config.parts == 1  # then the network needs no copies, and a GPU launches a third less
        self._copies = [self.network] if alone else [self._make_copy() for _ in range(config.parts)]
        self._before = [buffer.clone() for buffer in self._buffers]
        self._copy_parameters = [list(one.parameters()) for one in self._copies]
        self._copy_buffers = [list(one.buffers()) for one in self._copies]
        workers = min(threads or count_cores(), config.parts) if device.type == "cpu" else 1
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="mdpr-part", initializer=one_core_a_thread)

    def step(self, batch: Batch, lr: float, with_l1: bool) -> StepResult:
        """Train on one batch.

        Args:
            batch: whose number of pictures is a multiple of the configuration's `parts`.
            lr: learning rate.
            with_l1: see `detection_losses`.

        Raises:
            NotFiniteError: NaN or infinity; names the term.
        """
        parts = batch.split(self._config.parts)
        torch._foreach_copy_(self._before, self._buffers)
        work = [self._pool.submit(self._backward, *pair, with_l1) for pair in zip(self._copies, parts, strict=True)]
        losses = [future.result() for future in work]
        terms = {name: sum(part[name] for part in losses) / len(losses) for name in losses[0]}
        self._gather_gradients()
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._config.max_grad_norm or math.inf)
        result = StepResult(terms, float(norm))
        values = {**terms, "the norm of the gradient": result.grad_norm}
        if wrong := [name for name, value in values.items() if not math.isfinite(value)]:
            self.optimiser.zero_grad(set_to_none=True)
            torch._foreach_copy_(self._buffers, self._before)
            raise NotFiniteError(" and ".join(wrong))
        self._gather_statistics()
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        self._follow()
        self.updates += 1
        return result

    def __enter__(self) -> Learner:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _make_copy(self) -> YoloxNetwork:
        network = copy.deepcopy(self.network)
        for own, common in zip(network.parameters(), self._parameters, strict=True):
            own.data = common.data
        return network

    def _backward(self, network: YoloxNetwork, part: Batch, with_l1: bool) -> dict[str, float]:
        if network is not self.network:
            with torch.no_grad():
                torch._foreach_copy_(list(network.buffers()), self._buffers)
        images = part.images.to(self._device, non_blocking=True).permute(0, 3, 1, 2).float()  # channels-last as it is
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._is_bf16):
            outputs = network(images)
        terms = detection_losses(
            outputs.float(), part.people, part.ignored, (images.shape[2], images.shape[3]), with_l1
        )
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        values = torch.stack([value.detach() for value in terms.values()]).tolist()
        return dict(zip(terms, values, strict=True))

    @torch.no_grad()
    def _gather_gradients(self) -> None:
        count = len(self._copies)
        if count == 1:
            return
        for place, parameter in enumerate(self._parameters):
            gradients = [parameters[place].grad for parameters in self._copy_parameters]
            total: Tensor | None = None
            for gradient in gradients:
                if gradient is not None:
                    total = gradient if total is None else total + gradient
            parameter.grad = None if total is None else total / count
        for parameters in self._copy_parameters:
            for parameter in parameters:
                parameter.grad = None

    @torch.no_grad()
    def _gather_statistics(self) -> None:
        """BatchNorm's running statistics move once a step, by the mean over the parts."""
        if len(self._copies) == 1:
            return
        for place, buffer in enumerate(self._buffers):
            values = [buffers[place] for buffers in self._copy_buffers]
            buffer.copy_(torch.stack(values).mean(dim=0) if buffer.is_floating_point() else values[0])

    @torch.no_grad()
    def _follow(self) -> None:
        """Move the average; its decay grows with (1 + n) / (10 + n), so that the random beginning is forgotten."""
        share = 1 - min(self._config.ema_decay, (1 + self.updates) / (10 + self.updates))
        averages = [*self.average.parameters(), *self.average.buffers()]
        values = [*self._parameters, *self._buffers]
        floating = [place for place, tensor in enumerate(averages) if tensor.is_floating_point()]
        torch._foreach_lerp_([averages[place] for place in floating], [values[place] for place in floating], share)
        for place in set(range(len(averages))) - set(floating):
            averages[place].copy_(values[place])


def make_optimiser(network: nn.Module, config: DetectorConfig) -> torch.optim.Optimizer:
    """The optimiser of a configuration; only the convolutions' weights decay, not biases and BatchNorm."""
    weights = [parameter for parameter in network.parameters() if parameter.ndim > 1]
    others = [parameter for parameter in network.parameters() if parameter.ndim <= 1]
    groups = [{"params": weights, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    if config.optimiser == "sgd":
        return torch.optim.SGD(groups, lr=config.peak_lr, momentum=_MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW(groups, lr=config.peak_lr, fused=True)


def choose_precision(precision: str, device: torch.device) -> str:
    """What `auto` stands for on a device: bf16 where it is multiplied faster than fp32, else fp32.

    >>> choose_precision("fp32", torch.device("cpu"))
    'fp32'
    """
    if precision != "auto":
        return precision
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if device.type == "cpu" and is_bf16_fast() else "fp32"


def one_core_a_thread() -> None:
    """Torch computes with one core in this thread."""
    torch.set_num_threads(1)
