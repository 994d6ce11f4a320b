"""Two processes equal one with the same batch: torchrun on the CPU, with gloo."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import nn

from mdpr.errors import ConfigError
from mdpr.reid.training.checkpoint import read_checkpoint
from mdpr.reid.training.processes import Processes, choose_device
from mdpr.reid.training.syncnorm import CpuSyncBatchNorm, synchronise_norms
from step_of_two import one_step
from tiny_training import tiny_values

HELPERS = Path(__file__).resolve().parents[2] / "helpers"


def torchrun(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]


def run(command: list[str], timeout_s: float = 150) -> None:
    """Run to the end; when that takes too long, nothing of it is left behind."""
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        told, _ = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    assert process.returncode == 0, told


def environment() -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HELPERS)}


@pytest.mark.slow
def test_losses_gradients_and_statistics_of_two_processes(tmp_path: Path) -> None:
    run(torchrun(str(HELPERS / "step_of_two.py"), str(tmp_path)))
    for mode in ("parts", "global"):
        two, one = load_file(tmp_path / f"{mode}.safetensors"), one_step(mode == "global")
        assert float(two.pop("stop")) == 1, "a wish of the second process to stop reaches the first"
        one.pop("stop")
        assert two.keys() == one.keys()
        gradients = {name: tensor for name, tensor in one.items() if name.startswith("gradient")}
        size = math.sqrt(sum(float(tensor.square().sum()) for tensor in gradients.values()))
        off = math.sqrt(sum(float((tensor - two[name]).square().sum()) for name, tensor in gradients.items()))
        assert off < 1e-5 * size, mode
        for name in one.keys() - gradients.keys():
            torch.testing.assert_close(two[name], one[name], rtol=1e-5, atol=1e-5, msg=f"{mode}: {name}")


@pytest.mark.slow
def test_a_whole_run_of_two_processes_equals_one(crops: Path, tmp_path: Path) -> None:
    values = tiny_values(crops, tmp_path, sampler__parts=2, optimiser__ema_decay=0.9)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    train = ["-m", "mdpr.pipeline.commands.train", str(tmp_path / "config.yaml"), "--quiet", "--name"]
    for command in ([sys.executable, *train, "one"], torchrun(*train, "two")):
        run(command)
    for file in ("model.safetensors", "state.safetensors"):
        one, two = (load_file(tmp_path / name / "last" / file) for name in ("one", "two"))
        for name, tensor in one.items():
            torch.testing.assert_close(tensor, two[name], rtol=1e-4, atol=1e-5, msg=name)
    assert len(read_checkpoint(tmp_path / "two").random) == 2


@pytest.mark.slow
def test_torchrun_passes_a_signal_on_and_both_stop_at_one_step(crops: Path, tmp_path: Path) -> None:
    values = tiny_values(crops, tmp_path, sampler__parts=2, schedule__epochs=500)
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(values))
    command = torchrun("-m", "mdpr.pipeline.commands.train", str(tmp_path / "config.yaml"))
    process = subprocess.Popen(
        command, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 90
        while not (tmp_path / "run/metrics.csv").exists() and time.monotonic() < deadline:
            time.sleep(0.2)
        process.terminate()
        told, _ = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert '"interrupted"' in (tmp_path / "run/run.json").read_text(), told
    assert read_checkpoint(tmp_path / "run").progress.updates >= 1


def test_synchronised_norm_alone_is_batch_norm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mdpr.reid.training.syncnorm.add_over", lambda tensor: tensor)
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Flatten(), nn.BatchNorm1d(8 * 6))
    for parameter in plain.parameters():
        nn.init.uniform_(parameter, 0.5, 1.5)
    synced = nn.Sequential(nn.Conv2d(3, 8, 1), nn.BatchNorm2d(8), nn.Flatten(), nn.BatchNorm1d(8 * 6))
    synced.load_state_dict(plain.state_dict())
    synchronise_norms(synced, torch.device("cpu"))
    assert sum(isinstance(module, CpuSyncBatchNorm) for module in synced) == 2
    assert synced.state_dict().keys() == plain.state_dict().keys()
    for _ in range(2):
        inputs = [torch.randn(5, 3, 2, 3).requires_grad_(True) for _ in range(2)]
        inputs[1].data.copy_(inputs[0].data)
        outputs = [model(x) for model, x in zip((plain, synced), inputs, strict=True)]
        torch.testing.assert_close(outputs[0], outputs[1])
        for output in outputs:
            output.pow(3).sum().backward()
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad, rtol=1e-3, atol=1e-4)
    for name, tensor in plain.state_dict().items():
        torch.testing.assert_close(synced.state_dict()[name], tensor, msg=name)
    x = torch.randn(2, 3, 2, 3)
    torch.testing.assert_close(plain.eval()(x), synced.eval()(x))


def test_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = Processes()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert choose_device("", alone) == torch.device("cpu")
    with pytest.raises(ConfigError, match="GPU 1 is wanted, but PyTorch sees 0"):
        choose_device("1", alone)
    with pytest.raises(ConfigError, match=r"run\.device: expected cpu, or 0"):
        choose_device("gpu", alone)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert choose_device("", alone) == torch.device("cuda", 0)
    assert choose_device("cuda:1", alone) == torch.device("cuda", 1)
    assert choose_device("", Processes(rank=5, count=8, local_rank=1)) == torch.device("cuda", 1)
    with pytest.raises(ConfigError, match="--nproc-per-node 2"):
        choose_device("", Processes(rank=3, count=4, local_rank=3))


def test_torchrun_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert Processes.of_environment() == Processes(0, 1, 0)
    for name, value in (("RANK", "3"), ("WORLD_SIZE", "4"), ("LOCAL_RANK", "1")):
        monkeypatch.setenv(name, value)
    assert Processes.of_environment() == Processes(3, 4, 1)
    assert not Processes.of_environment().is_first
