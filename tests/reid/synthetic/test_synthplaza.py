"""The benchmark is the same for everybody: fixed seeds, whole scenes, and a folder that holds one split."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mdpr.errors import ConfigError
from mdpr.pipeline import benchmark
from mdpr.reid.synthetic import synthplaza
from mdpr.reid.synthetic.scenes import SceneConfig, scene_cameras
from mdpr.reid.synthetic.synthplaza import FILE, SCENES, SPLITS, make_split, scene_config


def test_every_scene_has_two_minutes_four_cameras_and_a_seed_of_its_own() -> None:
    configs = [scene_config(split, scene, Path("x")) for split in SPLITS for scene in SCENES]
    assert len(configs) == len({config.seed for config in configs}) == 6
    assert min(config.seed for config in configs) > 70_000
    for config in configs:
        assert (config.cameras, config.duration_s, config.fps, config.height) == (4, 120.0, 10.0, 540)
    for scene in SCENES:
        dev, test = (scene_config(split, scene, Path("x")) for split in ("dev", "test"))
        assert replace(dev, seed=0, light="") == replace(test, seed=0, light="")


def test_the_seeds_do_not_change() -> None:
    """Who changes one makes another benchmark: then `VERSION` goes up too."""
    seeds = [scene_config(split, scene, Path("x")).seed for split in SPLITS for scene in SCENES]
    assert seeds == [71_002, 71_001, 71_012, 72_002, 72_007, 72_015]
    assert synthplaza.VERSION == 1


def test_what_is_made_and_what_is_scored_agree_on_names() -> None:
    assert benchmark.FILE == FILE


@pytest.mark.parametrize(("split", "scene"), [("train", "plaza"), ("dev", "moon")])
def test_unknown_splits_and_scenes_are_named(split: str, scene: str) -> None:
    with pytest.raises(ConfigError, match=r"SynthPlaza has no (split 'train'|scene 'moon'); there are: "):
        scene_config(split, scene, Path("x"))


def test_a_folder_holds_one_split_made_by_one_generator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[SceneConfig] = []

    def make(config: SceneConfig) -> int:
        made.append(config)
        return 7

    monkeypatch.setattr(synthplaza, "make_scene", make)
    assert make_split("dev", tmp_path, workers=3) == {"plaza": 7, "corridor": 7, "crowd": 7}
    assert [config.out.name for config in made] == ["plaza", "corridor", "crowd"]
    assert {config.workers for config in made} == {3}
    assert benchmark.BenchmarkFolder.read(tmp_path).scenes == SCENES
    make_split("dev", tmp_path)  # goes on
    with pytest.raises(ConfigError, match=r"'split': 'dev'.*give another --out"):
        make_split("test", tmp_path)
    about = json.loads((tmp_path / FILE).read_text())
    (tmp_path / FILE).write_text(json.dumps(about | {"generator": 0}))
    with pytest.raises(ConfigError, match="'generator': 0"):
        make_split("dev", tmp_path)


def test_pictures_of_any_height_show_the_same_and_views_can_be_chosen(tmp_path: Path) -> None:
    config = SceneConfig(tmp_path, place="office", seed=1, cameras=2)
    large, small = scene_cameras(config), scene_cameras(replace(config, height=540))
    assert [(camera.width, camera.height) for camera in small] == [(960, 540)] * 2
    for one, other in zip(large, small, strict=True):
        assert other.intrinsics[:2] == pytest.approx(one.intrinsics[:2] * 0.75)
        assert other.translation == pytest.approx(one.translation)
    swapped = scene_cameras(replace(config, views=(1, 0)))
    assert [camera.name for camera in swapped] == ["cam1", "cam2"]
    assert swapped[0].translation == pytest.approx(large[1].translation)
    with pytest.raises(ConfigError, match="no view 99"):
        scene_cameras(replace(config, views=(0, 99)))


@pytest.mark.parametrize(
    ("change", "named"), [({"height": 541}, "even"), ({"height": 50}, "90"), ({"views": (1,)}, "one view a camera")]
)
def test_heights_and_views_that_cannot_be(change: dict[str, object], named: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=named):
        SceneConfig(tmp_path, **change)
