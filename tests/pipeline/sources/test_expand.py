"""What was typed becomes cameras with safe, unique names; no password shows."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from mdpr.errors import ConfigError, SourceError
from mdpr.pipeline.sources import CameraSpec, SourceConfig, expand_sources, open_source
from mdpr.pipeline.sources.spec import mask_secrets, safe_name, url_host


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def cameras(*specs: object) -> list[tuple[str, str]]:
    return [(spec.camera, spec.location) for spec in expand_sources([str(spec) for spec in specs])]


def names(*specs: object) -> list[str]:
    return [camera for camera, _ in cameras(*specs)]


@pytest.mark.parametrize("specs", [[], [""], ["  "]])
def test_nothing_given_is_an_error(specs: list[str]) -> None:
    with pytest.raises(ConfigError, match="no source"):
        expand_sources(specs)


@pytest.mark.parametrize(
    ("spec", "camera"),
    [
        ("clips/front door.mp4", "front_door"),
        ("clips/Tür.mp4", "Tür"),
        ("missing.mp4", "missing"),
        ("0", "webcam0"),
        ("12", "webcam12"),
        ("rtsp://10.0.0.7:554/live", "10.0.0.7"),
        ("rtsp://admin:secret@cam.local/live", "cam.local"),
        ("rtsp://admin:se@cr/et#1@cam.local/live", "cam.local"),
        ("http://[::1]:8080/x.mp4", "1"),
        ("http://[broken/x.mp4", "stream"),
        ("door=clips/a.mp4", "door"),
        ("door=rtsp://u:p@10.0.0.7/x?a=b", "door"),
        ("door=0", "door"),
        ("rtsp://host/x?name=y", "host"),
        ("...", "camera"),
    ],
)
def test_camera_names(spec: str, camera: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert [name.strip("_") for name in names(spec)] == [camera]


def test_names_are_unique_whatever_the_case() -> None:
    assert names("a/x.mp4", "b/x.mp4", "c/X.mp4", "x-2=d.mp4", "x=e.mp4") == ["x", "x-2", "X-3", "x-2-2", "x-4"]


def test_names_fit_a_file_name() -> None:
    for text in ["a/b\\c:d*e?", "x" * 500, "\n\t", "..", ".hidden", "ü" * 300]:
        name = safe_name(text)
        assert 0 < len(name.encode()) <= 200
        assert not set(name) & set('/\\:*?"<>|\n\t ')
        assert not name.startswith(".")


def test_a_path_with_an_equals_sign_wins_over_a_name(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    touch(tmp_path, "take=2.mp4")
    assert cameras("take=2.mp4") == [("take_2", "take=2.mp4")]
    assert cameras("take=3.mp4") == [("take", "3.mp4")]


def test_a_folder_of_videos_is_one_camera_each_in_natural_order(tmp_path: Path) -> None:
    touch(tmp_path, "cam10.mp4", "cam2.MKV", "notes.txt", ".hidden.mp4", "sub/x.mp4")
    assert cameras(tmp_path) == [("cam2", str(tmp_path / "cam2.MKV")), ("cam10", str(tmp_path / "cam10.mp4"))]


def test_a_folder_with_both_is_the_images_and_each_video(tmp_path: Path) -> None:
    touch(tmp_path, "yard/1.jpg", "yard/2.png", "yard/a.mp4")
    assert cameras(tmp_path / "yard") == [("yard", str(tmp_path / "yard")), ("a", str(tmp_path / "yard" / "a.mp4"))]


def test_a_sequence_folder_is_one_camera(tmp_path: Path) -> None:
    touch(tmp_path, "MOT16-02/seqinfo.ini", "MOT16-02/x.mp4")
    assert names(tmp_path / "MOT16-02") == ["MOT16-02"]


def test_globs(tmp_path: Path) -> None:
    touch(tmp_path, "d/a2.mp4", "d/a10.mp4", "d/a2.srt", "e/1.jpg", "e/2.jpg", "f/cam.odd")
    assert names(tmp_path / "d" / "*") == ["a2", "a10"]
    assert names(tmp_path / "*" / "*.mp4") == ["a2", "a10"]
    assert cameras(tmp_path / "e" / "*.jpg") == [("e", str(tmp_path / "e" / "*.jpg"))]
    assert names(tmp_path / "f" / "*.odd") == ["cam"]
    assert names(tmp_path / "[de]") == ["a2", "a10", "e"]
    assert names(f"x={tmp_path}/d/*.mp4") == ["x", "x-2"]
    with pytest.raises(SourceError, match="no file matches"):
        open_source(expand_sources([str(tmp_path / "*.none")])[0], SourceConfig())


def test_a_file_with_wildcards_in_its_name_is_that_file(tmp_path: Path) -> None:
    touch(tmp_path, "a[1].mp4")
    assert cameras(tmp_path / "a[1].mp4") == [("a_1_", str(tmp_path / "a[1].mp4"))]


def test_a_list_of_streams(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "sub/b.mp4")
    text = "# cameras\n\na.mp4   # the door\nyard=sub/b.mp4\nrtsp://u:p@h/#1\n0\nsub\n/absolute.mp4\n"
    (tmp_path / "list.streams").write_text("\ufeff" + text, encoding="utf-8")
    assert cameras(tmp_path / "list.streams") == [
        ("a", str(tmp_path / "a.mp4")),
        ("yard", str(tmp_path / "sub" / "b.mp4")),
        ("h", "rtsp://u:p@h/#1"),
        ("webcam0", "0"),
        ("b", str(tmp_path / "sub" / "b.mp4")),
        ("absolute", "/absolute.mp4"),
    ]


@pytest.mark.parametrize("line", ["list.streams", "x=list.streams", "other.streams"])
def test_a_list_in_a_list_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "list.streams").write_text(line)
    with pytest.raises(ConfigError, match="list of sources"):
        expand_sources([str(tmp_path / "list.streams")])


@pytest.mark.parametrize(("content", "message"), [(b"# only\n\n", "names no source"), (None, "does not exist")])
def test_a_list_without_sources_fails_when_opened(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "cams.streams"
    if content is not None:
        path.write_bytes(content)
    (spec,) = expand_sources([str(path)])
    with pytest.raises(SourceError, match=message):
        open_source(spec, SourceConfig())


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://admin:hunter2@127.0.0.1:9/live",
        "rtsp://admin:hunter2@x/@#?hunter2@127.0.0.1:9/live",
        "rtsp://hunter2@127.0.0.1:9/live",
        "http://127.0.0.1:9/video?user=admin&pwd=hunter2",
        "http://127.0.0.1:9/video?access_token=hunter2&x=1",
        "rtsp://127.0.0.1:9/user=admin&password=hunter2&channel=1",
    ],
)
def test_passwords_never_show(url: str, caplog, capfd) -> None:
    caplog.set_level(logging.DEBUG)
    (spec,) = expand_sources([url])
    with pytest.raises(SourceError) as caught:
        open_source(spec, SourceConfig(timeout_s=1))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    shown = [str(caught.value), repr(spec), spec.camera, spec.display, caplog.text, *capfd.readouterr()]
    assert not any("hunter2" in text for text in shown), shown
    assert "127.0.0.1:9" in str(caught.value)


def test_masking_leaves_other_text_alone() -> None:
    for text in ["a@b.mp4", "http://host/a@2x.mp4", "rtsp://host:554/live?channel=1", "user:pass@file"]:
        assert mask_secrets(text) == text
    assert url_host("rtsp://u:p@HOST:1/x") == "host"


@pytest.mark.parametrize(
    "options",
    [
        {"start_s": -1.0},
        {"start_s": float("nan")},
        {"end_s": 0.0},
        {"start_s": 5.0, "end_s": 5.0},
        {"end_s": float("inf")},
        {"vid_stride": 0},
        {"fps": 0.0},
        {"timeout_s": 0.0},
    ],
)
def test_nonsense_options_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="|".join(options)):
        SourceConfig(**options)


def test_a_spec_holds_its_location() -> None:
    assert CameraSpec("a", "rtsp://u:p@h/x").location == "rtsp://u:p@h/x"
