"""What somebody wears and carries: drawn at random, or almost the same as somebody else."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mdpr.reid.synthetic import colours
from mdpr.reid.synthetic.materials import FAR, Colour, Material

SEASONS = ("summer", "between", "winter")
IN_HAND = ("handbag", "shopping-bags", "trolley")  # leave no hand for a phone


@dataclass(frozen=True)
class Garment:
    """One garment: what it is (`dressing.dress` knows how to make it) and its surface."""

    kind: str
    material: Material
    loose: float = 0.15
    bulk: int = 4
    flare: float = 0.0


NOTHING = Garment("", Material())


@dataclass(frozen=True)
class Outfit:
    """Everything on a person, from the skin outwards; what is of no kind (`NOTHING`) is not worn.

    `shape` is a number in [0, 1) by which MakeHuman's garment of a kind is chosen where there are several.
    """

    top: Garment
    bottom: Garment
    outer: Garment
    shoes: Garment
    hair: Garment
    hat: Garment
    carried: tuple[Garment, ...]
    shape: float


def sample_outfit(rng: np.random.Generator, female: bool, child: bool, season: str, hair: Colour) -> Outfit:
    """A believable outfit for one of `SEASONS`."""
    outer = _outer(rng, season)
    top = _top(rng, season, female)
    bottom = _bottom(rng, season, female)
    if bottom.kind == "dress":
        top = replace(
            top, kind="dress-top", material=replace(bottom.material, hem=0.5, top=FAR, sleeve=top.material.sleeve)
        )
    carried = _carried(rng, female, child)
    shoes = Garment("shoes", Material(first=colours.pick(colours.SHOES, rng), shine=rng.uniform(0.05, 0.3), folds=0.2))
    style = Material(
        "hair", hair, seed=rng.uniform(0, 9), frequency=rng.uniform(0.7, 1.4), ragged=rng.uniform(0.3, 0.7)
    )
    hair_garment = Garment(_hair_length(rng, female, child), style)
    return Outfit(top, bottom, outer, shoes, hair_garment, _hat(rng, season, female), carried, rng.random())


def look_alike(outfit: Outfit, rng: np.random.Generator, changes: int, season: str) -> Outfit:
    """Nearly the same outfit: colours a shade off, and as many of bag, hat, shoes, top, bottom, hair changed as said.

    Staff in uniform, friends and winter crowds look like that; networks that learn colours alone fail on them.
    """

    def shade(garment: Garment, spread: float) -> Garment:
        material = garment.material
        first, second = colours.vary(material.first, rng, spread), colours.vary(material.second, rng, spread)
        return replace(garment, material=replace(material, first=first, second=second))

    other = sample_outfit(rng, rng.random() < 0.5, False, season, outfit.hair.material.first)
    near = replace(
        outfit,
        top=shade(outfit.top, 0.06),
        bottom=shade(outfit.bottom, 0.06),
        outer=shade(outfit.outer, 0.06),
        shoes=shade(outfit.shoes, 0.1),
    )
    for part in rng.permutation(["carried", "hat", "shoes", "top", "bottom", "carried"])[:changes].tolist():
        if part == "bottom" and "dress" in (outfit.bottom.kind, other.bottom.kind):
            continue
        near = replace(near, **{part: getattr(other, part)})
    return near


def _hair_length(rng: np.random.Generator, female: bool, child: bool) -> str:
    if not female and not child and rng.random() < 0.1:
        return ""
    draw = rng.random()
    return "long" if (draw < 0.72 if female else draw >= 0.94) else "short"


def _patterned(rng: np.random.Generator, palette: colours.Palette, patterns: dict[str, float]) -> Material:
    names, share = list(patterns), np.array(list(patterns.values()))
    first = colours.pick(palette, rng)
    near = rng.random() < 0.55
    second = colours.vary(first, rng, 0.45) if near else colours.pick(palette, rng)
    return Material(
        pattern=names[rng.choice(len(names), p=share / share.sum())],
        first=first,
        second=second,
        third=colours.pick(palette, rng),
        frequency=rng.uniform(0.6, 2.6),
        seed=rng.uniform(0, 20),
        place=(rng.uniform(1.6, 4.4), rng.uniform(-0.5, 0.5), rng.uniform(0.35, 1.0), rng.uniform(0, 9)),
        folds=rng.uniform(0.4, 1.0),
        shine=rng.uniform(0, 0.08),
    )


_TOP_PATTERNS = {
    "plain": 40, "heather": 10, "stripes": 9, "pinstripes": 3, "plaid": 8, "floral": 4, "two-tone": 6, "print": 14,
    "dots": 2, "sleeves": 3, "camouflage": 0.7, "knit": 5,
}  # fmt: skip


def _top(rng: np.random.Generator, season: str, female: bool) -> Garment:
    material = _patterned(rng, colours.UPPER, _TOP_PATTERNS)
    short = rng.random() < {"summer": 0.85, "between": 0.35, "winter": 0.08}[season]
    sleeve = rng.uniform(1.2, 2.3) if short else 4.35
    if short and rng.random() < (0.25 if female else 0.08):
        sleeve = rng.uniform(0.0, 0.4)
    hem = rng.uniform(-0.75, 0.45)
    kind = "suit-top" if rng.random() < 0.35 else "top"
    loose = rng.uniform(0.1, 0.28) if short else rng.uniform(0.12, 0.34)
    return Garment(
        kind, replace(material, sleeve=sleeve, hem=hem), loose, int(rng.integers(2, 7)), rng.uniform(-0.05, 0.3)
    )


def _bottom(rng: np.random.Generator, season: str, female: bool) -> Garment:
    draw = rng.random()
    if female and draw < {"summer": 0.38, "between": 0.2, "winter": 0.1}[season]:
        return _skirt(rng)
    if rng.random() < 0.4:
        blue = colours.pick(colours.JEANS, rng)
        material = Material("denim", blue, colours.vary(blue, rng, 0.3), seed=rng.uniform(0, 20), folds=0.8)
    else:
        patterns = {"plain": 70, "heather": 12, "side-stripe": 8, "plaid": 3, "pinstripes": 2, "camouflage": 1.5}
        material = _patterned(rng, colours.LOWER, patterns)
        if material.pattern != "side-stripe":  # trousers in two strong colours are for the stage
            near = colours.vary(material.first, rng, 0.25), colours.vary(material.first, rng, 0.25)
            material = replace(material, second=near[0], third=near[1])
    shorts = rng.random() < {"summer": 0.4, "between": 0.07, "winter": 0.01}[season]
    if shorts:
        hem = rng.uniform(-3.9, -2.1)
    else:
        hem = rng.uniform(-7.6, -6.6) if rng.random() < 0.85 else rng.uniform(-6.4, -4.6)
    tight = female and rng.random() < 0.45
    loose = rng.uniform(0.06, 0.12) if tight else rng.uniform(0.14, 0.32)
    flare = rng.uniform(-0.04, 0.05) if tight else rng.uniform(-0.05, 0.4)
    kind = "suit-bottom" if rng.random() < 0.25 and not shorts else "bottom"
    return Garment(kind, replace(material, hem=hem, top=1.55), loose, 1 if tight else 3, flare)


def _skirt(rng: np.random.Generator) -> Garment:
    dress = rng.random() < 0.45
    patterns = {"plain": 5, "floral": 2.5 if dress else 1, "stripes": 1, "plaid": 1, "dots": 0.8, "two-tone": 0.3}
    material = _patterned(rng, colours.UPPER if dress else colours.LOWER, patterns)
    hem = rng.uniform(-3.6, -1.9) if rng.random() < 0.6 else rng.uniform(-6.8, -4.2)
    flare = rng.uniform(0.62, 1.1)
    loose = rng.uniform(0.12, 0.3)
    return Garment("dress" if dress else "skirt", replace(material, hem=hem, top=1.5), loose, 1, flare)


def _outer(rng: np.random.Generator, season: str) -> Garment:
    if rng.random() > {"summer": 0.06, "between": 0.5, "winter": 0.95}[season]:
        return NOTHING
    kinds = {"jacket": 4, "hoodie": 3, "blazer": 1.5, "vest": 0.8, "hi-vis": 0.5, "coat": 0.8, "puffer": 0.5}
    if season == "winter":
        kinds = {"jacket": 4, "hoodie": 1.5, "blazer": 0.8, "vest": 0.5, "hi-vis": 0.4, "coat": 4.5, "puffer": 2.2}
    share = np.array(list(kinds.values()))
    kind = list(kinds)[rng.choice(len(kinds), p=share / share.sum())]
    material = _patterned(
        rng, colours.COATS, {"plain": 60, "heather": 12, "two-tone": 8, "leather": 8, "plaid": 3, "sleeves": 6}
    )
    opening = rng.uniform(0.2, 0.95) if rng.random() < 0.4 else 0.0
    material = replace(material, sleeve=4.4, hem=rng.uniform(-0.8, 0.1), opening=opening)
    loose, bulk, flare = rng.uniform(0.28, 0.42), 5, rng.uniform(0, 0.2)
    if kind == "puffer":
        pattern = "quilted" if rng.random() < 0.7 else "plain"
        material = replace(material, pattern=pattern, frequency=rng.uniform(0.75, 1.9), shine=rng.uniform(0.03, 0.2))
        loose, bulk = rng.uniform(0.4, 0.65), 9
        if rng.random() < 0.35:
            kind = "coat"
    if kind == "coat":
        return Garment(
            kind, replace(material, hem=rng.uniform(-5.2, -1.6)), max(loose, 0.34), bulk, rng.uniform(0.6, 0.95)
        )
    if kind == "vest":
        material = replace(material, sleeve=0.15)
    if kind == "hi-vis":
        bright = (0.80, 0.86, 0.20) if rng.random() < 0.6 else (0.92, 0.42, 0.12)
        material = replace(
            material, pattern="hi-vis", first=colours.vary(bright, rng, 0.06), sleeve=0.2, place=(2.2, 0.9, 0.28, 0)
        )
    return Garment(kind, material, loose, bulk, flare)


def _hat(rng: np.random.Generator, season: str, female: bool) -> Garment:
    draw = rng.random()
    material = _patterned(rng, colours.COATS, {"plain": 6, "heather": 2, "knit": 2})
    if season == "winter" and draw < 0.3:
        return Garment("beanie", material, rng.uniform(0.14, 0.24), 10)
    if draw < 0.08:
        return Garment("cap", replace(material, pattern="plain"), 0.14, 8)
    if draw < 0.1:
        return Garment("fedora", material)
    if draw < 0.13 and season != "summer":
        return Garment("hood", material, rng.uniform(0.3, 0.5), 14)
    if female and draw > 0.95:
        return Garment("hijab", _patterned(rng, colours.UPPER, {"plain": 8, "floral": 1}), rng.uniform(0.2, 0.3), 12)
    return NOTHING


def sample_phone(rng: np.random.Generator) -> Garment:
    """Most are black or in a dark case."""
    return Garment("phone", Material(first=colours.pick(colours.BAGS, rng), folds=0.0, shine=rng.uniform(0.1, 0.4)))


def _carried(rng: np.random.Generator, female: bool, child: bool) -> tuple[Garment, ...]:
    kinds = {
        "backpack": 0.24, "shoulder-bag": 0.14 if female else 0.04, "cross-body": 0.06,
        "handbag": 0.08 if female else 0.02, "shopping-bags": 0.05, "trolley": 0.03,
    }  # fmt: skip
    draw, found = rng.random(), []
    for kind, share in kinds.items():
        if draw < share and not (child and kind != "backpack"):
            first = colours.pick(colours.BAGS, rng)
            white = kind == "shopping-bags" and rng.random() < 0.6
            material = Material(
                "bag" if kind in ("backpack", "trolley") else "plain",
                (0.82, 0.82, 0.8) if white else first,
                colours.vary(first, rng, 0.5),
                seed=rng.uniform(0, 9),
                folds=0.3,
                shine=rng.uniform(0.02, 0.2),
            )
            found.append(Garment(kind, material))
            break
        draw -= share
    if rng.random() < 0.06:
        found.append(Garment("scarf", _patterned(rng, colours.UPPER, {"plain": 4, "knit": 2, "plaid": 1})))
    return tuple(found)
