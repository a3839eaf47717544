"""Draw docs/before-after.jpg: synthetic cars in their studio, and cut out by the built-in model.

    python docs/make_pictures.py

Needs '.[studio]'.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from carvanamask import load_model
from carvanamask.cutout.compose import composite, dusk_room, plain_room
from carvanamask.io.write import save_picture
from carvanamask.studio.session import Session

SIZE_WH = (1440, 960)
SHOWN_WH = (480, 320)
SEED, SAMPLES = 47, 32
SHOTS = (("suv", 3), ("coupe", 7), ("minivan", 12))
"""Bodies and views of cars that were in no training."""


def main() -> None:
    model = load_model()
    columns = []
    for number, (body, view) in enumerate(SHOTS):
        picture = Session(SEED, number, body).picture(view, SIZE_WH, SAMPLES)
        mask = model.predict(picture)
        scenes = [plain_room(SIZE_WH, (236, 236, 236)), dusk_room(SIZE_WH)]
        printable = [picture, *(composite(picture, mask, scene) for scene in scenes)]
        columns.append(np.vstack([cv2.resize(each, SHOWN_WH, interpolation=cv2.INTER_AREA) for each in printable]))
    save_picture(Path(__file__).with_name("before-after.jpg"), np.hstack(columns), quality=82)


if __name__ == "__main__":
    main()
