"""The method restated without any module: plain functions of a dict of tensors under the authors' names.

Written from the description of the method, one line a formula and slow on purpose; the network is held against it.
"""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

State = dict[str, Tensor]
STRIPES, ATTENTIONS = 2, 2
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def fill(name: str, shape: tuple[int, ...]) -> Tensor:
    """The reference's rule for the value of a state entry."""
    x = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape).astype(np.float32)
    if name.endswith("running_var"):
        x = 1 + 0.1 * np.abs(x)
    elif name.endswith("running_mean"):
        x = 0.1 * x
    elif name.endswith(".p"):
        x = np.full(shape, 3.0, np.float32)
    elif name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    elif len(shape) <= 1:
        x = 1 + 0.1 * x if name.endswith("weight") else 0.1 * x
    else:
        x = x * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    return torch.from_numpy(np.asarray(x, np.float32))


def filled_state(reference: Path) -> State:
    """The state of the reference file, filled by the rule."""
    with np.load(reference) as file:
        shapes = [tuple(json.loads(str(shape))) for shape in file["state_shapes"]]
        return {str(name): fill(str(name), shape) for name, shape in zip(file["state_names"], shapes, strict=True)}


def images(batch: int, height: int, width: int) -> Tensor:
    """The reference's input, normalised."""
    pixels = np.random.default_rng(0).uniform(0, 255, (batch, 3, height, width)).astype(np.float32)
    mean, std = (np.array(values, np.float32)[:, None, None] for values in (MEAN, STD))
    return torch.from_numpy((pixels - mean) / std)


def embedding(s: State, x: Tensor) -> Tensor:
    """Evaluation: (B, D (1 + P + 2) + 4 D)."""
    maps, _ = _maps(s, x, training=False)
    heads = ["hard_global", *(f"hard_part_{i}" for i in range(STRIPES)), "attn_feature4", "attn_feature3", "fusion"]
    return torch.cat([_head(s, name, maps[name], training=False) for name in heads], dim=1)


