"""How people move: walking after measured joint angles, standing, holding a phone, folding arms.

Angles are degrees in the plane of walking over the stride (0 = heel strike of that leg), means of healthy adults; each
person scales them a little. The arms of the neutral mesh are half raised with bent elbows, which the poses undo first.

Reference: Winter, Biomechanics and Motor Control of Human Movement, 4th edition, natural cadence.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline

from mdpr.reid.synthetic.skeleton import Pose, Rotation, about

STRIDE = np.array([0.0, 0.08, 0.15, 0.3, 0.4, 0.5, 0.6, 0.66, 0.73, 0.8, 0.88, 0.95, 1.0])
_HIP = [24, 23, 20, 8, -2, -9, -6, 2, 12, 20, 26, 26, 24]
_KNEE = [4, 12, 18, 9, 5, 11, 36, 53, 61, 51, 26, 6, 4]
_ANKLE = [0, -5, -1, 6, 9, 6, -15, -16, -8, -1, 1, 1, 0]  # up is positive
HIP, KNEE, ANKLE = (CubicSpline(STRIDE, values, bc_type="periodic") for values in (_HIP, _KNEE, _ANKLE))
STANCES = ("walk", "stand", "relaxed", "phone", "pockets", "folded", "hands-behind", "call", "reach", "bend", "hold")


@dataclass(frozen=True)
class Manner:
    """How one person moves: factors near 1, angles in degrees.

    Attributes:
        stride: of the legs' angles.
        arms: of the arms' swing.
        lean: of the trunk, forward.
        elbows: bend at rest.
        spread: of the arms from the trunk.
        toes: feet turned out.
        slouch: bend of the upper back and neck.
    """

    stride: float = 1.0
    arms: float = 1.0
    lean: float = 2.0
    elbows: float = 14.0
    spread: float = 9.0
    toes: float = 5.0
    slouch: float = 4.0


def sample_manner(rng: np.random.Generator) -> Manner:
    """A person's way of moving."""
    return Manner(
        rng.uniform(0.85, 1.1),
        rng.uniform(0.5, 1.25),
        rng.normal(2, 2),
        rng.uniform(8, 24),
        rng.uniform(5, 13),
        rng.uniform(1, 11),
        rng.uniform(0, 10),
    )


def take_pose(
    stance: str, phase: float, manner: Manner, speed: float = 1.3, look: tuple[float, float] = (0.0, 0.0)
) -> Pose:
    """Rotations of bones for one moment.

    Args:
        stance: one of `STANCES`; the legs of all but "walk" stand, unless `speed` is above 0.2 m/s.
        phase: of the stride, 0 to 1, heel strike of the left foot at 0; where people stand it sways them.
        manner: the person's.
        speed: metres a second; slow walking takes shorter steps.
        look: where the head turns, degrees to the left and up.

    Raises:
        ValueError: no such stance.
    """
    if stance not in STANCES:
        raise ValueError(f"no stance is called {stance!r}; there are: {', '.join(STANCES)}")
    walks = speed > 0.2
    amount = manner.stride * float(np.clip(0.45 + 0.42 * speed, 0, 1.25)) if walks else 0.0
    pose = dict(_CURLED)
    turn = 2 * np.pi * phase
    for side, sign, at in (("L", 1.0, phase), ("R", -1.0, phase + 0.5)):
        _leg(pose, side, sign, at % 1.0, amount, manner, phase)
        swing = (4 - 17 * float(np.cos(2 * np.pi * at))) * amount * manner.arms  # against the leg of its side
        held = stance in ARMS and not (side == "L" and stance in _RIGHT_HANDED)
        _arm(pose, side, stance if held else "relaxed", swing, manner)
    twist = 5 * np.cos(turn) * amount
    pose["root"] = about("y", -twist * 0.8) @ about("z", 3.0 * np.sin(turn) * amount)
    lean = manner.lean * (1.3 if walks else 0.6) + 0.5 * _LEAN.get(stance, 0.0)
    pose["spine04"] = about("x", lean) @ about("y", twist)
    pose["spine03"] = about("x", 0.5 * _LEAN.get(stance, 0.0))
    pose["spine02"] = (
        about("x", manner.slouch * 0.6) @ about("y", twist * 1.1) @ about("z", -2.0 * np.sin(turn) * amount)
    )
    pose["spine01"] = about("x", manner.slouch * 0.7)
    down = 18.0 if stance == "phone" else 0.0
    pose["neck01"] = about("x", down * 0.6 + manner.slouch * 0.5) @ about("y", look[0] * 0.4)
    pose["head"] = about("x", down - look[1] - manner.slouch) @ about("y", look[0] * 0.6)
    return pose


