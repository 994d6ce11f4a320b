"""Presets as YAML files; `--config NAME` takes one of these or a path."""

from __future__ import annotations

from importlib.resources import files


def preset_names() -> list[str]:
    """Names of the presets that are shipped, sorted."""
    return sorted(
        entry.name.removesuffix(".yaml") for entry in files(__name__).iterdir() if entry.name.endswith(".yaml")
    )


def preset_text(name: str) -> str:
    """The YAML text of a shipped preset.

    Raises:
        FileNotFoundError: no such preset.
    """
    return files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8")
