"""When a tentative track is believed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.geometry import to_planes
from mdpr.trackers.lifecycle_rules import TIME_TOLERANCE_S, LifecycleRules
from mdpr.trackers.scene import Scene
from mdpr.trackers.track_table import SEEN, TENTATIVE, TrackTable
from mdpr.trackers.views import is_cut_by_border


def confirm(
    table: TrackTable,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    scene: Scene,
    rules: LifecycleRules,
    is_first: bool,
) -> NDArray[np.intp]:
    """Matched confirmed tracks (`rows`, with the detections `columns`) are seen; tentative ones once they have lasted.

    People come in at the border of the picture, so who is cut by it has to last only `confirm_border_s`. In the middle
    nobody comes from nowhere: a box that appears there is more often a mistake, and has to last `confirm_s`.

    Those in the very first frame are confirmed at once: nothing can be known about them, and the people who are
    there when a camera starts should be reported from the start (as ByteTrack does).

    Returns:
        the rows that were tentative and are not any more; they have no id yet.
    """
    state = table.state[rows]
    if len((state != SEEN).nonzero()[0]) == 0:
        return rows[:0]
    at = (state == TENTATIVE).nonzero()[0]
    table.state[rows] = SEEN
    if len(at) == 0:
        return rows[:0]
    confirmed = rows[at]
    if not is_first:
        boxes = to_planes(scene.detections.xyxy.take(columns[at], axis=0))
        needed_s = np.where(is_cut_by_border(boxes, scene.frame.size), rules.confirm_border_s, rules.confirm_s)
        has_lasted = scene.frame.time_s - table.start_s[confirmed] >= needed_s - TIME_TOLERANCE_S
        table.state[confirmed[~has_lasted]] = TENTATIVE
        confirmed = confirmed[has_lasted]
    return confirmed
