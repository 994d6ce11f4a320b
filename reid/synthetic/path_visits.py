"""What parties do from coming in to leaving: stop at spots, meet, turn back, leave, come back later."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mdpr.reid.synthetic.path_crowd import Crowd
from mdpr.reid.synthetic.path_groups import line_up
from mdpr.reid.synthetic.path_parties import Party, Spot, Spots
from mdpr.reid.synthetic.path_types import Activity, Array, PathOptions
from mdpr.reid.synthetic.place_types import Place

_GONE_M = 0.45  # from the entrance; who cannot come nearer leaves from a little further
GLANCE = 0.35  # rad, how far people who stand turn from where they look
_PATIENCE_S = 25.0  # so long a group waits for those who have not arrived


@dataclass
class _State:
    """Where a party is in its visit."""

    phase: str = "away"  # away, go, stay, turn, leave
    todo: list[str] = field(default_factory=list)
    until: float = 0.0
    spot: Spot | None = None
    outside: dict[int, float] = field(default_factory=dict)  # who still has to come in, and from when
    door: dict[int, int] = field(default_factory=dict)  # entrance each came in by
    exit: dict[int, int] = field(default_factory=dict)
    arrived: set[int] = field(default_factory=set)
    slots: dict[int, int] = field(default_factory=dict)
    met: bool = False
    glance_s: float = 0.0


class Visits:
    """Sends the people of a crowd about; `update` before every step."""

    def __init__(
        self,
        place: Place,
        crowd: Crowd,
        spots: Spots,
        parties: list[Party],
        options: PathOptions,
        duration_s: float,
        rng: np.random.Generator,
    ) -> None:
        self._doors, self._crowd, self._spots, self._parties = place.entrances, crowd, spots, parties
        self._options, self._duration_s, self._rng = options, duration_s, rng
        self._states = [_State() for _ in parties]
        self._left_by: dict[int, int] = {}  # the entrance by which a party left last
        self._most = max(int(options.crowding * place.ground.free.sum() * place.ground.cell_m**2), 1)
        self._region = crowd.ground.region(place.entrances)
        self._far = float(np.hypot(*np.ptp(place.entrances, axis=0))) * 0.35
        for party in parties:
            crowd.pace[party.members] = party.speed
            crowd.guide.bend_m[party.members] = rng.normal(0, 0.7)

    def update(self, now: float) -> None:
        """Let everybody begin what comes next at time `now`, seconds."""
        for number, (party, state) in enumerate(zip(self._parties, self._states, strict=True)):
            if state.phase == "away" and now >= party.arrive_s:
                self._come(number, now)
            if state.outside:
                self._let_in(number, now)
        at_goal = self._crowd.is_at_goal()
        to_goal = self._crowd.to_goal_m()
        for number, state in enumerate(list(self._states)):
            if state.phase == "go":
                self._gather(number, now, at_goal)
            elif state.phase in ("stay", "turn"):
                if state.phase == "stay":
                    self._settle_in(number, at_goal)
                    self._glance(number, now)
                if now >= state.until:
                    self._next(number, now)
            elif state.phase == "leave":
                self._let_out(number, now, to_goal)

    def _come(self, number: int, now: float) -> None:
        party, state = self._parties[number], self._states[number]
        door = int(self._rng.integers(len(self._doors)))
        if number in self._left_by and self._rng.random() < 0.4:
            door = self._left_by[number]
        for k, person in enumerate(party.members):
            apart = party.comes_apart and k > 0
            state.door[person] = self._other_door(door, same_ok=True) if apart else door
            state.outside[person] = now + (party.delay_s[k] if apart else 0.0)
        leads_on = len(np.flatnonzero(self._region == self._region[door])) > 1
        state.todo = ["stop"] * (party.stops if leads_on else max(party.stops, 1))
        if party.turns:
            state.todo.insert(int(self._rng.integers(len(state.todo) + 1)), "turn")
        state.met = not party.comes_apart
        self._next(number, now)

    def _other_door(self, door: int, same_ok: bool = False) -> int:
        """An entrance to the same piece of ground, rather a far one than a near one."""
        fits = np.flatnonzero(self._region == self._region[door])
        away = np.hypot(*(self._doors[fits] - self._doors[door]).T)
        far = fits[away > (0 if same_ok else self._far)]
        return int(self._rng.choice(far)) if len(far) else door

    def _next(self, number: int, now: float) -> None:
        """Begin the next thing to do; leave when there is none."""
        party, state = self._parties[number], self._states[number]
        state.arrived.clear()
        state.slots.clear()
        self._spots.give_back(number)
        state.spot = None
        task = state.todo.pop(0) if state.todo else "leave"
        first = state.door[party.members[0]]
        if task == "stop":
            state.spot = self._spots.take(number, len(party.members), int(self._region[first]), self._rng)
            if state.spot is None:
                self._next(number, now)
                return
            state.phase, state.until = "go", math.inf
        else:
            apart = not state.met or (party.leaves_apart and task == "leave")
            shared = self._exit(number, first)
            for person in party.members:
                state.exit[person] = self._exit(number, state.door[person]) if apart else shared
            state.phase, state.until = task, now + float(self._rng.uniform(4, 11))
            if task == "turn":
                state.todo.insert(0, "back")
            elif task == "back":
                state.phase = "leave"
                state.exit = {person: state.door[person if apart else party.members[0]] for person in party.members}
        for person in party.members:
            if self._crowd.present[person]:
                self._send(number, person)
        self._line_up(number)

    def _exit(self, number: int, door: int) -> int:
        return self._other_door(door) if self._rng.random() < 0.8 else self._other_door(door, same_ok=True)

    def _line_up(self, number: int) -> None:
        """A group that walks together has a leader, whoever is in front; the others go beside."""
        party, state, crowd = self._parties[number], self._states[number], self._crowd
        members = np.array(party.members)
        crowd.leader[members] = -1
        if len(members) == 1 or not state.met or (party.leaves_apart and state.phase == "leave"):
            return
        places = np.arange(len(members))
        if crowd.present[members].all():
            places = line_up(crowd.xy[members], crowd.guide.first_heading(party.members[0]))
        crowd.place_in_group[members] = places
        crowd.leader[members] = np.where(places == 0, -1, members[places == 0])

    def _send(self, number: int, person: int) -> None:
        state, crowd = self._states[number], self._crowd
        if state.spot is not None:
            slot = state.slots.get(person)
            goal = state.spot.centre if slot is None else state.spot.xy[slot]
            crowd.send(person, state.spot.centre, goal, True)
        else:
            door = self._doors[state.exit[person]]
            crowd.send(person, door, door, False)

    def _let_in(self, number: int, now: float) -> None:
        state, crowd = self._states[number], self._crowd
        for person, since in list(state.outside.items()):
            if now < since or crowd.present.sum() >= self._most:
                continue
            if not crowd.enter(person, self._doors[state.door[person]]):
                if now > since + 6:
                    state.door[person] = self._other_door(state.door[person], same_ok=True)
                    state.outside[person] = now
                continue
            del state.outside[person]
            self._send(number, person)
            crowd.start_walking(person)

    def _gather(self, number: int, now: float, at_goal: NDArray[np.bool_]) -> None:
        """Members go to their places at the spot; the stay begins when all are there or the first have waited long."""
        state, party = self._states[number], self._parties[number]
        self._settle_in(number, at_goal)
        if state.arrived and state.until == math.inf:
            state.until = now + _PATIENCE_S
        if len(state.arrived) == len(party.members) or now >= state.until:
            state.phase, state.met, state.glance_s = "stay", True, now + float(self._rng.uniform(3, 9))
            state.until = now + float(self._rng.uniform(*self._options.stand_s))

    def _settle_in(self, number: int, at_goal: NDArray[np.bool_]) -> None:
        state, party, crowd = self._states[number], self._parties[number], self._crowd
        spot = state.spot
        assert spot is not None
        for person in party.members:
            if not crowd.present[person] or person in state.arrived:
                continue
            if person not in state.slots and np.hypot(*(crowd.xy[person] - spot.centre)) < 2.5:
                self._share_out(number, spot)
            elif at_goal[person] and person in state.slots:
                state.arrived.add(person)
                crowd.stand(person, float(spot.heading[state.slots[person]]), Activity.STAND)
        if len(state.arrived) > 1:
            for person in state.arrived:
                crowd.activity[person] = Activity.TALK

    def _glance(self, number: int, now: float) -> None:
        """Who stands alone turns a little now and then."""
        state, members = self._states[number], self._parties[number].members
        if len(members) == 1 and state.spot is not None and now >= state.glance_s:
            turn = float(np.clip(self._rng.normal(0, 0.2), -GLANCE, GLANCE))
            self._crowd.facing[members[0]] = state.spot.heading[0] + turn
            state.glance_s = now + float(self._rng.uniform(3, 9))

    def _share_out(self, number: int, spot: Spot) -> None:
        """Places for the members who are near, so that their ways do not cross."""
        state, crowd = self._states[number], self._crowd
        near = [
            person for person in self._parties[number].members if crowd.present[person] and person not in state.slots
        ]
        near = [person for person in near if np.hypot(*(crowd.xy[person] - spot.centre)) < 4]
        free = [slot for slot in range(len(spot.xy)) if slot not in state.slots.values()]
        costs = ((crowd.xy[near][:, None] - spot.xy[free]) ** 2).sum(-1)
        for row, column in zip(*linear_sum_assignment(costs), strict=True):
            state.slots[near[row]] = free[column]
            crowd.leader[near[row]] = -1
            self._send(number, near[row])

    def _let_out(self, number: int, now: float, to_goal: Array) -> None:
        state, party, crowd = self._states[number], self._parties[number], self._crowd
        for person in party.members:
            near = _GONE_M + 0.25 * float(crowd.stuck_s[person])
            if crowd.present[person] and to_goal[person] < near:
                crowd.leave(person)
        if state.outside or crowd.present[party.members].any():
            return
        self._left_by[number] = state.exit[party.members[0]]
        self._states[number] = _State()
        if now < 0:  # nobody saw them
            party.arrive_s = float(self._rng.uniform(0, 0.6 * self._duration_s))
        elif party.returns > 0:
            party.returns -= 1
            party.arrive_s = now + party.gap_s
        else:
            party.arrive_s = math.inf
