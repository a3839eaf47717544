"""The network on the CPU, by OpenVINO: 16-bit floats where the CPU computes with them."""

from __future__ import annotations

import sys
from queue import SimpleQueue

import numpy as np

from carvanamask.io.process import cpu_count
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import MAX_CONCURRENCY, NetworkPredictor, incompatible

# Importing openvino reports the import to Intel and leaves an id in ~/intel, unless its telemetry isn't installed
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino  # noqa: E402


class OpenVinoPredictor(NetworkPredictor):
    """A Predictor. The network is there as many times as pictures are computed at once; threads take turns at them.

    Streams of one compiled network would be the usual way. They share converted weights, and where a file stores
    these in 8 bits OpenVINO 2026.4 gives a third of its networks wrong ones (docs/experiments.md).
    """

    def __init__(self, model: ModelFile, precision: str | None = None, threads: int = 0, concurrency: int = 0) -> None:
        """`precision` "f32" or "bf16", by itself bf16 where the CPU has it; `threads` 0: one a core.

        `concurrency` 1 has one picture soonest, by all threads; 0 has many soonest, one a thread up to MAX_CONCURRENCY: none
        waits for another. Raises ModelError for a network that can't run.
        """
        self.card = model.card
        core = openvino.Core()
        network = _read(core, model)
        if precision is None:
            precision = "bf16" if "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"
        threads = threads or cpu_count()
        concurrency = concurrency or min(threads, MAX_CONCURRENCY)
        options = {
            "INFERENCE_PRECISION_HINT": precision,
            "NUM_STREAMS": 1,
            "INFERENCE_NUM_THREADS": threads // concurrency,
            "ENABLE_CPU_PINNING": concurrency == 1,  # several networks would all be pinned to the same cores
        }
        self._requests: SimpleQueue[openvino.InferRequest] = SimpleQueue()
        for _ in range(concurrency):
            self._requests.put(core.compile_model(network, "CPU", options).create_infer_request())
        self.arithmetic = f"OpenVINO on CPU, {precision}"
        self.engine = f"OpenVINO on CPU, {threads} {'thread' if threads == 1 else 'threads'}, {precision}"
        # the first inference sets something up; two threads that make it at once can wait for each other forever
        width, height = model.card.input_size_wh
        levels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        if len({self.infer(levels).tobytes() for _ in range(concurrency)}) > 1:
            raise incompatible(model, "OpenVINO computes it in two ways")

    def infer(self, levels: np.ndarray) -> np.ndarray:
        request = self._requests.get()  # the one that has waited longest
        try:
            result: np.ndarray = request.infer(levels[np.newaxis], share_inputs=True)[0][0, 0]
        finally:
            self._requests.put(request)
        return result


def _read(core: openvino.Core, model: ModelFile) -> openvino.Model:
    """The network with shrinking left out and everything else of the card put in: uint8 NHWC → probabilities NCHW."""
    width, height = model.card.input_size_wh
    channels = 3
    try:
        network = core.read_model(model.onnx)
        takes = network.input(0).partial_shape
        if not takes.compatible(openvino.PartialShape([1, channels, height, width])):
            raise incompatible(model, f"it takes {takes}")
        network.reshape([1, channels, height, width])
    except RuntimeError as error:
        raise incompatible(model, str(error).strip().splitlines()[-1].strip()) from None
    shape = network.output(0).get_partial_shape()
    if shape != openvino.PartialShape([1, 1, height, width]):
        raise incompatible(model, f"it gives {shape}")
    steps = openvino.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().mean(255 * model.card.mean).scale(255 * model.card.std)
    return steps.build()
