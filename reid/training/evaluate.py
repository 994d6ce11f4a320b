"""mAP, mINP and CMC of the network in training, on the query and gallery images of its data set."""

from __future__ import annotations

import numpy as np
import torch

from mdpr.reid.data import ReidDataset
from mdpr.reid.evaluation.evaluate import evaluate
from mdpr.reid.evaluation.extract import extract_features
from mdpr.reid.evaluation.models import Crops, FeatureModel, Floats
from mdpr.reid.evaluation.truth import without_junk
from mdpr.reid.network import MdprNetwork
from mdpr.reid.training.step import DTYPES

_BATCH = 64


def evaluate_model(
    model: MdprNetwork, dataset: ReidDataset, device: torch.device, precision: str, workers: int
) -> dict[str, float]:
    """The measures of a network, by the rules of `mdpr.reid.evaluation`.

    Args:
        model: on `device`; its mode is the same afterwards.
        dataset: with query and gallery.
        device: of the model.
        precision: fp32, bf16 or fp16.
        workers: threads that read images.

    Returns:
        mAP, mINP, rank1, rank5 and rank10, in [0, 1]; `match_distance` and `sure_distance`, which the embedder of the
        pipeline takes over, where there are pairs to measure them on.

    Raises:
        FormatError: an image that cannot be read, or no query has a right answer.
    """
    was_training = model.training
    model.eval()
    try:
        network = _as_feature_model(model, device, precision)
        gallery = without_junk(dataset.gallery)
        query_features = extract_features(network, dataset.query, _BATCH, workers)
        gallery_features = extract_features(network, gallery, _BATCH, workers)
    finally:
        model.train(was_training)
    found = evaluate(dataset.query, gallery, query_features, gallery_features)
    distances = {
        "match_distance": found.verification.match_distance,
        "sure_distance": found.verification.sure_distance,
    }
    return found.measures() | {name: value for name, value in distances.items() if value is not None}


def _as_feature_model(model: MdprNetwork, device: torch.device, precision: str) -> FeatureModel:
    """The network as it is, neither folded nor exported: that would cost more than it gains every few epochs."""
    dtype = DTYPES[precision]
    height, width = model.config.input_size
    mean, std = (torch.tensor(value, device=device) for value in (model.config.mean, model.config.std))

    @torch.inference_mode()
    def embed(crops: Crops) -> Floats:
        rgb = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1])).to(device)
        batch = ((rgb.float() - mean) / std).permute(0, 3, 1, 2)
        with torch.autocast(device.type, dtype, enabled=dtype != torch.float32):
            return model.embed(batch).float().cpu().numpy()

    return FeatureModel("the network in training", "", (height, width), embed)
