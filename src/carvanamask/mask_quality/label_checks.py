"""Which predicted masks of a car are good enough to train on, and why the others are refused.

Carvana's minivans failed in every view, and one minivan cost the original system 45 places. Disagreement between models
and comparison of a car's views caught such masks elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from carvanamask.data.kaggle_folder import Sample
from carvanamask.mask_quality.label_limits import LabelLimits
from carvanamask.mask_quality.vehicle import Silhouette, area_ratio, mirror_dice, mirrored_view


@dataclass(frozen=True)
class Candidate:
    """A picture's mask by several models, and what it was measured to be."""

    sample: Sample
    area_px: int
    agreement: float
    """Mean pairwise Dice of the models' masks."""
    uncertain_ratio: float
    """Area where the models' mean is neither car nor background, as a share of the mask's."""
    stray_share: float
    """Share of the mask outside its largest component."""


@dataclass(frozen=True)
class Refusal:
    """Why a mask doesn't become a label."""

    reason: str
    """One of empty, agreement, undecided, strays, mirror, area, car: the words that refused.csv counts."""
    detail: str
    """One line with the measured value and its limit."""


def refused_views(
    views: Sequence[Candidate], silhouette: Callable[[Sample], Silhouette], limits: LabelLimits
) -> dict[Sample, Refusal]:
    """Return the refused views of one car; those that pass by themselves are compared with their mirrored partners.

    When too many views are refused, all are: what fails in most views of a car failed unnoticed in the others.
    """
    refusals = {view.sample: refusal for view in views if (refusal := _refusal_by_itself(view, limits))}
    if limits.views:
        passed = [view.sample for view in views if view.sample not in refusals]
        refusals |= _refusals_by_partner(passed, silhouette, limits)
    if len(refusals) > limits.max_refused * len(views):
        of_car = Refusal("car", f"{len(refusals)} of the {len(views)} views of car {views[0].sample.car} are refused")
        return {view.sample: refusals.get(view.sample, of_car) for view in views}
    return refusals


def _refusal_by_itself(view: Candidate, limits: LabelLimits) -> Refusal | None:
    if not view.area_px:
        return Refusal("empty", "the models find no car")
    if view.agreement < limits.min_agreement:
        return Refusal("agreement", f"the models agree by {view.agreement:.4f}, less than {limits.min_agreement:g}")
    if view.uncertain_ratio > limits.max_uncertain:
        detail = f"{view.uncertain_ratio:.4f} of the area is uncertain, more than {limits.max_uncertain:g}"
        return Refusal("undecided", detail)
    if view.stray_share > limits.max_strays:
        detail = f"{view.stray_share:.4f} of the mask is outside its largest part, more than {limits.max_strays:g}"
        return Refusal("strays", detail)
    return None


def _refusals_by_partner(
    samples: Sequence[Sample], silhouette: Callable[[Sample], Silhouette], limits: LabelLimits
) -> dict[Sample, Refusal]:
    """Return both views of every pair that doesn't fit: nobody knows which of the two is wrong."""
    by_view = {sample.view: (sample, silhouette(sample)) for sample in samples}
    refusals = {}
    for view, (sample, own) in by_view.items():
        partner = mirrored_view(view, limits.views)
        if partner not in by_view:
            continue
        other = by_view[partner][1]
        fit, ratio = mirror_dice(own, other), area_ratio(own, other)
        if fit < limits.min_mirror:
            detail = f"the mirror image of view {partner} fits by {fit:.4f}, less than {limits.min_mirror:g}"
            refusals[sample] = Refusal("mirror", detail)
        elif ratio < limits.min_area_ratio:
            detail = f"its area and view {partner}'s are as {ratio:.4f} to 1, less than {limits.min_area_ratio:g}"
            refusals[sample] = Refusal("area", detail)
    return refusals