def losses(s: State, x: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """All terms in training mode."""
    maps, attentions = _maps(s, x, training=True)
    terms: dict[str, Tensor] = {}
    features: dict[str, Tensor] = {}
    for name, value in maps.items():
        if not name.startswith("pooled"):
            features[name] = _head(s, name, value, training=True)
            weights = s[_head_name(name) + ".weight"]
            terms[f"{name}_cls"] = _classification(features[name], weights, targets)
            if "bap" not in name:
                terms[f"{name}_triplet"] = _triplet(features[name], targets)
    for level in (4, 3):
        first, second = maps[f"pooled{level}_0"], maps[f"pooled{level}_1"]
        terms[f"diversity_loss_{level}"] = torch.stack([_cosine(a, b) for a, b in zip(first, second)]).mean()  # noqa: B905
        terms[f"diversity_loss_reg_{level}"] = 0.001 * attentions[level].sum() / len(x)
    z1, z2 = features["hard_global"], features["attn_feature4"]
    p1, p2 = _predict(s, "predictor1", z1), _predict(s, "predictor2", z2)
    pairs = [_cosine(p1[b], z2[b].detach()) + _cosine(p2[b], z1[b].detach()) for b in range(len(x))]
    terms["mutual_distillation"] = -0.5 * torch.stack(pairs).mean()
    return terms


def _maps(s: State, x: Tensor, training: bool) -> tuple[dict[str, Tensor], dict[int, Tensor]]:
    g = "generate."
    x = functional.conv2d(x, s[g + "backbone.0.weight"], stride=2, padding=3)
    x = functional.relu(_batch_norm(s, g + "backbone.1", x, training))
    x = functional.max_pool2d(x, 3, 2, padding=0, ceil_mode=True)
    x = _layer(s, g + "backbone.4", x, 1, training)
    trunk = _layer(s, g + "backbone.5", x, 2, training)
    hard = _layer(s, g + "backbone_part.1", _layer(s, g + "backbone_part.0", trunk, 2, training), 1, training)
    maps = {"hard_global": _embed(s, g + "embedding_hard_global", hard, training)}
    rows = hard.shape[2] // STRIPES
    stripes = [hard[:, :, i * rows : (i + 1) * rows] for i in range(STRIPES)]
    for i, stripe in enumerate(stripes):
        maps[f"hard_part_{i}"] = _embed(s, f"{g}embedding_hard_part.{i}", stripe, training)
    x3 = _layer(s, g + "backbone_attn.0", trunk, 2, training)
    x4 = _layer(s, g + "backbone_attn.1", x3, 1, training)
    maps["attn_feature4"] = _embed(s, g + "embedding_attn_feature4", x4, training)
    logits4 = _attention_logits(s, g + "attention_maker4", x4, training)
    guide = functional.relu(functional.conv2d(logits4, s[g + "up_attn_4_3.conv.weight"]))
    logits3 = _attention_logits(s, g + "attention_maker3", torch.cat([x3, guide], dim=1), training)
    reduced3 = _embed(s, g + "em3_1024", x3, training)
    maps["attn_feature3"] = _embed(s, g + "embedding_attn_feature3", reduced3, training)
    attentions = {4: torch.softmax(logits4, 1)[:, :ATTENTIONS], 3: torch.softmax(logits3, 1)[:, :ATTENTIONS]}
    for level, features in ((4, x4), (3, reduced3)):
        bap = f"{g}attn_bap{level}"
        for i in range(ATTENTIONS):
            masked = features * attentions[level][:, i][:, None]
            picked = _embed(s, f"{bap}.embedding_layer.{i}", masked, training)
            maps[f"pooled{level}_{i}"] = _gem(picked, s[bap + ".pool.p"])
        maps[f"attn_bap{level}"] = functional.relu(
            torch.cat([maps[f"pooled{level}_{i}"] for i in range(ATTENTIONS)], dim=1)
        )
    parts = _merge(s, "fusion.merge", torch.cat([maps[f"hard_part_{i}"] for i in range(STRIPES)], dim=2), training)
    both_hard = _merge(s, "fusion.output_part", torch.cat([parts, maps["hard_global"]], dim=1), training)
    both_soft = torch.cat([maps["attn_feature4"], maps["attn_feature3"]], dim=1)
    both_soft = _merge(s, "fusion.output_attn", both_soft, training)
    maps["fusion"] = _merge(s, "fusion.output", torch.cat([both_hard, both_soft], dim=1), training)
    return maps, attentions


def _layer(s: State, name: str, x: Tensor, stride: int, training: bool) -> Tensor:
    """Basic blocks or bottlenecks, as many as the state has."""
    i = 0
    while f"{name}.{i}.conv1.weight" in s:
        x = _block(s, f"{name}.{i}", x, stride if i == 0 else 1, training)
        i += 1
    return x


def _block(s: State, name: str, x: Tensor, stride: int, training: bool) -> Tensor:
    shortcut = x
    if f"{name}.downsample.0.weight" in s:
        shortcut = functional.conv2d(x, s[name + ".downsample.0.weight"], stride=stride)
        shortcut = _batch_norm(s, name + ".downsample.1", shortcut, training)
    is_bottleneck = f"{name}.conv3.weight" in s
    strides = (1, stride, 1) if is_bottleneck else (stride, 1)
    for i, step in enumerate(strides, start=1):
        weight = s[f"{name}.conv{i}.weight"]
        x = functional.conv2d(x, weight, stride=step, padding=weight.shape[2] // 2)
        x = _ibn(s, f"{name}.bn{i}", x, training)
        if i < len(strides):
            x = functional.relu(x)
    return functional.relu(x + shortcut)


def _ibn(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    if f"{name}.IN.weight" not in s:
        return _batch_norm(s, name, x, training)
    half = len(s[name + ".IN.weight"])
    first, rest = x[:, :half], x[:, half:]
    mean, variance = first.mean((2, 3), keepdim=True), first.var((2, 3), keepdim=True, unbiased=False)
    first = (first - mean) / torch.sqrt(variance + 1e-5)
    first = first * s[name + ".IN.weight"][:, None, None] + s[name + ".IN.bias"][:, None, None]
    return torch.cat([first, _batch_norm(s, name + ".BN", rest, training)], dim=1)


def _batch_norm(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    shape = (1, -1, 1, 1) if x.ndim == 4 else (1, -1)
    over = (0, 2, 3) if x.ndim == 4 else (0,)
    mean = x.mean(over) if training else s[name + ".running_mean"]
    variance = x.var(over, unbiased=False) if training else s[name + ".running_var"]
    x = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + 1e-5)
    return x * s[name + ".weight"].view(shape) + s[name + ".bias"].view(shape)


def _embed(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    x = functional.conv2d(x, s[name + ".embedding.weight"])
    return functional.relu(_batch_norm(s, name + ".bn", x, training))


def _merge(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    x = functional.conv2d(functional.conv2d(x, s[name + ".0.weight"]), s[name + ".1.weight"], padding=1)
    return functional.relu(_batch_norm(s, name + ".2", x, training))


def _attention_logits(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    summed = functional.conv2d(x, s[name + ".conv.weight"]) + functional.conv2d(x, s[name + ".conv3.weight"], padding=1)
    return functional.relu(_batch_norm(s, name + ".bn", summed, training))


def _gem(x: Tensor, p: Tensor) -> Tensor:
    return (x.clamp(min=1e-6) ** p).mean((2, 3)) ** (1 / p)


def _head_name(name: str) -> str:
    if name.startswith("hard_part_"):
        return f"hard_part_head.{name[-1]}"
    return {
        "hard_global": "hard_global_head",
        "fusion": "fusion_feat_head",
        "attn_bap4": "attn_bap_feature4_head",
        "attn_bap3": "attn_bap_feature3_head",
    }.get(name, f"{name}_head")


def _head(s: State, name: str, x: Tensor, training: bool) -> Tensor:
    head = _head_name(name)
    if x.ndim == 4:
        x = _gem(x, s[head + ".pool_layer.p"])
    return _batch_norm(s, head + ".bottleneck.0", x, training)


def _cosine(a: Tensor, b: Tensor) -> Tensor:
    return (a @ b) / (a.norm() * b.norm())


def _classification(features: Tensor, weights: Tensor, targets: Tensor) -> Tensor:
    total = features.new_zeros(())
    classes = len(weights)
    for feature, target in zip(features, targets.tolist(), strict=True):
        logits = []
        for c in range(classes):
            cosine = _cosine(feature, weights[c])
            if c == target:
                factor = max(1.35 - float(cosine.detach()), 0.0)
                logits.append(64 * factor * (cosine - 0.65))
            else:
                factor = max(float(cosine.detach()) + 0.35, 0.0)
                logits.append(64 * factor * (cosine - 0.35))
        log_p = torch.stack(logits) - torch.logsumexp(torch.stack(logits), 0)
        for c in range(classes):
            total = total - (0.9 if c == target else 0.1 / (classes - 1)) * log_p[c]
    return total / len(features)


def _triplet(features: Tensor, targets: Tensor) -> Tensor:
    total = features.new_zeros(())
    for i, anchor in enumerate(features):
        distances = (features - anchor).square().sum(1).clamp(min=1e-12).sqrt()
        same = targets == targets[i]
        total = total + (0.05 + distances[same].max() - distances[~same].min()).clamp(min=0)
    return total / len(features)


def _predict(s: State, name: str, z: Tensor) -> Tensor:
    hidden = functional.relu(_batch_norm(s, name + ".1", z @ s[name + ".0.weight"].T, training=True))
    return hidden @ s[name + ".3.weight"].T + s[name + ".3.bias"]
