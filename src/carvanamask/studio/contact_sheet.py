"""All body types side by side, for the eye: one row a body, one column a view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.progress import OnProgress, Progress, ignore_progress
from carvanamask.io.write import save_picture
from carvanamask.studio.body_types import BODY_TYPES
from carvanamask.studio.shoot import Session


def save_contact_sheet(
    path: Path,
    seed: int = 0,
    views: Sequence[int] = (2, 5, 8, 12),
    size_wh: tuple[int, int] = (960, 640),
    samples: int = 32,
    shown_width: int = 400,
    on_progress: OnProgress = ignore_progress,
) -> None:
    """Render every body type in every view at `size_wh`, and write them shrunk to `shown_width` as one picture.

    Calls on_progress after every picture.
    """
    shown_wh = (shown_width, round(shown_width * size_wh[1] / size_wh[0]))
    rows = []
    for number, body in enumerate(BODY_TYPES):
        session = Session(seed, number, body)
        pictures = []
        for view in views:
            picture = session.picture(view, size_wh, samples)
            pictures.append(cv2.resize(picture, shown_wh, interpolation=cv2.INTER_AREA))
            on_progress(Progress(len(BODY_TYPES) * len(views), number * len(views) + len(pictures)))
        rows.append(np.hstack(pictures))
    save_picture(path, np.vstack(rows), quality=75)
