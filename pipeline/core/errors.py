"""Errors that a person reads: what, where, expected against got, what to do.

Every error that mdpr raises on purpose is an `MdprError`; the command lines turn it into one line on stderr and its
`exit_code`. Anything else that escapes is a defect.
"""

from __future__ import annotations

from typing import ClassVar


class MdprError(Exception):
    """Base of all errors raised on purpose."""

    exit_code: ClassVar[int] = 1


class ConfigError(MdprError):
    """A flag, a configuration key or a value that does not exist or does not fit."""

    exit_code: ClassVar[int] = 2


class SourceError(MdprError):
    """A video, image folder, camera or stream that cannot be read."""


class AbsentError(SourceError):
    """A stream that nobody answers for at its address: it may be there later."""


class ModelError(MdprError):
    """Weights that are missing, of the wrong kind, or damaged."""


class DependencyError(MdprError):
    """An optional package is missing; the message holds the exact pip command."""

    def __init__(self, package: str, purpose: str, extra: str = "") -> None:
        command = f"pip install 'mdpr-track[{extra}]'" if extra else f"pip install {package}"
        super().__init__(f"{purpose} needs the package {package}, which is not installed. Install it with: {command}")


class FormatError(MdprError):
    """Data of the wrong shape, type or range: boxes, annotation files, arrays."""


class OutputError(MdprError):
    """A result that cannot be written: full disk, folder without permission."""
