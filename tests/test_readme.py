"""What the README says is true: its commands parse, its Python runs, the demo works, CI runs its test command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mdpr.pipeline.commands.track import make_parser

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def code_blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def shell_lines() -> list[str]:
    return [line.split("#")[0].strip() for block in code_blocks("bash") for line in block.splitlines()]


def test_every_command_line_parses() -> None:
    commands = [shlex.split(line)[1:] for line in shell_lines() if line.startswith("mdpr-track")]
    assert len(commands) >= 2
    for command in commands:
        assert make_parser().parse_args(command).sources


def test_every_flag_in_the_text_exists() -> None:
    known = {flag for action in make_parser()._actions for flag in action.option_strings}
    own = set(re.findall(r"`mdpr-track[^`]*?(--[a-z-]+)|`(--[a-z-]+)", README))
    for flag in {first or second for first, second in own}:
        assert flag in known, flag


def test_ci_runs_the_test_command_of_the_readme() -> None:
    test_line = next(line for line in shell_lines() if "[dev]" in line)
    command = test_line.split("&&")[1].strip()
    assert command in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


def test_the_python_example_runs(
    make_walk: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: object
) -> None:
    pytest.importorskip("supervision")
    monkeypatch.chdir(make_walk("shop.mp4").parent)
    example, boxes = code_blocks("python")
    assert 'detector="yolo"' in example
    assert len(example.strip().splitlines()) <= 10
    exec(compile(example.replace('detector="yolo"', 'detector="motion"'), "README", "exec"), {})
    assert "ids [1" in capsys.readouterr().out  # type: ignore[attr-defined]
    exec(compile(boxes, "README", "exec"), {})
    assert capsys.readouterr().out.startswith("[[104.")  # type: ignore[attr-defined]


@pytest.mark.slow
def test_the_run_command_without_any_weights(tmp_path: Path) -> None:
    run_line = next(line for line in shell_lines() if "demo/run.py" in line)
    command = shlex.split(run_line.split("&&")[1].replace("python", sys.executable, 1))
    result = subprocess.run(
        [*command, "--project", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert "mdpr-person.onnx is used: weights that come with mdpr-track" in result.stderr
    assert "of them in both corridors" in result.stdout
    for clip in ("east", "north"):
        assert (tmp_path / "run" / clip / "video.mp4").stat().st_size > 100_000
