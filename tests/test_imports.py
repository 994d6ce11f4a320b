"""The rules of the house: who may import whom, and what must not be imported at all."""

from __future__ import annotations

import ast
import doctest
import functools
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import mdpr

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("pipeline", "detectors", "trackers", "reid", "configs")
MAY_IMPORT = {  # folder -> the subpackages of mdpr that it may import; the root package (types, errors) is open to all
    "pipeline/core": set(),
    "detectors": {"detectors"},
    "trackers": {"trackers"},
    "reid": {"reid"},
    "configs": set(),
    "pipeline": {"pipeline", "detectors", "trackers", "reid", "configs"},
}


@functools.cache
def imported_modules(path: Path) -> set[str]:
    """Modules that a file imports at run time; those under `if TYPE_CHECKING` or within functions count too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def python_files() -> list[Path]:
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


@pytest.mark.parametrize("path", python_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_import_direction(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    if relative == "pipeline/core/__init__.py":
        return  # the public face: it reaches the API on first use, which test_types_are_light holds it to
    folder = "pipeline/core" if relative.startswith("pipeline/core/") else relative.split("/")[0]
    for name in imported_modules(path):
        first, _, rest = name.partition(".")
        assert first not in FOLDERS, f"{relative} imports {name}: write mdpr.{name}"
        subpackage = rest.split(".")[0]
        if first == "mdpr" and subpackage in FOLDERS:
            assert subpackage in MAY_IMPORT[folder], f"{relative} must not import {name}"


def test_only_one_file_imports_ultralytics() -> None:
    importers = [
        path for path in python_files() if any(n.split(".")[0] == "ultralytics" for n in imported_modules(path))
    ]
    assert len(importers) == 1, importers


def test_types_are_light() -> None:
    heavy = "('torch', 'cv2', 'av', 'ultralytics', 'mdpr.pipeline')"
    code = f"import mdpr, sys; print([m for m in {heavy} if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_what_a_run_starts_with_does_not_load_torch() -> None:
    """Loading it takes seconds, which an error in the command line should not."""
    code = "import mdpr.pipeline.run, mdpr.reid.mdpr, mdpr.detectors, sys; print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False"


def all_modules() -> list[str]:
    return sorted(module.name for module in pkgutil.walk_packages(mdpr.__path__, "mdpr.")) + [
        f"mdpr.{folder}.{module.name}"
        for folder in FOLDERS
        for module in pkgutil.walk_packages(importlib.import_module(f"mdpr.{folder}").__path__)
        if not module.name.startswith("core")
    ]


@pytest.mark.parametrize("name", all_modules())
def test_doctests(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
