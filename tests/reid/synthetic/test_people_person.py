"""Dressed bodies in poses: blend skinning restated vertex by vertex, feet on the ground, cuts and surfaces."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mdpr.reid.synthetic import person as person_module
from mdpr.reid.synthetic.base_mesh import BaseMesh
from mdpr.reid.synthetic.carried import CARRIED, carry
from mdpr.reid.synthetic.dressing import Dresser
from mdpr.reid.synthetic.gait import STANCES, take_pose
from mdpr.reid.synthetic.identities import Identity, sample_identity
from mdpr.reid.synthetic.materials import Material
from mdpr.reid.synthetic.people_renderer import MOST_TRIANGLES, MOST_VERTICES
from mdpr.reid.synthetic.person import PeopleMaker, Person
from mdpr.reid.synthetic.skeleton import bone_transforms
from mdpr.reid.synthetic.tailor import along_arm
from mdpr.reid.synthetic.wardrobe import NOTHING, Garment


@pytest.fixture(scope="module")
def identity() -> Identity:
    return sample_identity(0, 3)


@pytest.fixture(scope="module")
def person(maker: PeopleMaker, identity: Identity) -> Person:
    return maker.make(identity)


def _with(identity: Identity, **outfit: object) -> Identity:
    return replace(identity, outfit=replace(identity.outfit, **outfit))  # type: ignore[arg-type]


def _carrying(maker: PeopleMaker, identity: Identity, kind: str) -> tuple[Person, np.ndarray]:
    """Somebody who carries one thing, and the numbers of its vertices, which are the last ones."""
    person = maker.make(_with(identity, carried=(Garment(kind, Material("bag")),)))
    without = maker.make(_with(identity, carried=()))
    return person, np.arange(len(without.rest), len(person.rest))


def test_blend_skinning_equals_a_loop_over_vertices_and_bones(
    maker: PeopleMaker, person: Person, identity: Identity
) -> None:
    base, pose = maker.base, take_pose("walk", 0.3, identity.manner, 1.2, (10.0, 3.0))
    vertices, normals = person.pose("walk", 0.3, 1.2, (10.0, 3.0))
    moved = bone_transforms(base, person._joints, pose).astype(float)
    weights = person._weights[:, : len(base.bones)].toarray()
    every = range(0, len(vertices), 41)
    expected, turned = [], []
    for vertex in every:
        point, normal = np.zeros(3), np.zeros(3)
        for bone in np.flatnonzero(weights[vertex]):
            point += weights[vertex, bone] * (moved[bone, :, :3] @ person._vertices[vertex] + moved[bone, :, 3])
            normal += weights[vertex, bone] * (moved[bone, :, :3] @ person._normals[vertex])
        expected.append(point[[2, 0, 1]] / 10)
        turned.append(normal[[2, 0, 1]])
    offset = np.array(expected) - vertices[list(every)]
    assert np.allclose(offset, offset[0], atol=1e-4)  # all are lowered alike
    assert np.allclose(offset[0, :2], 0, atol=1e-5)  # straight down, to the ground
    assert np.allclose(normals[list(every)], turned, atol=1e-4)


def test_without_a_pose_the_mesh_stays_as_it_was_made(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(person_module, "take_pose", lambda *_: {})
    vertices, normals = person.pose("stand", 0.0)
    expected = person._vertices[:, [2, 0, 1]] / 10
    assert np.allclose(vertices[:, :2], expected[:, :2], atol=1e-5)
    assert np.ptp(vertices[:, 2] - expected[:, 2]) < 1e-4
    assert np.allclose(normals, person._normals[:, [2, 0, 1]], atol=1e-5)


def test_feet_stand_on_the_ground_in_every_stance_and_phase(person: Person, identity: Identity) -> None:
    for stance in STANCES:
        for phase in (0.0, 0.21, 0.5, 0.77):
            vertices, _ = person.pose(stance, phase, 1.3 if stance == "walk" else 0.0)
            assert vertices[:, 2].min() == pytest.approx(0, abs=2e-3), stance
            height = vertices[person.outline, 2].max()
            low = 0.75 if stance == "bend" else 0.9
            assert low * identity.height_m < height < identity.height_m + 0.15, stance
            assert np.abs(vertices[:, :2]).max() < 1.3


def test_walking_is_mirrored_half_a_stride_later(maker: PeopleMaker, identity: Identity) -> None:
    """The body is symmetric, and so is what covers it: only what is carried is not."""
    person = maker.make(_with(identity, carried=()))
    now, later = (person.pose("walk", phase, 1.3)[0] for phase in (0.1, 0.6))
    for axis, sign in ((0, 1), (1, -1), (2, 1)):
        assert np.sort(now[:, axis]) == pytest.approx(np.sort(sign * later[:, axis]), abs=0.012)


@pytest.mark.parametrize("number", range(6))
def test_heights_are_those_of_the_identity(number: int, maker: PeopleMaker) -> None:
    identity = replace(sample_identity(2, number), height_m=1.5 + 0.1 * number)
    bare = maker.make(_with(identity, carried=(), hat=NOTHING, hair=NOTHING, outer=NOTHING))
    assert np.ptp(bare._vertices[:, 1]) / 10 == pytest.approx(identity.height_m, abs=0.06)  # and shoes


def test_bags_hang_upright_below_the_hand(maker: PeopleMaker, identity: Identity) -> None:
    person, bag = _carrying(maker, identity, "handbag")
    assert len(bag) > 50
    shapes = []
    for phase in (0.0, 0.25, 0.6):
        vertices, _ = person.pose("walk", phase, 1.4)
        shapes.append(vertices[bag] - vertices[bag].mean(0))
        assert 0.05 < vertices[bag, 2].min() < vertices[bag, 2].max() < 1.3
    for shape in shapes:
        assert np.allclose(shape, shapes[0], atol=1e-4)  # it does not turn with the arm


def test_a_trolley_rolls_on_the_ground_behind(maker: PeopleMaker, identity: Identity) -> None:
    person, trolley = _carrying(maker, identity, "trolley")
    lowest = [person.pose("walk", phase, 1.4)[0][trolley, 2].min() for phase in (0.0, 0.3, 0.55, 0.8)]
    assert np.ptp(lowest) < 1e-4
    assert 0 < lowest[0] < 0.1
    assert person.pose("walk", 0.0)[0][trolley, 0].mean() < -0.1


@pytest.mark.parametrize("kind", CARRIED)
def test_everything_that_can_be_carried_is_where_it_belongs(kind: str, base: BaseMesh) -> None:
    joints = np.asarray(base.head_weights @ base.rest, np.float32)
    parts = carry(kind, base, base.rest, joints, Material(), np.random.default_rng(0))
    middle = np.concatenate([part.vertices for part in parts]).mean(0)
    body = base.rest[:13380]
    belly = body[np.abs(body[:, 0]) < 1]
    beside = {
        "backpack": middle[2] < belly[:, 2].min() < middle[1],
        "shoulder-bag": abs(middle[0]) > 1.5,
        "cross-body": abs(middle[0]) > 1.5,
        "handbag": middle[0] < -1.5,
        "shopping-bags": abs(middle[0]) < 0.3,
        "trolley": middle[2] < -1.5,
        "phone": middle[0] < -1.5,
        "scarf": 4.5 < middle[1] < 6.5,
    }
    assert beside[kind]
    again = carry(kind, base, base.rest, joints, Material(), np.random.default_rng(0))
    assert all(np.array_equal(one.vertices, other.vertices) for one, other in zip(parts, again, strict=True))
    with pytest.raises(ValueError, match="nothing carried is called 'piano'"):
        carry("piano", base, base.rest, joints, Material(), np.random.default_rng(0))


def test_surfaces_share_out_all_triangles_in_the_order_of_the_buffer(person: Person) -> None:
    first = 0
    for surface in person.surfaces:
        assert surface.first == first
        first += surface.count
    assert first == len(person.triangles)
    assert person.triangles.max() < len(person.rest)
    patterns = [surface.pattern for surface in person.surfaces]
    assert len(set(patterns)) == len([a for a, b in zip(patterns, [*patterns[1:], None], strict=True) if a != b])


def test_the_coarse_mesh_is_the_same_person(person: Person) -> None:
    coarse = person.coarse()
    assert coarse is person.coarse() is person.for_height(100)
    assert person.for_height(400) is person
    assert len(coarse.triangles) < 0.5 * len(person.triangles)
    fine, few = (one.pose("walk", 0.4, 1.3)[0][one.outline] for one in (person, coarse))
    assert np.allclose(few.min(0), fine.min(0), atol=0.04)
    assert np.allclose(few.max(0), fine.max(0), atol=0.04)
    assert {surface.pattern for surface in coarse.surfaces} == {surface.pattern for surface in person.surfaces}


def test_hems_and_sleeves_bound_the_outline(maker: PeopleMaker, identity: Identity) -> None:
    """A skirt down to the knee: what the cloth would be below is in the mesh, but not in the outline."""
    skirt = Garment("skirt", Material(hem=-4.0, top=1.5), 0.2, 1, 1.0)
    bare = _with(identity, bottom=skirt, outer=NOTHING, carried=())
    person = maker.make(bare)
    material = skirt.material.row()
    rows = [surface for surface in person.surfaces if np.array_equal(surface.row, material)]
    used = np.unique(np.concatenate([person.triangles[s.first : s.first + s.count] for s in rows]))
    drawn = np.intersect1d(used, person.outline)
    assert person.rest[used, 1].min() < -6
    assert -4.3 < person.rest[drawn, 1].min() < -3.7


def test_along_arm_by_hand() -> None:
    shoulder, unit = np.array([1.70, 5.02, 0.19]), np.array([0.665, -0.747, 0])
    points = np.array([shoulder + 3 * unit, [0.0, 5.0, 0.0], [1.5, -3.0, 0.0]], np.float32)
    points = np.concatenate([points, points * [-1, 1, 1]]).astype(np.float32)
    assert np.allclose(along_arm(points), [3, -1, -1, 3, -1, -1], atol=0.01)


def test_clothes_lie_outside_the_body_and_loose_ones_further(maker: PeopleMaker, base: BaseMesh) -> None:
    tailor = maker.dresser.tailor
    material = Material(hem=-0.5, sleeve=4.4)

    def width(loose: float) -> float:
        part = tailor.upper(base.rest, material, loose)
        chest = (np.abs(part.rest[:, 1] - 3) < 0.4) & (along_arm(part.rest) < 0)
        return float(np.ptp(part.vertices[chest, 0]) * np.ptp(part.vertices[chest, 2]))

    skin = tailor.body(base.rest, Material("skin"))
    chest = (np.abs(skin.rest[:, 1] - 3) < 0.4) & (along_arm(skin.rest) < 0)
    bare = float(np.ptp(skin.vertices[chest, 0]) * np.ptp(skin.vertices[chest, 2]))
    assert bare < width(0.1) < width(0.4) < width(0.8)


def test_without_makehumans_clothes_everybody_is_dressed_all_the_same(maker: PeopleMaker) -> None:
    assert not maker.dresser.garments
    for number in range(12):
        identity = sample_identity(4, number)
        person = maker.make(identity)
        assert len(person.rest) <= MOST_VERTICES
        assert len(person.triangles) <= MOST_TRIANGLES
        assert np.isfinite(person.pose("walk", 0.2)[0]).all()
        worn = {surface.pattern for surface in person.surfaces}
        assert {"skin", identity.outfit.bottom.material.pattern} <= worn


def test_an_outfit_does_not_change_when_it_is_put_on(maker: PeopleMaker, base: BaseMesh, identity: Identity) -> None:
    dresser, outfit = Dresser(base, {}), repr(identity.outfit)
    joints = np.asarray(base.head_weights @ base.rest, np.float32)
    rest = base.rest.copy()
    one, two = (
        dresser.dress(identity.outfit, base.rest, joints, identity.skin, identity.sex, np.random.default_rng(0))
        for _ in range(2)
    )
    assert all(np.array_equal(a.vertices, b.vertices) for a, b in zip(one, two, strict=True))
    assert repr(identity.outfit) == outfit
    assert np.array_equal(base.rest, rest)


@pytest.mark.shared
@pytest.mark.slow
def test_a_hundred_people_in_makehumans_clothes_fit_the_buffers(dressed_maker: PeopleMaker) -> None:
    vertices, triangles = [], []
    for number in range(100):
        person = dressed_maker.make(sample_identity(6, number))
        vertices.append(len(person.rest))
        triangles.append(len(person.triangles))
        pose, normals = person.pose(person.identity.stance, 0.3, 0.0)
        assert np.isfinite(pose).all()
        assert np.isfinite(normals).all()
    assert max(vertices) < MOST_VERTICES
    assert max(triangles) < MOST_TRIANGLES
