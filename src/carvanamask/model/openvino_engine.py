"""The network on the CPU, by OpenVINO: in 16-bit floats where the CPU computes with them."""

from __future__ import annotations

import sys
from queue import SimpleQueue

import numpy as np

from carvanamask.io.process import cpu_count
from carvanamask.model.model_file import ModelFile
from carvanamask.model.predictor import MAX_CONCURRENCY, NetworkPredictor, incompatible_error

# importing openvino reports the import to Intel and leaves an id in ~/intel: hide its telemetry, during the import only
_IS_HIDDEN = sys.modules.setdefault("openvino_telemetry", None) is None  # type: ignore[arg-type]
import openvino  # noqa: E402

if _IS_HIDDEN:
    del sys.modules["openvino_telemetry"]


class OpenVinoPredictor(NetworkPredictor):
    """One network on the CPU, compiled once for each picture that is processed in parallel; threads take turns.

    Streams of one compiled network would be the usual way. They share converted weights, and OpenVINO 2026.4 gives a
    third of them wrong ones where a file stores weights in 8 bits (docs/experiments.md).
    """

    def __init__(self, model: ModelFile, precision: str | None = None, threads: int = 0, concurrency: int = 0) -> None:
        """Compile the network.

        `precision` is "f32" or "bf16", None: bf16 where the CPU has it. `threads` 0: one per core. `concurrency`:
        pictures processed in parallel; 1 gives the lowest latency, by all threads; 0 gives the highest throughput, by
        one picture per thread up to MAX_CONCURRENCY. Raises ModelError for a network that can't run.
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
        # each request's first inference initialises something: two threads that do so in parallel can deadlock
        width, height = model.card.input_size_wh
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        if len({self.infer(pixels).tobytes() for _ in range(concurrency)}) > 1:
            raise incompatible_error(model, "OpenVINO's copies of it give different results")

    def infer(self, pixels: np.ndarray) -> np.ndarray:
        request = self._requests.get()  # the one that has waited longest
        try:
            result: np.ndarray = request.infer(pixels[np.newaxis], share_inputs=True)[0][0, 0]
        finally:
            self._requests.put(request)
        return result


def _read(core: openvino.Core, model: ModelFile) -> openvino.Model:
    """Return the network from uint8 NHWC to probabilities NCHW: normalisation becomes a part of it."""
    width, height = model.card.input_size_wh
    try:
        network = core.read_model(model.onnx)
        input_shape = network.input(0).partial_shape
        if not input_shape.compatible(openvino.PartialShape([1, 3, height, width])):
            raise incompatible_error(model, f"its input has the shape {input_shape}")
        network.reshape([1, 3, height, width])
    except RuntimeError as error:
        raise incompatible_error(model, str(error).strip().splitlines()[-1].strip()) from None
    output_shape = network.output(0).get_partial_shape()
    if output_shape != openvino.PartialShape([1, 1, height, width]):
        raise incompatible_error(model, f"its output has the shape {output_shape}")
    steps = openvino.preprocess.PrePostProcessor(network)
    steps.input().tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
    steps.input().model().set_layout(openvino.Layout("NCHW"))
    steps.input().preprocess().convert_element_type(openvino.Type.f32)
    steps.input().preprocess().mean(255 * model.card.mean).scale(255 * model.card.std)
    return steps.build()
