"""Weights that a training run begins with, instead of random ones.

An exported file holds no BatchNorm: it is folded into the convolutions. So that training can go on from there, each
BatchNorm is put back with the statistics that its convolution's output has on the new pictures: the network computes
the same as before, and training normalises what it normalised before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from mdpr.detectors.person import FILE, NAME
from mdpr.detectors.yolox.blocks import ConvUnit
from mdpr.detectors.yolox.checkpoint import load_network
from mdpr.detectors.yolox.folding import FoldedNetwork
from mdpr.detectors.yolox.network import YoloxNetwork
from mdpr.errors import DependencyError, ModelError
from mdpr.shipped import shipped_weights

_PREFIX = "network."  # of the exported tensors, see `FoldedNetwork`
_CHUNK = 8  # pictures that statistics are measured on at once


def load_first_weights(network: YoloxNetwork, source: str, images: Tensor) -> None:
    """Give a network the weights of a file.

    Args:
        network: that is to be trained, on the CPU.
        source: a file of mdpr train-detector, or the folder of a run; an ONNX file that it exported; or `person`, the
            detector that is shipped.
        images: (N, 3, H, W) BGR in 0..255: samples of the training, for the statistics of exported files.

    Raises:
        DependencyError: onnx is not installed, and the file needs it.
        ModelError: no such file, damaged, or of another size.
    """
    path = _find(source)
    if path.suffix != ".onnx":
        tensors = load_network(path)[0].state_dict()
        _check(path, {name: tensor.shape for name, tensor in network.state_dict().items()}, tensors)
        network.load_state_dict(tensors)
        return
    tensors = _read_onnx(path)
    units = _units(network)
    expected = {f"{name}.conv.weight": unit.conv.weight.shape for name, unit in units.items()}
    expected |= {f"{name}.conv.bias": unit.conv.weight.shape[:1] for name, unit in units.items()}
    expected |= {name: tensor.shape for name, tensor in network.named_parameters() if _is_outside(name, units)}
    _check(path, expected, tensors)
    _load_folded(network, tensors, images)


@torch.no_grad()
def blend(first: YoloxNetwork, last: YoloxNetwork, share: float, images: Tensor) -> YoloxNetwork:
    """A network between two, layer by layer: the mean of their convolutions with BatchNorm folded in.

    Between the weights that a network began with and those that it was trained to, what it knew of other pictures is
    kept. Reference: Wortsman et al., Robust fine-tuning of zero-shot models (2109.01903), equation 1; there all
    parameters are averaged, here they are folded first, for the mean of two BatchNorms does not normalise.

    Args:
        first, last: of one configuration, on the CPU.
        share: of the first in the mean, from 0 to 1.
        images: (N, 3, H, W) BGR in 0..255, for the statistics of its BatchNorm, see `put_back_batch_norm`.

    Returns:
        A new network in evaluation mode.
    """
    ours, theirs = (FoldedNetwork(network).network.state_dict() for network in (last, first))
    tensors = {name: torch.lerp(tensor, theirs[name], share) for name, tensor in ours.items()}
    made = YoloxNetwork(last.config)
    _load_folded(made, tensors, images)
    return made.eval()


@torch.no_grad()
def put_back_batch_norm(network: YoloxNetwork, biases: dict[str, Tensor], images: Tensor) -> None:
    """Set every BatchNorm so that, evaluated, it adds a bias and nothing else, with the statistics of `images`.

    Args:
        network: whose convolutions have folded weights.
        biases: (C,) by name of the unit.
        images: (N, 3, H, W) BGR in 0..255.
    """
    units = _units(network)
    for name, unit in units.items():  # first the bias alone, so that later layers are measured as they will be
        _set(unit.bn, biases[name], torch.zeros_like(biases[name]), torch.ones_like(biases[name]))
    sums: dict[str, list[Tensor]] = {}

    def add(name: str, output: Tensor) -> None:
        values = output.double().transpose(0, 1).flatten(1)
        part = [torch.tensor(float(values.shape[1])), values.sum(dim=1), values.square().sum(dim=1)]
        sums[name] = [a + b for a, b in zip(sums[name], part, strict=True)] if name in sums else part

    hooks = [
        unit.conv.register_forward_hook(lambda _layer, _inputs, output, name=name: add(name, output))
        for name, unit in units.items()
    ]
    was_training = network.training
    network.eval()
    try:
        for chunk in torch.split(images, _CHUNK):
            network(chunk)
    finally:
        for hook in hooks:
            hook.remove()
        network.train(was_training)
    for name, unit in units.items():
        count, total, squares = sums[name]
        mean = total / count
        _set(unit.bn, biases[name], mean.float(), (squares / count - mean.square()).clamp_min(0).float())


def _load_folded(network: YoloxNetwork, tensors: dict[str, Tensor], images: Tensor) -> None:
    biases = {name: tensors.pop(f"{name}.conv.bias") for name in _units(network)}
    network.load_state_dict(tensors, strict=False)
    put_back_batch_norm(network, biases, images)


def _set(bn: Any, bias: Tensor, mean: Tensor, variance: Tensor) -> None:
    bn.running_mean.copy_(mean)
    bn.running_var.copy_(variance)
    bn.weight.copy_((variance + bn.eps).sqrt())
    bn.bias.copy_(bias + mean)


def _units(network: YoloxNetwork) -> dict[str, ConvUnit]:
    return {name: unit for name, unit in network.named_modules() if isinstance(unit, ConvUnit)}


def _find(source: str) -> Path:
    if source in ("person", NAME):
        path = shipped_weights("mdpr.detectors", FILE)
        if path is None:
            raise ModelError(f"--init-from {source}: this installation of mdpr-track comes without {FILE}")
        return path
    path = Path(source)
    if not path.exists():
        raise ModelError(f"--init-from {source}: no such file; expected a .safetensors or .onnx file, or `person`")
    return path


def _read_onnx(path: Path) -> dict[str, Tensor]:
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError as error:
        raise DependencyError("onnx", "--init-from an ONNX file", "export") from error
    try:
        graph = onnx.load(path).graph
        weights = [one for one in graph.initializer if one.name.startswith(_PREFIX)]
        return {one.name.removeprefix(_PREFIX): torch.from_numpy(numpy_helper.to_array(one).copy()) for one in weights}
    except Exception as error:  # protobuf's DecodeError, onnx's own, and whatever a damaged tensor raises
        raise ModelError(f"{path}: not a whole ONNX file ({error})") from error


def _is_outside(name: str, units: dict[str, ConvUnit]) -> bool:
    return not any(name.startswith(f"{unit}.") for unit in units)


def _check(path: Path, expected: dict[str, torch.Size], tensors: dict[str, Tensor]) -> None:
    wrong = sorted(
        name for name in expected.keys() | tensors.keys()
        if name not in tensors or name not in expected or tensors[name].shape != expected[name]
    )  # fmt: skip
    if wrong:
        raise ModelError(
            f"{path}: {len(wrong)} of {len(expected)} tensors do not fit the network ({', '.join(wrong[:3])}, ...). "
            "It must come from mdpr train-detector and have the same --size; the shipped detector is `--size micro`"
        )
