"""Lights are plausible and deterministic."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import ConfigError
from mdpr.reid.synthetic.lights import LIGHTS, irradiance, sample_light


@pytest.mark.parametrize("name", LIGHTS)
def test_every_preset_is_a_light_from_above_that_shows_white_below_burning(name: str) -> None:
    for seed in range(50):
        light = sample_light(name, np.random.default_rng(seed))
        assert np.linalg.norm(light.direction) == pytest.approx(1)
        assert light.direction[2] > 0.15
        assert (light.sun > 0).all()
        assert (light.ground < light.sky).all()
        brightest = irradiance(light, light.direction)[0]
        assert brightest.max() < 2.6
        assert brightest.min() > 0.12
        again = sample_light(name, np.random.default_rng(seed))
        assert np.array_equal(light.sun, again.sun)


def test_lights_differ_as_they_are_called() -> None:
    def mean(name: str, field: str) -> np.ndarray:
        return np.mean([getattr(sample_light(name, np.random.default_rng(s)), field) for s in range(40)], axis=0)

    assert mean("noon", "sun").min() > 3 * mean("overcast", "sun").max()
    assert mean("evening", "sun")[0] > 2 * mean("evening", "sun")[2]  # street lamps are orange
    assert mean("low-sun", "direction")[2] < mean("noon", "direction")[2]
    assert mean("warm", "sky")[0] > mean("warm", "sky")[2]
    assert mean("evening", "sky").max() < mean("overcast", "sky").min()


def test_irradiance_by_hand() -> None:
    light = sample_light("noon", np.random.default_rng(0))
    up, down, side = irradiance(light, [[0, 0, 1], [0, 0, -1], [1, 0, 0]])
    assert np.allclose(up, light.sky + light.sun * light.direction[2])
    assert np.allclose(down, light.ground)
    assert np.allclose(side, (light.sky + light.ground) / 2 + light.sun * max(light.direction[0], 0))


def test_an_unknown_light_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no light is called 'moon'; there are: noon"):
        sample_light("moon", np.random.default_rng(0))
