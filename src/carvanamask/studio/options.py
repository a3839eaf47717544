"""Options of a rendering; a file of its own, so that the command line can show them without loading NumPy."""

from __future__ import annotations

from dataclasses import dataclass

from carvanamask.errors import ConfigError

# test cars are numbered from here, so that more training cars don't change them
FIRST_TEST_CAR = 1_000_000


@dataclass(frozen=True)
class RenderOptions:
    """What to render, and how well."""

    cars: int = 8
    """Number of training cars, with 16 views each."""
    test_cars: int = 0
    """Number of cars for test/, without masks."""
    size_wh: tuple[int, int] = (960, 640)
    """Width and height of the pictures."""
    seed: int = 0
    """Another seed makes other cars."""
    body: str | None = None
    """Body type of every car, such as minivan; by default all nine body types in turn."""
    samples: int = 32
    """Light paths per pixel: more are slower and less grainy."""
    quality: int = 88
    """Quality of the JPEGs, 1 to 100."""
    variant: str | None = None
    """Mitsuba's variant; by default the fastest one of this machine."""

    def check(self) -> None:
        """Raise ConfigError for a value out of range."""
        if not (0 <= self.cars < FIRST_TEST_CAR and self.test_cars >= 0) or self.cars + self.test_cars == 0:
            raise ConfigError(f"can't render {self.cars} cars and {self.test_cars} test cars", "give at least one")
        if min(self.size_wh) < 32 or max(self.size_wh) > 8192:
            size = "x".join(map(str, self.size_wh))
            raise ConfigError(f"can't render a picture of {size}", "take sides of 32 to 8192 pixels")
        if self.samples < 1:
            raise ConfigError(f"{self.samples} samples give no picture", "take at least 1")
        if not 1 <= self.quality <= 100:
            raise ConfigError(f"JPEG quality {self.quality} doesn't exist", "take 1 to 100")
