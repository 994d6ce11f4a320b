"""People on their ways through a place, a step of 0.1 s at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.path_ground import Ground
from mdpr.reid.synthetic.path_groups import keep_company
from mdpr.reid.synthetic.path_guide import Guide
from mdpr.reid.synthetic.path_motion import (
    APART_M,
    LEAST,
    REACH_M,
    STEP_S,
    Motion,
    segment_distance,
    settle,
    stop_point,
    wish,
)
from mdpr.reid.synthetic.path_steering import choose_way, near_others, unit
from mdpr.reid.synthetic.path_types import Activity, Array

_KEEP_M, _KEEP_MATES_M = 0.75, 0.52  # where there is room
_REACHED_M = 0.09
_STUCK_S, _JAM_S = 3.0, 6.0
_WALLS_M = 1.2  # people steer clear of walls that are nearer than this

Numbers = NDArray[np.int64]
Bools = NDArray[np.bool_]


class Crowd:
    """Where N people are and where they go; `step` moves those who are present.

    Attributes:
        present, xy, heading, speed, walked_m, activity: as in `Walk`, of this moment; (N,) or (N, 2).
        pace: (N,) m/s each likes to walk with.
        leader: (N,) number of whom each follows, or -1.
        place_in_group: (N,) place beside the leader.
        facing: (N,) heading of those who stand.
        stuck_s: (N,) how long each has been held up.
        guide: their ways.
    """

    def __init__(self, ground: Ground, groups: Numbers, refuges: Array, rng: np.random.Generator) -> None:
        count = len(groups)
        self.ground, self._refuges, self._rng = ground, refuges, rng
        self.guide = Guide(ground, count)
        self.present = np.zeros(count, bool)
        self.xy, self.heading, self.speed = np.zeros((count, 2)), np.zeros(count), np.zeros(count)
        self.walked_m, self.activity = np.zeros(count), np.zeros(count, np.int8)
        self.pace, self.facing = np.ones(count), np.zeros(count)
        self.leader, self.place_in_group = np.full(count, -1), np.zeros(count, np.int64)
        self.stuck_s, self._jam_s = np.zeros(count), np.zeros(count)
        self._yields_s, self._retreats_s = np.zeros(count), np.zeros(count)
        self._resume: dict[int, tuple[Array, Array, bool]] = {}  # where those who retreat want to
        self._turning = np.zeros(count)
        self._keep = np.where(groups[:, None] == groups[None], _KEEP_MATES_M, _KEEP_M)

    def send(self, who: int, via: Array, goal: Array, stops: bool) -> bool:
        """Lead a person to a goal in sight of `via`; False, and nothing changes, where no way leads there."""
        if not self.guide.lead(who, self.xy[who], via, goal, stops):
            return False
        self.stuck_s[who], self._retreats_s[who], self.activity[who] = 0.0, 0.0, Activity.WALK
        return True

    def stand(self, who: int, facing: float, activity: Activity) -> None:
        """Let a person stop and look somewhere."""
        self.guide.has_goal[who], self.facing[who], self.activity[who] = False, facing, activity

    def enter(self, who: int, xy: Array) -> bool:
        """Let a person in, standing; False where somebody is in the way."""
        if not self._has_room(who, xy, xy, 0.1):
            return False
        self.present[who], self.xy[who], self.speed[who], self._turning[who] = True, xy, 0.0, 0.0
        for lapse in (self.stuck_s, self._jam_s, self._yields_s, self._retreats_s):
            lapse[who] = 0.0
        return True

    def start_walking(self, who: int) -> None:
        """Give somebody who has just come in the heading and, where it is safe, the speed of its way."""
        self.heading[who] = self.guide.first_heading(who)
        speed = np.array(0.9 * self.pace[who])
        end = stop_point(self.xy[who], self.heading[who], speed)
        if self._has_room(who, self.xy[who], end, 0.05) and bool(self.ground.is_clear(self.xy[who], end, REACH_M)):
            self.speed[who] = float(speed)

    def leave(self, who: int) -> None:
        """Take a person out."""
        self.present[who], self.guide.has_goal[who] = False, False
        self.speed[who], self.activity[who] = 0.0, Activity.AWAY

    def to_goal_m(self) -> Array:
        """How far (N,) the goals are as the crow flies, metres."""
        return np.hypot(*(self.guide.goal - self.xy).T)

    def is_at_goal(self) -> Bools:
        """Who (N,) has come where it should stand, or as near as others let it."""
        near = self.to_goal_m()
        comes = self.present & self.guide.has_goal & (self._retreats_s <= 0)
        return comes & ((near < _REACHED_M) | ((near < 0.9) & (self.stuck_s > 2.0)))

    def step(self) -> None:
        """Move everybody who is present by `STEP_S`."""
        who = np.flatnonzero(self.present)
        if not len(who):
            return
        xy, goes = self.xy[who], self.guide.has_goal[who]
        now = Motion(self.heading[who], self.speed[who], self._turning[who])
        wanted, sight, limit, lost = self._aims(who)
        squeeze = np.minimum(self.stuck_s[who] / 2, 1)[:, None]
        keep = self._keep[np.ix_(who, who)] * (1 - squeeze) + (APART_M + 0.05) * squeeze
        others = near_others(xy, unit(now.heading) * now.speed[:, None], keep)
        wanted = np.where(self._yields_s[who] > 0, _away(others[0]), wanted)
        way, free = wanted.copy(), np.full(len(who), np.inf)
        if goes.any():
            pace = np.maximum(np.minimum(self.pace[who], limit), 0.5)[goes]
            offset, velocity, apart = (part[goes] for part in others)
            way[goes], free[goes] = choose_way(
                self.ground, xy[goes], now.heading[goes], wanted[goes], pace, (offset, velocity, apart), sight[goes]
            )
        wished = wish(now, goes, wanted, way, free, limit)
        motion = settle(self.ground, xy, now, wished, self.stuck_s[who] + 1e-3 * who)
        self.heading[who], self.speed[who], self._turning[who] = motion.heading, motion.speed, motion.turning
        self.xy[who] += unit(motion.heading) * (motion.speed * STEP_S)[:, None]
        self.walked_m[who] += motion.speed * STEP_S
        self._count_time(who, goes & (motion.speed < 0.3 * np.minimum(self.pace[who], np.maximum(limit, 0.3))))
        self._find_again(who[goes], lost[goes])

    def _has_room(self, who: int, start: Array, end: Array, margin_m: float) -> bool:
        """Whether the line from `start` to `end` (2,) is clear of the lines on which the others can brake."""
        here = np.flatnonzero(self.present & (np.arange(len(self.present)) != who))
        ends = stop_point(self.xy[here], self.heading[here], self.speed[here])
        a, b = np.broadcast_to(start, ends.shape), np.broadcast_to(end, ends.shape)
        return bool((segment_distance(a, b, self.xy[here], ends) > APART_M + margin_m).all())

    def _aims(self, who: Numbers) -> tuple[Array, Array, Array, Bools]:
        """Per person the direction wanted, how far to look for walls, the speed limit, and whether it lost its way."""
        guide, xy = self.guide, self.xy[who]
        aim, lost = guide.next_points(who, xy)
        limit = self.pace[who].copy()
        left = np.hypot(*(guide.goal[who] - xy).T)
        goes, stops = guide.has_goal[who], guide.stops[who]
        boss = self.leader[who]
        led = np.flatnonzero((boss >= 0) & goes & self.present[boss] & guide.has_goal[boss] & ~(stops & (left < 2.0)))
        if len(led):
            boss, person = boss[led], who[led]
            leader = self.xy[boss], self.heading[boss], self.speed[boss], self.pace[boss]
            company = keep_company(self.ground, xy[led], self.pace[person], self.place_in_group[person], leader)
            limit[led] = company.limit
            np.minimum.at(limit, np.searchsorted(who, boss), company.leader_limit)
            aim[led[company.sees]] = company.aim[company.sees]
        limit = np.where(stops & goes, np.minimum(limit, np.maximum(np.sqrt(1.4 * left), LEAST)), limit)
        offset = aim - xy
        sight = np.hypot(*offset.T)
        ahead = np.where(sight > 1e-6, np.arctan2(offset[:, 1], offset[:, 0]), self.heading[who])
        return np.where(goes, ahead, self.facing[who]), np.clip(sight, 0.3, _WALLS_M), limit, lost

    def _count_time(self, who: Numbers, held: Bools) -> None:
        """How long people are held up, and how long they still step aside."""
        for lapse, back in ((self.stuck_s, 2.0), (self._jam_s, 0.5)):
            lapse[who] = np.where(held, lapse[who] + STEP_S, np.maximum(lapse[who] - back * STEP_S, 0))
        self._yields_s[who] -= STEP_S
        for person in who[self._retreats_s[who] > 0].tolist():
            self._retreats_s[person] -= STEP_S
            if self._retreats_s[person] <= 0:
                self.send(person, *self._resume.pop(person))

    def _find_again(self, who: Numbers, lost: Bools) -> None:
        """A new way for those who lost theirs; who is stuck tries another, steps back, or goes elsewhere a while."""
        guide = self.guide
        stuck = self.stuck_s[who] > _STUCK_S
        for person in who[lost & ~stuck].tolist():
            guide.lead(
                person, self.xy[person], guide.via[person].copy(), guide.goal[person].copy(), guide.stops[person]
            )
        for person in who[stuck].tolist():
            aim = guide.via[person].copy(), guide.goal[person].copy(), bool(guide.stops[person])
            if self._retreats_s[person] > 0:
                aim = self._resume.pop(person)
            guide.bend_m[person] = self._rng.normal(0, 1.0)
            self.send(person, *aim)
            patience = self._rng.random()
            if self._jam_s[person] > _JAM_S and patience < 0.5:
                refuge = self._refuges[int(self._rng.integers(len(self._refuges)))]
                if self.send(person, refuge, refuge, False):
                    self._resume[person], self._retreats_s[person] = aim, self._rng.uniform(4.0, 9.0)
            elif patience < 0.75:
                self._yields_s[person] = self._rng.uniform(1.0, 2.5)


def _away(offset: Array) -> Array:
    """The directions (n,) away from those who are near, at `offset` (n, K, 2)."""
    push = (-offset / np.maximum((offset**2).sum(-1, keepdims=True), 0.05)).sum(1)
    return np.arctan2(push[:, 1], push[:, 0])
