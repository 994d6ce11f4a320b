"""Presets as YAML files; `--config NAME` and `mdpr-train NAME` take one of these or a path."""

from __future__ import annotations

from importlib.resources import files


def preset_names(kind: str = "") -> list[str]:
    """Names of the presets that are shipped, sorted.

    Args:
        kind: "" = for tracking, "train" = for training.
    """
    folder = files(__name__).joinpath(kind) if kind else files(__name__)
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def preset_text(name: str, kind: str = "") -> str:
    """The YAML text of a shipped preset.

    Raises:
        FileNotFoundError: no such preset.
    """
    folder = files(__name__).joinpath(kind) if kind else files(__name__)
    return folder.joinpath(f"{name}.yaml").read_text(encoding="utf-8")
