"""Limits for pseudo-labels; a file of its own, so that the command line can show them without loading OpenCV.

Shapes were measured on 736 true masks of 46 Carvana cars. Agreement was measured on 12 cars, 192 pictures, that two
320x224 networks with 233 and 100 training cars had never seen; their mean has a Dice of 0.9926 there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LabelLimits:
    """Conditions that a mask must meet to become a label. All values but `views` are shares, in [0, 1]."""

    min_agreement: float = 0.985
    """Mean pairwise Dice of the models' masks. The median is 0.9927; 2.6 % of the pictures are below the limit, with a
    Dice of 0.9892 instead of 0.9927. Better networks agree more: then a higher limit keeps out as much."""
    max_uncertain: float = 0.07
    """Area where the models' mean is neither car nor background, as a share of the mask's. The median is 0.050, most
    of it the soft edge of small networks; 2.1 % are above the limit, with a Dice of 0.9885. Sharper networks allow
    less."""
    min_mirror: float = 0.94
    """Dice of a silhouette and the mirror image of its partner. 1 of 414 true pairs, a rear, is below (0.926). Where
    one of the two lost a bite of a tenth of the car, 95 % are below; where it lost a tenth from above, 58 %."""
    min_area_ratio: float = 0.88
    """Area of the smaller mask of a pair divided by the larger one's. The lowest of the true pairs has 0.891."""
    max_strays: float = 0.002
    """Share of the mask outside its largest component. True masks have up to 15 components, but the others together
    never make more than 0.0015."""
    max_refused: float = 0.25
    """Share of a car's views that may be refused before all are. By its true masks no car has more than one of 16
    refused."""
    views: int = 16
    """Pictures of a full turn: view k shows the mirror image of view `views` + 2 − k. 0 compares no views."""
