"""Which cameras show different places, learned from who seems to be in two of them at once.

Where two cameras see the same place, one person is in both at once more often than any two tracklets are. Where they do
not, nobody ever is, and what is left are people who look alike. So a part below 1 of what chance would give tells that
the cameras lie apart. On SynthPlaza that part is 0.02 to 0.8 where they do, and 1.2 to 2.8 where they do not.
"""

from __future__ import annotations

import numpy as np

from mdpr.trackers.crosscamera.scene import Flags, Integers, Scene, Times

APART_TERM = -2.0
"""Log ratio of being in two cameras at once that surely lie apart. No constraint: clocks and boxes are not exact."""
_SURELY_APART = 0.6
"""Part of what chance would give up to which cameras surely lie apart; from there to 1 the term goes to 0."""
_STRENGTH = 3.0  # pairs at once that all cameras together count as where two of them are looked at
_ROUNDS = 30
_MOST_SHIFT = 4.0
_MOST_RATIO = 10.0


def apart_term(scene: Scene, a: Integers, b: Integers, weight: Times, ratio: Times, prior: Times) -> Times:
    """(C, C) log ratio of being in two cameras at once, 0 where they may see the same place; symmetric.

    Args:
        scene: the tracklets.
        a, b: (P,) rows of pairs that may be one person.
        weight: (P,) how many pairs each stands for.
        ratio: (P,) log ratio of the similarity, for one person against two.
        prior: (P,) log-odds of one person before looking.
    """
    excess = at_once_excess(scene, a, b, weight, ratio, prior)
    return np.asarray(APART_TERM * np.clip((1 - excess) / (1 - _SURELY_APART), 0, 1), np.float64)


def at_once_excess(scene: Scene, a: Integers, b: Integers, weight: Times, ratio: Times, prior: Times) -> Times:
    """(C, C) how often one person is in two cameras at once, against any two tracklets; 1 where nothing is known.

    Expectation-maximisation of the part of the pairs at once that is one person, the distributions of similarity being
    given. Few pairs of two cameras tell little, so all cameras together count as `_STRENGTH` expected pairs, but never
    as seeing the same place: that others do says nothing.

    Args:
        scene, a, b, weight, ratio, prior: see `apart_term`.
    """
    count = len(scene.cameras)
    use: Flags = (scene.camera[a] != scene.camera[b]) & (scene.clock[a] == scene.clock[b])
    a, b, weight = a[use], b[use], weight[use]
    odds = np.clip(ratio[use], -_MOST_RATIO, _MOST_RATIO) + prior[use]
    one, two = scene.camera[a], scene.camera[b]
    kind = np.minimum(one, two) * count + np.maximum(one, two)
    is_at_once = scene.at_once(a, b)

    def total(value: Times) -> Times:
        return np.asarray(np.bincount(kind, value, count * count), np.float64)

    part = total(weight * is_at_once) / np.maximum(total(weight), 1e-9)
    excess = np.ones(count * count)
    for _ in range(_ROUNDS):
        shift = np.clip(np.log(np.maximum(excess, 1e-9)), -_MOST_SHIFT, _MOST_SHIFT)
        same = weight / (1 + np.exp(-odds - np.where(is_at_once, shift[kind], 0.0)))
        found, expected = total(same * is_at_once), total(same) * part
        common = min((found.sum() + 1) / (expected.sum() + 1), 1.0)
        excess = (found + _STRENGTH * common) / (expected + _STRENGTH)
    square = excess.reshape(count, count)
    upper = np.triu(square, 1)
    return upper + upper.T + np.eye(count)