def _leg(
    pose: dict[str, Rotation], side: str, sign: float, at: float, amount: float, manner: Manner, sway: float
) -> None:
    inward = -6.5 * sign  # the neutral legs stand apart
    if amount > 0:
        hip, knee, ankle = float(HIP(at)) * amount, float(KNEE(at)) * min(amount, 1.05), float(ANKLE(at)) * amount
    else:
        hip, knee, ankle = 3 + 2 * sign * np.sin(2 * np.pi * sway), 4 + 3 * sign * np.sin(2 * np.pi * sway), 0.0
        inward *= 0.75
    pose[f"upperleg01.{side}"] = about("z", inward) @ about("y", sign * manner.toes) @ about("x", -hip)
    pose[f"lowerleg01.{side}"] = about("x", knee)
    pose[f"foot.{side}"] = about("z", -inward * 0.6) @ about("x", -ankle + (0.0 if amount else hip - knee))


# Arms: forward swing and spread of the upper arm, its turn inward, bend of the elbow; degrees beyond the manner's.
ARMS = {
    "relaxed": (0.0, 0.0, 8.0, 0.0),
    "phone": (26.0, 2.0, 30.0, 86.0),
    "call": (78.0, 8.0, 24.0, 123.0),
    "pockets": (-16.0, 9.0, 22.0, 42.0),
    "folded": (22.0, 2.0, 58.0, 86.0),
    "hands-behind": (-22.0, 4.0, 100.0, 46.0),
    "reach": (62.0, 6.0, 6.0, 14.0),
    "bend": (44.0, 2.0, 12.0, 28.0),
    "hold": (12.0, 4.0, 26.0, 72.0),
}
_RIGHT_HANDED = ("phone", "call", "reach")
_LEAN = {"reach": 12.0, "bend": 40.0}  # of the trunk, degrees
# Of the left arm of the neutral mesh: it points 48 degrees down with the elbow bent by 43.
_UPPER = (0.665, -0.747, 0.0)
_HINGE = (-0.747, -0.665, 0.0)
_CURL = (0.37, -0.47, -0.80)  # of the fingers
_DOWN, _BENT = 41.0, 43.0
_MIRROR = np.diag([-1.0, 1.0, 1.0]).astype(np.float32)


def _mirrored(turn: Rotation) -> Rotation:
    """The same turn of the other side's bone."""
    return _MIRROR @ turn @ _MIRROR


_FINGERS = {
    f"finger{finger}-{joint}": about(_CURL, curl + (4 * finger - 10 if joint == 1 else 0))
    for finger in range(2, 6)
    for joint, curl in ((1, 14.0), (2, 26.0), (3, 16.0))
}
_CURLED: Pose = {f"{name}.L": turn for name, turn in _FINGERS.items()} | {
    f"{name}.R": _mirrored(turn) for name, turn in _FINGERS.items()
}


def _arm(pose: dict[str, Rotation], side: str, stance: str, swing: float, manner: Manner) -> None:
    forward, outward, inward, bend = ARMS[stance]
    if bend:
        swing *= 0.25
    lower = _DOWN - manner.spread - outward
    elbow = manner.elbows + bend + 0.35 * max(swing, 0.0) - _BENT
    turns: dict[str, Rotation] = {
        "clavicle": about("z", -0.12 * lower),
        "shoulder01": about("z", -0.28 * lower),
        "upperarm01": about("x", -forward - swing) @ about("z", -0.6 * lower) @ about(_UPPER, inward * 0.7),
        "upperarm02": about(_UPPER, inward * 0.3),
        "lowerarm01": about(_HINGE, elbow),
    }
    for name, turn in turns.items():
        pose[f"{name}.{side}"] = turn if side == "L" else _mirrored(turn)
