"""The synthetic photo studio: parametric cars on a turntable, path-traced, with exact masks.

Importing this package costs nothing: only `renderer` needs Mitsuba, and only when it renders.
"""

from __future__ import annotations

from pathlib import Path

SHOWROOM = Path(__file__).parent / "showroom_cars"
"""The small rendered set inside the package: a Kaggle folder, readable without Mitsuba."""
