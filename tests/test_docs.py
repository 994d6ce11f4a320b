"""What README.md and the pages in docs say is true: commands parse, presets and settings exist."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from mdpr.configs import preset_names
from mdpr.pipeline.commands import (
    correct,
    data,
    eval_plaza,
    eval_reid,
    eval_speed,
    eval_tracks,
    explain,
    export,
    forget,
    gallery,
    link,
    refine,
    report,
    search,
    track,
    train,
    tune,
)
from mdpr.reid.training.config import TrainConfig

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = (ROOT / "docs/training.md").read_text(encoding="utf-8")
PARSERS: dict[str, Callable[[], argparse.ArgumentParser]] = {
    "mdpr-train": train.make_parser,
    "mdpr-track": track.make_parser,
    "mdpr-link": link.make_parser,
    "mdpr search": search.make_parser,
    "mdpr explain": explain.make_parser,
    "mdpr correct": correct.make_parser,
    "mdpr forget": forget.make_parser,
    "mdpr report": report.make_parser,
    "mdpr gallery": gallery.make_parser,
    "mdpr data": data.make_parser,
    "mdpr refine": refine.make_parser,
    "mdpr tune": tune.make_parser,
    "mdpr eval mot": lambda: eval_tracks.make_parser("mdpr eval mot", ""),
    "mdpr eval mtmc": lambda: eval_tracks.make_parser("mdpr eval mtmc", ""),
    "mdpr eval plaza": eval_plaza.make_parser,
    "mdpr eval reid": eval_reid.make_parser,
    "mdpr eval speed": eval_speed.make_parser,
    "mdpr export": export.make_parser,
    "torchrun --nproc-per-node 4 -m mdpr.pipeline.commands.train": train.make_parser,
}


def shell_lines(text: str) -> list[str]:
    blocks = re.findall(r"```bash\n(.*?)```", text, flags=re.DOTALL)
    return [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]


README_LINES = [line for line in shell_lines((ROOT / "README.md").read_text("utf-8")) if line.startswith("mdpr")]
LINES = shell_lines(DOCUMENT)
for name in ("synthetic", "synthplaza", "report", "linking", "gallery", "refine-and-tune"):
    LINES += [line for line in shell_lines((ROOT / f"docs/{name}.md").read_text("utf-8")) if line.startswith("mdpr")]


def test_all_commands_are_there() -> None:
    assert len(LINES) > 12
    for name in PARSERS:
        assert any(line.startswith(name) for line in LINES + README_LINES), name


@pytest.mark.parametrize("line", LINES + README_LINES)
def test_every_command_parses_and_every_training_builds(line: str) -> None:
    name = max((name for name in PARSERS if line.startswith(f"{name} ")), key=len)
    flags = PARSERS[name]().parse_args(shlex.split(line)[len(name.split()) :])
    if PARSERS[name] is train.make_parser and flags.resume is None:
        assert train.config_of(flags).data.root


def test_presets_and_settings_exist() -> None:
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", DOCUMENT, flags=re.MULTILINE)) == set(preset_names("train"))
    values = TrainConfig().as_mapping()
    named = re.findall(r"`(model|sampler|optimiser|schedule|loss|run)\.(?!json)([a-z_]+)", DOCUMENT)
    assert len(named) > 8
    for section, key in named:
        assert key in values[section], f"{section}.{key}"
