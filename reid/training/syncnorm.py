"""BatchNorm over the images of all processes."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from mdpr.reid.training.processes import add_over


def synchronise_norms(model: nn.Module, device: torch.device) -> None:
    """Let every BatchNorm of `model` see the images of all processes; its tensors keep their names.

    On GPUs this is PyTorch's `SyncBatchNorm`, which knows no CPU; there it is `CpuSyncBatchNorm`.
    """
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, (nn.BatchNorm1d, nn.BatchNorm2d)):
                setattr(module, name, _synchronised(child, device))


def _synchronised(norm: nn.BatchNorm1d | nn.BatchNorm2d, device: torch.device) -> nn.Module:
    if device.type == "cuda":
        convert: Callable[[nn.Module], nn.Module] = nn.SyncBatchNorm.convert_sync_batchnorm
        return convert(norm)
    result = CpuSyncBatchNorm(norm.num_features, norm.eps, norm.momentum)
    result.weight, result.bias = norm.weight, norm.bias
    result.running_mean, result.running_var = norm.running_mean, norm.running_var
    result.num_batches_tracked = norm.num_batches_tracked
    return result.train(norm.training)


class CpuSyncBatchNorm(nn.modules.batchnorm._BatchNorm):
    """BatchNorm over dimension 1 of (N, C, ...) with the statistics of all processes, on a CPU.

    Reference: Ioffe and Szegedy, Batch normalization (1502.03167), algorithm 1.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions from 2 on."""

    def forward(self, input: Tensor) -> Tensor:
        if not self.training:
            return super().forward(input)
        with torch.autocast(input.device.type, enabled=False):
            x = input.float()
            dims = [0, *range(2, x.ndim)]
            shape = [1, -1, *[1] * (x.ndim - 2)]
            own_count = x.new_full((1,), x.numel() / x.shape[1])
            totals = add_over(torch.cat([x.sum(dims), own_count]))
            count, mean = totals[-1], totals[:-1] / totals[-1]
            centred = x - mean.reshape(shape)
            variance = add_over(centred.square().sum(dims)) / count
            self._remember(mean.detach(), variance.detach() * count.detach() / (count.detach() - 1))
            scale = (self.weight / torch.sqrt(variance + self.eps)).reshape(shape)
            return (centred * scale + self.bias.reshape(shape)).to(input.dtype)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum or 0.0)
        self.running_var.lerp_(variance, self.momentum or 0.0)
