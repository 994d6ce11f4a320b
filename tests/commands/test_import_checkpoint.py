"""`mdpr data import-checkpoint`: the authors' weights become a checkpoint of ours, or an error with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

import naive_mdpr
from mdpr.pipeline.commands import main
from mdpr.reid.network.checkpoint import load_model

REFERENCE = Path(__file__).parents[1] / "reid/network/mdpr_r18ibn_128x64.npz"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return naive_mdpr.filled_state(REFERENCE)


@pytest.fixture(scope="module")
def authors(state: dict[str, torch.Tensor], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("authors") / "model_best.pth"
    torch.save({"model": state, "iteration": 7}, path)
    return path


@pytest.mark.slow
def test_imported_weights_give_the_embedding(
    state: dict[str, torch.Tensor], authors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "model.safetensors"
    command = ["data", "import-checkpoint", str(authors), "--out", str(out)]
    assert main([*command, "--depth", "18", "--set", "input_size=[128,64]"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{out}\n")
    assert "num_classes  4\n" in printed
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]
    images = naive_mdpr.images(2, 128, 64)
    with torch.no_grad():
        found, expected = load_model(out)(images), naive_mdpr.embedding(state, images)
    assert float((found - expected).norm() / expected.norm()) < 1e-4


@pytest.mark.slow
def test_another_architecture_is_refused(authors: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "import-checkpoint", str(authors), "--out", str(tmp_path / "model.safetensors")]) == 1
    assert "depth 18, not 101" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--depth", "18", "--set", "depth=34"], "--depth 18 and --set depth=34 differ"),
        (["--depth", "19"], "model.depth: expected one of"),
        (["--set", "colour=1"], "unknown key 'colour'"),
    ],
)
def test_an_architecture_that_does_not_exist(
    flags: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["data", "import-checkpoint", "authors.pth", "--out", str(tmp_path / "model.safetensors")]
    assert main([*command, *flags]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


class _Code:
    """Pickles into a call that would make a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


def test_broken_files_and_pickles_with_code_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "cut.pth")
    (tmp_path / "cut.pth").write_bytes((tmp_path / "cut.pth").read_bytes()[:2000])
    torch.save({"model": _Code(tmp_path / "was_run")}, tmp_path / "code.pth")
    (tmp_path / "text.pth").write_text("no weights")
    torch.save({"weight": torch.zeros(2)}, tmp_path / "other.pth")
    before = sorted(tmp_path.iterdir())
    for name in ("cut.pth", "code.pth", "text.pth", "other.pth", "missing.pth"):
        path = tmp_path / name
        assert main(["data", "import-checkpoint", str(path), "--out", str(tmp_path / "o.safetensors")]) == 1, name
        error = capsys.readouterr().err
        assert error.startswith("error: ")
        assert str(path) in error or "none of the names is theirs" in error
    assert sorted(tmp_path.iterdir()) == before
