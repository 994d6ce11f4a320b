"""Which confirmed track may claim which detection, and at what cost, by motion and appearance.

A pair may match when the boxes overlap and appearance does not forbid it, or when they do not but appearance vouches
for it where it is not entirely implausible (`implausibility` below 1: a gate that grows with the time that a track was
not seen, and with its speed). The gate does not apply to overlapping boxes: when a person is half hidden the box
halves, which no gate allows, and the overlap is evidence enough. A covered crop may show somebody else, so its
appearance counts in the cost but forbids nothing.

An overlap alone does not carry a track over to a stranger: where motion calls a pair entirely implausible, and it looks
farther from the views of the track than they do from one another by more than two visits of one person may, a clear
crop shows somebody else. Where the crop is not clear, the claim waits for a detection of low confidence that overlaps
the track better: a chair behind somebody who steps before it is a weak detection at the place of the chair, not the
strong one that appeared.

Recently seen tracks have priority through `lost_penalty` and not, as in DeepSORT's cascade, by going first: the penalty
decides between nearly equal claims, and a clearly better claim of a lost track still wins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.assignment import have_only_each_other
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
_NOWHERE = np.empty(0, dtype=np.intp)


class LookLimits(NamedTuple):
    """Cosine distances up to which appearance vouches for a pair, and beyond which it forbids one.

    `again` is that of two visits beyond what views of one differ by, see `ReturnRules.max_distance`.
    """

    sure: float
    match: float
    again: float


@dataclass(eq=False, slots=True)
class Claims:
    """P pairs of a track and a detection that may match, ascending by row and then by column.

    Attributes:
        rows, columns: (P,) tracks and detections.
        cost: (P,) 0 = exactly expected and alike, 1 = neither; a track that was lost for long pays a little more.
        overlap: (P,) IoU of the detection and the track's expected box.
        are_settled: no two share a track or a detection, and all cost less than `max_cost`; `cost` is a bound then.
    """

    rows: IntArray
    columns: IntArray
    cost: NDArray[np.float64]
    overlap: NDArray[np.float32]
    are_settled: bool


@dataclass(eq=False, slots=True)
class Pairs:
    """P pairs of a track and a detection, in the same order, with their IoU and, where there are looks, distance."""

    rows: IntArray
    columns: IntArray
    overlap: NDArray[np.float32]
    distance: NDArray[np.float32] | None

    def select(self, at: IntArray) -> Pairs:
        """Those at the given places, which ascend."""
        if len(at) == len(self.rows):
            return self
        distance = None if self.distance is None else self.distance[at]
        return Pairs(self.rows[at], self.columns[at], self.overlap[at], distance)


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
    pairs = _pairs(table, bank, scene, is_offered, config, limits)
    pairs = pairs.select(_may_match(table, scene, pairs, config, limits).nonzero()[0])
    rows, columns = pairs.rows, pairs.columns
    unlike = _unlike(table, scene, pairs, is_offered, config, limits)
    if len(unlike) == 0 and have_only_each_other(rows, columns):
        most = _cost(_ONE, table, scene, pairs, config, limits)  # mostly they match however unlikely they are
        if len((most < config.max_cost).nonzero()[0]) == len(rows):
            return Claims(rows, columns, most, pairs.overlap, are_settled=True)
    unlikely = _unlikely(table, scene, rows, columns)
    cost = _cost(unlikely, table, scene, pairs, config, limits)
    strange = _strange(table, bank, scene, pairs, unlike[unlikely[unlike] >= _ONE], limits)
    if len(strange):
        return _without_strangers(scene, pairs, cost, strange)
    return Claims(rows, columns, cost, pairs.overlap, are_settled=False)


def _pairs(
    table: TrackTable,
    bank: AppearanceBank,
    scene: Scene,
    is_offered: NDArray[np.bool_],
    config: DeepSortConfig,
    limits: LookLimits,
) -> Pairs:
    """The pairs of confirmed tracks and offered detections that overlap or, if there are looks, are in reach."""
    is_candidate = table.state != TENTATIVE
    is_pair = is_candidate[scene.rows]
    is_pair &= is_offered[scene.columns]
    if scene.embeddings is None:
        is_pair &= scene.overlap >= min(config.open_iou, config.min_iou)
    at = is_pair.nonzero()[0]
    rows, columns, overlap = scene.rows[at], scene.columns[at], scene.overlap[at]
    if scene.embeddings is None:
        return Pairs(rows, columns, overlap, None)
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
    return Pairs(rows, columns, overlap, distance)


def _far_pairs(table: TrackTable, scene: Scene, rows: IntArray, columns: IntArray) -> tuple[IntArray, IntArray]:
    """The pairs of the tracks `rows` and the detections `columns` in reach of one another that do not overlap."""
    motion = table.motion.take(rows, axis=2)
    limit = reach(motion, table.unseen_s(rows, scene.frame))
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


def _may_match(
    table: TrackTable, scene: Scene, pairs: Pairs, config: DeepSortConfig, limits: LookLimits
) -> NDArray[np.bool_]:
    """(P,) which of the pairs may match at all."""
    columns, overlap, distance = pairs.columns, pairs.overlap, pairs.distance
    is_enough = overlap >= config.min_iou
    small = (~is_enough).nonzero()[0]
    if len(small):
        is_open = scene.covered[columns[small]] <= OPEN_COVER
        is_enough[small] = is_open & (overlap[small] >= config.open_iou)
    if distance is not None:
        alike = ((distance <= limits.sure) > is_enough).nonzero()[0]  # sure and not enough
        if len(alike):
            is_enough[alike] = _unlikely(table, scene, pairs.rows[alike], columns[alike]) < _ONE
        unlike = (distance > limits.match).nonzero()[0]
        if len(unlike):
            is_enough[unlike] &= scene.covered[columns[unlike]] > config.max_covered
    if not scene.is_one_class:
        is_enough &= same_class(table, scene, pairs.rows, columns)
    return is_enough


def _unlike(
    table: TrackTable,
    scene: Scene,
    pairs: Pairs,
    is_offered: NDArray[np.bool_],
    config: DeepSortConfig,
    limits: LookLimits,
) -> IntArray:
    """Places of the pairs farther than `again`, against which looks speak.

    Of unclear crops only those are asked for, whose tracks a weak detection overlaps better: others stay as they are.
    """
    if pairs.distance is None:
        return _NOWHERE
    at = (pairs.distance > limits.again).nonzero()[0]
    if len(at):
        is_clear = scene.views.is_clear[pairs.columns[at]]
        unclear = (~is_clear).nonzero()[0]
        if len(unclear):
            weak = _weak_overlap(table, scene, is_offered, config)
            is_clear[unclear] = weak[pairs.rows[at[unclear]]] > pairs.overlap[at[unclear]]
        at = at[is_clear]
    return at


def _strange(
    table: TrackTable, bank: AppearanceBank, scene: Scene, pairs: Pairs, at: IntArray, limits: LookLimits
) -> IntArray:
    """Which of the pairs at these places are farther than `again` beyond what the track's views differ by."""
    if scene.embeddings is None or len(at) == 0:
        return _NOWHERE
    mean, spread = bank.summary(table.slot[pairs.rows[at]])
    apart = 1 - np.vecdot(mean, scene.embeddings.take(pairs.columns[at], axis=0))  # the mean over the views
    return at[(spread >= 0) & (apart - spread > limits.again)]


