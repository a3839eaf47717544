"""The models that come with the package, a folder each: `model.onnx` and `card.json`."""

BUILT_IN_MODEL = "studio-m"
"""What predicts when nobody names a model."""
