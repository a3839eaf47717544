"""The package's version, in a module of its own: batches and runs record it without importing the public API."""

__version__ = "0.3.0"
