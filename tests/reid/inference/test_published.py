"""The yardstick: what it computes, and that its process has nothing of ours."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys

import pytest
import torch

from mdpr.errors import ModelError
from mdpr.reid.inference.published import PublishedProcess, as_published
from mdpr.reid.network import MdprNetwork


@pytest.mark.parametrize("flip_test", [False, True])
def test_as_published_gives_the_embedding(flip_test: bool, tiny_model: MdprNetwork) -> None:
    model = copy.deepcopy(tiny_model)
    model.config = dataclasses.replace(model.config, flip_test=flip_test)
    with torch.no_grad():
        model.heads["fusion"].pool.p.fill_(2.2)
    images = torch.randn(3, 3, 64, 32)
    with torch.inference_mode():
        expected = model(images)
        torch.testing.assert_close(as_published(model)(images), expected, atol=1e-5, rtol=1e-4)
        assert torch.equal(model(images), expected)  # the model was not changed


def test_its_process_times_a_call(tiny_model: MdprNetwork) -> None:
    with PublishedProcess(tiny_model, 2) as process:
        times = [process.seconds() for _ in range(3)]
    assert all(0 < seconds < 60 for seconds in times)
    assert process._process.poll() is not None  # it has ended


def test_a_process_that_ends_is_told(tiny_model: MdprNetwork) -> None:
    with PublishedProcess(tiny_model, 2) as process:
        process._process.terminate()
        process._process.wait()
        with pytest.raises(ModelError, match="as published ended in its process: exit code -15"):
            process.seconds()


def test_nothing_of_ours_sets_the_allocator() -> None:
    """Importing the network, which is all that the process does before it computes, calls no mallopt."""
    code = "import sys, mdpr.reid.inference.published; sys.exit('mdpr.pipeline.memory' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
