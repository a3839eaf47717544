"""Write a model with weights in fewer bits, and measure how far it is from the original."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, MissingPackageError
from carvanamask.io.read import load_picture
from carvanamask.model.build import build_predictor
from carvanamask.model.device import Device
from carvanamask.model.model_file import ModelFile, Precision, member_folder
from carvanamask.studio import SHOWROOM

log = logging.getLogger(__name__)

PICTURES = 8
"""How many of the showroom's pictures, which come with the package, are compared."""


@dataclass(frozen=True)
class ExportReport:
    """The exported model, and how far its probabilities are from the original's."""

    model: ModelFile
    precision: Precision
    bytes_before: int
    bytes_after: int
    largest_difference: float
    """Over all pixels of all compared pictures."""
    mean_difference: float

    def to_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return vars(self) | {"model": str(self.model.folder), "sha256": self.model.card.sha256}


def export(model: ModelFile, out: Path, precision: Precision, note: str = "") -> ExportReport:
    """Write the model to the folder `out`, with the weights of all its networks in this precision.

    It still computes in the same precision. `note` is put before the provenance in the cards of its networks. Raises
    ConfigError where `out` holds the model itself, and MissingPackageError without the package onnx.
    """
    if out.resolve() == model.folder.resolve():
        raise ConfigError("holds the model itself", "name another --out", out)
    exported = _write(model, out, precision, note)
    before, after = build_predictor(model, Device.CPU), build_predictor(exported, Device.CPU)
    log.info(f"comparing both on {after.engine}")
    pictures = [load_picture(sample.picture) for sample in KaggleFolder(SHOWROOM).test_samples()[:PICTURES]]
    differences = [np.abs(before.predict(each).values - after.predict(each).values) for each in pictures]
    return ExportReport(
        model=exported,
        precision=precision,
        bytes_before=_network_bytes(model),
        bytes_after=_network_bytes(exported),
        largest_difference=float(np.max(differences)),
        mean_difference=float(np.mean(differences)),
    )


def _write(model: ModelFile, out: Path, precision: Precision, note: str) -> ModelFile:
    """Write the model and its members, which are stored in its folder."""
    members = [
        _write(member, member_folder(out, item), precision, note)
        for item, member in zip(model.card.members, model.members, strict=True)
    ]
    network, card = None, model.card
    if card.has_network:
        network = _encode(model.onnx.read_bytes(), precision)
        stored = (
            f"weights stored as {precision} of network {card.sha256[:12]}" if precision is not Precision.FP32 else ""
        )
        provenance = "; ".join(part for part in (note, card.provenance, stored) if part)
        card = card.model_copy(update={"provenance": provenance})
    return ModelFile.save(out, network, card, members, [item.weight for item in card.members])


def _encode(network: bytes, precision: Precision) -> bytes:
    if precision is Precision.FP32:
        return network
    try:
        from carvanamask.training.quantize import to_float16_weights, to_int8_weights
    except ModuleNotFoundError as missing:
        reason = f"--precision {precision} needs {missing.name}"
        raise MissingPackageError(reason, "pip install 'carvanamask[train]'") from None
    return (to_float16_weights if precision is Precision.FP16 else to_int8_weights)(network)


def _network_bytes(model: ModelFile) -> int:
    return sum(file.stat().st_size for file in model.folder.rglob("*.onnx"))
