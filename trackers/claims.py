"""Which confirmed track may claim which detection, and at what cost, by motion and appearance.

A pair may match when the boxes overlap and appearance does not forbid it, or when they do not but appearance vouches
for it where it is not entirely implausible (`implausibility` below 1: a gate that grows with the time that a track was
not seen, and with its speed). The gate does not apply to overlapping boxes: when a person is half hidden the box
halves, which no gate allows, and the overlap is evidence enough. A covered crop may show somebody else, so its
appearance counts in the cost but forbids nothing.

Recently seen tracks have priority through `lost_penalty` and not, as in DeepSORT's cascade, by going first: the penalty
decides between nearly equal claims, and a clearly better claim of a lost track still wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.deepsort_config import DeepSortConfig
from mdpr.trackers.matching import same_class
from mdpr.trackers.motion import POSITION
from mdpr.trackers.pairs import pairs_within
from mdpr.trackers.plausibility import implausibility, reach
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import LOST, TENTATIVE, TrackTable

IntArray = NDArray[np.intp]

OPEN_COVER = 0.7
"""Largest part of a detection that somebody nearer may cover for `open_iou`. A small overlap says little where boxes
lie on one another: what is covered may be a part of the person in front, or somebody behind them."""

_ONE, _HALF = np.array(1.0), np.array(0.5)  # arrays, see `track_table`


class LookLimits(NamedTuple):
    """Cosine distances up to which appearance vouches for a pair, and beyond which it forbids one."""

    sure: float
    match: float


@dataclass(eq=False, slots=True)
class Claims:
    """P pairs of a track and a detection that may match, ascending by row and then by column.

    Attributes:
        rows, columns: (P,) tracks and detections.
        cost: (P,) 0 = exactly expected and alike, 1 = neither; a track that was lost for long pays a little more.
        unseen_s: (P,) seconds since the track's last detection.
        overlap: (P,) IoU of the detection and the track's expected box.
    """

    rows: IntArray
    columns: IntArray
    cost: NDArray[np.floating]
    unseen_s: NDArray[np.float64]
    overlap: NDArray[np.float32]


def claims_of(
    table: TrackTable,
    bank: AppearanceBank,
    scene: Scene,
    is_offered: NDArray[np.bool_],
    config: DeepSortConfig,
    limits: LookLimits,
) -> Claims:
    """All claims of the confirmed tracks in `table`, moved to the time of the frame, on the (N,) offered detections.

    Somebody from afar may claim only what no overlapping track surely looks like: who is seen where they are expected,
    and looks like themselves, is not somebody else. That is also where a comparison would cost most and tell least.
    """
    is_candidate = table.state != TENTATIVE
    is_pair = is_candidate[scene.rows]
    is_pair &= is_offered[scene.columns]
    if scene.embeddings is None:
        is_pair &= scene.overlap >= min(config.open_iou, config.min_iou)
    at = is_pair.nonzero()[0]
    rows, columns, overlap = scene.rows[at], scene.columns[at], scene.overlap[at]
    if scene.embeddings is None:
        return _weigh(table, scene, rows, columns, overlap, None, config, limits)
    distance = _distance(table, bank, scene, scene.embeddings, rows, columns)
    is_left = is_offered.copy()
    is_left[columns[distance <= limits.sure]] = False
    left = is_left.nonzero()[0]
    if len(left):
        far_rows, far_columns = _far_pairs(table, scene, is_candidate.nonzero()[0], left)
        if len(far_rows):
            far = _distance(table, bank, scene, scene.embeddings, far_rows, far_columns)
            rows, columns = np.concatenate([rows, far_rows]), np.concatenate([columns, far_columns])
            order = (rows * len(is_offered) + columns).argsort()
            rows, columns, distance = rows[order], columns[order], np.concatenate([distance, far])[order]
            overlap = np.concatenate([overlap, np.zeros(len(far), dtype=np.float32)])[order]
    return _weigh(table, scene, rows, columns, overlap, distance, config, limits)


def _far_pairs(table: TrackTable, scene: Scene, rows: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
    """The pairs of the tracks `rows` and the detections `columns` in reach of one another that do not overlap."""
    motion = table.motion.take(rows, axis=2)
    limit = reach(motion, scene.frame.time_s - table.last_s[rows])
    at_row, at_column = pairs_within(motion[POSITION, :2], limit, scene.xywh[:2].take(columns, axis=1))
    rows, columns = rows[at_row], columns[at_column]
    if len(scene.rows) == 0:
        return rows, columns
    count = len(scene.area)
    overlapping, key = scene.rows * count + scene.columns, rows * count + columns  # one number a pair, ascending
    is_far = overlapping.take(overlapping.searchsorted(key), mode="clip") != key
    return rows[is_far], columns[is_far]


def _distance(
    table: TrackTable,
    bank: AppearanceBank,
    scene: Scene,
    embeddings: NDArray[np.float32],
    rows: IntArray,
    columns: IntArray,
) -> NDArray[np.float32]:
    """(P,) cosine distance of tracks and detections, NaN where one of the two has no appearance."""
    slots = table.slot[rows]
    distance = bank.distance(slots, table.state[rows] == LOST, embeddings, columns)
    is_known = bank.has_clear[slots] & scene.has_appearance[columns]
    unknown = (~is_known).nonzero()[0]
    if len(unknown):
        distance[unknown] = np.nan
    return distance


def _weigh(
    table: TrackTable,
    scene: Scene,
    rows: IntArray,
    columns: IntArray,
    overlap: NDArray[np.float32],
    distance: NDArray[np.float32] | None,
    config: DeepSortConfig,
    limits: LookLimits,
) -> Claims:
    """Those of the (P,) pairs that may match, with their cost."""
    unseen_s = scene.frame.time_s - table.last_s[rows]
    unlikely = implausibility(table.motion.take(rows, axis=2), scene.xywh.take(columns, axis=1), unseen_s)
    cost = unlikely - overlap
    cost += _ONE
    cost *= _HALF
    is_enough = overlap >= config.min_iou
    small = (~is_enough).nonzero()[0]
    if len(small):
        is_open = scene.covered[columns[small]] <= OPEN_COVER
        is_enough[small] = is_open & (overlap[small] >= config.open_iou)
    if distance is not None:
        cost = _with_looks(cost, distance, config.appearance_weight, limits.match)
        is_enough |= (distance <= limits.sure) & (unlikely < _ONE)
        unlike = (distance > limits.match).nonzero()[0]
        if len(unlike):
            is_enough[unlike] &= scene.covered[columns[unlike]] > config.max_covered
    lost = (table.state[rows] == LOST).nonzero()[0]
    if len(lost):
        cost[lost] += config.lost_penalty / config.max_age_s * unseen_s[lost]
    if not scene.is_one_class:
        is_enough &= same_class(table, scene, rows, columns)
    at = is_enough.nonzero()[0]
    return Claims(rows[at], columns[at], cost[at], unseen_s[at], overlap[at])


def _with_looks(
    cost: NDArray[np.float64], distance: NDArray[np.float32], weight: float, match_distance: float
) -> NDArray[np.float64]:
    """(P,) cost of which appearance has `weight`; where the distance is NaN motion alone decides.

    >>> _with_looks(np.array([0.2, 0.2]), np.array([0.1, np.nan], np.float32), 0.5, 0.4)
    array([0.225, 0.2  ])
    """
    look = distance * (weight / match_distance)
    np.minimum(look, weight, out=look)
    weighed = cost * (1 - weight)
    weighed += look
    unknown = np.isnan(look).nonzero()[0]
    if len(unknown):
        weighed[unknown] = cost[unknown]
    return weighed
