"""The average of networks that were trained further from one: nearer to all of them than they are to one another.

Weights that began alike and were trained on other pictures or with other seeds lie in one valley, and their mean is on
average better than each on what none of them has seen, at the cost of one network.

Reference: Wortsman et al., Model soups (2203.05482), the uniform soup.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import torch

from mdpr.errors import ModelError
from mdpr.reid.network.model import MdprNetwork


@torch.no_grad()
def average_into(model: MdprNetwork, others: Sequence[MdprNetwork]) -> None:
    """Make the weights of a network, and the statistics of its BatchNorm, the mean of its own and those of others.

    Args:
        model: what it is besides its weights (`flip_test` and the like) stays.
        others: networks of the same build.

    Raises:
        ModelError: one of them is of another build.
    """
    own = model.state_dict()
    states = [own, *(other.state_dict() for other in others)]
    for number, (other, state) in enumerate(zip(others, states[1:], strict=True), 2):
        same = dataclasses.replace(other.config, flip_test=model.config.flip_test)
        if same != model.config or state.keys() != own.keys():
            raise ModelError(f"network {number} of those to be averaged is of another build than the first")
    for name, tensor in own.items():
        if tensor.is_floating_point():
            mean = torch.stack([state[name].double() for state in states]).mean(dim=0)
            tensor.copy_(mean.to(tensor.dtype))
