"""Identities follow from seed and number alone; look-alikes are like each other and yet differ."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import fields

import numpy as np
import pytest

from mdpr.reid.synthetic import colours
from mdpr.reid.synthetic.gait import STANCES
from mdpr.reid.synthetic.identities import FAMILY, Identity, sample_identity
from mdpr.reid.synthetic.materials import PATTERNS, ROW, Material, linear, with_strap
from mdpr.reid.synthetic.wardrobe import SEASONS, Garment, Outfit, look_alike, sample_outfit

_PEOPLE = [sample_identity(0, number) for number in range(250)]


def _garments(outfit: Outfit) -> list[Garment]:
    return [outfit.top, outfit.bottom, outfit.outer, outfit.shoes, outfit.hair, outfit.hat, *outfit.carried]


def _worn(identity: Identity) -> tuple[object, ...]:
    """What can be seen of somebody's clothes."""
    return tuple((garment.kind, garment.material) for garment in _garments(identity.outfit) if garment.kind)


def test_the_same_number_is_the_same_person_in_any_order_of_asking() -> None:
    backwards = [sample_identity(0, number) for number in reversed(range(250))]
    assert backwards[::-1] == _PEOPLE
    assert sample_identity(0, 7, alike=0.5) == _PEOPLE[7]


def test_other_numbers_and_other_seeds_are_other_people() -> None:
    assert len({_worn(person) for person in _PEOPLE}) == 250
    assert len({person.phenotype for person in _PEOPLE}) == 250
    for number in range(50):
        other = sample_identity(1, number)
        assert _worn(other) != _worn(_PEOPLE[number])
        assert other.manner != _PEOPLE[number].manner


def test_nothing_depends_on_the_process() -> None:
    code = "from mdpr.reid.synthetic.identities import sample_identity as s; print([s(5, n) for n in range(30)])"
    settings = {**os.environ, "PYTHONHASHSEED": "1"}
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=settings).stdout
    is_same = said == f"{[sample_identity(5, n) for n in range(30)]}\n"
    assert is_same


def test_everybody_is_possible() -> None:
    for person in _PEOPLE:
        assert 1.0 < person.height_m < 2.1
        assert person.stance in STANCES
        assert person.sex in ("female", "male")
        for field in fields(person.phenotype):
            values = np.atleast_1d(getattr(person.phenotype, field.name))
            assert (values >= 0).all(), field.name
            assert (values <= 1).all(), field.name
        for garment in (Garment("skin", person.skin), *_garments(person.outfit)):
            material = garment.material
            assert material.pattern in PATTERNS
            assert np.isfinite(material.row()).all()
            assert material.row().shape == (ROW,)
            for colour in (material.first, material.second, material.third):
                assert min(colour) >= 0
                assert max(colour) <= 1

    def height(sex: str) -> float:
        return float(np.mean([person.height_m for person in _PEOPLE if person.sex == sex and person.height_m > 1.45]))

    assert 1.6 < height("female") < 1.68 < 1.74 < height("male") < 1.81
    assert 0.4 < np.mean([person.sex == "female" for person in _PEOPLE]) < 0.6


def _distance(one: Garment, other: Garment) -> float:
    return float(np.abs(np.subtract(one.material.first, other.material.first)).max())


def test_look_alikes_wear_nearly_the_same_and_never_quite() -> None:
    for seed in range(200):
        rng = np.random.default_rng(seed)
        season = SEASONS[seed % 3]
        outfit = sample_outfit(rng, seed % 2 == 0, False, season, (0.1, 0.1, 0.1))
        same, other = look_alike(outfit, rng, 0, season), look_alike(outfit, rng, 2, season)
        for part in ("top", "bottom", "outer", "shoes"):
            one, two = getattr(outfit, part), getattr(same, part)
            assert one.kind == two.kind
            assert _distance(one, two) < 0.35
            assert one.material != two.material
        assert (same.carried, same.hat, same.hair) == (outfit.carried, outfit.hat, outfit.hair)
        replaced = sum(
            getattr(other, part).kind != getattr(outfit, part).kind
            or _distance(getattr(other, part), getattr(outfit, part)) > 0.35
            for part in ("top", "bottom", "shoes", "hat")
        )
        assert replaced <= 2


