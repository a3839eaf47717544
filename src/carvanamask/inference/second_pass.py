"""What two ways of looking twice share."""

from __future__ import annotations

from dataclasses import dataclass

from carvanamask.inference.predictor import NetworkPredictor, Predictor


@dataclass(frozen=True)
class SecondPass(Predictor):
    """A first pass by any predictor, and a network that builds on what it found."""

    first: Predictor
    second: NetworkPredictor

    @property
    def engine(self) -> str:
        return f"{self.second.engine}, after a first pass"

    @property
    def arithmetic(self) -> str:
        return self.second.arithmetic
