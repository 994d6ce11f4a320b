"""Textures repeat without a seam, have the promised mean, and follow their seed."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.reid.synthetic.noise import SIZE, bond, fractal, grain, lattice, stones
from mdpr.reid.synthetic.textures import GRIDS, TEXTURES, texture

_DETAIL = [name for name in TEXTURES if name not in GRIDS and name not in ("keyboard", "foliage")]
_CONTRASTY = ("pebbles", "gravel", "bark", "setts")  # some of their texels would be brighter than white


@pytest.mark.parametrize("pattern", [lambda r: lattice(r, 7, 5), fractal, grain], ids=["lattice", "fractal", "grain"])
def test_noise_is_centred_and_has_no_seam(pattern: object) -> None:
    values = pattern(np.random.default_rng(3))  # type: ignore[operator]
    assert values.shape == (SIZE, SIZE)
    assert abs(values.mean()) < 0.35
    assert 0.5 < values.std() < 1.5
    for axis in (0, 1):
        steps = np.abs(np.diff(values, axis=axis)).mean()
        seam = np.abs(values.take(0, axis) - values.take(-1, axis)).mean()
        assert seam < 2.2 * steps


def test_bricks_have_joints_and_numbers_and_no_seam() -> None:
    number, joint = bond(4, 8, 0.5, 4.0)
    assert set(np.unique(number)) == set(range(32))
    assert joint.max() == 1.0
    assert joint[SIZE // 16, SIZE // 8] == 0.0  # in the middle of a row, away from the upright joints
    assert (number[0, :] // 4 == 0).all()
    assert (number[-1, :] // 4 == 7).all()
    shifted = number[SIZE // 8 + 5]
    assert shifted[0] == shifted[-1]  # the brick that crosses the edge goes on at the other side


def test_stones_are_one_inside_and_zero_at_borders() -> None:
    number, inside = stones(np.random.default_rng(0), 100, 0.8)
    border = np.zeros_like(number, bool)
    border[:, 1:] = number[:, 1:] != number[:, :-1]
    assert inside[border].mean() < 0.2 < 0.5 < inside[~border].mean()


@pytest.mark.parametrize("name", TEXTURES)
def test_every_texture_is_a_picture(name: str) -> None:
    values = texture(name, 3)
    assert values.shape == (SIZE, SIZE, 4)
    assert values.dtype == np.uint8
    assert values[..., :3].std() > 1.0
    if name in _DETAIL:  # a surface's mean albedo is its colour: the shader doubles the texture and multiplies
        assert ((values[..., :3] / 255.0) ** 2.2).mean() == pytest.approx(0.5, abs=0.1 if name in _CONTRASTY else 0.04)


@pytest.mark.parametrize("name", ["slabs", "leaf", "goods", "rooms"])
def test_textures_follow_their_seed(name: str) -> None:
    assert np.array_equal(texture(name, 3), texture.__wrapped__(name, 3))
    assert not np.array_equal(texture(name, 3), texture.__wrapped__(name, 4))
