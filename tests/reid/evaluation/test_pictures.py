"""The report: what a sheet shows is what the ranking says, and the folder holds everything whole."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mdpr.errors import FormatError
from mdpr.reid.data import ReidDataset, ReidImages, load_dataset
from mdpr.reid.evaluation.attention import attention_maps, overlay
from mdpr.reid.evaluation.drawing import GREEN, RED
from mdpr.reid.evaluation.evaluate import COSINE, EvaluateConfig, Evaluation, evaluate
from mdpr.reid.evaluation.pictures import write_report
from mdpr.reid.evaluation.plots import read_metrics
from mdpr.reid.evaluation.report import Setting, as_json, as_text
from mdpr.reid.evaluation.reranking import RerankConfig
from mdpr.reid.evaluation.sheets import answers, draw_sheet, hardest, spread
from mdpr.reid.network import build_model
from reid_images import make_market

METRICS = """update,epoch,lr,loss,global_cls,mAP,rank1
10,0.1,1e-4,5.0,2.5,,
20,0.2,2e-4,4.0,nan,,
20,0.2,,,,0.5,0.75
30,0.3,3e-4,broken,2.0,,
"""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> ReidDataset:
    return load_dataset("market1501", make_market(tmp_path_factory.mktemp("market"), 2, 2, 3, test_identities=6))


@pytest.fixture(scope="module")
def evaluation(dataset: ReidDataset) -> Evaluation:
    noise = np.random.default_rng(0)
    centres = noise.normal(size=(20, 8))

    def features(pids: np.ndarray) -> np.ndarray:
        return (centres[pids] + 0.9 * noise.normal(size=(len(pids), 8))).astype(np.float32)

    config = EvaluateConfig(rerank=RerankConfig(), expand=2)
    query, gallery = features(dataset.query.pids), features(dataset.gallery.pids)
    return evaluate(dataset.query, dataset.gallery, query, gallery, config)


def test_answers_are_those_of_the_ranking(evaluation: Evaluation) -> None:
    ranking, truth = evaluation.rankings[COSINE], evaluation.truth
    order = hardest(evaluation, 100)
    assert len(order) == len(truth.query)
    assert np.all(np.diff(ranking.average_precision[order]) >= 0)
    for answer in answers(evaluation, order, shown=5):
        q, items = answer.query, answer.items
        same_person = truth.query.pids[q] == truth.gallery.pids[items]
        np.testing.assert_array_equal(answer.is_right, same_person)
        assert not np.any(same_person & (truth.query.camids[q] == truth.gallery.camids[items]))  # excluded
        assert np.all(np.diff(answer.similarity) <= 0)
        if answer.is_right.any():
            assert answer.first_rank == np.argmax(answer.is_right) + 1
            assert answer.first_right == items[np.argmax(answer.is_right)]
        else:
            assert answer.first_rank > 5
            assert truth.gallery.pids[answer.first_right] == truth.query.pids[q]


def test_spread_goes_from_the_worst_to_the_best(evaluation: Evaluation) -> None:
    precision = evaluation.rankings[COSINE].average_precision
    chosen = spread(evaluation, 4)
    assert len(chosen) == 4
    assert np.all(np.diff(precision[chosen]) >= 0)
    assert len(spread(evaluation, 500)) == len(precision)


def test_frames_have_the_colour_of_the_answer(evaluation: Evaluation, dataset: ReidDataset) -> None:
    found = answers(evaluation, spread(evaluation, 4), shown=4)
    assert {True, False} <= {bool(right) for answer in found for right in answer.is_right}
    sheet = np.asarray(draw_sheet(found, dataset.query, dataset.gallery, "title"))
    wanted = {GREEN: 0, RED: 0}
    for answer in found:
        wanted[GREEN] += int(answer.is_right.sum()) + (answer.first_rank > 4)
        wanted[RED] += int((~answer.is_right).sum())
    corners = 2 * 4 * (88 + 168 - 2 * 4)  # pixels of a frame: 4 wide around 80 x 160
    for colour, count in wanted.items():
        rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert np.sum((sheet == rgb).all(axis=-1)) == count * corners


def test_report_is_complete(evaluation: Evaluation, dataset: ReidDataset, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_model("mdpr-s", width=8, input_size=(64, 32)).eval()
    (tmp_path / "metrics.csv").write_text(METRICS)
    setting = Setting("a model", "model-1", "market1501", 2.0, 3, ("a note <b>",))
    out = tmp_path / "out"
    write_report(out, evaluation, setting, dataset.query, dataset.gallery, network, tmp_path / "metrics.csv")
    names = {"attention.png", "distances.png", "hardest.png", "training.png", "typical.png"}
    assert {path.name for path in out.iterdir()} == names | {"metrics.json", "report.html"}
    for name in names:
        with Image.open(out / name) as picture:
            picture.load()
            assert min(picture.size) > 200
            assert np.asarray(picture.convert("L")).std() > 5
    told = json.loads((out / "metrics.json").read_text())
    assert told == json.loads(json.dumps(as_json(evaluation, setting)))
    assert told["exclusion"] == "same identity and camera"
    assert told["junk_left_out"] == 3
    assert list(told["measures"]) == ["cosine", "expanded by 2", "expanded by 2, re-ranked"]
    assert told["measures"]["cosine"]["mAP"] == evaluation.rankings[COSINE].mean_average_precision
    page = (out / "report.html").read_text()
    assert page.count("data:image/png;base64,") == len(names)
    assert not re.search(r"<script|https?://|<link", page)
    assert "a note &lt;b&gt;" in page
    text = as_text(evaluation, setting)
    for part in ("same identity and camera", "re-ranked", "3 junk left out", "match_distance", "images/s"):
        assert part in text


def test_evaluation_says_why_there_is_nothing_to_rank(dataset: ReidDataset) -> None:
    ones = np.ones((len(dataset.gallery), 2), np.float32)
    with pytest.raises(FormatError, match="no person of the queries is in the gallery"):
        evaluate(dataset.train, dataset.gallery, ones[: len(dataset.train)], ones)
    one_camera = load_dataset("market1501", make_market(Path(dataset.query.paths[0]).parents[2] / "one", 1, 1, 3))
    queries, items = len(one_camera.query), len(one_camera.gallery)
    with pytest.raises(FormatError, match=r"--exclude image"):
        evaluate(one_camera.query, one_camera.gallery, ones[:queries], ones[:items])
    result = evaluate(one_camera.query, one_camera.gallery, ones[:queries], ones[:items], EvaluateConfig("image"))
    assert result.measures()["rank1"] == 1.0
    with pytest.raises(FormatError, match="but 1 rows of features"):
        evaluate(dataset.query, dataset.gallery, ones[:1], ones)
    with pytest.raises(FormatError, match="no query images"):
        evaluate(ReidImages.of([], []), dataset.gallery, ones[:0], ones)


def test_metrics_are_read_with_holes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    path.write_text(METRICS)
    columns = read_metrics(path)
    assert columns["loss"][0].tolist() == [10, 20]
    assert columns["loss"][1].tolist() == [5, 4]
    assert columns["global_cls"][0].tolist() == [10, 30]
    assert [values.tolist() for values in columns["mAP"]] == [[20], [0.5]]
    path.write_text("")
    with pytest.raises(FormatError, match=r"metrics\.csv"):
        read_metrics(path)


def test_overlay_colours_what_is_looked_at() -> None:
    crop = np.full((40, 20, 3), 100, np.uint8)
    attention = np.zeros((4, 2), np.float32)
    attention[0] = 0.3
    picture = overlay(crop, attention).astype(int)
    assert np.ptp(picture[-5:], axis=-1).max() <= 2  # grey where nothing is looked at
    assert np.ptp(picture[2:6], axis=-1).min() > 30


def test_attention_maps_are_those_of_the_network() -> None:
    torch.manual_seed(0)
    network = build_model("mdpr-s", width=8, input_size=(64, 32)).eval()
    crops = np.random.default_rng(0).integers(0, 255, (3, 64, 32, 3)).astype(np.uint8)
    maps = attention_maps(network, crops)
    assert {level: values.shape[:2] for level, values in maps.items()} == {"attn4": (3, 2), "attn3": (3, 2)}
    for values in maps.values():
        assert 0 <= values.min() <= values.max() <= 1
        assert values.sum(axis=1).max() <= 1 + 1e-5  # what is left is background
