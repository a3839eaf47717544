"""carvanamask: cuts cars out of studio pictures."""

__version__ = "0.1.0"
