"""How far a detection lies from where a track is expected, measured by how wrong such expectations usually are."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.motion import HEIGHT, POSITION, VELOCITY

USUAL_ERROR = np.array([[0.04], [0.03], [0.1], [0.08]])
"""Deviation of centre x, centre y, width and height from the expected box of a track seen 0.1 s ago, in heights. Sizes
have twice what was measured: they go wrong where people cover one another, which is where the choice matters."""

GROWTH_PER_S = np.array([[0.15], [0.05], [0.06], [0.08]])
"""What every second without a detection adds to it for somebody who stands."""

SPEED_SHARE = 0.4
"""What every second adds to x and y for each height a second that the track moves: who stands mostly stays, who walks
may stop or turn. Measured with true identities: with a fixed camera (MOT16-02, 09, TUD-Campus) x is wrong by 0.03 and
0.2 times the speed a second, y by 0.03 and 0.4 times; with a moving one (MOT16-05, 10, 11, 13) by 0.07 to 0.25 and 0.35
to 0.5 times. Where the camera turns everybody has speed, so the gate opens by itself."""

FREEDOM = 4.0
"""Degrees of freedom of the Student distribution: people stop, and half a body may be hidden, more often than a normal
distribution allows."""

WORST = 8.0
"""Negative logarithm of the likelihood, up to a constant, from which a pair is as implausible as any other."""

REACH = math.sqrt(FREEDOM * math.expm1(2 * WORST / (FREEDOM + 1)))
"""Error of a single coordinate, in usual errors, from which a pair is as implausible as any other (9.7)."""

_ONE, _SHARE, _SPEED_SHARE = np.array(1.0), np.array(1 / FREEDOM), np.array(SPEED_SHARE)
_ERRORS = np.concatenate([USUAL_ERROR, GROWTH_PER_S], axis=1)  # (4, 2), of a height and of a height times a second
_WEIGHT = np.full(4, (FREEDOM + 1) / 2 / WORST)


def implausibility(
    motion: NDArray[np.float64], xywh: NDArray[np.float64], unseen_s: NDArray[np.float64]
) -> NDArray[np.float64]:
    """How implausible it is that each track's person is where its detection is: 0 = exactly expected, 1 = hardly.

    The negative log-likelihood of a Student distribution for each coordinate, summed, over `WORST`, at most 1.

    Args:
        motion: (5, 4, P) states of the tracks at the time of the detections, see `motion`.
        xywh: (4, P) their detections.
        unseen_s: (P,) seconds since each track's last detection.

    >>> from mdpr.trackers.motion import initiate
    >>> state = initiate(np.array([[50, 50, 40, 100.0]]).T.repeat(3, axis=1))
    >>> boxes = np.array([[50, 54, 90.0], [50, 50, 50], [40, 40, 40], [100, 100, 100]])
    >>> implausibility(state, boxes, np.array([0.1, 0.1, 0.1])).round(2)
    array([0.  , 0.04, 0.83])
    """
    position = motion[POSITION]
    usual = _usual_errors(motion, unseen_s)
    error = xywh - position
    error /= usual
    np.square(error, out=error)
    error *= _SHARE
    unlikely: NDArray[np.float64] = _WEIGHT.dot(np.log1p(error, out=error))
    return np.minimum(unlikely, _ONE, out=unlikely)


def reach(motion: NDArray[np.float64], unseen_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(2, T) pixels of x and of y beyond which `implausibility` is 1, whatever the other coordinates are.

    >>> from mdpr.trackers.motion import initiate
    >>> state = initiate(np.array([[50, 50, 40, 100.0]]).T)
    >>> reach(state, np.array([0.0])).round(1).T
    array([[38.8, 29.1]])
    """
    return REACH * _usual_errors(motion, unseen_s)[:2]


def _usual_errors(motion: NDArray[np.float64], unseen_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """(4, T) deviation of centre x, centre y, width and height from the expected box, in pixels."""
    height = motion[POSITION, HEIGHT]
    usual: NDArray[np.float64] = _ERRORS.dot(np.array((height, unseen_s * height)))
    usual[:2] += np.abs(motion[VELOCITY, :2]) * (_SPEED_SHARE * unseen_s)
    return usual
