"""Which of a car's predicted masks nobody should train on, and why: one word to count, one line to read.

Carvana's minivans failed in every view, one minivan cost the original system 45 places, and what caught them elsewhere
was disagreement between models and comparison of a car's views.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from carvanamask.data.kaggle_folder import Sample
from carvanamask.mask_quality.limits import Limits
from carvanamask.mask_quality.vehicle import Silhouette, area_ratio, mirror_dice, mirrored_view


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
class Refusal:
    """Why a mask is not to be trusted."""

    reason: str
    """One of empty, agreement, undecided, strays, mirror, area, car."""
    detail: str


def refusals_of_car(
    looks: Sequence[Look], silhouette: Callable[[Sample], Silhouette], limits: Limits
) -> dict[Sample, Refusal]:
    """The needs_review views of one car; views that pass alone are compared with their mirrored partners.

    When too many views are needs_review, all are: what fails in most views of a car failed unseen in the others.
    """
    refusals = {look.sample: review_reason for look in looks if (review_reason := _refusal_of_picture(look, limits))}
    refusals |= _refusals_of_pairs([look.sample for look in looks if look.sample not in refusals], silhouette, limits)
    if len(refusals) > limits.max_refused * len(looks):
        whole = Refusal("car", f"{len(refusals)} of the {len(looks)} views of car {looks[0].sample.car} are refused")
        return {look.sample: refusals.get(look.sample, whole) for look in looks}
    return refusals


def _refusal_of_picture(look: Look, limits: Limits) -> Refusal | None:
    if not look.area:
        return Refusal("empty", "the models see no car")
    if look.agreement < limits.min_agreement:
        return Refusal("agreement", f"the models agree by {look.agreement:.4f}, less than {limits.min_agreement:g}")
    if look.undecided > limits.max_uncertain:
        return Refusal(
            "undecided", f"{look.undecided:.4f} of the area is undecided, more than {limits.max_uncertain:g}"
        )
    if look.strays > limits.max_strays:
        return Refusal("strays", f"{look.strays:.4f} of the mask lies apart from it, more than {limits.max_strays:g}")
    return None


def _refusals_of_pairs(
    samples: Sequence[Sample], silhouette: Callable[[Sample], Silhouette], limits: Limits
) -> Mapping[Sample, Refusal]:
    """A pair that doesn't fit is needs_review on both sides: nobody knows which of the two is wrong."""
    by_view = {sample.view: (sample, silhouette(sample)) for sample in samples if limits.views}
    refusals = {}
    for view, (sample, own) in by_view.items():
        partner = mirrored_view(view, limits.views)
        if partner not in by_view:
            continue
        other = by_view[partner][1]
        fit, ratio = mirror_dice(own, other), area_ratio(own, other)
        if fit < limits.min_mirror:
            refusals[sample] = Refusal(
                "mirror", f"view {partner} mirrored fits by {fit:.4f}, less than {limits.min_mirror:g}"
            )
        elif ratio < limits.min_area_ratio:
            refusals[sample] = Refusal(
                "area", f"its area and view {partner}'s are as {ratio:.4f} to 1, less than {limits.min_area_ratio:g}"
            )
    return refusals
