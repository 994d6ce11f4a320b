"""What made a set is in its settings, and other clothes are not gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdpr.errors import ConfigError, SourceError
from mdpr.reid.synthetic.detection_set import DetectionSetConfig
from mdpr.reid.synthetic.jobs import claim_folder
from mdpr.reid.synthetic.origin import GENERATOR, PACKAGE, assets_digest, settings_of
from mdpr.reid.synthetic.reid_set import ReidSetConfig
from mdpr.reid.synthetic.scenes import SceneConfig


def _assets(folder: Path, **files: str) -> Path:
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def test_the_digest_is_of_names_and_contents_and_not_of_the_place(tmp_path: Path) -> None:
    one = _assets(tmp_path / "one", clothes__coat="v 1", hair="v 2")
    same = _assets(tmp_path / "elsewhere" / "two", hair="v 2", clothes__coat="v 1")
    (same / ".hidden").write_text("left by a file browser")
    assert assets_digest(one) == assets_digest(same)
    assert assets_digest(one).startswith("sha256:")
    others = (
        _assets(tmp_path / "content", clothes__coat="v 9", hair="v 2"),
        _assets(tmp_path / "name", clothes__coats="v 1", hair="v 2"),
        _assets(tmp_path / "place", coat="v 1", hair="v 2"),
        _assets(tmp_path / "more", clothes__coat="v 1", hair="v 2", shoes=""),
        _assets(tmp_path / "swapped", clothes__coat="v 2", hair="v 1"),
    )
    assert len({assets_digest(folder) for folder in (one, *others)}) == 6


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="got no files"):
        assets_digest(tmp_path)


@pytest.mark.parametrize("kind", [ReidSetConfig, SceneConfig, DetectionSetConfig])
def test_the_settings_of_every_product_say_what_made_it(kind: type, tmp_path: Path) -> None:
    clothes, other = _assets(tmp_path / "a", coat="1"), _assets(tmp_path / "b", coat="2")
    config = kind(tmp_path, seed=4, workers=3)
    settings = settings_of(config, clothes)
    assert settings["seed"] == 4
    assert settings["generator"] == GENERATOR
    assert settings["assets"] == assets_digest(clothes)
    assert not {"out", "workers"} & settings.keys()
    claim_folder(tmp_path, settings)
    claim_folder(tmp_path, settings | {PACKAGE: "99.0"}, [PACKAGE])
    for assets in (other, None):
        with pytest.raises(ConfigError, match=r"assets 'sha256:\w+' there"):
            claim_folder(tmp_path, settings_of(config, assets), [PACKAGE])
    with pytest.raises(ConfigError, match=f"generator {GENERATOR} there"):
        claim_folder(tmp_path, settings | {"generator": GENERATOR + 1}, [PACKAGE])
