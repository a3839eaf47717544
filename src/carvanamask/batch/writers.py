"""Write the result of a predicted picture: one class for each kind of result."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from carvanamask.batch.pipeline import Predicted
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask
from carvanamask.core.metrics import uncertain_ratio
from carvanamask.cutout.compose import composite, cut_out
from carvanamask.cutout.scene import Scene
from carvanamask.data.kaggle_folder import Sample
from carvanamask.data.picture_list import BatchItem
from carvanamask.io.exif import Tags, read_tags
from carvanamask.io.write import save_mask, save_picture, save_probabilities
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason, stray_share
from carvanamask.model.ensemble import EnsembleMap, agreement

MAJORITY = 0.5
"""Threshold for the ensemble's mean and for each member's map. The members' own thresholds differ, so that masks by
them would differ in places where the models agree."""


class ResultWriter(Protocol):
    """Writes the result of a picture, in any thread and process: a value that pickles."""

    def write(self, predicted: Predicted[BatchItem]) -> str:
        """Write the file, if there is one, and return what the journal keeps of the picture."""
        ...

    def path_of(self, item: BatchItem) -> Path | None:
        """Return the file of an item's result, or None if there is no file: the journal then keeps the result."""
        ...

    def fingerprint(self) -> dict[str, str]:
        """Return the options that change a result, besides the model and its card; a folder never mixes two of them."""
        ...


@dataclass(frozen=True)
class FileWriter(ABC):
    """Writes one file per picture below `out`; the journal keeps the review reason."""

    card: ModelCard
    out: Path

    result: ClassVar[str]
    """The kind of result, a word for the fingerprint."""

    def write(self, predicted: Predicted[BatchItem]) -> str:
        mask = make_mask(predicted.probabilities, self.card)
        self._save(self.path_of(predicted.sample), predicted, mask)
        return review_reason(predicted.probabilities, mask, self.card.max_uncertain_ratio)

    def path_of(self, item: BatchItem) -> Path:
        return self.out / f"{item.output_name}.png"

    def fingerprint(self) -> dict[str, str]:
        return {"result": self.result}

    @abstractmethod
    def _save(self, path: Path, predicted: Predicted[BatchItem], mask: Mask) -> None: ...


class MaskWriter(FileWriter):
    """Writes the mask as 1-bit PNG."""

    result = "mask"

    def _save(self, path: Path, predicted: Predicted[BatchItem], mask: Mask) -> None:
        save_mask(path, mask)


class ProbabilityWriter(FileWriter):
    """Writes the probability map as 8-bit grey PNG."""

    result = "probability"

    def _save(self, path: Path, predicted: Predicted[BatchItem], mask: Mask) -> None:
        save_probabilities(path, predicted.probabilities)


@dataclass(frozen=True)
class CutoutWriter(FileWriter):
    """Writes the car with transparency as PNG, or in front of a scene as JPEG."""

    scene: Scene | None = None
    result = "cutout"

    def path_of(self, item: BatchItem) -> Path:
        return self.out / f"{item.output_name}{'.jpg' if self.scene else '.png'}"

    def fingerprint(self) -> dict[str, str]:
        return super().fingerprint() | (self.scene.fingerprint() if self.scene else {})

    def _save(self, path: Path, predicted: Predicted[BatchItem], mask: Mask) -> None:
        save_cutout(path, predicted.picture, mask, self.scene, read_tags(predicted.sample.picture))


@dataclass(frozen=True)
class RleWriter:
    """Returns the mask as run-length code for the journal, and writes it as 1-bit PNG into `masks` if there is one."""

    card: ModelCard
    masks: Path | None

    def write(self, predicted: Predicted[BatchItem]) -> str:
        mask = make_mask(predicted.probabilities, self.card)
        if self.masks is not None:
            save_mask(predicted.sample.mask_in(self.masks), mask)
        return mask.to_rle()

    def path_of(self, item: BatchItem) -> Path | None:
        return None if self.masks is None else item.mask_in(self.masks)

    def fingerprint(self) -> dict[str, str]:
        # a folder of masks may hold an earlier submission's: another folder, another journal
        return {"result": "rle", "masks": "" if self.masks is None else str(self.masks)}


@dataclass(frozen=True)
class AgreementWriter:
    """Writes the mask of an ensemble's mean; the journal keeps how far the members agree, for pseudo-labels."""

    masks: Path

    def write(self, predicted: Predicted[BatchItem]) -> str:
        """Return "[area in pixels, agreement, uncertain ratio, stray share]"."""
        joint = predicted.probabilities
        assert isinstance(joint, EnsembleMap)
        mask = joint.to_mask(MAJORITY)
        agreed = agreement([each.to_mask(MAJORITY) for each in joint.members])
        save_mask(self.path_of(predicted.sample), mask)
        return json.dumps([int(np.count_nonzero(mask.pixels)), agreed, uncertain_ratio(joint, mask), stray_share(mask)])

    def path_of(self, item: Sample) -> Path:
        return item.mask_in(self.masks)

    def fingerprint(self) -> dict[str, str]:
        return {"result": "agreement"}


def save_cutout(path: Path, picture: np.ndarray, mask: Mask, scene: Scene | None, tags: Tags) -> None:
    """Write the car of a picture with transparency, or in front of the scene, in the format that `path` names."""
    pixels = cut_out(picture, mask) if scene is None else composite(picture, mask, scene.picture(mask.size_wh))
    save_picture(path, pixels, tags=tags)
