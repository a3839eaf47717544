"""A model as its card describes it: one network or several, with flip averaging or without."""

from __future__ import annotations

from carvanamask.core.model_file import ModelFile
from carvanamask.inference.ensemble import Ensemble
from carvanamask.inference.flip import FlipAverage
from carvanamask.inference.predictor import Predictor, build_network_predictor
from carvanamask.inference.stage import StagePredictor
from carvanamask.inference.zoom import ZoomPredictor


def build_predictor(model: ModelFile, device: str = "auto", threads: int = 0, at_once: int = 0) -> Predictor:
    """All that a model's card asks for, on `device`; on the CPU with `threads`, or one a core.

    `at_once` 1 has one picture soonest, 0 many.

    Raises ConfigError for a device that isn't there and ModelError for a network that can't run.
    """
    members = [build_predictor(member, device, threads, at_once) for member in model.members]
    predictor: Predictor
    if model.card.sees_stage:
        predictor = StagePredictor(members[0], build_network_predictor(model, device, threads, at_once))
    elif model.card.zooms:
        network = build_network_predictor(model, device, threads, at_once)
        predictor = ZoomPredictor(members[0], network, model.members[0].card.input_size_wh)
    elif members:
        predictor = Ensemble(members, [member.weight for member in model.card.members])
    else:
        predictor = build_network_predictor(model, device, threads, at_once)
    return FlipAverage(predictor) if model.card.flip else predictor
