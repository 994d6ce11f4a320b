"""One small data set for all tests of training, and single-threaded arithmetic."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from reid_images import make_market


@pytest.fixture(scope="session")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Market-1501's folders with 4 people x 2 cameras x 3 pictures to train on, and as many to test on."""
    return make_market(tmp_path_factory.mktemp("reid") / "market")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small tensors gain nothing by a second thread, and bit for bit needs the same number."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
