"""Walking is periodic, mirrored and takes its angles from Winter's tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mdpr.reid.synthetic.gait import ANKLE, HIP, KNEE, STANCES, STRIDE, Manner, sample_manner, take_pose
from mdpr.reid.synthetic.skeleton import about

_MIRROR = np.diag([-1.0, 1, 1])
_PHASES = st.floats(0, 1)


def _other_side(bone: str) -> str:
    return {".L": f"{bone[:-2]}.R", ".R": f"{bone[:-2]}.L"}.get(bone[-2:], bone)


@settings(max_examples=30, deadline=None)
@given(_PHASES, st.floats(0.0, 2.0), st.integers(0, 50))
def test_half_a_stride_later_everything_is_mirrored(phase: float, speed: float, seed: int) -> None:
    manner = sample_manner(np.random.default_rng(seed))
    now, later = (take_pose("walk", phase + add, manner, speed) for add in (0.0, 0.5))
    assert {_other_side(bone) for bone in now} == set(now) == set(later)
    for bone, turn in now.items():
        assert np.allclose(later[_other_side(bone)], _MIRROR @ turn @ _MIRROR, atol=2e-5), bone


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(STANCES), _PHASES, st.floats(0.0, 2.0))
def test_the_pose_repeats_after_a_stride_and_is_made_of_rotations(stance: str, phase: float, speed: float) -> None:
    pose, again = (take_pose(stance, phase + add, Manner(), speed, (20.0, 5.0)) for add in (0, 1))
    for bone, turn in pose.items():
        assert np.allclose(turn, again[bone], atol=2e-5), bone
        assert np.allclose(turn @ turn.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(turn) == pytest.approx(1, abs=1e-5)


def test_joint_angles_pass_through_the_published_ones_and_knees_bend_backwards_only() -> None:
    assert np.allclose(HIP(STRIDE)[[0, 5]], [24, -9])
    assert np.allclose(KNEE(STRIDE)[[0, 8]], [4, 61])
    assert np.allclose(ANKLE(STRIDE)[[0, 7]], [0, -16])
    phases = np.linspace(0, 2, 200)
    assert KNEE(phases % 1).min() > 0
    assert HIP(phases % 1).max() < 30


def test_the_leg_in_front_is_the_one_that_strikes_and_the_other_arm_swings_with_it() -> None:
    manner = Manner(toes=0.0)
    pose = take_pose("walk", 0.0, manner, 1.3)
    forward = {bone: (turn @ [0, -1, 0])[2] for bone, turn in pose.items()}  # where a bone that points down goes
    assert forward["upperleg01.L"] > 0.3 > -0.05 > forward["upperleg01.R"]
    assert forward["upperarm01.R"] > forward["upperarm01.L"]
    assert np.allclose(pose["lowerleg01.L"], about("x", 4.0 * min(0.45 + 0.42 * 1.3, 1.05)), atol=1e-5)


def test_slow_people_take_shorter_steps_and_those_who_stand_take_none() -> None:
    def reach(speed: float) -> float:
        poses = [take_pose("walk", phase, Manner(), speed) for phase in np.linspace(0, 1, 20)]
        return float(np.ptp([(pose["upperleg01.L"] @ [0, -1, 0])[2] for pose in poses]))

    assert reach(1.6) > reach(1.0) > reach(0.4) > 3 * reach(0.0)


def test_a_phone_is_held_before_the_chest_by_the_right_hand_alone() -> None:
    relaxed, phone = (take_pose(stance, 0.2, Manner(), 0.0) for stance in ("relaxed", "phone"))
    for bone in relaxed:
        if bone.endswith(".L"):
            assert np.array_equal(relaxed[bone], phone[bone]), bone
    bend = np.degrees(np.arccos((np.trace(phone["lowerarm01.R"] @ relaxed["lowerarm01.R"].T) - 1) / 2))
    assert bend == pytest.approx(86, abs=0.1)
    assert not np.allclose(phone["head"], relaxed["head"])  # they look down at it


def test_looking_left_turns_the_head_and_neck_by_that_much() -> None:
    ahead, left = (take_pose("stand", 0.0, Manner(), 0.0, (degrees, 0.0)) for degrees in (0.0, 30.0))
    turned = (left["neck01"] @ left["head"]) @ (ahead["neck01"] @ ahead["head"]).T
    assert np.degrees(np.arccos((np.trace(turned) - 1) / 2)) == pytest.approx(30, abs=1)
    assert (turned @ [0, 0, 1])[0] > 0  # the face is towards the left


def test_an_unknown_stance_is_refused() -> None:
    with pytest.raises(ValueError, match="no stance is called 'dance'; there are: walk, stand"):
        take_pose("dance", 0.0, Manner())
