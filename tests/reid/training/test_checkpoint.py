"""Files of a run: replaced as a whole, refused when wrong, and never able to run code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch

from mdpr.errors import ModelError, OutputError
from mdpr.reid.network import build_model
from mdpr.reid.network.checkpoint import save_model
from mdpr.reid.training.checkpoint import load_weights
from mdpr.reid.training.folders import find_folder, link_folder, replace_folder

SMALL = {"backbone_width": 0.125, "width": 8, "input_size": (64, 32), "fusion": False}


def write(text: str):  # type: ignore[no-untyped-def]
    return lambda part: (part / "file").write_text(text)


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "last"
    replace_folder(folder, write("one"))
    (folder / "extra").touch()
    replace_folder(folder, write("two"))
    assert [path.name for path in folder.iterdir()] == ["file"]
    assert (folder / "file").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "last"
    replace_folder(folder, write("one"))

    def fail(part: Path) -> None:
        (part / "file").write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="disk is full"):
        replace_folder(folder, fail)
    assert (folder / "file").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_killed_between_the_renames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "last"
    replace_folder(folder, write("one"))

    class Killed(BaseException):
        pass

    rename, calls = os.rename, []

    def rename_once(source: Path, target: Path) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        rename(source, target)

    monkeypatch.setattr(os, "rename", rename_once)
    with pytest.raises(Killed):
        replace_folder(folder, write("two"))
    monkeypatch.undo()
    assert not folder.exists()
    assert (find_folder(folder) / "file").read_text() == "one"
    replace_folder(folder, write("three"))
    assert (find_folder(folder) / "file").read_text() == "three"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_killed_before_the_old_one_was_removed(tmp_path: Path) -> None:
    folder = tmp_path / "last"
    replace_folder(folder, write("one"))
    (tmp_path / ".last.old").mkdir()
    (tmp_path / ".last.old/file").write_text("zero")
    assert (find_folder(folder) / "file").read_text() == "one"
    replace_folder(folder, write("two"))
    assert (folder / "file").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["last"]


def test_a_linked_folder_keeps_its_files(tmp_path: Path) -> None:
    replace_folder(tmp_path / "last", write("one"))
    link_folder(tmp_path / "last", tmp_path / "best")
    replace_folder(tmp_path / "last", write("two"))
    assert (tmp_path / "best/file").read_text() == "one"


def test_weights_to_begin_with(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = build_model("mdpr-s", num_classes=3, **SMALL)
    save_model(source, tmp_path / "m.safetensors", {})
    same = build_model("mdpr-s", num_classes=3, **SMALL)
    assert load_weights(same, tmp_path / "m.safetensors", is_strict=True) == []
    for name, tensor in same.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]), name

    other = build_model("mdpr-s", num_classes=5, **SMALL)
    before = {name: tensor.clone() for name, tensor in other.state_dict().items()}
    left_out = load_weights(other, tmp_path / "m.safetensors", is_strict=False)
    assert left_out == [name for name in before if name.endswith(".classifier")]
    for name, tensor in other.state_dict().items():
        assert torch.equal(tensor, before[name] if name in left_out else source.state_dict()[name]), name
    with pytest.raises(ModelError, match=r"classifier: \(3, 8\) there, \(5, 8\) here"):
        load_weights(build_model("mdpr-s", num_classes=5, **SMALL), tmp_path / "m.safetensors", is_strict=True)

    wider = build_model("mdpr-s", num_classes=3, **{**SMALL, "width": 16})
    before = {name: tensor.clone() for name, tensor in wider.state_dict().items()}
    with pytest.raises(ModelError, match="another architecture"):
        load_weights(wider, tmp_path / "m.safetensors", is_strict=False)
    for name, tensor in wider.state_dict().items():
        assert torch.equal(tensor, before[name]), name


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("exploded",)


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    model = build_model("mdpr-s", num_classes=3, **SMALL)
    for name in ("bomb.pth", "bomb.safetensors"):
        Path(name).write_bytes(pickle.dumps({"weight": Bomb()}))
        with pytest.raises(ModelError, match=name):
            load_weights(model, Path(name), is_strict=False)
    torch.save({"model": {"weight": Bomb()}}, "torch.pth")
    with pytest.raises(ModelError, match="import-checkpoint"):
        load_weights(model, Path("torch.pth"), is_strict=False)
    assert not Path("exploded").exists()
