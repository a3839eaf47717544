import numpy as np
import pytest

from carvanamask.cli.console import configure_logging
from carvanamask.cli.evaluate import print_comparison
from carvanamask.jobs.compare import Candidate, Comparison


def candidate(name: str, dice: list[float], speed: float | None, epochs: int, judged: int = 3) -> Candidate:
    return Candidate(
        name, np.array(dice), np.array(dice) - 0.1, judged, ((320, 224), (480, 320)), 7.9, speed, epochs, 56
    )


def test_table_of_runs_and_a_line_for_each_difference(capsys: pytest.CaptureFixture[str]) -> None:
    runs = candidate("small", [0.99, 0.97, 0.98], None, 8), candidate("large", [1.0, 0.99, 0.98], 12.5, 0)
    print_comparison(Comparison(("a_01", "a_02", "b_01"), runs))
    out, err = capsys.readouterr()
    for words in (
        "3 pictures of 2 held-out cars",
        "0.98000",
        "66.7%",
        "a_02 0.9700",
        "320x224, 480x320",
        "speed not recorded",
        "12.5 pictures per second",
        "8 epochs, 56 minutes",
        "not here",
    ):
        assert words in out
    assert "large against small: mean Dice +0.01000 (standard error over cars " in out
    assert "better on 67% of the pictures\n" in out
    assert err == ""


@pytest.mark.usefixtures("run")
def test_warning_is_printed_beside_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging()
    runs = candidate("small", [0.9], None, 0, judged=2), candidate("large", [0.8], None, 0, judged=1)
    print_comparison(Comparison(("a_01",), runs))
    out, err = capsys.readouterr()
    assert err == (
        "warning: scored on different pictures (small on 2, large on 1): only the 1 that all have are compared\n"
    )
    assert "large against small: mean Dice -0.10000, better on 0% of the pictures" in out
