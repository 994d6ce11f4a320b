"""What cameras add to an appearance, and the views without it.

Views of one camera share its light, colours and angle. The mean over the people of a camera estimates what they share;
people who are there often count once. A camera that has seen few people tells little about itself, so its part is
shrunk towards what all cameras share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from mdpr.trackers.crosscamera.scene import Floats, Integers, Scene, Times

_PEOPLE_OF_WEIGHT_ONE = 4.0  # people that a camera must have seen until its own mean counts half
_MOST_COMPARED = 2000


@dataclass(frozen=True, eq=False)
class Centred:
    """Views from which the parts of the cameras are taken, and their means.

    Attributes:
        views: (N, V, D) unit rows, zeros where there is none.
        mean: (N, D) weighted mean of the views of each tracklet, unit length or zero.
    """

    views: Floats
    mean: Floats


def centred(scene: Scene, offset: Floats) -> Centred:
    """The views less the (C, D) `offset` of their cameras."""
    views = scene.views - offset[scene.camera][:, None, :]
    views *= scene.has_view[:, :, None]
    views /= np.maximum(np.linalg.norm(views, axis=2, keepdims=True), 1e-12)
    return Centred(views, unit(np.einsum("nv,nvd->nd", scene.weight, views)))


def unit(rows: Floats) -> Floats:
    """Rows of unit length; zeros stay zeros."""
    return (rows / np.maximum(np.linalg.norm(rows, axis=-1, keepdims=True), 1e-12)).astype(np.float32)


def raw_means(scene: Scene) -> Floats:
    """(N, D) weighted mean of the views, not of unit length: few and different views make it shorter."""
    total = np.maximum(scene.weight.sum(axis=1, keepdims=True), 1e-12)
    return (np.einsum("nv,nvd->nd", scene.weight, scene.views) / total).astype(np.float32)


def person_weights(means: Floats, near: float) -> Floats:
    """(N,) 1 over the number of tracklets that look like this one, so that a person counts about once.

    Args:
        means: (N, D) unit or zero rows of one camera.
        near: cosine from which on two count as alike.

    >>> person_weights(np.eye(2, dtype=np.float32)[[0, 0, 1]], 0.9).tolist()
    [0.5, 0.5, 1.0]
    """
    step = max(1, -(-len(means) // _MOST_COMPARED))  # a part stands for all where there are very many
    alike = (means @ means[::step].T >= near).sum(axis=1) * step
    return (1 / np.maximum(alike, 1)).astype(np.float32)


def first_offset(scene: Scene, near: float) -> Floats:
    """(C, D) offset of each camera, before anybody is known.

    Args:
        scene: the tracklets.
        near: cosine from which on two tracklets of one camera look alike.
    """
    means = raw_means(scene)
    directions = unit(means)
    has = scene.has_appearance
    sums = np.zeros((len(scene.cameras), means.shape[1]))
    people = np.zeros(len(scene.cameras))
    for camera in range(len(scene.cameras)):
        rows = np.flatnonzero((scene.camera == camera) & has)
        if len(rows):
            weight = person_weights(directions[rows], near)
            sums[camera] = weight @ means[rows]
            people[camera] = weight.sum()
    return _shrunk(sums, people)


def offset_of_groups(scene: Scene, group: Integers) -> Floats:
    """(C, D) offset of each camera, when it is about known who is who.

    Fits view mean = person + camera by least squares, in turn: people seen by several cameras tell cameras apart
    whoever else walks there.

    Args:
        scene: the tracklets.
        group: (N,) number of the person of each.
    """
    means = raw_means(scene).astype(np.float64)
    rows = np.flatnonzero(scene.has_appearance)
    means, camera = means[rows], scene.camera[rows]
    _, person = np.unique(group[rows], return_inverse=True)
    cells, cell = np.unique(person * len(scene.cameras) + camera, return_inverse=True)  # a person in a camera
    size = np.bincount(cell).astype(np.float64)
    seen = _sums(cell, means, len(cells)) / size[:, None]
    person, camera = cells // len(scene.cameras), cells % len(scene.cameras)
    people = np.bincount(camera, minlength=len(scene.cameras)).astype(np.float64)
    offset = np.zeros((len(scene.cameras), means.shape[1]))
    members = np.bincount(person).astype(np.float64)
    for _ in range(10):
        identity = _sums(person, seen - offset[camera], len(members)) / members[:, None]
        centre = identity.mean(axis=0) if len(identity) else 0.0
        shrink = members / (members + 1)  # a person seen by one camera says little about its offset
        identity = centre + shrink[:, None] * (identity - centre)
        offset = _sums(camera, seen - identity[person], len(offset)) / (people + _PEOPLE_OF_WEIGHT_ONE)[:, None]
    identity = _sums(person, seen - offset[camera], len(members)) / members[:, None]
    total = len(members)
    common = identity.sum(axis=0) / (total + _PEOPLE_OF_WEIGHT_ONE)
    return (common + offset).astype(np.float32)


def _shrunk(sums: Times, people: Times) -> Floats:
    """Means per camera, drawn to the common mean, which is drawn to zero."""
    common = sums.sum(axis=0) / (people.sum() + _PEOPLE_OF_WEIGHT_ONE)
    own = (sums + _PEOPLE_OF_WEIGHT_ONE * common) / (people + _PEOPLE_OF_WEIGHT_ONE)[:, None]
    return np.asarray(own, np.float32)


def _sums(number: Integers, rows: Times, count: int) -> Times:
    """(count, D) sum of the rows of each number."""
    ones = np.ones(len(number))
    return np.asarray(csr_array((ones, (number, np.arange(len(number)))), shape=(count, len(number))) @ rows)
