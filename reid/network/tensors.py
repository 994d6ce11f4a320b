"""Tensors from weight files, without ever running code that a file brings along."""

from __future__ import annotations

import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from mdpr.errors import ModelError


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


def _read_pickled(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(
            f"{path}: refused, or not a PyTorch file: only tensors are read, and nothing in a file is ever executed. "
            f"({reason}) Save its state dict alone, or convert it to .safetensors where you trust it."
        ) from error
    except (RuntimeError, EOFError, OSError, zipfile.BadZipFile, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{path}: not a whole PyTorch file ({str(error).splitlines()[0]})") from error
