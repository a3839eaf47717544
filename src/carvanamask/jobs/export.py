"""A model with its numbers in fewer bits, held against the one it was made of."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, ModelError, nearest
from carvanamask.io.read import load_picture
from carvanamask.model.build import build_predictor
from carvanamask.model.model_file import ModelFile, member_folder
from carvanamask.studio import SHOWROOM

log = logging.getLogger(__name__)

Precision = Literal["fp32", "fp16", "int8-weights"]
PRECISIONS: dict[str, Precision] = {"fp32": "fp32", "fp16": "fp16", "int8-weights": "int8-weights"}

PICTURES = 8
"""Of the showroom, which ships with the package: views of one car, so that a network is asked that sees the stage."""


@dataclass(frozen=True)
class ExportReport:
    """What was written and how far it is from what it was made of."""

    model: ModelFile
    precision: str
    bytes_before: int
    bytes_after: int
    largest_difference: float
    """Of any pixel's probability."""
    mean_difference: float

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": str(self.model.folder),
            "sha256": self.model.card.sha256,
            "precision": self.precision,
            "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after,
            "largest_difference": self.largest_difference,
            "mean_difference": self.mean_difference,
        }


def check_precision(word: str) -> Precision:
    """Raises ConfigError for another word."""
    if word not in PRECISIONS:
        raise ConfigError(f"no precision '{word}'{nearest(word, PRECISIONS)} (precisions: {', '.join(PRECISIONS)})")
    return PRECISIONS[word]


def export(
    model: ModelFile,
    out: Path,
    precision: Precision = "fp16",
    note: str = "",
) -> ExportReport:
    """Write the model to the folder `out`, all its networks' weights in half the bytes or a quarter.

    It computes as before. `note` comes before what the cards say of their networks' provenance. Raises ConfigError for
    an `out` that holds the model itself, and ModelError where the package onnx is missing.
    """
    if out.resolve() == model.folder.resolve():
        raise ConfigError(f"{out} holds the model itself: name another --out")
    made = _in_fewer_bits(model, out, precision, note)
    before, after = build_predictor(model, "cpu"), build_predictor(made, "cpu")
    log.info(f"comparing both on {after.engine}")
    pictures = [load_picture(sample.picture) for sample in KaggleFolder(SHOWROOM).test_samples()[:PICTURES]]
    maps = zip(map(before.predict, pictures), map(after.predict, pictures), strict=True)
    differences = [np.abs(ours.values - theirs.values) for ours, theirs in maps]
    return ExportReport(
        model=made,
        precision=precision,
        bytes_before=_network_bytes(model),
        bytes_after=_network_bytes(made),
        largest_difference=float(np.max(differences)),
        mean_difference=float(np.mean(differences)),
    )


def _in_fewer_bits(model: ModelFile, out: Path, precision: Precision, note: str) -> ModelFile:
    """With its members, which lie in its folder."""
    members = [
        _in_fewer_bits(member, member_folder(out, item), precision, note)
        for item, member in zip(model.card.members, model.members, strict=True)
    ]
    network, card = None, model.card
    if card.has_network:
        network = _in_bits(model.onnx.read_bytes(), precision)
        stored = f"weights stored as {precision} of network {card.sha256[:12]}" if precision != "fp32" else ""
        provenance = "; ".join(part for part in (note, card.provenance, stored) if part)
        card = card.model_copy(update={"provenance": provenance})
    return ModelFile.save(out, network, card, members, [item.weight for item in card.members])


def _network_bytes(model: ModelFile) -> int:
    return sum(file.stat().st_size for file in model.folder.rglob("*.onnx"))


def _in_bits(network: bytes, precision: Precision) -> bytes:
    if precision == "fp32":
        return network
    try:
        from carvanamask.training.quantize import to_float16_weights, to_int8_weights
    except ModuleNotFoundError as missing:
        raise ModelError(f"--precision {precision} needs {missing.name}: pip install 'carvanamask[train]'") from None
    return to_float16_weights(network) if precision == "fp16" else to_int8_weights(network)