def test_as_many_are_alike_as_asked_for() -> None:
    """Of a family of four, those who are alike have tops of nearly one colour, the others hardly ever."""

    def near(alike: float) -> float:
        found = []
        for family in range(25):
            people = [sample_identity(3, FAMILY * family + member, alike) for member in range(FAMILY)]
            found += [_distance(people[a].outfit.top, people[b].outfit.top) < 0.12 for a in range(4) for b in range(a)]
        return float(np.mean(found))

    assert near(1.0) > 0.35
    assert near(0.0) < near(0.5) < near(1.0)
    assert near(0.0) < 0.2


def test_winter_is_colder_than_summer() -> None:
    def worn(season: str) -> tuple[float, float, float]:
        outfits = [sample_outfit(np.random.default_rng(n), n % 2 == 0, False, season, (0, 0, 0)) for n in range(300)]
        coats = np.mean([bool(outfit.outer.kind) for outfit in outfits])
        short = np.mean([outfit.top.material.sleeve < 3 for outfit in outfits])
        dark = np.mean([np.mean(o.outer.material.first) < 0.3 for o in outfits if o.outer.kind])
        return float(coats), float(short), float(dark)

    (summer_coats, summer_short, _), (winter_coats, winter_short, dark) = worn("summer"), worn("winter")
    assert summer_coats < 0.15 < 0.9 < winter_coats
    assert winter_short < 0.15 < 0.75 < summer_short
    assert dark > 0.5


def test_colours_come_from_the_palette_as_often_as_said_and_stay_in_range() -> None:
    rng = np.random.default_rng(0)
    picked = np.array([colours.pick(colours.SHOES, rng, spread=0.0) for _ in range(3000)])
    black, weights = np.array(colours.SHOES[0][0]) / 255, [weight for _, weight in colours.SHOES]
    assert np.isclose(picked, np.clip(black, 0.03, 0.93)).all(1).mean() == pytest.approx(38 / sum(weights), abs=0.03)
    wild = np.array([colours.vary((0.9, 0.1, 0.5), rng, 2.0) for _ in range(500)])
    assert wild.min() >= 0.03
    assert wild.max() <= 0.93
    brightness = [np.mean([sum(colours.skin_tone(t, rng)) for _ in range(40)]) for t in (0.0, 0.35, 0.7, 1.0)]
    assert brightness == sorted(brightness, reverse=True)


def test_rows_hold_linear_colours_and_every_field() -> None:
    plain = Material(first=(1.0, 0.5, 0.0))
    assert np.allclose(plain.row()[:4], [1, 0.5**2.2, 0, PATTERNS.index("plain")])
    assert linear((0.5, -0.1, 1.0)) == (0.5**2.2, 0.0, 1.0)
    changed = {
        "pattern": "dots", "first": (0, 0, 1), "second": (0, 0, 1), "third": (0, 0, 1), "frequency": 7.0, "seed": 7.0,
        "place": (1.0, 2.0, 3.0, 4.0), "hem": 7.0, "top": 7.0, "sleeve": 7.0, "opening": 7.0,
        "plane": (1.0, 2.0, 3.0, 4.0), "folds": 7.0, "shine": 7.0, "strap": 7.0, "strap_colour": (0, 0, 1),
        "ragged": 7.0,
    }  # fmt: skip
    assert set(changed) == {field.name for field in fields(Material)}
    for name, value in changed.items():
        assert not np.array_equal(Material(**{name: value}).row(), Material().row()), name  # type: ignore[arg-type]
    assert with_strap(plain, 2.0, (0.2, 0.3, 0.4)).strap_colour == (0.2, 0.3, 0.4)


def test_who_phones_has_a_phone_and_no_other_thing_in_that_hand() -> None:
    for person in _PEOPLE:
        kinds = [thing.kind for thing in person.outfit.carried]
        assert ("phone" in kinds) == (person.stance in ("phone", "call"))
        assert not ("phone" in kinds and {"handbag", "shopping-bags", "trolley"} & set(kinds))
    assert 0.08 < np.mean([person.stance in ("phone", "call") for person in _PEOPLE]) < 0.25


def test_nobody_wears_shorts_in_winter_because_of_look_alikes() -> None:
    rng = np.random.default_rng(0)
    outfits = [sample_outfit(rng, False, False, "winter", (0.1, 0.1, 0.1)) for _ in range(150)]
    near = [look_alike(outfit, rng, 3, "winter") for outfit in outfits]
    assert np.mean([outfit.bottom.kind == "bottom" and outfit.bottom.material.hem > -4 for outfit in near]) < 0.06
