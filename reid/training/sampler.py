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
        identities: P, people in a batch, of all processes and micro-batches together.
        images: K, images of each of them.
        accumulate: micro-batches, one after the other, that a process cuts its part of a batch into: less memory, but
            BatchNorm and the triplet loss then see one micro-batch at a time, as they see one GPU at a time.
    """

    identities: int = 16
    images: int = 16
    accumulate: int = 1

    def __post_init__(self) -> None:
        if self.identities < 2 or self.images < 2:
            raise ConfigError(
                "sampler: identities and images must be 2 or more (the triplet loss compares people, and pictures of "
                f"one person), got {self.identities} and {self.images}"
            )
        if self.accumulate < 1:
            raise ConfigError(f"sampler.accumulate: expected 1 or more, got {self.accumulate}")

    @property
    def batch(self) -> int:
        """Images of a batch."""
        return self.identities * self.images


def check_sampler(config: SamplerConfig, identities: int, processes: int) -> int:
    """The number of parts that a batch is cut into: processes times micro-batches.

    Args:
        config: of the sampler.
        identities: people in the training images.
        processes: that train together.

    Raises:
        ConfigError: more identities a batch than there are, or parts that do not come out even.
    """
    if identities < config.identities:
        raise ConfigError(
            f"sampler.identities: a batch wants {config.identities} different people, but the training images show "
            f"only {identities}. "
            + (f"Do: --set sampler.identities={identities}" if identities > 1 else "Give images of 2 people or more.")
        )
    parts = processes * config.accumulate
    if config.identities % parts or config.identities // parts < 2:
        fitting = [n for n in range(1, config.identities // 2 + 1) if config.identities % n == 0]
        raise ConfigError(
            f"sampler: {config.identities} identities cannot be shared out over {processes} process(es) x "
            f"{config.accumulate} micro-batch(es) with 2 or more each; processes x sampler.accumulate must be one of "
            f"{', '.join(map(str, fitting))}"
        )
    return parts


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

    >>> order = epoch_order(np.repeat(np.arange(4), 5), SamplerConfig(identities=2, images=3), seed=0, epoch=0)
    >>> order.shape
    (4, 6)
    """
    rng = np.random.default_rng((seed, _ORDER_STREAM, epoch))
    people, owner = np.unique(pids, return_inverse=True)
    check_sampler(config, len(people), 1)
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


def part_of_batch(order: NDArray[np.int64], part: int, parts: int) -> NDArray[np.int64]:
    """The columns of `epoch_order` that part `part` of `parts` takes: people that no other part has.

    >>> part_of_batch(np.array([[0, 1, 2, 3]]), 1, 2)
    array([[2, 3]])
    """
    size = order.shape[1] // parts
    return order[:, part * size : (part + 1) * size]


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
