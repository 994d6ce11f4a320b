"""Weights that come with a package."""

from __future__ import annotations

import hashlib
import importlib
import sys
from pathlib import Path

import pytest

from mdpr.errors import ModelError
from mdpr.shipped import read_sums, shipped_weights


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package that ships one file."""
    folder = tmp_path / "some_package"
    (folder / "weights").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "weights" / "model.bin").write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    (folder / "weights" / "SHA256SUMS").write_text(f"{digest}  model.bin\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "some_package", raising=False)
    importlib.invalidate_caches()
    return "some_package"


def test_a_whole_file_is_found_and_named(package: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "mdpr")
    path = shipped_weights(package, "model.bin")
    assert path is not None
    assert path.read_bytes() == b"weights"
    assert "model.bin" in caplog.text
    assert shipped_weights(package, "other.bin") is None
    assert shipped_weights("no_such_package_here", "model.bin") is None


@pytest.mark.parametrize("content", [b"weightz", b""])
def test_a_changed_file_is_refused(package: str, content: bytes) -> None:
    path = shipped_weights(package, "model.bin")
    assert path is not None
    path.write_bytes(content)
    with pytest.raises(ModelError, match="is not the file that was shipped"):
        shipped_weights(package, "model.bin")


def test_a_file_without_a_sum_is_refused(package: str) -> None:
    path = shipped_weights(package, "model.bin")
    assert path is not None
    (path.parent / "SHA256SUMS").unlink()
    assert read_sums(path.parent) == {}
    with pytest.raises(ModelError, match="None"):
        shipped_weights(package, "model.bin")
