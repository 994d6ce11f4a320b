"""Where configurations come from: YAML files, presets, and `--set`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from mdpr.configs import preset_names, preset_text
from mdpr.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """Reads 1e-3 as a number too; YAML 1.1 wants 1.0e-3 and takes anything else for text."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?([0-9]+|[0-9]*\.[0-9]+|[0-9]+\.)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_config(name_or_path: str, kind: str = "") -> dict[str, Any]:
    """The mapping in a YAML file, or in the preset of that name.

    Args:
        name_or_path: a file, or the name of a preset.
        kind: of the presets: "" = for tracking, "train" = for training.

    Raises:
        ConfigError: no such file or preset, YAML that does not parse, or not a mapping of sections.
    """
    path = Path(name_or_path)
    where = "configuration" if kind else "--config"
    if path.is_file():
        text = path.read_text(encoding="utf-8", errors="replace")
    elif name_or_path in preset_names(kind):
        text = preset_text(name_or_path, kind)
    else:
        raise ConfigError(f"{where} {name_or_path}: no such file. Presets: {', '.join(preset_names(kind))}")
    try:
        values = yaml.load(text, _Loader) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} {name_or_path}: not valid YAML: {error}") from error
    if not isinstance(values, dict):
        raise ConfigError(f"{where} {name_or_path}: expected sections like 'tracker:', got {type(values).__name__}")
    return values


def merge_settings(
    values: Mapping[str, Any], settings: Sequence[tuple[str, Any]], sections: Sequence[str]
) -> dict[str, Any]:
    """`values` with each dotted key set, in order; the inputs are not changed.

    Args:
        values: section to option to value.
        settings: dotted keys and values.
        sections: that exist, for the message.

    Raises:
        ConfigError: a key that is not SECTION.KEY.

    >>> merge_settings({"tracker": {"name": "deepsort"}}, [("tracker.max_age_s", 3)], ["tracker"])
    {'tracker': {'name': 'deepsort', 'max_age_s': 3}}
    """
    merged = {key: dict(value) if isinstance(value, dict) else value for key, value in values.items()}
    for key, value in settings:
        section, _, option = key.partition(".")
        if not option or "." in option:
            raise ConfigError(f"--set {key}: expected SECTION.KEY=VALUE with SECTION one of {', '.join(sections)}")
        if not isinstance(merged.setdefault(section, {}), dict):
            raise ConfigError(f"{section}: expected a mapping of options, got {merged[section]!r}")
        merged[section][option] = value
    return merged


def parse_setting(text: str) -> tuple[str, Any]:
    """`key=value` with the value read as YAML.

    >>> parse_setting("detector.classes=[0, 2]")
    ('detector.classes', [0, 2])
    >>> parse_setting("optimiser.lr=1e-3")
    ('optimiser.lr', 0.001)
    """
    key, separator, value = text.partition("=")
    if not separator:
        raise ConfigError(f"--set {text}: expected SECTION.KEY=VALUE, for instance tracker.max_age_s=3")
    try:
        return key.strip(), yaml.load(value, _Loader)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not valid YAML: {error}") from error
