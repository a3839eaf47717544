from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from carvanamask.batch.pipeline import Predicted, predict_all
from carvanamask.core.mask import ProbabilityMap
from carvanamask.data.kaggle_folder import Sample
from carvanamask.errors import DataError, PictureError
from carvanamask.io.write import save_picture


class Grey:
    """Predicts the brightness of the picture's first pixel for every pixel."""

    engine = arithmetic = "by hand"

    def predict(self, picture: np.ndarray) -> ProbabilityMap:
        return ProbabilityMap(np.full(picture.shape[:2], picture[0, 0, 0] / 255, np.float32))


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    """Two cars of three views, the second picture of the first one not a picture."""
    samples = []
    for car in ("a", "b"):
        for view in (1, 2, 3):
            path = tmp_path / f"{car}_{view:02d}.png"
            save_picture(path, np.full((4, 6, 3), 51 * view, np.uint8))
            samples.append(Sample(car, view, path, None))
    samples[1].picture.write_bytes(b"nothing")
    return samples


def value(predicted: Predicted[Sample]) -> float:
    assert predicted.picture.shape == (4, 6, 3)
    return round(float(predicted.probabilities.values[0, 0]), 3)


def test_every_sample_returns_with_its_result_or_error(samples: list[Sample]) -> None:
    results = {sample.name: result for sample, result in predict_all(Grey(), samples, value)}
    assert isinstance(results.pop("a_02"), PictureError)
    assert results == {"a_01": 0.2, "a_03": 0.6, "b_01": 0.2, "b_02": 0.4, "b_03": 0.6}


def test_all_pictures_may_fail(samples: list[Sample]) -> None:
    for sample in samples:
        sample.picture.write_bytes(b"nothing")
    results = [result for _, result in predict_all(Grey(), samples, value)]
    assert len(results) == 6
    assert all(isinstance(result, PictureError) for result in results)


def test_failing_result_leaves_the_others_alone(samples: list[Sample]) -> None:
    def finish(predicted: Predicted[Sample]) -> str:
        if predicted.sample.name == "b_02":
            raise DataError("no room for b_02")
        return predicted.sample.name

    results = {sample.name: str(result) for sample, result in predict_all(Grey(), samples, finish)}
    assert results["b_02"] == "no room for b_02"
    assert results["b_03"] == "b_03"


def test_picture_comes_with_the_hash_of_its_file(samples: list[Sample]) -> None:
    def finish(predicted: Predicted[Sample]) -> str:
        return predicted.content_hash

    contents = {s.name: result for s, result in predict_all(Grey(), samples, finish) if s.name != "a_02"}
    assert contents["a_01"] == contents["b_01"] != contents["a_03"]
    assert contents["a_01"] == hashlib.blake2b(samples[0].picture.read_bytes(), digest_size=16).hexdigest()


def test_picture_too_large_for_the_memory_is_named(samples: list[Sample]) -> None:
    def finish(predicted: Predicted[Sample]) -> str:
        if predicted.sample.name == "b_02":
            raise MemoryError
        return ""

    results = {sample.name: result for sample, result in predict_all(Grey(), samples, finish)}
    assert "b_02.png can't be processed (not enough memory): shrink it" in str(results["b_02"])
    assert results["b_03"] == ""
