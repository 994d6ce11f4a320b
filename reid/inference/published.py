"""The network as its authors' code computes it, here or in a process of its own: the yardstick of `mdpr eval speed`.

Our commands tell the C library's allocator to keep freed memory, which makes torch on a CPU faster, whoever calls it. A
fresh process has neither that nor anything else of ours: it is what a user of the published code has.
"""

from __future__ import annotations

import copy
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from mdpr.errors import ModelError
from mdpr.reid.network.blocks import GeM
from mdpr.reid.network.checkpoint import load_model, save_model
from mdpr.reid.network.model import MdprNetwork, flip_tested


class _PublishedPool(nn.Module):
    """GeM with the power function."""

    def __init__(self, pool: GeM) -> None:
        super().__init__()
        self.p = pool.p
        self.eps = pool.eps

    def forward(self, x: Tensor) -> Tensor:
        return x.clamp(min=self.eps).pow(self.p).mean(dim=(2, 3)).pow(1.0 / self.p)


def as_published(model: MdprNetwork) -> Callable[[Tensor], Tensor]:
    """What the published code computes for an embedding: attention and bilinear pooling too, nothing folded.

    Args:
        model: in evaluation mode; not changed.
    """
    model = copy.deepcopy(model)
    for module in list(model.modules()):
        if isinstance(pool := getattr(module, "pool", None), GeM):
            module.register_module("pool", _PublishedPool(pool))

    def embed(images: Tensor) -> Tensor:
        trunk = model.trunk(images)
        if model.soft is None:
            return model.embed_maps(trunk)
        x3, x4 = model.soft.backbone(trunk)
        reduced3 = model.soft.reduce3(x3)
        attentions = model.soft.attend(x3, x4)
        model.soft.pool4(x4, attentions["attn4"])
        model.soft.pool3(reduced3, attentions["attn3"])
        return model.embed_maps(trunk, (x4, reduced3))

    def run(images: Tensor) -> Tensor:
        return flip_tested(embed, images) if model.config.flip_test else embed(images)

    return run


class PublishedProcess:
    """`as_published` in a fresh Python process: the C library's allocator as it comes, torch's own number of threads.

    A context manager. The process waits, and takes no core, but while it is asked.

    Args:
        model: its weights are handed over in a temporary file.
        batch: crops a call.
    """

    def __init__(self, model: MdprNetwork, batch: int) -> None:
        self._model = model
        self._batch = batch
        self._stack = ExitStack()

    def __enter__(self) -> PublishedProcess:
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="mdpr-speed-")))
        save_model(self._model, folder / "model.safetensors", {})
        command = [sys.executable, "-m", __name__, str(folder / "model.safetensors"), str(self._batch)]
        pipe = subprocess.PIPE
        self._process = self._stack.enter_context(
            subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._stack.close()

    def seconds(self) -> float:
        """How long one call took there.

        Raises:
            ModelError: the process ended, for want of memory for instance.
        """
        try:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write("\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            _, told = self._process.communicate()
            last = told.strip().splitlines()[-1:] or [f"exit code {self._process.returncode}"]
            raise ModelError(f"the network as published ended in its process: {last[0]}")
        return float(answer)


def _serve(path: Path, batch: int) -> None:
    """Time one call for each line of the input, and say the seconds."""
    model = load_model(path)
    images = torch.rand(batch, 3, *model.config.input_size, generator=torch.Generator().manual_seed(0))
    run = as_published(model)
    with torch.inference_mode():
        for _ in sys.stdin:
            start = time.perf_counter()
            run(images)
            sys.stdout.write(f"{time.perf_counter() - start}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), int(sys.argv[2]))
