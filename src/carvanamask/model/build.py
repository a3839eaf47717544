"""Build the predictor that a model's card describes: one network or several, with or without flip averaging."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial

from carvanamask.errors import ConfigError
from carvanamask.model.coarse_to_fine import CoarseToFinePredictor
from carvanamask.model.device import Device, find_provider
from carvanamask.model.ensemble import Ensemble, FlipAverage
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import NetworkPredictor, Predictor

log = logging.getLogger(__name__)


def build_predictor(model: ModelFile, device: str = Device.AUTO, threads: int = 0, concurrency: int = 0) -> Predictor:
    """Return the predictor of a model, with all its members, on a device.

    `threads`: CPU threads, 0: one per core. `concurrency`: pictures processed in parallel; 1 gives the lowest latency,
    0 the highest throughput. Raises ConfigError for a device that can't be used and ModelError for a network that
    can't run.
    """
    return assemble(model, partial(build_network_predictor, device=device, threads=threads, concurrency=concurrency))


def build_network_predictor(
    model: ModelFile, device: str = Device.AUTO, threads: int = 0, concurrency: int = 0
) -> NetworkPredictor:
    """Return the engine of a model's own network: ONNX Runtime on a GPU, OpenVINO on the CPU.

    Options and errors as in `build_predictor`. A GPU that is named is never replaced by the CPU; one that "auto" finds
    but can't start is, with a warning.
    """
    provider = find_provider(device)
    if provider:
        from carvanamask.model.onnxruntime_engine import OnnxRuntimePredictor

        try:
            return OnnxRuntimePredictor(model, provider)
        except ConfigError as error:
            if device != Device.AUTO:
                raise
            log.warning("the network runs on the CPU, not on the GPU: %s", error)
    from carvanamask.model.openvino_engine import OpenVinoPredictor

    return OpenVinoPredictor(model, threads=threads, concurrency=concurrency)


def assemble(model: ModelFile, build_network: Callable[[ModelFile], NetworkPredictor]) -> Predictor:
    """Return the predictor of a model whose networks, its own and its members', `build_network` builds."""
    members = [assemble(member, build_network) for member in model.members]
    predictor: Predictor
    if model.card.sees_crop:
        predictor = CoarseToFinePredictor(members[0], build_network(model), model.members[0].card.input_size_wh)
    elif members:
        predictor = Ensemble(members, [member.weight for member in model.card.members])
    else:
        predictor = build_network(model)
    return FlipAverage(predictor) if model.card.flip else predictor
