"""Tracks of one camera made better once all of them are there: split, connected, filled and smoothed.

from mdpr.trackers.refine import RefineConfig, Trajectory, refine

refined = refine(trajectories, RefineConfig())
"""

from __future__ import annotations

from mdpr.trackers.refine.config import RefineConfig
from mdpr.trackers.refine.refining import Refined, refine
from mdpr.trackers.refine.trajectory import Trajectory

__all__ = ["RefineConfig", "Refined", "Trajectory", "refine"]
