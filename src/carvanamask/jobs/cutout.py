"""Cars cut out of their pictures: with transparency, or in front of another background."""

from __future__ import annotations

from pathlib import Path

from carvanamask.batch.options import BatchOptions
from carvanamask.batch.runner import Batch, BatchReport
from carvanamask.batch.writers import CutoutWriter, save_cutout
from carvanamask.core.progress import OnProgress, ignore_progress
from carvanamask.cutout.scene import Scene
from carvanamask.data.picture_list import PictureList
from carvanamask.io.exif import read_tags
from carvanamask.io.read import load_pair
from carvanamask.model.model_file import ModelFile


def cutout(
    model: ModelFile,
    pictures: PictureList,
    out: Path,
    scene: Scene | None = None,
    options: BatchOptions = BatchOptions(),
    on_progress: OnProgress = ignore_progress,
) -> BatchReport:
    """Write `out`/<output name>.png with transparency for every picture, or .jpg in front of `scene`.

    Called again, only for those that are left. Raises ConfigError and DiskError as `predict` does.
    """
    batch = Batch(model, CutoutWriter(model.card, out, scene), options)
    with batch.open_results(out, pictures.items) as journal:
        return batch.report(out, pictures, batch.run(pictures, journal, on_progress), journal)


def cut_by_mask(picture: Path, mask: Path, path: Path, scene: Scene | None = None) -> None:
    """Write the cut-out of one picture by its mask file."""
    save_cutout(path, *load_pair(picture, mask), scene, read_tags(picture))
