"""The small layers that MDPR is put together from: embedding, fusion convolutions, GeM pooling, head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


def full_precision(x: Tensor) -> Tensor:
    """Half-precision values as float32, whose powers, norms and exponentials neither over- nor underflow."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class Embed(nn.Module):
    """`Emb(a->b)` of the method: 1x1 convolution without bias, BatchNorm, ReLU; (N, a, H, W) to (N, b, H, W)."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out_channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(x)))


class Merge(nn.Module):
    """`CC_n` of the method: 1x1 and 3x3 convolution with nothing between them, BatchNorm, ReLU; n channels to n."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 1, bias=False)
        self.conv3 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv3(self.conv1(x))))


class GeM(nn.Module):
    """Generalised-mean pooling with a learnable exponent: (N, C, H, W) to (N, C).

    Reference: Radenovic et al., Fine-tuning CNN image retrieval with no human annotation (1711.02512), equation 3.
    """

    def __init__(self, p: float = 3.0, eps: float = 1e-6) -> None:
        super().__init__()
        self.p = nn.Parameter(torch.full((1,), p))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        x = full_precision(x).clamp(min=self.eps)
        powers = torch.exp(self.p * torch.log(x))  # x.pow(p) takes twice as long, its gradient three times
        return powers.mean(dim=(2, 3)).pow(1.0 / self.p)


class Head(nn.Module):
    """Pooling, BatchNorm neck with its bias frozen at 0, and, for training, class weights.

    Reference: Luo et al., Bag of tricks (1903.07071), for the neck.
    """

    def __init__(self, channels: int, num_classes: int | None, has_pool: bool) -> None:
        super().__init__()
        self.pool = GeM() if has_pool else nn.Identity()
        self.neck = nn.BatchNorm1d(channels)
        self.neck.bias.requires_grad_(False)
        self.classifier = None if num_classes is None else nn.Parameter(torch.empty(num_classes, channels))

    def forward(self, x: Tensor) -> Tensor:
        """Post-neck feature (N, channels), from a map (N, channels, H, W) or, without pool, a vector."""
        feature: Tensor = self.neck(self.pool(x))
        return feature

    def cosines(self, feature: Tensor) -> Tensor:
        """(N, classes) cosine of features and class weights, in full precision whatever is around it."""
        if self.classifier is None:
            raise RuntimeError("a head without class weights has no cosines")
        with torch.autocast(feature.device.type, enabled=False):
            return functional.linear(
                functional.normalize(full_precision(feature)), functional.normalize(full_precision(self.classifier))
            )


def initialise(module: nn.Module) -> None:
    """Kaiming (fan out) for convolutions, ones and zeros for normalisations, N(0, 0.01) for class weights."""
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode="fan_out")
        elif isinstance(part, Head) and part.classifier is not None:
            nn.init.normal_(part.classifier, std=0.01)
