"""ImageNet weights for the backbone: found, checked, loaded into both branches."""

from __future__ import annotations

import hashlib
import logging
import re
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from mdpr.errors import ModelError
from mdpr.reid.network.model import MdprNetwork
from mdpr.reid.network.tensors import read_tensors
from mdpr.weights import obtain_weights

_IBN_NET = "https://github.com/XingangPan/IBN-Net/releases/download/v1.0"
_TORCHVISION = "https://download.pytorch.org/models"

URLS = {
    "resnet18_ibn_a": f"{_IBN_NET}/resnet18_ibn_a-2f571257.pth",
    "resnet34_ibn_a": f"{_IBN_NET}/resnet34_ibn_a-94bc1577.pth",
    "resnet50_ibn_a": f"{_IBN_NET}/resnet50_ibn_a-d9d0bb7b.pth",
    "resnet101_ibn_a": f"{_IBN_NET}/resnet101_ibn_a-59ea0ac6.pth",
    "resnet18": f"{_TORCHVISION}/resnet18-f37072fd.pth",
    "resnet34": f"{_TORCHVISION}/resnet34-b627a593.pth",
    "resnet50": f"{_TORCHVISION}/resnet50-0676ba61.pth",
    "resnet101": f"{_TORCHVISION}/resnet101-63fe2227.pth",
}
"""Weights that can be had without an account: IBN-Net's release 1.0 (MIT), torchvision's IMAGENET1K_V1 (BSD)."""

LEAST_MATCHED = 0.95
"""Share of the convolution tensors that must be in the file, in the right shape."""

_log = logging.getLogger("mdpr")
_BRANCHES = ("hard", "soft")


@dataclass(frozen=True)
class BackboneReport:
    """What `load_backbone` did: the file, and how many of the backbone's tensors came from it."""

    path: Path
    loaded: int
    expected: int


def load_backbone(model: MdprNetwork, name_or_path: str = "imagenet") -> BackboneReport:
    """Load ImageNet weights into the trunk and both branches.

    Args:
        model: changed in place, but only when the weights fit.
        name_or_path: "imagenet" = what fits the model; a key of `URLS`; or a file.

    Raises:
        ModelError: not found, damaged, less than `LEAST_MATCHED` of the convolutions, or normalisation weights missing,
            as when the weights of a plain ResNet meet a network with IBN; or a name for a `backbone_width` other than
            1.
    """
    config = model.config
    name = name_or_path
    if name == "imagenet":
        name = f"resnet{config.depth}{'_ibn_a' if config.ibn else ''}"
    if name in URLS and config.backbone_width != 1:  # before 100 MB are fetched in vain
        raise ModelError(
            f"{name}: ImageNet weights are published for backbone_width 1, this network has {config.backbone_width:g}. "
            "Give a file, set model.backbone_width to 1, or begin with random weights."
        )
    urls = {Path(url).name: url for url in URLS.values()}
    path = obtain_weights(name, [Path(URLS[name]).name] if name in URLS else [], "backbone weights", urls)
    _check_digest(path)
    weights = _without_prefix(read_tensors(path))
    found: dict[str, Tensor] = {}
    problems: list[str] = []
    expected = {target: source for target in model.state_dict() if (source := backbone_name(target)) is not None}
    state = model.state_dict()
    for target, source in expected.items():
        if source not in weights:
            problems.append(f"{source} missing")
        elif weights[source].shape != state[target].shape:
            problems.append(f"{source} {tuple(weights[source].shape)}, expected {tuple(state[target].shape)}")
        else:
            found[target] = weights[source]
    problems = list(dict.fromkeys(problems))  # both branches have the same
    _check_match(path, model, expected, found, weights, problems)
    model.load_state_dict(found, strict=False)
    _log.info("backbone: %d of %d tensors from %s", len(found), len(expected), path.name)
    if problems:
        _log.warning("backbone: the rest keeps its random values: %s", "; ".join(problems))
    return BackboneReport(path, len(found), len(expected))


def backbone_name(name: str) -> str | None:
    """The name of one of our tensors in an ImageNet ResNet; None for what such a network does not have.

    >>> [backbone_name(name) for name in ("soft.layer3.0.bn1.weight", "trunk.conv1.weight", "heads.fusion.pool.p")]
    ['layer3.0.bn1.weight', 'conv1.weight', None]
    """
    if name.endswith("num_batches_tracked"):  # older files do not have it, and it does not matter
        return None
    part, _, rest = name.partition(".")
    if part == "trunk":
        return rest
    return rest if part in _BRANCHES and re.match(r"layer[34]\.", rest) else None


def _check_match(
    path: Path,
    model: MdprNetwork,
    expected: dict[str, str],
    found: dict[str, Tensor],
    weights: dict[str, Tensor],
    problems: list[str],
) -> None:
    state = model.state_dict()
    convolutions = [name for name in expected if state[name].ndim == 4]
    matched = sum(name in found for name in convolutions)
    others = [name for name in expected if state[name].ndim != 4 and name not in found]
    if matched >= LEAST_MATCHED * len(convolutions) and not others:
        return
    message = (
        f"{path}: fits {matched} of the {len(convolutions)} convolutions of this network's backbone, and all but "
        f"{len(others)} of its other tensors. Expected a ResNet-{model.config.depth} "
        f"{'with IBN-a' if model.config.ibn else 'without IBN'}, backbone_width {model.config.backbone_width:g}."
    )
    if others and model.config.ibn and all(".IN." in name or ".BN." in name for name in others):
        message += " It holds a plain ResNet: take IBN-a weights, or set model.ibn to false."
    elif others and not model.config.ibn and any(".IN." in name for name in weights):
        message += " It holds a ResNet with IBN: take plain weights, or set model.ibn to true."
    raise ModelError(f"{message}\nFirst differences: {'; '.join(problems[:5])}")


def _without_prefix(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Drop what wrappers put before the names ("module.encoder_q.")."""
    anchor = next((name for name in weights if name.endswith("layer1.0.conv1.weight")), "layer1.0.conv1.weight")
    prefix = anchor.removesuffix("layer1.0.conv1.weight")
    return {name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def _check_digest(path: Path) -> None:
    """Published files carry the beginning of their SHA-256 in their name."""
    match = re.fullmatch(r".*-([0-9a-f]{8})\.pth", path.name)
    if match and path.name in {Path(url).name for url in URLS.values()}:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if not digest.startswith(match[1]):
            raise ModelError(f"{path}: damaged or altered: its SHA-256 begins with {digest[:8]}, expected {match[1]}")
