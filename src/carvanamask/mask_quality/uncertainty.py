"""Review reasons: what a picture's probabilities and mask reveal about their own quality."""

from __future__ import annotations

import numpy as np

from carvanamask.core.geometry import Components
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.metrics import uncertain_ratio

SMALLEST_CAR = 0.01
"""Share of the picture. The smallest of Carvana's 488 true masks covers 0.088; in six empty studios, drawn from what
16 views left free of their car, the built-in models called up to 0.009 car."""

MAX_DISAGREEMENT = 0.01
"""Share of the car's area. None of Carvana's 656 held-out pictures reaches it with the built-in `studio-m` (0.008 at
most); in front of other backgrounds every mask below Dice 0.98 does (`benchmarks/experiments/other_backgrounds.py`)."""

NO_CAR = "no car found"
"""The review reason of an empty mask."""


def review_reason(probabilities: ProbabilityMap, mask: Mask, max_uncertain_ratio: float = 0) -> str:
    """Return why a person should check a mask, '' if nothing speaks against it.

    `max_uncertain_ratio` is the card's; 0 means unknown.
    """
    share = np.count_nonzero(mask.pixels) / mask.pixels.size
    if share < SMALLEST_CAR:
        return f"almost {NO_CAR} ({share:.1%} of the picture)" if share else NO_CAR
    if probabilities.disagreement > MAX_DISAGREEMENT:
        return f"the coarse and the refinement pass differ over {probabilities.disagreement:.0%} of the car"
    if max_uncertain_ratio and (ratio := uncertain_ratio(probabilities, mask)) > max_uncertain_ratio:
        return f"{ratio:.1%} of the car is uncertain"
    return ""


def stray_share(mask: Mask) -> float:
    """Return the area apart from the largest component, as a share of the mask, in [0, 1]; 0 for an empty mask."""
    components = Components.of(mask.pixels)
    return float(1 - components.largest_area / components.areas[1:].sum()) if components.count else 0.0