def _weak_overlap(
    table: TrackTable, scene: Scene, is_offered: NDArray[np.bool_], config: DeepSortConfig
) -> NDArray[np.float32]:
    """(T,) largest IoU of each track and a detection of low confidence, 0 below `low_iou`."""
    is_weak = scene.has_area & (scene.detections.confidence >= config.low_conf) & ~is_offered
    at = (is_weak[scene.columns] & (scene.overlap >= config.low_iou)).nonzero()[0]
    best = np.zeros(len(table.state), dtype=np.float32)
    if len(at):
        np.maximum.at(best, scene.rows[at], scene.overlap[at])
    return best


def _without_strangers(scene: Scene, pairs: Pairs, cost: NDArray[np.float64], strange: IntArray) -> Claims:
    """The claims without strange pairs whose crop is clear; the other strange ones wait for weak detections."""
    is_clear = scene.views.is_clear[pairs.columns[strange]]
    cost[strange] = _ONE  # no cost is allowed that is not below `max_cost`, which is 1 at most
    is_kept = np.ones(len(cost), dtype=np.bool_)
    is_kept[strange[is_clear]] = False
    at = is_kept.nonzero()[0]
    pairs = pairs.select(at)
    return Claims(pairs.rows, pairs.columns, cost[at], pairs.overlap, are_settled=False)


def _unlikely(table: TrackTable, scene: Scene, rows: IntArray, columns: IntArray) -> NDArray[np.float64]:
    """(P,) `implausibility` of pairs of a track and a detection."""
    unseen_s = table.unseen_s(rows, scene.frame)
    return implausibility(table.motion.take(rows, axis=2), scene.xywh.take(columns, axis=1), unseen_s)


def _cost(
    unlikely: NDArray[np.float64],
    table: TrackTable,
    scene: Scene,
    pairs: Pairs,
    config: DeepSortConfig,
    limits: LookLimits,
) -> NDArray[np.float64]:
    """(P,) see `Claims.cost`, of pairs with the implausibility `unlikely`, (P,) or one for all."""
    cost = unlikely - pairs.overlap
    cost += _ONE
    cost *= _HALF
    if pairs.distance is not None:
        cost = _with_looks(cost, pairs.distance, config.appearance_weight, limits.match)
    lost = (table.state[pairs.rows] == LOST).nonzero()[0]
    if len(lost):
        cost[lost] += config.lost_penalty / config.max_age_s * table.unseen_s(pairs.rows[lost], scene.frame)
    return cost


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
