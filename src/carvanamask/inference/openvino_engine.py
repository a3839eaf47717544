"""The network on the CPU, by OpenVINO: 16-bit floats where the CPU computes with them."""

from __future__ import annotations

import sys
import threading

import numpy as np

from carvanamask.core.cores import cores
from carvanamask.core.model_file import ModelFile
from carvanamask.inference.predictor import AT_ONCE, NetworkPredictor, misfit

# Importing openvino reports the import to Intel and leaves an id in ~/intel, unless its telemetry isn't installed
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402


class OpenVinoPredictor(NetworkPredictor):
    """A Predictor. Threads share the compiled network and each has its own request, so none waits for a lock."""

    def __init__(self, model: ModelFile, precision: str | None = None, threads: int = 0, streams: int = 0) -> None:
        """`precision` "f32" or "bf16", by itself bf16 where the CPU has it; `threads` 0: one a core.

        `streams` are the pictures that it computes at once, each with a share of the threads: 1 has one picture
        soonest; 0, one a thread up to AT_ONCE, has many soonest, since no thread waits for another.
        """
        self.card = model.card
        core = openvino.Core()
        network = _read(core, model)
        if precision is None:
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        streams = streams or min(threads or cores(), AT_ONCE)
        options = {"INFERENCE_PRECISION_HINT": precision, "NUM_STREAMS": str(streams)}
        if threads:
            options["INFERENCE_NUM_THREADS"] = str(threads)
        self._network = core.compile_model(network, "CPU", options)
        self._requests = threading.local()
        used = self._network.get_property("INFERENCE_NUM_THREADS")
        self.arithmetic = f"OpenVINO on CPU, {precision}"
        self.engine = f"OpenVINO on CPU, {used} {'thread' if used == 1 else 'threads'}, {precision}"
        # the first inference sets something up; two threads that make it at once can wait for each other forever
        width, height = model.card.input_size_wh
        self.infer(np.zeros((height, width, model.card.channels), dtype=np.uint8))

    def infer(self, levels: np.ndarray) -> np.ndarray:
        if not hasattr(self._requests, "own"):
            self._requests.own = self._network.create_infer_request()
        result: np.ndarray = self._requests.own.infer(levels[np.newaxis], share_inputs=True)[0][0, 0]
        return result


def _read(core: openvino.Core, model: ModelFile) -> openvino.Model:
    """The network with shrinking left out and everything else of the card put in: uint8 NHWC → probabilities NCHW."""
    width, height = model.card.input_size_wh
    channels = model.card.channels
    try:
        network = core.read_model(model.onnx)
        takes = network.input(0).partial_shape
        if not takes.compatible(openvino.PartialShape([1, channels, height, width])):
            raise misfit(model, f"it takes {takes}")
        network.reshape([1, channels, height, width])
    except RuntimeError as error:
        raise misfit(model, str(error).strip().splitlines()[-1].strip()) from None
    shape = network.output(0).get_partial_shape()
    if shape != openvino.PartialShape([1, 1, height, width]):
        raise misfit(model, f"it gives {shape}")
    steps = openvino.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().mean(255 * model.card.mean).scale(255 * model.card.std)
    return steps.build()
