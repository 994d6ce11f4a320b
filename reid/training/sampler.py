"""Which images make up each batch: P people with K images each, as a pure function of seed and epoch.

No state: to go on in the middle of an epoch needs only (epoch, step), and every process of a distributed run works out
the same order and takes its own part of each batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mdpr.errors import ConfigError

_ORDER_STREAM = 1  # keeps these random numbers apart from those of the augmentations


@dataclass(frozen=True)
class SamplerConfig:
    """What a batch is made of.

    Attributes:
        identities: P, people in a batch.
        images: K, images of each of them.
        parts: pieces that a batch is cut into, by people. BatchNorm and the losses see one part at a time; the
            gradients of the parts are averaged. Several processes work on different parts; where there are fewer
            processes than parts, each works on its parts one after the other (gradient accumulation). So the method
            follows from the configuration alone, whatever the number of GPUs. The paper: 4 GPUs, hence 4 parts.
        global_batch: BatchNorm and the losses see the whole batch although several processes share it; needs parts = 1.
    """

    identities: int = 16
    images: int = 16
    parts: int = 4
    global_batch: bool = False

    def __post_init__(self) -> None:
        if self.identities < 2 or self.images < 2:
            raise ConfigError(
                "sampler: identities and images must be 2 or more (the triplet loss compares people, and pictures of "
                f"one person), got {self.identities} and {self.images}"
            )
        if self.parts < 1 or self.identities % self.parts or self.identities // self.parts < 2:
            fitting = [n for n in range(1, self.identities // 2 + 1) if self.identities % n == 0]
            raise ConfigError(
                f"sampler.parts: {self.identities} identities cannot be cut into {self.parts} parts of 2 or more each; "
                f"possible: {', '.join(map(str, fitting))}"
            )
        if self.global_batch and self.parts != 1:
            raise ConfigError(f"sampler.global_batch needs sampler.parts = 1, got {self.parts}")

    @property
    def batch(self) -> int:
        """Images of a batch."""
        return self.identities * self.images


def own_shards(config: SamplerConfig, process: int, processes: int) -> tuple[list[int], int]:
    """Which pieces of each batch a process works on, and into how many it is cut.

    Raises:
        ConfigError: the pieces cannot be shared out evenly.

    >>> own_shards(SamplerConfig(parts=4), process=1, processes=2)
    ([2, 3], 4)
    >>> own_shards(SamplerConfig(parts=1, global_batch=True), process=1, processes=2)
    ([1], 2)
    """
    if config.global_batch:
        if config.identities % processes:
            raise ConfigError(
                f"sampler.identities: {config.identities} cannot be shared out evenly over {processes} processes"
            )
        return [process], processes
    if config.parts % processes:
        raise ConfigError(
            f"sampler.parts: {config.parts} part(s) of a batch cannot be shared out evenly over {processes} processes. "
            f"Set sampler.parts to a multiple of {processes}, or sampler.global_batch to true with sampler.parts 1"
        )
    each = config.parts // processes
    return list(range(process * each, (process + 1) * each)), config.parts


def check_identities(config: SamplerConfig, identities: int) -> None:
    """
    Raises:
        ConfigError: a batch wants more people than the training images show.
    """
    if identities < config.identities:
        raise ConfigError(
            f"sampler.identities: a batch wants {config.identities} different people, but the training images show "
            f"only {identities}. "
            + (
                f"Do: --set sampler.identities={identities} --set sampler.parts=1"
                if identities > 1
                else "Give images of 2 people or more (data.hold_out takes some away)."
            )
        )


def epoch_order(pids: NDArray[np.int64], config: SamplerConfig, seed: int, epoch: int) -> NDArray[np.int64]:
    """The images of an epoch, batch by batch.

    Every identity appears, in proportion to its images (once for every K of them, at least once), and never twice in a
    batch; its images are distinct where it has K or more, and as evenly repeated as can be where it has fewer.

    Args:
        pids: (images,) identity of each training image.
        config: P and K.
        seed, epoch: the same give the same order.

    Returns:
        (steps, P * K) indices into `pids`; K consecutive ones show the same person.

    Raises:
        ConfigError: fewer identities than P.

    >>> order = epoch_order(np.repeat(np.arange(4), 5), SamplerConfig(identities=2, images=3, parts=1), seed=0, epoch=0)
    >>> order.shape
    (4, 6)
    """
    rng = np.random.default_rng((seed, _ORDER_STREAM, epoch))
    people, owner = np.unique(pids, return_inverse=True)
    check_identities(config, len(people))
    by_person = np.split(np.argsort(owner, kind="stable"), np.cumsum(np.bincount(owner))[:-1])
    turns = _turns(np.bincount(owner), config, rng)
    groups = _groups(turns, config.identities, rng)  # (steps, P) people
    draws = [_draws(images, count, config.images, rng) for images, count in zip(by_person, turns, strict=True)]
    taken = np.zeros(len(people), np.int64)
    order = np.empty((*groups.shape, config.images), np.int64)
    for step, group in enumerate(groups):
        for slot, person in enumerate(group):
            order[step, slot] = draws[person][taken[person]]
            taken[person] += 1
    return order.reshape(len(groups), -1)


def _turns(counts: NDArray[np.int64], config: SamplerConfig, rng: np.random.Generator) -> NDArray[np.int64]:
    """How many batches each person is in; the sum is a multiple of P, and nobody is in more batches than there are."""
    turns = np.maximum(1, np.floor(counts / config.images + 0.5).astype(np.int64))
    steps = max(-(-int(turns.sum()) // config.identities), 1)
    turns = np.minimum(turns, steps)
    missing = steps * config.identities - int(turns.sum())
    while missing > 0:
        can_more = np.flatnonzero(turns < steps)
        lucky = rng.permutation(can_more)[:missing]
        turns[lucky] += 1
        missing -= len(lucky)
    return turns


def _groups(turns: NDArray[np.int64], size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(steps, P) people, each as often as `turns` says and never twice in a row of the result.

    In each step those who would otherwise not fit into the steps that remain must come; the other places are drawn in
    proportion to the turns that remain (Efraimidis and Spirakis 2006, weighted sampling without replacement).
    """
    left = turns.copy()
    steps = int(turns.sum()) // size
    groups = np.empty((steps, size), np.int64)
    for step in range(steps):
        with np.errstate(divide="ignore"):
            keys = rng.standard_exponential(len(left)) / left  # infinite for those who had all their turns
        keys[left == steps - step] = -1.0
        group = np.argpartition(keys, size - 1)[:size]
        groups[step] = rng.permutation(group)
        left[group] -= 1
    return groups


def _draws(images: NDArray[np.int64], turns: int, size: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(turns, K) images of a person; none twice in a row of the result unless there are fewer than K."""
    if len(images) < size:
        rounds = -(-size // len(images))
        repeated = [np.concatenate([rng.permutation(images) for _ in range(rounds)])[:size] for _ in range(turns)]
        return np.stack(repeated)
    queue = np.empty(0, np.int64)
    rows = []
    for _ in range(turns):
        if len(queue) < size:  # what is left over from the last round comes first, and not once more in the same row
            fresh = rng.permutation(images)
            is_left_over = np.isin(fresh, queue)
            queue = np.concatenate([queue, fresh[~is_left_over], fresh[is_left_over]])
        rows.append(queue[:size])
        queue = queue[size:]
    return np.stack(rows)
