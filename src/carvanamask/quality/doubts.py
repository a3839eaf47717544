"""Which of a car's predicted masks nobody should train on, and why: one word to count, one line to read.

Carvana's minivans failed in every view, one minivan cost the original system 45 places, and what caught them elsewhere
was disagreement between models and comparison of a car's views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carvanamask.core.folders import Sample
from carvanamask.quality.limits import Limits
from carvanamask.quality.vehicle import Silhouette, area_ratio, mirror_dice, mirrored_view


@dataclass(frozen=True)
class Look:
    """What several models together say of one picture."""

    sample: Sample
    area: int
    """Of the mask, in pixels."""
    agreement: float
    """Mean pairwise Dice of the models' masks."""
    undecided: float
    """Area where their mean is neither car nor background, as a share of the mask's."""
    strays: float
    """Share of the mask that lies apart from its largest component."""


@dataclass(frozen=True)
class Doubt:
    """Why a mask is not to be trusted."""

    reason: str
    """One of empty, agreement, undecided, strays, mirror, area, car."""
    detail: str


def doubts_of_car(
    looks: Sequence[Look], silhouette: Callable[[Sample], Silhouette], limits: Limits
) -> dict[Sample, Doubt]:
    """The doubtful views of one car; views that pass alone are compared with their mirrored partners.

    When too many views are doubtful, all are: what fails in most views of a car failed unseen in the others.
    """
    doubts = {look.sample: doubt for look in looks if (doubt := _doubt_of_picture(look, limits))}
    doubts |= _doubts_of_pairs([look.sample for look in looks if look.sample not in doubts], silhouette, limits)
    if len(doubts) > limits.max_refused * len(looks):
        whole = Doubt("car", f"{len(doubts)} of the {len(looks)} views of car {looks[0].sample.car} are refused")
        return {look.sample: doubts.get(look.sample, whole) for look in looks}
    return doubts


def _doubt_of_picture(look: Look, limits: Limits) -> Doubt | None:
    if not look.area:
        return Doubt("empty", "the models see no car")
    if look.agreement < limits.min_agreement:
        return Doubt("agreement", f"the models agree by {look.agreement:.4f}, less than {limits.min_agreement:g}")
    if look.undecided > limits.max_undecided:
        return Doubt("undecided", f"{look.undecided:.4f} of the area is undecided, more than {limits.max_undecided:g}")
    if look.strays > limits.max_strays:
        return Doubt("strays", f"{look.strays:.4f} of the mask lies apart from it, more than {limits.max_strays:g}")
    return None


def _doubts_of_pairs(
    samples: Sequence[Sample], silhouette: Callable[[Sample], Silhouette], limits: Limits
) -> Mapping[Sample, Doubt]:
    """A pair that doesn't fit is doubtful on both sides: nobody knows which of the two is wrong."""
    by_view = {sample.view: (sample, silhouette(sample)) for sample in samples if limits.views}
    doubts = {}
    for view, (sample, own) in by_view.items():
        partner = mirrored_view(view, limits.views)
        if partner not in by_view:
            continue
        other = by_view[partner][1]
        fit, ratio = mirror_dice(own, other), area_ratio(own, other)
        if fit < limits.min_mirror:
            doubts[sample] = Doubt(
                "mirror", f"view {partner} mirrored fits by {fit:.4f}, less than {limits.min_mirror:g}"
            )
        elif ratio < limits.min_area_ratio:
            doubts[sample] = Doubt(
                "area", f"its area and view {partner}'s are as {ratio:.4f} to 1, less than {limits.min_area_ratio:g}"
            )
    return doubts
