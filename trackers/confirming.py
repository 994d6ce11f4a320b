"""When a tentative track is believed and gets its id."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.trackers.lifecycle_rules import TIME_TOLERANCE_S, LifecycleRules
from mdpr.trackers.track_table import SEEN, TENTATIVE, TrackTable


def confirm(
    table: TrackTable, rows: NDArray[np.intp], rules: LifecycleRules, time_s: float, is_first: bool, last_id: int
) -> int:
    """Matched confirmed tracks are seen; tentative ones are confirmed once they have lasted.

    Those in the very first frame are confirmed at once: nothing can be known about them, and the people who are
    there when a camera starts should be reported from the start (as ByteTrack does).

    Returns:
        the last id given so far; `last_id` is that of before.
    """
    state = table.state[rows]
    if len((state != SEEN).nonzero()[0]) == 0:
        return last_id
    tentative = rows[state == TENTATIVE]
    table.state[rows] = SEEN
    if len(tentative) == 0:
        return last_id
    is_confirmed = (table.start_s[tentative] <= time_s - rules.confirm_s + TIME_TOLERANCE_S) | is_first
    table.state[tentative[~is_confirmed]] = TENTATIVE
    confirmed = tentative[is_confirmed]
    table.track_id[confirmed] = last_id + 1 + np.arange(len(confirmed))
    return last_id + len(confirmed)
