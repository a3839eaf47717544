"""A model with its numbers in fewer bits, held against the one it was made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from carvanamask.core.errors import ConfigError, ModelError, nearest
from carvanamask.core.folders import KaggleFolder
from carvanamask.core.model_file import ModelFile
from carvanamask.core.pictures import load_picture
from carvanamask.inference.predictor import build_network_predictor, network_input
from carvanamask.studio.showroom import SHOWROOM

Precision = Literal["fp32", "fp16", "int8-weights"]
PRECISIONS: dict[str, Precision] = {"fp32": "fp32", "fp16": "fp16", "int8-weights": "int8-weights"}

PICTURES = 8
"""Of the showroom, which ships with the package: what both networks are asked."""


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
    model: ModelFile, out: Path, precision: Precision = "fp16", say: Callable[[str], None] = lambda line: None
) -> ExportReport:
    """Write the model to the folder `out`, its weights in half the bytes or a quarter; it computes as before.

    Raises ModelError for a model of several networks, and where the package onnx is missing.
    """
    if model.members:
        raise ModelError(f"'{model.card.name}' is several networks: export each member by itself")
    if out.absolute() == model.folder.absolute():
        raise ConfigError(f"{out} holds the model itself: name another --out")
    network = model.onnx.read_bytes()
    note = f"weights stored as {precision} of network {model.card.sha256[:12]}"
    card = model.card if precision == "fp32" else model.with_card(provenance=_added(model.card.provenance, note)).card
    made = ModelFile.save(out, _in_bits(network, precision), card)
    before, after = build_network_predictor(model, "cpu"), build_network_predictor(made, "cpu")
    say(f"comparing both on {after.engine}")
    differences = []
    for sample in KaggleFolder(SHOWROOM).test_samples()[:PICTURES]:
        levels = network_input(load_picture(sample.picture), model.card)
        differences.append(np.abs(before.infer(levels) - after.infer(levels)))
    return ExportReport(
        model=made,
        precision=precision,
        bytes_before=len(network),
        bytes_after=made.onnx.stat().st_size,
        largest_difference=float(np.max(differences)),
        mean_difference=float(np.mean(differences)),
    )


def _in_bits(network: bytes, precision: Precision) -> bytes:
    if precision == "fp32":
        return network
    try:
        from carvanamask.training.precision import halved, quartered
    except ModuleNotFoundError as missing:
        raise ModelError(f"--precision {precision} needs {missing.name}: pip install 'carvanamask[train]'") from None
    return halved(network) if precision == "fp16" else quartered(network)


def _added(provenance: str, note: str) -> str:
    return f"{provenance}; {note}" if provenance else note
