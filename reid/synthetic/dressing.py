"""From an outfit to parts on a body: with MakeHuman's garments where there are some, else all cut by the tailor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mdpr.errors import SourceError
from mdpr.reid.synthetic.base_mesh import BaseMesh, Floats
from mdpr.reid.synthetic.carried import carry, rounded_box
from mdpr.reid.synthetic.garment_files import GarmentFile
from mdpr.reid.synthetic.materials import Material, with_strap
from mdpr.reid.synthetic.meshes import vertex_normals
from mdpr.reid.synthetic.parts import Part, rigid
from mdpr.reid.synthetic.tailor import Tailor
from mdpr.reid.synthetic.wardrobe import NOTHING, Garment, Outfit

# Garment of MakeHuman and the pieces of it (from the top) that are worn.
TOPS = {
    "female": (("female_casualsuit01", (0,)), ("female_casualsuit02", (0, 1)), ("female_elegantsuit01", (0,))),
    "male": (
        ("male_casualsuit02", (0,)), ("male_casualsuit03", (0,)), ("male_casualsuit04", (0,)),
        ("male_casualsuit05", (0, 1, 2)), ("male_casualsuit06", (0,)), ("male_elegantsuit01", (0,)),
    ),
}  # fmt: skip
BOTTOMS = {
    "female": (("female_casualsuit01", (1,)), ("male_casualsuit02", (1,)), ("female_sportsuit01", (1,))),
    "male": (("male_casualsuit02", (1,)), ("male_elegantsuit01", (1,)), ("male_casualsuit05", (3,))),
}
SHOES = tuple(f"shoes0{number}" for number in range(1, 7))
HAIR = {
    "long": ("bob01", "bob02", "braid01", "long01", "ponytail01", "long01"),
    "short": ("short01", "short02", "short03", "short04", "afro01", "short02"),
}
_WORN = {"fedora", *SHOES, *HAIR["long"], *HAIR["short"]} | {
    name for cuts in (TOPS, BOTTOMS) for options in cuts.values() for name, _ in options
}
_SCALP = (0.0, 0.68, -0.73, 5.05)  # plane above the brow and the ears, falling towards the neck
_FRINGE = (0.0, 0.80, -0.60, 5.20)
_HOOD = (0.0, 0.25, -0.97, 0.75)  # everything but the face
_OVER_HAIR = ("hijab", "hood", "beanie")
_STRAPS = {"backpack": (1.0,), "cross-body": (2.0, 3.0), "shoulder-bag": (2.0, 3.0)}


class Dresser:
    """Puts outfits on bodies.

    Args:
        base: the base mesh.
        garments: MakeHuman's, by name; empty when there are none, which leaves tops, trousers and hair of one cut.

    Raises:
        SourceError: there are some garments, but not all that people wear.
    """

    def __init__(self, base: BaseMesh, garments: dict[str, GarmentFile]) -> None:
        missing = sorted(_WORN - garments.keys())
        if garments and missing:
            raise SourceError(
                f"MakeHuman's clothes are not complete: expected also {', '.join(missing)} (.mhclo beside .obj); "
                "give the whole folder as --assets"
            )
        self.base = base
        self.garments = garments
        self.tailor = Tailor(base)

    def dress(
        self, outfit: Outfit, shape: Floats, joints: Floats, skin: Material, sex: str, rng: np.random.Generator
    ) -> list[Part]:
        """All parts of a dressed person, the skin first.

        Args:
            outfit: what is worn.
            shape: (19158, 3) the body, dm.
            joints: (bones, 3) heads of the bones in it.
            skin: its material.
            sex: "female" or "male", the cut of MakeHuman's garments.
            rng: sizes of bags.
        """
        top, covering = _layers(outfit)
        side = -1.0 if 2.0 in (top.material.strap, covering.material.strap) else 1.0  # straps end at the other hip
        parts = [self.tailor.body(shape, skin)]
        parts += self._bottom(_below(outfit.bottom, top, covering), shape, sex, outfit.shape)
        parts += self._top(top, shape, sex, outfit.shape, bool(covering.kind))
        parts += self._outer(covering, shape)
        parts += self._shoes(outfit.shoes, shape, outfit.shape)
        parts += self._head(outfit, shape, joints)
        for thing in outfit.carried:
            parts += carry(thing.kind, self.base, shape, joints, thing.material, rng, side)
        return parts

    def _bottom(self, garment: Garment, shape: Floats, sex: str, choice: float) -> list[Part]:
        if garment.kind in ("skirt", "dress"):
            return [self.tailor.around(shape, garment.material, garment.loose, garment.flare)]
        if garment.kind == "suit-bottom" and self.garments:
            return self._fitted(*_choose(BOTTOMS[sex], choice), shape, garment.material)
        return [self.tailor.lower(shape, garment.material, garment.loose, garment.bulk, max(garment.flare, -0.05))]

    def _top(self, garment: Garment, shape: Floats, sex: str, choice: float, covered: bool) -> list[Part]:
        if garment.kind == "suit-top" and self.garments and not covered:
            return self._fitted(*_choose(TOPS[sex], choice), shape, garment.material, 0.05)
        loose = min(garment.loose, 0.16) if covered else garment.loose
        return [self.tailor.upper(shape, garment.material, loose, garment.bulk, garment.flare)]

    def _outer(self, garment: Garment, shape: Floats) -> list[Part]:
        if not garment.kind:
            return []
        material = garment.material
        if garment.kind != "coat":
            return [self.tailor.upper(shape, material, garment.loose, garment.bulk, garment.flare)]
        above = replace(material, hem=-0.35)
        below = replace(material, top=0.9, strap=0.0)
        return [
            self.tailor.upper(shape, above, garment.loose, garment.bulk, 0.05),
            self.tailor.around(shape, below, garment.loose * 0.9, garment.flare),
        ]

    def _shoes(self, garment: Garment, shape: Floats, choice: float) -> list[Part]:
        if self.garments:
            return self._fitted(SHOES[int(choice * 1e3) % len(SHOES)], None, shape, garment.material)
        return [self.tailor.feet(shape, garment.material)]

    def _head(self, outfit: Outfit, shape: Floats, joints: Floats) -> list[Part]:
        hat, hair = outfit.hat, outfit.hair
        parts = []
        if hair.kind and (hat.kind not in _OVER_HAIR or (hair.kind == "long" and hat.kind == "beanie")):
            parts += self._hair(hair, shape, outfit.shape)
        if hat.kind == "fedora" and self.garments:
            parts += self._fitted("fedora", None, shape, hat.material)
        elif hat.kind:
            face_free = hat.kind in ("hood", "hijab")
            plane = _HOOD if face_free else _FRINGE
            parts.append(self.tailor.on_head(shape, replace(hat.material, plane=plane), hat.loose or 0.15, hat.bulk))
            if hat.kind == "cap":
                parts.append(self._peak(shape, joints, hat.material))
        return parts

    def _hair(self, hair: Garment, shape: Floats, choice: float) -> list[Part]:
        if self.garments:
            names = HAIR[hair.kind]
            return self._fitted(names[int(choice * 1e5) % len(names)], None, shape, hair.material)
        short = hair.kind == "short"
        material = replace(hair.material, plane=_SCALP if short else _HOOD)
        return [self.tailor.on_head(shape, material, 0.12 if short else 0.25)]

    def _peak(self, shape: Floats, joints: Floats, material: Material) -> Part:
        brow = self.tailor.head.rest
        front = shape[self.tailor.head.vertices[np.argmax(brow[:, 2] - 3 * np.abs(brow[:, 1] - 7.75))]]
        points, faces = rounded_box(np.array([0.72, 0.05, 0.62]), 0.6)
        points[:, 1] -= 0.14 * (points[:, 2] + 0.6) + 0.1 * points[:, 0] ** 2
        return rigid((points + front + [0, 0.12, 0.25]).astype(np.float32), faces, "head", material)

    def _fitted(
        self, name: str, pieces: tuple[int, ...] | None, shape: Floats, material: Material, out: float = 0.0
    ) -> list[Part]:
        garment = self.garments[name]
        vertices = garment.fit(shape)
        chosen = garment.pieces if pieces is None else [garment.pieces[i] for i in pieces if i < len(garment.pieces)]
        triangles = np.concatenate(chosen)
        if out:
            vertices = vertices + out * vertex_normals(vertices, triangles)
        two_sided = material.pattern == "hair"
        return [Part(vertices.astype(np.float32), garment.rest, triangles, garment.skin_weights, material, two_sided)]


def _choose(options: tuple[tuple[str, tuple[int, ...]], ...], choice: float) -> tuple[str, tuple[int, ...]]:
    return options[int(choice * len(options)) % len(options)]


def _layers(outfit: Outfit) -> tuple[Garment, Garment]:
    """Top and coat: the straps of bags are on the outer one, and of the top remains what a closed coat shows of it."""
    strap, strap_colour = 0.0, (0.1, 0.1, 0.1)
    for thing in outfit.carried:
        if thing.kind in _STRAPS:
            strap = _STRAPS[thing.kind][int(outfit.shape * 1e4) % len(_STRAPS[thing.kind])]
            strap_colour = thing.material.first
    top, covering = outfit.top, outfit.outer if outfit.outer.kind else NOTHING
    if not covering.kind:
        top = replace(top, material=with_strap(top.material, strap, strap_colour))
    elif not covering.material.opening and covering.kind not in ("vest", "hi-vis"):  # hidden but for the neck
        top = replace(top, material=replace(top.material, hem=4.9, sleeve=min(top.material.sleeve, 0.3)))
    return top, replace(covering, material=with_strap(covering.material, strap, strap_colour))


def _below(bottom: Garment, top: Garment, covering: Garment) -> Garment:
    """Trousers end where a shirt that hangs over them begins, and skirts are narrower than the coat over them.

    So they do not show through it.
    """
    if bottom.kind in ("skirt", "dress"):
        if covering.kind != "coat":
            return bottom
        return replace(bottom, loose=min(bottom.loose, 0.12), flare=min(bottom.flare, 0.75 * covering.flare))
    closed = covering.kind and not covering.material.opening
    hem = min(top.material.hem, covering.material.hem) if closed else top.material.hem
    tucked = top.kind == "suit-top" and not closed
    limit = bottom.material.top if tucked else min(bottom.material.top, max(hem, -0.8) + 0.45)
    return replace(bottom, material=replace(bottom.material, top=limit))
