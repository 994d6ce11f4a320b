"""The contract of linkers: tracklets of all cameras and runs in, identities with a reason for every link out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mdpr.trackers.crosscamera.constraints import Knowledge
from mdpr.trackers.crosscamera.types import Linking, Sighting


class Linker(Protocol):
    """Decides which tracklets are the same person."""

    def link(self, sightings: Sequence[Sighting], knowledge: Knowledge | None = None) -> Linking:
        """Identities of all sightings.

        The answer does not depend on the order of `sightings`. No identity holds two tracklets that overlap in time in
        one camera, nor a pair that a correction keeps apart; pairs that must be together are.

        Args:
            sightings: with different keys; tracklets without appearance are allowed.
            knowledge: corrections, travel times, cameras that see the same place, positions on the ground.

        Raises:
            FormatError: embeddings of two models or dimensions, or values that are not finite; times that go backwards.
            ConfigError: knowledge about cameras or tracklets that are not there, or that contradicts itself.
        """
