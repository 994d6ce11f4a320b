"""Errors of stores; each is also one of those that all commands know."""

from __future__ import annotations

from mdpr.errors import ConfigError, MdprError, ModelError, OutputError


class BusyError(OutputError):
    """Another process writes, and went on for longer than this one would wait."""


class ConflictError(MdprError):
    """A change that contradicts what the store holds; nothing was changed."""


class UnknownError(ConfigError):
    """A run, tracklet or identity that is not in the store."""


class OtherModelError(ModelError):
    """Embeddings of another model than those in the store."""
