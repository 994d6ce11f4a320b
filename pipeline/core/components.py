"""Components by name: look a class up, build its frozen configuration from plain values, make it.

Each package has a plain dict (`DETECTORS`, `EMBEDDERS`, `TRACKERS`) from names to "module:Class"; the same spelling
reaches a class of yours. Modules are imported only when asked for, so that `--detector onnx` never imports ultralytics.
"""

from __future__ import annotations

import dataclasses
import importlib
import types
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from mdpr.errors import ConfigError


def find_class(kind: str, name: str, known: Mapping[str, str], others: Iterable[str] = ()) -> type[Any]:
    """The class that `name` stands for.

    Args:
        kind: what is looked for, for the message: "detector".
        name: a key of `known`, or "package.module:Class".
        known: names to "package.module:Class".
        others: names that a user may give besides, which stand for one of these; for the message.

    Raises:
        ConfigError: unknown name (lists the known ones), a module that does not import, or a class without `Config`.
    """
    target = known.get(name, name)
    module_name, separator, class_name = target.partition(":")
    if not separator:
        names = ", ".join(sorted({*known, *others}))
        raise ConfigError(f"unknown {kind} {name!r}. Known: {names}; or give your own as package.module:Class")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{kind} {name!r}: cannot load {target}: {error}") from error
    if not dataclasses.is_dataclass(getattr(found, "Config", None)):
        raise ConfigError(f"{kind} {name!r}: {target} has no dataclass `Config` of its options")
    return typing.cast(type[Any], found)


def build_config(cls: type[Any], values: Mapping[str, Any], where: str) -> Any:
    """An instance of the dataclass `cls` from plain values, checked key by key.

    Args:
        cls: a dataclass; its field types may be bool, int, float, str, tuples of these, and `| None`.
        values: option names to values as YAML or the command line give them.
        where: the section, for messages: "tracker".

    Raises:
        ConfigError: unknown key (lists the existing ones), a value of the wrong type, or one that `cls` refuses.

    >>> @dataclasses.dataclass(frozen=True)
    ... class Options:
    ...     max_age_s: float = 1.0
    >>> build_config(Options, {"max_age_s": 2}, "tracker")
    Options(max_age_s=2.0)
    """
    hints = typing.get_type_hints(cls)
    fields = {field.name for field in dataclasses.fields(cls) if field.init}
    unknown = sorted(set(values) - fields)
    if unknown:
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}. Known: {', '.join(sorted(fields)) or '(none)'}")
    return cls(**{key: _coerce(value, hints[key], f"{where}.{key}") for key, value in values.items()})


def _coerce(value: Any, hint: Any, where: str) -> Any:
    """`value` as the type `hint`, without guessing: an int may become a float and a list a tuple, nothing else."""
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    for option in options:
        if option is types.NoneType:
            if value is None:
                return None
        elif typing.get_origin(option) is tuple:
            if isinstance(value, (list, tuple)):
                element = typing.get_args(option)[0]
                return tuple(_coerce(item, element, f"{where}[{i}]") for i, item in enumerate(value))
        elif option is float:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                return float(value)
        elif option is int:
            if isinstance(value, int) and not isinstance(value, bool):
                return value
        elif isinstance(value, option):
            return value
    wanted = " or ".join(getattr(option, "__name__", str(option)).replace("NoneType", "null") for option in options)
    raise ConfigError(f"{where}: expected {wanted}, got {value!r}")
