from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ModelError
from carvanamask.jobs.fresh_process import measure_fresh_process, peak_megabytes


def pictures_in(folder: Path) -> list[Path]:
    return [sample.picture for sample in KaggleFolder(folder).test_samples()]


def test_a_fresh_process_tells_its_own_memory_not_that_of_the_one_that_started_it(
    drawn_folder: Path, tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path)
    ballast = np.ones(2**26)  # half a gigabyte
    fresh = measure_fresh_process(model, pictures_in(drawn_folder), "cpu")
    own = peak_megabytes()
    if fresh.peak_megabytes is None or own is None:
        pytest.skip("this system doesn't tell")
    assert own > ballast.nbytes / 2**20
    assert 20 < fresh.peak_megabytes < own - 100
    assert fresh.pictures == 4
    assert fresh.cold_seconds > 0
    assert fresh.again_seconds > 0


def test_what_goes_wrong_in_a_process_of_its_own_is_one_line(drawn_folder: Path, tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path)
    model.onnx.write_bytes(b"another network")
    with pytest.raises(
        ModelError, match=r"'bright' doesn't run in a process of its own .*is not the network"
    ) as raised:
        measure_fresh_process(model, pictures_in(drawn_folder), "cpu")
    assert "\n" not in str(raised.value)
