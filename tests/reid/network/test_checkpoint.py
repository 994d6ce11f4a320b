"""Networks in files: what goes in comes out; whatever is wrong with a file is a ModelError that names it."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from mdpr.errors import ModelError, OutputError
from mdpr.reid.network import MdprNetwork, build_model
from mdpr.reid.network.checkpoint import load_model, save_model
from mdpr.reid.network.description import fingerprint, read_metadata
from mdpr.reid.network.tensors import read_tensors

NAME = "model.safetensors"


def make(num_classes: int | None = 3, **overrides: Any) -> MdprNetwork:
    torch.manual_seed(0)
    tiny: dict[str, Any] = {"backbone_width": 0.1, "width": 8, "input_size": (64, 32)}
    return build_model("mdpr-s", num_classes=num_classes, **(tiny | overrides))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    save_model(make(), tmp_path / NAME, {"epoch": 3, "source": {"name": "made by a test"}})
    return tmp_path / NAME


def rewrite(path: Path, change: Callable[[dict[str, torch.Tensor], dict[str, str]], None]) -> None:
    """Change tensors and header of a checkpoint."""
    with safe_open(path, framework="pt") as file:
        header = dict(file.metadata())
    tensors = load_file(path)
    change(tensors, header)
    save_file(tensors, path, header)


def test_what_goes_in_comes_out(path: Path) -> None:
    loaded = load_model(path, with_classes=True)
    assert not loaded.training
    assert loaded.num_classes == 3
    assert loaded.config == make().config
    expected = make().state_dict()
    assert loaded.state_dict().keys() == expected.keys()
    for name, tensor in loaded.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    assert [path.name for path in path.parent.iterdir()] == [NAME]


def test_training_can_go_on_with_it(path: Path) -> None:
    expected = [(name, parameter.requires_grad) for name, parameter in make().named_parameters()]
    loaded = load_model(path, with_classes=True)
    assert [(name, parameter.requires_grad) for name, parameter in loaded.named_parameters()] == expected
    loaded.train()(torch.randn(2, 3, 64, 32))


def test_without_classes(path: Path) -> None:
    loaded = load_model(path)
    assert loaded.num_classes is None
    assert not any(name.endswith("classifier") for name in loaded.state_dict())
    with torch.no_grad():
        assert torch.equal(loaded(torch.ones(2, 3, 64, 32)), make().eval()(torch.ones(2, 3, 64, 32)))


def test_a_network_without_class_weights(tmp_path: Path) -> None:
    save_model(make(num_classes=None), tmp_path / NAME, {})
    assert load_model(tmp_path / NAME).num_classes is None
    with pytest.raises(ModelError, match=rf"{NAME}: has no class weights"):
        load_model(tmp_path / NAME, with_classes=True)


def test_memory_layout_and_half_precision_do_not_matter(tmp_path: Path) -> None:
    expected = make().state_dict()
    save_model(make().to(memory_format=torch.channels_last).bfloat16(), tmp_path / NAME, {})  # type: ignore[call-overload]
    for state in (load_file(tmp_path / NAME), load_model(tmp_path / NAME, with_classes=True).state_dict()):
        for name, tensor in state.items():
            assert tensor.dtype in (torch.float32, torch.int64)
            torch.testing.assert_close(tensor, expected[name], rtol=1e-2, atol=1e-2)


def test_weights_in_half_precision(path: Path) -> None:
    rewrite(path, lambda tensors, header: tensors.update({name: t.half() for name, t in tensors.items() if t.ndim}))
    loaded = load_model(path)
    assert {tensor.dtype for tensor in loaded.parameters()} == {torch.float32}
    with torch.no_grad():
        assert torch.isfinite(loaded(torch.ones(2, 3, 64, 32))).all()


def test_metadata(path: Path) -> None:
    told = read_metadata(path)
    assert told["epoch"] == 3
    assert told["source"] == {"name": "made by a test"}
    assert told["num_classes"] == 3
    assert told["config"]["backbone_width"] == 0.1
    assert told["config"]["mean"] == [123.675, 116.28, 103.53]
    assert told["slices"]["fusion"] == [40, 72]


def test_fingerprints_tell_weights_apart(path: Path) -> None:
    before = fingerprint(path)
    save_model(make(), path, {"epoch": 4})
    assert before.startswith("model-")
    assert fingerprint(path) != before


def test_a_truncated_file(path: Path) -> None:
    whole = path.read_bytes()
    for size in (0, 7, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        for read in (read_metadata, load_model, read_tensors):
            with pytest.raises(ModelError, match=rf"{NAME}: not a whole .safetensors file"):
                read(path)


def test_another_format_under_this_name(path: Path) -> None:
    for write in (
        lambda: np.savez(path.with_suffix(".npz"), a=np.zeros(3)),
        lambda: path.with_suffix(".npz").write_text("no weights at all, but a text that is long enough"),
        lambda: torch.save({"a": torch.zeros(3)}, path.with_suffix(".npz")),
    ):
        write()
        path.with_suffix(".npz").replace(path)
        for read in (read_metadata, load_model, read_tensors):
            with pytest.raises(ModelError, match=rf"{NAME}: not a whole .safetensors file"):
                read(path)


def test_another_network_under_this_name(path: Path) -> None:
    save_file({"a": torch.zeros(3)}, path)
    with pytest.raises(ModelError, match=r"expected the format mdpr-network-1, got None.*import-checkpoint"):
        load_model(path)


def test_no_file(tmp_path: Path) -> None:
    for read in (read_metadata, load_model, read_tensors):
        with pytest.raises(ModelError, match=r"absent\.safetensors: no such file"):
            read(tmp_path / "absent.safetensors")


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("config", '{"colour": 1}', "describes a network that this version does not know: model: unknown key 'colour'"),
        ("config", '{"depth": 152}', "describes a network that this version does not know: model.depth"),
        ("config", '{"depth": "18"}', "describes a network that this version does not know: model.depth"),
        ("config", '{"depth"', "its description is damaged"),
        ("config", "[1, 2]", "its description is damaged"),
        ("metadata", "[1, 2]", "its description is damaged"),
        ("num_classes", '"3"', "its description is damaged"),
        ("num_classes", "1", "its description is damaged"),
        ("format", "mdpr-network-2", "expected the format mdpr-network-1, got 'mdpr-network-2'"),
    ],
)
def test_a_wrong_description(key: str, value: str, message: str, path: Path) -> None:
    rewrite(path, lambda tensors, header: header.update({key: value}))
    with pytest.raises(ModelError, match=rf"{NAME}: .*{message}"):
        load_model(path, with_classes=True)


def test_a_missing_description(path: Path) -> None:
    rewrite(path, lambda tensors, header: header.pop("config") and None)
    with pytest.raises(ModelError, match=r"its description is damaged .'config'"):
        read_metadata(path)


def test_weights_that_do_not_fit_the_description(path: Path) -> None:
    def change(tensors: dict[str, torch.Tensor], header: dict[str, str]) -> None:
        del tensors["trunk.conv1.weight"]
        tensors["heads.colour"] = torch.zeros(1)
        tensors["heads.fusion.pool.p"] = torch.zeros(2)

    rewrite(path, change)
    with pytest.raises(ModelError, match="the weights do not fit") as caught:
        load_model(path)
    assert "missing: trunk.conv1.weight\n" in str(caught.value)
    assert "unexpected: heads.colour\n" in str(caught.value)
    assert "other shapes: heads.fusion.pool.p (2,), expected (1,)" in str(caught.value)


def test_a_description_of_another_depth_is_told_briefly(path: Path) -> None:
    config = json.dumps(read_metadata(path)["config"] | {"depth": 101})
    rewrite(path, lambda tensors, header: header.update(config=config))
    with pytest.raises(ModelError, match=r"and [0-9]+ more") as caught:
        load_model(path)
    assert len(str(caught.value)) < 3000


def test_weights_of_another_type(path: Path) -> None:
    rewrite(path, lambda tensors, header: tensors.update({"heads.fusion.pool.p": torch.tensor([3])}))
    with pytest.raises(ModelError, match="not of the type that a network has"):
        load_model(path)


def test_where_nothing_can_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    for target in (tmp_path / "absent" / NAME, tmp_path / "file" / NAME):
        with pytest.raises(OutputError, match=f"cannot write .*{NAME}"):
            save_model(make(), target, {})
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="no permission to write there"):
        save_model(make(), tmp_path / NAME, {})
    tmp_path.chmod(0o700)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_leaves_the_older_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()

    def write_half(part: Path, data: bytes) -> int:
        with part.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(OutputError, match="the disk is full"):
        save_model(make(), path, {})
    assert path.read_bytes() == before
    assert [path.name for path in path.parent.iterdir()] == [NAME]


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"written as .safetensors, got the suffix '.pth'"):
        save_model(make(), tmp_path / "model.pth", {})
    assert list(tmp_path.iterdir()) == []


class _Code:
    """Pickles into a call that would make a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self._folder),)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_code_in_a_pickle_is_never_run(tmp_path: Path) -> None:
    torch.save({"model": _Code(tmp_path / "was_run")}, tmp_path / "code.pth")
    (tmp_path / "plain.pth").write_bytes(pickle.dumps(_Code(tmp_path / "was_run")))
    for name in ("code.pth", "plain.pth"):
        with pytest.raises(ModelError, match=f"{name}: refused, or not a PyTorch file: only tensors are read"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "was_run").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("is_zip", [True, False])
