"""Options of linking."""

from __future__ import annotations

from dataclasses import dataclass

from mdpr.errors import ConfigError


@dataclass(frozen=True)
class LinkConfig:
    """Options; none of them is a distance that has to be tuned to a model or a place.

    Attributes:
        false_link_rate: part of the links that may join two people, in expectation; in (0, 0.5].
        all_right: of few links, as many are kept as are all right with this probability, even when their expected false
            part is above the rate; in (0, 1). None: the rate alone decides.
        candidates: about how many pairs are looked at a tracklet, more where people are seen that often; below
            2 * candidates tracklets, all pairs.
        split_tracks: whether tracks that hold two people are cut.
        min_view_quality: views below this part of the best quality of their tracklet are left out, in [0, 1).
        same_similarity, different_similarity: cosine of a person with themselves and of two people, where the data
            says nothing about it; they count as much as 5 samples.
        correlation: of the evidence of pairs between the same two people, in (0, 1]: two people who look alike once do
            so again. None estimates it, and how much pairs that share a tracklet have in common.
        refine_rounds: most rounds of moving, splitting and merging.
    """

    false_link_rate: float = 0.1
    all_right: float | None = 0.5
    candidates: int = 60
    split_tracks: bool = True
    min_view_quality: float = 0.25
    same_similarity: float = 0.7
    different_similarity: float = 0.3
    correlation: float | None = None
    refine_rounds: int = 20

    def __post_init__(self) -> None:
        if not 0 < self.false_link_rate <= 0.5:
            raise ConfigError(f"false_link_rate: expected a value in (0, 0.5], got {self.false_link_rate}")
        if self.all_right is not None and not 0 < self.all_right < 1:
            raise ConfigError(f"all_right: expected a value in (0, 1), got {self.all_right}")
        if self.candidates < 1:
            raise ConfigError(f"candidates: expected 1 or more, got {self.candidates}")
        if not 0 <= self.min_view_quality < 1:
            raise ConfigError(f"min_view_quality: expected a value in [0, 1), got {self.min_view_quality}")
        if not -1 <= self.different_similarity < self.same_similarity <= 1:
            raise ConfigError(
                "expected -1 <= different_similarity < same_similarity <= 1, "
                f"got {self.different_similarity} and {self.same_similarity}"
            )
        if self.correlation is not None and not 0 < self.correlation <= 1:
            raise ConfigError(f"correlation: expected a value in (0, 1], got {self.correlation}")
        if self.refine_rounds < 0:
            raise ConfigError(f"refine_rounds: expected 0 or more, got {self.refine_rounds}")
