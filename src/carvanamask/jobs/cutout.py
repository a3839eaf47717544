"""Cut one car out of its picture and stand it before another background."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from carvanamask.core.atomic_files import save_bytes_atomically
from carvanamask.core.pictures import load_pair, save_picture
from carvanamask.cutout.background import cut_out, dusk_room, stand_before


@dataclass(frozen=True)
class CutoutReport:
    """Where the two pictures lie."""

    cutout: Path
    scene: Path


def cutout(picture: Path, mask: Path, out: Path) -> CutoutReport:
    """Write `<name>.png`, the car with transparency, and `<name>_scene.jpg`, the car in a plain room, into `out`."""
    rgb, found = load_pair(picture, mask)
    report = CutoutReport(out / f"{picture.stem}.png", out / f"{picture.stem}_scene.jpg")
    _, png = cv2.imencode(".png", cv2.cvtColor(cut_out(rgb, found), cv2.COLOR_RGBA2BGRA))
    save_bytes_atomically(report.cutout, png.tobytes())
    save_picture(report.scene, stand_before(rgb, found, dusk_room(found.size_wh)))
    return report
