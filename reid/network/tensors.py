"""Tensors from weight files, without ever running code that a file brings along."""

from __future__ import annotations

import pickle
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mdpr.errors import ModelError

_SHOWN = 8  # names in a message
_DAMAGED = (  # what torch.load raises for files that are cut, altered, or of another format
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
    zipfile.BadZipFile,
)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The named tensors of a .safetensors file, or of a PyTorch file: a state dict, also under "model" or "state_dict".

    Raises:
        ModelError: no such file, truncated, another format, or a pickle that would run code.
    """
    if not path.is_file():
        raise ModelError(f"{path}: no such file")
    if path.suffix.lower() == ".safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError) as error:
            raise ModelError(f"{path}: not a whole .safetensors file ({error}); copy or download it again") from error
    loaded = _read_pickled(path)
    for key in ("model", "state_dict"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(key), Mapping):
            loaded = loaded[key]
    if not isinstance(loaded, Mapping):
        raise ModelError(f"{path}: expected a state dict (names to tensors), got {type(loaded).__name__}")
    tensors = {str(name): value for name, value in loaded.items() if isinstance(value, Tensor)}
    if not tensors:
        raise ModelError(f"{path}: no tensor in it; expected a state dict")
    return tensors


def differences(found: Mapping[str, Tensor], expected: Mapping[str, Tensor], unexpected: Sequence[str] = ()) -> str:
    r"""How a state differs from the one that a network has: a line for what is missing, surplus, or of another shape.

    Args:
        found, expected: names to tensors.
        unexpected: surplus names besides those of `found`.

    Returns:
        Lines that name the first tensors of each kind; empty when nothing differs.

    >>> differences({"a": torch.zeros(2), "c": torch.zeros(1)}, {"a": torch.zeros(3), "b": torch.zeros(1)})
    'missing: b\nunexpected: c\nother shapes: a (2,), expected (3,)'
    """
    shapes = [
        f"{name} {tuple(found[name].shape)}, expected {tuple(value.shape)}"
        for name, value in expected.items()
        if name in found and found[name].shape != value.shape
    ]
    kinds = {
        "missing": [name for name in expected if name not in found],
        "unexpected": [*unexpected, *(name for name in found if name not in expected)],
        "other shapes": shapes,
    }
    return "\n".join(
        f"{kind}: {', '.join(names[:_SHOWN])}{f' and {len(names) - _SHOWN} more' if len(names) > _SHOWN else ''}"
        for kind, names in kinds.items()
        if names
    )


def _read_pickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ModelError(
            f"{path}: refused, or not a PyTorch file: only tensors are read, and nothing in a file is ever executed. "
            f"({_first_line(error)}) Save its state dict alone, or convert it to .safetensors where you trust it."
        ) from error
    except _DAMAGED as error:
        raise ModelError(f"{path}: not a whole PyTorch file ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
