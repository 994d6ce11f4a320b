"""Tracks without a detection: who is lost, who is hidden and still shown, and who is a second track of somebody."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.appearance import AppearanceBank
from mdpr.trackers.geometry import areas, intersections, overlaps
from mdpr.trackers.hidden import LEAST_CLEAR, LEAST_DETECTIONS, hidden_behind
from mdpr.trackers.lifecycle_rules import TIME_TOLERANCE_S, LifecycleRules
from mdpr.trackers.motion import VELOCITY
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import LOST, SEEN, TENTATIVE, TrackTable

_ENOUGH = np.array(LEAST_CLEAR)  # an array, see `track_table`


def miss(table: TrackTable, missed: NDArray[np.intp], is_over: NDArray[np.bool_]) -> None:
    """Tracks without a detection: confirmed ones are lost, tentative ones are over."""
    state = table.state[missed]
    is_over[missed] = state == TENTATIVE
    state[state == SEEN] = LOST
    table.state[missed] = state
    for speed in table.motion[VELOCITY, 2:]:
        speed[missed] = 0  # an unseen person keeps their size


def count_clear(
    table: TrackTable, rows: NDArray[np.intp], columns: NDArray[np.intp], scene: Scene, rules: LifecycleRules
) -> None:
    """Count detections in which nobody nearer covers the person, as far as anything depends on their number."""
    few = (table.clear_detections[rows] < _ENOUGH).nonzero()[0]
    if len(few):
        table.clear_detections[rows[few]] += scene.covered[columns[few]] <= rules.max_covered


def settle_lost(
    table: TrackTable,
    bank: AppearanceBank,
    rules: LifecycleRules,
    is_over: NDArray[np.bool_],
    time_s: float,
    dt_s: float,
) -> NDArray[np.intp]:
    """End duplicates, and let the clock of lost tracks in plain view go on; returns rows of the hidden to show."""
    lost = (table.state == LOST).nonzero()[0]
    if len(lost) == 0:
        return lost
    seen = (table.state == SEEN).nonzero()[0]
    boxes = table.boxes()
    of_seen, of_lost = boxes.take(seen, axis=1), boxes.take(lost, axis=1)
    shared = intersections(of_seen, of_lost)  # (seen, lost)
    if len(shared.reshape(-1).nonzero()[0]) == 0:
        table.exposed_s[lost] += dt_s
        return lost[:0]
    area = areas(of_lost)
    _end_duplicates(table, bank, rules, seen, lost, overlaps(shared, areas(of_seen), area), is_over)
    is_hidden = hidden_behind(of_lost[3], area, of_seen[3], shared)
    table.exposed_s[lost] += np.where(is_hidden, 0, dt_s)
    hidden = lost[is_hidden]
    is_shown = time_s - table.last_s[hidden] <= rules.hidden_s + TIME_TOLERANCE_S
    is_shown &= (table.detections[hidden] >= LEAST_DETECTIONS) & (table.clear_detections[hidden] >= LEAST_CLEAR)
    is_shown &= ~is_over[hidden]
    return hidden[is_shown]


def _end_duplicates(
    table: TrackTable,
    bank: AppearanceBank,
    rules: LifecycleRules,
    seen: NDArray[np.intp],
    lost: NDArray[np.intp],
    overlap: NDArray[np.float32],
    is_over: NDArray[np.bool_],
) -> None:
    """Set `is_over` for the younger of a seen and a lost track that lie on one another, by (seen, lost) overlap.

    Such a pair is mostly one person, whose track was lost for a moment and began anew. When the younger one ends,
    the older continues with the next detection. Two tracks that both have a detection are left alone: that is what
    the detector's suppression is for, and to end one would only begin another. So are two whose appearance differs:
    one person hidden behind another is not a duplicate.
    """
    at = (overlap >= rules.duplicate_iou).reshape(-1).nonzero()[0]
    if len(at) == 0:
        return
    seen_at, lost_at = divmod(at, len(lost))
    first, second = seen[seen_at], lost[lost_at]
    distance = 1 - bank.mean_similarity(table.slot[first], table.slot[second])
    is_same = ~(distance > rules.same_person_distance)  # unknown appearance (NaN) does not speak against it
    is_same &= table.class_id[first] == table.class_id[second]
    younger = np.maximum(first, second)  # rows are in order of birth
    is_over[younger[is_same]] = True
