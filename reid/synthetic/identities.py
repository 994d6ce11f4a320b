"""People who do not exist: an identity is a seed and a number, and everything about it follows from these."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mdpr.reid.synthetic import colours
from mdpr.reid.synthetic.base_mesh import Phenotype
from mdpr.reid.synthetic.gait import Manner, sample_manner
from mdpr.reid.synthetic.materials import Colour, Material
from mdpr.reid.synthetic.wardrobe import IN_HAND, SEASONS, Outfit, look_alike, sample_outfit, sample_phone

FAMILY = 4  # neighbours in number who may look alike


@dataclass(frozen=True)
class Identity:
    """Who somebody is: body, skin, outfit, way of moving.

    Attributes:
        seed, number: what all of it follows from.
        phenotype: shape of the body; `height_m` overrides its height.
        skin: material of the skin, with hair and beard drawn on it.
        sex: "female" or "male".
        outfit: what is worn and carried.
        manner: of walking.
        stance: how the person stands, one of `gait.STANCES`.
    """

    seed: int
    number: int
    phenotype: Phenotype
    height_m: float
    skin: Material
    sex: str
    outfit: Outfit
    manner: Manner
    stance: str


def sample_identity(seed: int, number: int, alike: float = 0.5) -> Identity:
    """Identity `number` of the world `seed`.

    Args:
        seed: of the world.
        number: from 0; the same numbers are the same people in any order of asking.
        alike: share of people who wear nearly what another of their `FAMILY` wears (uniforms, friends, winter).
    """
    family = np.random.default_rng([seed, 1, number // FAMILY])
    season = SEASONS[family.choice(3, p=[0.3, 0.35, 0.35])]
    rng = np.random.default_rng([seed, 2, number])
    female, child = bool(rng.random() < 0.5), bool(rng.random() < 0.05)
    tone = rng.random()
    hair = colours.pick(colours.HAIR, rng)
    shared = sample_outfit(family, bool(family.random() < 0.5), False, season, hair)
    own = sample_outfit(rng, female, child, season, hair)
    if rng.random() < alike:
        near = look_alike(shared, rng, changes=int(rng.integers(1, 4)), season=season)
        outfit = replace(near, hair=own.hair, shape=near.shape)
    else:
        outfit = own
    skin_colour = colours.skin_tone(tone, rng)
    outfit = _not_bare(outfit, skin_colour)
    sex = "female" if female else "male"
    mean, spread = (1.64, 0.068) if female else (1.775, 0.073)
    height = rng.uniform(1.05, 1.45) if child else float(np.clip(rng.normal(mean, spread), 1.45, 2.02))
    phenotype = Phenotype(
        gender=float(np.clip((0.95 if female else 0.05) + rng.normal(0, 0.08), 0, 1)),
        age=1 / 3 + 0.05 if child else float(rng.uniform(0.62, 1.0)),
        muscle=float(np.clip(rng.normal(0.5, 0.16), 0.1, 0.95)),
        weight=float(np.clip(rng.normal(0.55, 0.19), 0.1, 1.0)),
        height=0.5,
        cupsize=float(np.clip(rng.normal(0.5, 0.15), 0.1, 0.9)),
        firmness=0.5,
        race=tuple(rng.dirichlet([0.7, 0.7, 0.7]).tolist()),
    )
    beard = 0.0 if female or child or rng.random() < 0.65 else float(rng.uniform(0.3, 1))
    glasses = float(rng.random() < 0.18) * (2.0 if rng.random() < 0.25 else 1.0)
    scalp = 1.0 if outfit.hair.kind or rng.random() < 0.4 else 0.0
    mask = float(rng.random() < 0.04)
    skin = Material("skin", skin_colour, hair, place=(beard, glasses, scalp, mask), folds=0.1, shine=0.12)
    stances = ("stand", "relaxed", "phone", "pockets", "folded", "hands-behind", "call")
    stance = stances[rng.choice(7, p=[0.3, 0.22, 0.16, 0.14, 0.08, 0.06, 0.04])]
    if stance in ("phone", "call"):
        if any(thing.kind in IN_HAND for thing in outfit.carried):
            stance = "relaxed"
        else:
            outfit = replace(outfit, carried=(*outfit.carried, sample_phone(rng)))
    return Identity(seed, number, phenotype, height, skin, sex, outfit, sample_manner(rng), stance)


def _not_bare(outfit: Outfit, skin: Colour) -> Outfit:
    """Tops of the colour of the skin look like no top: they become grey."""
    material = outfit.top.material
    if np.abs(np.array(material.first) - np.array(skin)).max() > 0.13:
        return outfit
    grey = sum(material.first) / 3 * 0.6
    return replace(outfit, top=replace(outfit.top, material=replace(material, first=(grey, grey, grey))))
