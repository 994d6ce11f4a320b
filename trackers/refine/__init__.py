"""Tracks of one camera made better once all of them are there: split, connected, filled and smoothed.

from mdpr.trackers.refine.refining import refine
from mdpr.trackers.refine.trajectory import Trajectory

refined = refine(trajectories)  # of one camera
"""
