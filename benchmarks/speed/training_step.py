"""Measure training steps on the CPU with this package's gradients of depthwise convolutions, and with torch's own.

python benchmarks/speed/training_step.py
"""

from __future__ import annotations

import time
from unittest import mock

import torch
from torch import Tensor
from torch.nn import functional

from carvanamask.training import lite_encoder
from carvanamask.training.module import CarSegmentation
from carvanamask.training.recipe import load_config

STEPS = 8


def plain(x: Tensor, weight: Tensor, stride: int, padding: int, gradient_share: float) -> Tensor:
    """Convolve with the gradients of torch."""
    return functional.conv2d(x, weight, None, stride, padding, groups=len(weight))


def step(module: CarSegmentation, pictures: Tensor, target: Tensor) -> float:
    start = time.perf_counter()
    with torch.autocast("cpu", torch.bfloat16):
        logits = module.logits(pictures)
    module.loss(logits, target).backward()  # type: ignore[no-untyped-call]
    module.zero_grad()
    return time.perf_counter() - start


def main() -> None:
    config = load_config("studio-s")
    width, height = config.input.size_wh
    count = config.training.batch_size
    module = CarSegmentation(config).train()
    pictures = torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8)
    target = torch.rand(count, 1, height, width)
    ours, torchs = [], []
    for _ in range(STEPS):  # in turns, so that a busy machine is busy for both
        ours.append(step(module, pictures, target))
        with mock.patch.object(lite_encoder.DepthwiseOnCpu, "apply", plain):
            torchs.append(step(module, pictures, target))
    print(f"studio-s, {width}x{height}, batch {count}, bf16, {torch.get_num_threads()} threads, best of {STEPS}")
    print(f"torch's gradients  {count / min(torchs):6.2f} pictures per second")
    print(
        f"ours               {count / min(ours):6.2f} pictures per second, {min(torchs) / min(ours):.2f} times as many"
    )


if __name__ == "__main__":
    main()
