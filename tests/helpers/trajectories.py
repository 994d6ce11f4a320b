"""Trajectories of people who walk where a test says, seen with noise, and what they look like."""

from __future__ import annotations

import numpy as np

from mdpr.trackers.refine.trajectory import Trajectory
from mdpr.types import Tracklet

FPS = 10.0


def looks(people: int, dimension: int = 32, seed: int = 0):
    """(P, D) unit rows that have little in common."""
    rows = np.random.default_rng(seed).normal(size=(people, dimension))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def walk(track_id, frames, start, velocity=(0.0, 0.0), look=None, height=100.0, noise=0.0, seed=0):
    """A trajectory: centre `start` at frame 0, `velocity` in pixels a second; a view every 5 frames.

    Args:
        look: (D,) of the person, or a function of the frame; None gives no appearance.
    """
    frames = np.asarray(frames)
    rng = np.random.default_rng((seed, track_id))
    centre = np.asarray(start, float) + frames[:, None] / FPS * np.asarray(velocity, float)
    half = np.array([height / 5, height / 2])
    xyxy = np.concatenate([centre - half, centre + half], axis=1) + rng.normal(0, max(noise, 1e-9), (len(frames), 4))
    at = np.arange(0, len(frames), 5)[:10]
    if look is None:
        embeddings = np.empty((len(at), 0), np.float32)
    else:
        rows = np.stack([look(frame) if callable(look) else look for frame in frames[at]])
        rows = rows + rng.normal(0, 0.05, rows.shape)
        embeddings = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    tracklet = Tracklet(
        "cam", track_id, 0, int(frames[0]), int(frames[-1]), frames[0] / FPS, frames[-1] / FPS, len(frames), 0.8,
        frames[at], frames[at] / FPS, xyxy[at], np.full(len(at), 0.8), np.full(len(at), 5.0), embeddings,
    )  # fmt: skip
    return Trajectory.of(tracklet, frames, frames / FPS, xyxy, np.full(len(frames), 0.8))
