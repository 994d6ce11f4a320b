"""What counts: distractors, other classes, boxes marked 0, ignore regions."""

from __future__ import annotations

import numpy as np
import pytest

from mdpr.errors import ConfigError, FormatError
from mdpr.pipeline.formats.trackboxes import CROWD, MOT_CLASSES, TrackBoxes
from mdpr.pipeline.metrics.preprocessing import RULES, compare, rules_for

BOX = [0, 0, 10, 10]
FAR = [100, 0, 10, 10]


def boxes(ltwh: list[list[float]], **columns: object) -> TrackBoxes:
    return TrackBoxes.of([0] * len(ltwh), range(len(ltwh)), ltwh, **columns)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "class_name", "kept_truth", "kept_predictions"),
    [
        ("mot16", "pedestrian", 1, 1),
        ("mot16", "static_person", 0, 0),
        ("mot16", "reflection", 0, 0),
        ("mot16", "occluder", 0, 1),  # a false positive
        ("mot16", "non_mot_vehicle", 0, 1),
        ("mot20", "non_mot_vehicle", 0, 0),
        ("mot15", "static_person", 1, 1),
    ],
)
def test_classes(rules: str, class_name: str, kept_truth: int, kept_predictions: int) -> None:
    truth = boxes([BOX, FAR], class_id=[MOT_CLASSES[class_name], 1])
    found = compare(truth, boxes([BOX]), 1, RULES[rules])
    assert (len(found.truth_id) - 1, len(found.predicted_id)) == (kept_truth, kept_predictions)


def test_marked_zero_is_no_distractor() -> None:
    found = compare(boxes([BOX, FAR], score=[0, 1], class_id=1), boxes([BOX]), 1, RULES["mot16"])
    assert (len(found.truth_id), len(found.predicted_id), len(found.iou)) == (1, 1, 0)


def test_a_prediction_on_a_person_survives_a_distractor_beside_it() -> None:
    truth = boxes([BOX, [1, 0, 10, 10]], class_id=[1, MOT_CLASSES["distractor"]])
    found = compare(truth, boxes([BOX, [1, 0, 10, 10]]), 1, RULES["mot16"])
    assert found.predicted_row.tolist() == [0]
    assert found.iou.tolist() == [1.0]


@pytest.mark.parametrize(("left", "is_out"), [(4, True), (5, False), (20, False)])
def test_ignore_regions_take_what_is_mostly_inside(left: int, is_out: bool) -> None:
    truth = boxes([[0, 0, 10, 100], FAR], class_id=[CROWD, 1])
    predicted = boxes([[left, 0, 10, 10]])
    with_regions = compare(truth, predicted, 1, rules_for("auto", truth, ignores_crowds=True))
    assert (len(with_regions.predicted_id) == 0) == is_out
    assert len(compare(truth, predicted, 1, rules_for("auto", truth)).predicted_id) == 1


def test_a_match_inside_a_region_stays() -> None:
    truth = boxes([[0, 0, 50, 50], BOX], class_id=[CROWD, 1])
    found = compare(truth, boxes([BOX, [20, 20, 10, 10]]), 1, rules_for("mot16", truth, ignores_crowds=True))
    assert found.predicted_row.tolist() == [0]


def test_rules_follow_from_the_truth() -> None:
    assert rules_for("auto", boxes([BOX])) == RULES["mot15"]
    assert rules_for("auto", boxes([BOX], class_id=1)) == RULES["mot16"]
    with pytest.raises(ConfigError, match="mot20"):
        rules_for("mot99", boxes([BOX]))


def test_unknown_classes_are_named() -> None:
    with pytest.raises(FormatError, match=r"classes 0, 99, expected 1 to 13.*--rules mot15"):
        compare(boxes([BOX, FAR], class_id=[0, 99]), boxes([BOX]), 1, RULES["mot16"])
    with pytest.raises(FormatError, match=r"class 3 in frame 1"):
        compare(boxes([BOX], class_id=1), boxes([BOX], class_id=3), 1, RULES["mot16"])


def test_rows_lead_back_to_the_files() -> None:
    truth = boxes([FAR, BOX, [50, 0, 9, 9]], class_id=[2, 1, 1])
    found = compare(truth, boxes([FAR, BOX]), 1, RULES["mot16"])
    assert found.truth_row.tolist() == [1, 2]
    assert found.predicted_row.tolist() == [1]
    assert np.array_equal(found.truth_id, truth.track_id[found.truth_row])