def test_damaged_pytorch_files(is_zip: bool, tmp_path: Path) -> None:
    path, random = tmp_path / "model.pth", np.random.default_rng(0)
    torch.save({"model": {"a": torch.ones(4), "b": torch.ones(2)}}, path, _use_new_zipfile_serialization=is_zip)
    assert list(read_tensors(path)) == ["a", "b"]
    whole = path.read_bytes()
    damaged = [whole[:size] for size in (0, 1, 2, 10, len(whole) // 2, len(whole) - 1)]
    for _ in range(40):  # where a byte of a number is hit, nobody can tell; a ModelError or tensors, nothing else
        data = bytearray(whole)
        data[random.integers(len(data))] = random.integers(256)
        damaged.append(bytes(data))
    messages = []
    for data in damaged:
        path.write_bytes(data)
        try:
            read_tensors(path)
        except ModelError as error:
            messages.append(str(error))
    assert len(messages) >= 5
    assert all(message.startswith(f"{path}: ") for message in messages)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([torch.zeros(1)], "expected a state dict .names to tensors., got list"),
        ({"epoch": 3}, "no tensor in it"),
        ({"state_dict": {"model": {}}}, "no tensor in it"),
    ],
)
def test_pytorch_files_without_a_state(content: object, message: str, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(ModelError, match=f"model.pth: {message}"):
        read_tensors(tmp_path / "model.pth")
