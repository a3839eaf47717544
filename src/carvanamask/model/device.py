"""Devices that a network can run on. Importing this module loads no engine, so the command line can list them."""

from __future__ import annotations

import importlib.util
from enum import StrEnum
from pathlib import Path

from carvanamask.errors import ConfigError, MissingPackageError, nearest


class Device(StrEnum):
    """Where a network runs: OpenVINO runs it on the CPU, ONNX Runtime on everything else."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    TENSORRT = "tensorrt"
    MPS = "mps"
    DIRECTML = "directml"


PROVIDERS = {
    Device.CUDA: "CUDAExecutionProvider",
    Device.TENSORRT: "TensorrtExecutionProvider",
    Device.MPS: "CoreMLExecutionProvider",
    Device.DIRECTML: "DmlExecutionProvider",
}
"""ONNX Runtime's execution provider for each device."""

_PACKAGES = {Device.MPS: "onnxruntime", Device.DIRECTML: "onnxruntime-directml"}
"""The package that has a device's provider, where that isn't the `gpu` extra."""


def find_provider(name: str) -> str:
    """Return the installed execution provider for a device; '' if the network runs on the CPU, by OpenVINO.

    "auto" is CUDA if there is an NVIDIA driver and ONNX Runtime has CUDA, else the CPU. The other providers run only
    by name: TensorRT takes minutes to start, CoreML and DirectML compute with other precisions.
    Raises ConfigError for an unknown name, MissingPackageError for a device that is named but can't be used here.
    """
    try:
        device = Device(name)
    except ValueError:
        raise ConfigError(f"no device '{name}'{nearest(name, Device)} (devices: {', '.join(Device)})") from None
    if device is Device.CPU or (device is Device.AUTO and not (has_nvidia_driver() and has_onnxruntime())):
        return ""
    named = Device.CUDA if device is Device.AUTO else device
    package = _PACKAGES.get(named, "'carvanamask[gpu]'")
    repair = f"pip install {package}, or use device 'cpu'"
    if not has_onnxruntime():
        raise MissingPackageError(f"device '{named}' needs ONNX Runtime", repair)
    import onnxruntime  # after the check above, and only for a device that needs it

    if PROVIDERS[named] in onnxruntime.get_available_providers():
        return PROVIDERS[named]
    if device is Device.AUTO:
        return ""
    raise MissingPackageError(f"this ONNX Runtime has no {PROVIDERS[named]} for device '{named}'", repair)


def has_nvidia_driver() -> bool:
    """Return whether the system has a driver for an NVIDIA GPU."""
    paths = "/dev/nvidia0", "/proc/driver/nvidia/version", "C:/Windows/System32/nvcuda.dll"
    return any(Path(path).exists() for path in paths)


def has_onnxruntime() -> bool:
    return importlib.util.find_spec("onnxruntime") is not None
