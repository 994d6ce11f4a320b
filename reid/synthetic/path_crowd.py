"""People on their ways through a place, a step of 0.1 s at a time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.reid.synthetic.path_ground import SPACING_M, Ground
from mdpr.reid.synthetic.path_steering import (
    APART_M,
    BRAKE,
    STEP_S,
    choose_way,
    near_others,
    segment_distance,
    settle,
    stop_point,
    unit,
    wrapped,
)
from mdpr.reid.synthetic.path_types import Activity, Array

TURN = 2.4  # rad/s, the fastest anybody turns
_TURN_MORE = 12.0  # rad/s2
_SPEED_UP, _SLOW_DOWN = 1.1, 1.6  # m/s2, in comfort
_LEAST = 0.32  # m/s; slower is standing
_KEEP_M, _KEEP_MATES_M = 0.75, 0.52
_REACHED_M = 0.09
_SIDE_M = 0.68
_STUCK_S, _JAM_S = 3.0, 6.0
# Places in a group that walks, for the leader at (0, 0): metres ahead and to the left.
_ROWS = np.array([[0.0, 0.0], [-0.05, -_SIDE_M], [-0.05, _SIDE_M], [-0.95, -0.1]])


@dataclass
class Track:
    """What was so at each step; arrays (steps, N) or (steps, N, 2)."""

    present: NDArray[np.bool_]
    xy: Array
    heading: Array
    speed: Array
    walked_m: Array
    activity: NDArray[np.int8]


class Crowd:
    """Where N people are and where they go; `step` moves those who are present."""

    def __init__(self, ground: Ground, groups: NDArray[np.int64], refuges: Array, rng: np.random.Generator) -> None:
        count = len(groups)
        self.ground, self._refuges, self._rng = ground, refuges, rng
        self.present = np.zeros(count, bool)
        self.xy, self.heading, self.speed = np.zeros((count, 2)), np.zeros(count), np.zeros(count)
        self.walked_m = np.zeros(count)
        self.activity = np.zeros(count, np.int8)
        self.pace = np.ones(count)
        self.facing = np.zeros(count)  # where those look to who stand
        self.leader = np.full(count, -1)
        self.place_in_group = np.zeros(count, np.int64)
        self.stops_at_end = np.zeros(count, bool)
        self.goal, self._via, self.bend_m = np.zeros((count, 2)), np.zeros((count, 2)), np.zeros(count)
        self.has_goal = np.zeros(count, bool)
        self.stuck_s = np.zeros(count)
        self._yields_s = np.zeros(count)  # so long they step back to let others pass
        self._jam_s, self._retreats_s = np.zeros(count), np.zeros(count)
        self._resume: dict[int, tuple[Array, Array, bool]] = {}  # where those who retreat want to
        self._turning = np.zeros(count)
        self._route = np.zeros((count, 64, 2))
        self._length = np.zeros(count, np.int64)
        self._at = np.zeros(count, np.int64)
        mates = groups[:, None] == groups[None]
        self._keep = np.where(mates, _KEEP_MATES_M, _KEEP_M)

    def send(self, who: int, via: Array, goal: Array, stops: bool) -> bool:
        """Lead a person to a point in sight of `via`; False, and nothing changes, where no way leads there."""
        points = self.ground.route(self.xy[who], via, goal, float(self.bend_m[who]))
        if points is None:
            return False
        if len(points) > self._route.shape[1]:
            more = len(points) + 32 - self._route.shape[1]
            self._route = np.pad(self._route, ((0, 0), (0, more), (0, 0)))
        self._route[who, : len(points)] = points
        self._length[who], self._at[who] = len(points), 0
        self.goal[who], self._via[who], self.stops_at_end[who] = goal, via, stops
        self.has_goal[who], self.stuck_s[who], self._retreats_s[who] = True, 0.0, 0.0
        self.activity[who] = Activity.WALK
        return True

    def stand(self, who: int, facing: float, activity: Activity) -> None:
        """Let a person stop and look somewhere."""
        self.has_goal[who], self.facing[who], self.activity[who] = False, facing, activity

    def enter(self, who: int, xy: Array) -> bool:
        """Let a person in, standing; False where somebody is in the way."""
        here = np.flatnonzero(self.present)
        if len(here):
            ends = stop_point(self.xy[here], self.heading[here], self.speed[here])
            point = np.broadcast_to(xy, ends.shape)
            if (segment_distance(point, point, self.xy[here], ends) < APART_M + 0.1).any():
                return False
        self.present[who], self.xy[who], self.speed[who], self._turning[who] = True, xy, 0.0, 0.0
        self.stuck_s[who] = 0.0
        return True

    def start_walking(self, who: int) -> None:
        """Give somebody who has just come in the heading and, where it is safe, the speed of its way."""
        ahead = self._route[who, min(2, self._length[who] - 1)] - self.xy[who]
        self.heading[who] = float(np.arctan2(ahead[1], ahead[0]))
        speed = np.array(0.9 * self.pace[who])
        end = stop_point(self.xy[who], self.heading[who], speed)
        here = np.flatnonzero(self.present & (np.arange(len(self.present)) != who))
        ends = stop_point(self.xy[here], self.heading[here], self.speed[here])
        a, b = np.broadcast_to(self.xy[who], ends.shape), np.broadcast_to(end, ends.shape)
        clear = (segment_distance(a, b, self.xy[here], ends) > APART_M + 0.05).all()
        if clear and bool(self.ground.is_clear(self.xy[who], end, 1.3)):
            self.speed[who] = float(speed)

    def leave(self, who: int) -> None:
        """Take a person out."""
        self.present[who], self.has_goal[who] = False, False
        self.speed[who], self.activity[who] = 0.0, Activity.AWAY

    def to_goal_m(self) -> Array:
        """How far (N,) the goals are as the crow flies, metres."""
        return np.hypot(*(self.goal - self.xy).T)

    def step(self) -> None:
        """Move everybody who is present by `STEP_S`."""
        who = np.flatnonzero(self.present)
        if not len(who):
            return
        wanted, sight, limit, lost = self._aims(who)
        goes = self.has_goal[who]
        velocity = unit(self.heading[who]) * self.speed[who, None]
        squeeze = np.minimum(self.stuck_s[who] / 2, 1)[:, None]
        keep = self._keep[np.ix_(who, who)] * (1 - squeeze) + (APART_M + 0.05) * squeeze
        others = near_others(self.xy[who], velocity, keep)
        heading, speed = self.heading[who], self.speed[who]
        wanted = np.where(self._yields_s[who] > 0, self._away(others), wanted)
        self._yields_s[who] -= STEP_S
        way, free = wanted.copy(), np.full(len(who), np.inf)
        if goes.any():
            picked = tuple(part[goes] for part in others)
            pace = np.maximum(np.minimum(self.pace[who], limit), 0.5)[goes]
            found = choose_way(
                self.ground, self.xy[who[goes]], heading[goes], wanted[goes], pace, picked, np.minimum(sight, 1.2)[goes]
            )
            way[goes], free[goes] = found
        waits = goes & (free < 0.55 * (_LEAST + 0.1)) & (speed < _LEAST)
        off = np.abs(wrapped(wanted - heading)) > 1.2
        way = np.where(waits, np.where(off, wanted, heading), way)
        error = wrapped(way - heading)
        turning = np.clip(4.0 * error, -TURN, TURN)
        turning = np.clip(turning, self._turning[who] - _TURN_MORE * STEP_S, self._turning[who] + _TURN_MORE * STEP_S)
        aim = np.minimum(limit, free / 0.55) * np.clip(1.35 * np.cos(error) - 0.1, 0, 1)
        aim = np.where(goes & (aim >= np.where(speed > 0, _LEAST, _LEAST + 0.1)), aim, 0.0)
        next_speed = np.clip(aim, speed - _SLOW_DOWN * STEP_S, speed + _SPEED_UP * STEP_S)
        slower = np.maximum(speed - BRAKE * STEP_S, 0.0)
        turned = heading + turning * STEP_S
        speeds = np.stack([next_speed, np.minimum(next_speed, (speed + slower) / 2), slower])
        plans = (np.broadcast_to(turned, speeds.shape), speeds)
        rank = self.stuck_s[who] + 1e-3 * who
        heading, speed = settle(self.ground, self.xy[who], (heading, speed), plans, rank)
        self._turning[who] = (heading - self.heading[who]) / STEP_S
        self.heading[who], self.speed[who] = heading, speed
        self.xy[who] += unit(heading) * (speed * STEP_S)[:, None]
        self.walked_m[who] += speed * STEP_S
        held = goes & (speed < 0.3 * np.minimum(self.pace[who], np.maximum(limit, 0.3)))
        self.stuck_s[who] = np.where(held, self.stuck_s[who] + STEP_S, np.maximum(self.stuck_s[who] - 2 * STEP_S, 0))
        self._jam_s[who] = np.where(held, self._jam_s[who] + STEP_S, np.maximum(self._jam_s[who] - STEP_S / 2, 0))
        self._find_again(who[goes], lost[goes])

    @staticmethod
    def _away(others: tuple[Array, Array, Array]) -> Array:
        """The directions (n,) away from those who are near."""
        gap = others[0]
        push = (-gap / np.maximum((gap**2).sum(-1, keepdims=True), 0.05)).sum(1)
        return np.arctan2(push[:, 1], push[:, 0])

    def _aims(self, who: NDArray[np.int64]) -> tuple[Array, Array, Array, NDArray[np.bool_]]:
        """Per person the direction wanted, how far it is to see, the speed limit, and whether it lost its way; (n,)."""
        xy, last = self.xy[who], self._length[who] - 1
        window = np.clip(self._at[who, None] + np.arange(8), 0, np.maximum(last, 0)[:, None])
        gaps = ((self._route[who[:, None], window] - xy[:, None]) ** 2).sum(-1)
        rows = np.arange(len(who))
        self._at[who] = window[rows, gaps.argmin(1)]
        ahead = np.clip(self._at[who, None] + np.array([5, 3, 2, 1]), 0, np.maximum(last, 0)[:, None])
        points = self._route[who[:, None], ahead]  # (n, 4, 2)
        seen = self.ground.is_clear(np.broadcast_to(xy[:, None], points.shape), points, 8 * SPACING_M)
        aim = points[rows, np.where(seen.any(1), seen.argmax(1), 3)]
        limit = self.pace[who].copy()
        self._follow(who, aim, limit)
        offset = aim - xy
        sight = np.hypot(*offset.T)
        wanted = np.where(sight > 1e-6, np.arctan2(offset[:, 1], offset[:, 0]), self.heading[who])
        stops = self.has_goal[who] & self.stops_at_end[who]
        left = np.hypot(*(self.goal[who] - xy).T)
        limit = np.where(stops, np.minimum(limit, np.maximum(np.sqrt(1.4 * left), _LEAST)), limit)
        wanted = np.where(self.has_goal[who], wanted, self.facing[who])
        return wanted, np.maximum(sight, 0.3), limit, ~seen.any(1)

    def _follow(self, who: NDArray[np.int64], aim: Array, limit: Array) -> None:
        """Those who walk with a leader aim at their place beside it; a leader whom they lose slows down."""
        boss = self.leader[who]
        stops = self.stops_at_end[who] & (np.hypot(*(self.goal[who] - self.xy[who]).T) < 2.0)
        led = np.flatnonzero((boss >= 0) & self.has_goal[who] & self.present[boss] & self.has_goal[boss] & ~stops)
        if not len(led):
            return
        boss, person = boss[led], who[led]
        ahead = unit(self.heading[boss])
        left = np.column_stack([-ahead[:, 1], ahead[:, 0]])
        number = self.place_in_group[person]
        slot = self.xy[boss] + _ROWS[number, :1] * ahead + _ROWS[number, 1:] * left
        fits = self.ground.is_clear(self.xy[boss], slot, 1.2) & (self.ground.clearance(slot) >= 0.3)
        slot = np.where(fits[:, None], slot, self.xy[boss] - 0.8 * number[:, None] * ahead)
        behind = ((slot - self.xy[person]) * ahead).sum(1)
        limit[led] = np.clip(self.speed[boss] + 0.9 * behind, 0.0, 1.3 * self.pace[person])
        waits = self.pace[boss] * np.clip(1.3 - 0.35 * behind, 0.45, 1)
        np.minimum.at(limit, np.searchsorted(who, boss), waits)
        point = slot + 1.2 * ahead
        sees = self.ground.is_clear(self.xy[person], point, 4.0)
        sees &= np.hypot(*(point - self.xy[person]).T) < 4.0
        aim[led[sees]] = point[sees]

    def _find_again(self, who: NDArray[np.int64], lost: NDArray[np.bool_]) -> None:
        """A new way for those who lost theirs; who is stuck tries another, steps back, or goes elsewhere a while."""
        for person in who[self._retreats_s[who] > 0].tolist():
            self._retreats_s[person] -= STEP_S
            if self._retreats_s[person] <= 0:
                self.send(person, *self._resume.pop(person))
        stuck = self.stuck_s[who] > _STUCK_S
        for person in who[lost | stuck].tolist():
            aim = self._via[person].copy(), self.goal[person].copy(), bool(self.stops_at_end[person])
            if self.stuck_s[person] <= _STUCK_S:
                retreats = self._retreats_s[person]
                self.send(person, *aim)
                self._retreats_s[person] = retreats
                continue
            if self._retreats_s[person] > 0:
                aim = self._resume[person]
            self.bend_m[person] = self._rng.normal(0, 1.0)
            self.send(person, *aim)
            patience = self._rng.random()
            if self._jam_s[person] > _JAM_S and patience < 0.5:
                refuge = self._refuges[int(self._rng.integers(len(self._refuges)))]
                if self.send(person, refuge, refuge, False):
                    self._resume[person], self._retreats_s[person] = aim, self._rng.uniform(4.0, 9.0)
            elif patience < 0.75:
                self._yields_s[person] = self._rng.uniform(1.0, 2.5)

    def is_at_goal(self) -> NDArray[np.bool_]:
        """Who (N,) has come where it should stand, or as near as others let it."""
        near = self.to_goal_m()
        settled = self.present & self.has_goal & (self._retreats_s <= 0)
        return settled & ((near < _REACHED_M) | ((near < 0.9) & (self.stuck_s > 2.0)))
