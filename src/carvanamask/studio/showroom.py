"""Where the small rendered set lies that ships inside the package: a Kaggle folder, readable without Mitsuba."""

from __future__ import annotations

from pathlib import Path

SHOWROOM = Path(__file__).parent / "showroom_cars"
