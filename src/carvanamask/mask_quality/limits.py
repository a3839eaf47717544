"""What a predicted mask has to keep to be trained on, and on which true masks each limit was chosen.

Shapes were measured on 736 true masks of 46 Carvana cars. Agreement was measured on 12 cars, 192 pictures, that two
320x224 networks with 233 and 100 training cars had never seen; their mean has a Dice of 0.9926 there.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """All are shares, in [0, 1], but for `views`."""

    min_agreement: float = 0.985
    """Mean pairwise Dice of the models' masks. The median is 0.9927; 2.6 % of the pictures are below the limit, with a
    Dice of 0.9892 instead of 0.9927. Better networks agree more: then a higher limit keeps out as much."""
    max_uncertain: float = 0.07
    """Area where the models' mean is neither car nor background, of the mask's. The median is 0.050, most of it the
    soft edge of small networks; 2.1 % are above the limit, with a Dice of 0.9885. Sharper networks allow less."""
    min_mirror: float = 0.94
    """Dice of a silhouette and its partner's mirror image. 1 of 414 true pairs, a rear, is below (0.926). Where one of
    the two lost a bite of a tenth of the car, 95 % are below; where it lost a tenth from above, 58 %."""
    min_area_ratio: float = 0.88
    """Of the smaller mask of a pair to the larger. The lowest of the true ones is 0.891."""
    max_strays: float = 0.002
    """Share of the mask that lies apart from its largest component. True masks have up to 15 components, but the
    others together never make more than 0.0015."""
    max_refused: float = 0.25
    """Share of a car's views that may be refused before all are. By its true masks no car has more than one of 16
    refused."""
    views: int = 16
    """Pictures of a whole turn: view k shows the mirror image of view `views` + 2 − k. 0 compares no views."""
