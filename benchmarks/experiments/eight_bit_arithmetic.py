"""Measure the speed of 8-bit arithmetic: a network quantised by NNCF against the same one in bf16 and fp32.

    pip install nncf
    python benchmarks/experiments/eight_bit_arithmetic.py --data data --model RUN --out quantised

Calibrates on pictures of training cars, quantises all layers but those of KEPT, and times all variants in turns. Writes
the models to --out/<kept>, which `carvanamask eval --model` scores on held-out cars. Takes a model of one network.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
import onnx

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_picture
from carvanamask.model.model_file import ModelFile
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.predictor import network_input
from carvanamask.model.registry import find_model

KEPT = {
    "none": [],
    "ends": [r".*stem.*", r".*details.*", r".*head.*", r".*up\.3.*"],
    "decoder": [r".*stem.*", r".*details.*", r".*head.*", r".*up\..*"],
}
"""Layers that stay in 16 or 32 bits: the first and last ones take the least time and matter most."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--model", required=True)
    parser.add_argument("--out", type=Path, default=Path("quantised"))
    parser.add_argument("--pictures", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=60)
    options = parser.parse_args()
    model = find_model(options.model)
    made = {"unchanged": model} | {keep: quantised(model, keep, options) for keep in KEPT}
    for precision in ("f32", "bf16"):
        predictors = {keep: OpenVinoPredictor(each, precision) for keep, each in made.items()}
        best = dict.fromkeys(predictors, float("inf"))
        width, height = model.card.input_size_wh
        pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
        for _ in range(options.repeats):  # in turns, so that a busy machine is busy for all
            for keep, predictor in predictors.items():
                started = time.perf_counter()
                predictor.infer(pixels)
                best[keep] = min(best[keep], time.perf_counter() - started)
        for keep, seconds in best.items():
            print(f"{precision:5} 8 bits but {keep:9} {1000 * seconds:6.1f} ms", flush=True)


def quantised(model: ModelFile, keep: str, options: argparse.Namespace) -> ModelFile:
    """Return the model with 8-bit layers but for those of KEPT[keep]."""
    import nncf

    card, cars = model.card, set(model.card.training_cars)
    samples = [sample for sample in KaggleFolder(options.data).training_samples() if sample.car in cars]
    chosen = np.random.default_rng(0).permutation(len(samples))[: options.pictures]

    def network_inputs(index: int) -> dict[str, np.ndarray]:
        pixels = network_input(load_picture(samples[index].picture), card).astype(np.float32) / 255
        return {"picture": ((pixels - card.mean) / card.std).transpose(2, 0, 1)[None]}

    network = nncf.quantize(
        onnx.load(model.onnx),
        nncf.Dataset(chosen.tolist(), network_inputs),
        subset_size=len(chosen),
        preset=nncf.QuantizationPreset.MIXED,
        ignored_scope=nncf.IgnoredScope(patterns=KEPT[keep], validate=False),
    )
    return ModelFile.save(options.out / keep, network.SerializeToString(), card, model.members)


if __name__ == "__main__":
    main()
