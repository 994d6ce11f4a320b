"""The configuration: what is written is what runs, and nothing is swallowed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mdpr.configs import preset_names
from mdpr.errors import ConfigError, ModelError
from mdpr.pipeline.config import build_run_config, resolve_auto, with_thresholds
from mdpr.pipeline.flags import FLAG_KEYS, config_from_flags
from mdpr.pipeline.settings import merge_settings, parse_setting, read_config


def test_the_default_preset_states_the_defaults() -> None:
    stated = read_config("default")
    assert build_run_config(stated) == build_run_config({})
    assert stated == {key: value for key, value in build_run_config({}).as_mapping().items() if key != "sources"}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_builds_and_survives_a_round_trip(name: str) -> None:
    config = build_run_config(read_config(name))
    assert build_run_config(yaml.safe_load(config.to_yaml())) == config


def test_order_file_then_set_then_flags(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("sources: [a.mp4]\ndetector: {conf: 0.3, iou: 0.4, imgsz: 320}\n")
    config = config_from_flags((), {"imgsz": 1280}, str(file), (("detector.iou", 0.6), ("detector.imgsz", 960)))
    options = config.detector.options
    assert (options.conf, options.iou, options.imgsz) == (0.3, 0.6, 1280)
    assert config.sources == ("a.mp4",)
    assert config_from_flags(("b.mp4",), {}, str(file)).sources == ("b.mp4",)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trackers": {}}, "unknown section 'trackers'. Known: sources, source"),
        ({"tracker": {"max_age": 3}}, "tracker: unknown key 'max_age'"),
        ({"tracker": {"name": "sort"}}, "unknown tracker 'sort'. Known: bytetrack, deepsort"),
        ({"tracker": 5}, "tracker: expected a mapping"),
        ({"output": {"crf": 99}}, "output.crf: expected 0 to 51"),
        ({"source": {"vid_stride": 0}}, "vid_stride"),
        ({"detector": {"conf": 1.5}}, "conf"),
        ({"reid": {"name": "osnet"}}, "unknown reid 'osnet'. Known: auto, histogram, mdpr, .*, mdpr-s-int8, none"),
        ({"detector": {"name": "motion", "weights": "x.pt"}}, "detector: unknown key 'weights'"),
    ],
)
def test_mistakes_are_named(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_run_config(values)


@pytest.mark.parametrize(
    ("text", "message"), [("a: [", "not valid YAML"), ("- a\n", "expected sections"), ("5", "expected sections")]
)
def test_broken_files(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_config(str(file))


def test_settings() -> None:
    assert parse_setting("tracker.max_age_s=3") == ("tracker.max_age_s", 3)
    assert parse_setting("output.name=a=b") == ("output.name", "a=b")
    for text in ("tracker.max_age_s", "a=["):
        with pytest.raises(ConfigError, match="--set"):
            parse_setting(text)
    for key in ("tracker", "tracker.a.b"):
        with pytest.raises(ConfigError, match=r"SECTION\.KEY=VALUE"):
            merge_settings({}, [(key, 1)], ["tracker"])


def test_every_flag_reaches_an_existing_key() -> None:
    detectors = {
        "detections": "file",
        "weights": "yolo",
        "imgsz": "yolo",
        "iou": "yolo",
        "max_det": "yolo",
        "half": "yolo",
    }
    values: dict[str, Any] = {
        "detector": "motion", "reid": "none", "tracker": "bytetrack", "detections": "det.txt", "weights": "x.pt",
        "reid_weights": "x.onnx", "classes": [0], "half": True, "exist_ok": True, "save": False, "save_txt": False,
        "save_parquet": False, "save_crop": True, "link": True, "gallery": "g.db", "cameras": "c.yaml",
        "show": True, "crops": False, "project": "p", "name": "n", "imgsz": 320, "conf": 0.5,
        "iou": 0.5, "started_at": ["2026-11-26"], "refine": True, "camera_motion": "on",
    }  # fmt: skip
    for flag, key in FLAG_KEYS.items():
        value = values.get(flag, 2)
        given = {flag: value}
        if flag in detectors and flag != "detector":
            given["detector"] = detectors[flag]
        if flag == "link_every":
            given["gallery"] = "g.db"
        section, option = key.split(".")
        mapping = config_from_flags(("a.mp4",), given).as_mapping()
        assert mapping[section][option] == value, flag


def test_device_goes_to_every_stage_that_has_one() -> None:
    both = config_from_flags(("a.mp4",), {"device": "cpu", "reid": "onnx", "reid_weights": "x.onnx"})
    assert (both.detector.options.device, both.reid.options.device) == ("cpu", "cpu")
    config_from_flags(("a.mp4",), {"device": "cpu", "detector": "motion", "reid": "none"})


def test_reid_takes_a_file() -> None:
    config = config_from_flags(("a.mp4",), {"reid": "models/osnet.onnx"})
    assert (config.reid.name, config.reid.options.weights) == ("onnx", "models/osnet.onnx")
    assert config_from_flags(("a.mp4",), {"reid_weights": "models/osnet.onnx"}).reid == config.reid
    assert config_from_flags(("a.mp4",), {"reid": "best/model.safetensors"}).reid.name == "mdpr"
    with pytest.raises(ModelError, match="no embedder reads"):
        config_from_flags(("a.mp4",), {"reid": "model.pth"})


def test_detections_choose_the_file_detector() -> None:
    config = config_from_flags(("seq",), {"detections": "det.txt"})
    assert (config.detector.name, config.detector.options.path) == ("file", "det.txt")
    with pytest.raises(ConfigError, match="--detections goes with"):
        config_from_flags(("seq",), {"detections": "det.txt", "detector": "yolo"})


def test_auto_appearance() -> None:
    auto = build_run_config({}).reid
    assert resolve_auto(auto, has_images=True).name == "mdpr"
    assert resolve_auto(auto, has_images=False).name == "none"
    chosen = build_run_config({"reid": {"name": "none"}}).reid
    assert resolve_auto(chosen, has_images=True) is chosen


def test_unknown_options_of_the_api() -> None:
    with pytest.raises(ConfigError, match="unknown option 'confidence'"):
        config_from_flags(("a.mp4",), {"confidence": 0.5})


def test_the_tracker_takes_the_distances_of_the_embedder() -> None:
    config = build_run_config({"tracker": {"reid_threshold": 0.05}, "reid": {"match_distance": 0.35}})
    embedder = config.reid.make()
    options = with_thresholds(config.tracker, embedder).options
    assert (options.appearance_threshold, options.reid_threshold) == (0.35, 0.05)
    without = build_run_config({"reid": {"name": "none"}})
    assert with_thresholds(without.tracker, without.reid.make()) == without.tracker
    bytetrack = build_run_config({"tracker": {"name": "bytetrack"}})
    assert with_thresholds(bytetrack.tracker, embedder) == bytetrack.tracker
