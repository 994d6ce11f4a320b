"""`mdpr data synth`: what its flags become, what it prints and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from mdpr.errors import DependencyError
from mdpr.pipeline.commands import main
from mdpr.reid.synthetic import detection_set, reid_set
from mdpr.reid.synthetic.detection_set import DetectionSetConfig
from mdpr.reid.synthetic.reid_set import ReidSetConfig


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[ReidSetConfig]:
    """The settings that the command would render."""
    found: list[ReidSetConfig] = []

    def make(config: ReidSetConfig) -> float:
        found.append(config)
        return 41.26

    monkeypatch.setattr(reid_set, "make_reid_set", make)
    return found


def test_flags_become_settings_and_the_speed_is_printed(
    asked: list[ReidSetConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = "--identities 7 --views 5 --cameras 9 --seed 3 --first 40 --alike 0.25 --hold-out 0.5 --workers 3"
    out = tmp_path / "set"
    assert main(["data", "synth", "reid", "--out", str(out), "--assets", str(tmp_path), *flags.split()]) == 0
    expected = ReidSetConfig(
        out, seed=3, first=40, identities=7, views=5, cameras=9, alike=0.25, hold_out=0.5, assets=tmp_path, workers=3
    )
    assert asked == [expected]
    said = capsys.readouterr().out
    for words in ("7 people", str(out), "41.3 crops/s"):
        assert words in said


def test_flags_of_detection_become_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[DetectionSetConfig] = []
    monkeypatch.setattr(detection_set, "make_detection_set", lambda config: found.append(config) or 3)
    flags = ["data", "synth", "detection", "--out", str(tmp_path)]
    assert main(flags) == 0
    assert main([*flags, "--images", "8", "--most-people", "5", "--places", "hall", "shop", "--height", "360"]) == 0
    changed = DetectionSetConfig(tmp_path, images=8, most_people=5, places=("hall", "shop"), height=360)
    assert found == [DetectionSetConfig(tmp_path), changed]


def test_defaults_are_those_of_the_settings(asked: list[ReidSetConfig], tmp_path: Path) -> None:
    assert main(["data", "synth", "reid", "--out", str(tmp_path)]) == 0
    assert asked == [ReidSetConfig(tmp_path)]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--assets", "nowhere"], "--assets nowhere: no such folder; expected MakeHuman's clothes"),
        (["--identities", "0"], "identities must be at least 1, got 0"),
        (["--hold-out", "2"], "hold_out must be a share from 0 to 1, got 2.0"),
    ],
)
def test_what_makes_no_sense_is_refused_with_exit_code_2(
    flags: list[str], text: str, asked: list[ReidSetConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["data", "synth", "reid", "--out", str(tmp_path), *flags]) == 2
    assert text in capsys.readouterr().err
    assert not asked


def test_a_missing_package_is_one_line_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def make(config: ReidSetConfig) -> float:
        raise DependencyError("anny", "making synthetic people", "synth")

    monkeypatch.setattr(reid_set, "make_reid_set", make)
    assert main(["data", "synth", "reid", "--out", str(tmp_path)]) == 1
    assert "pip install 'mdpr-track[synth]'" in capsys.readouterr().err
