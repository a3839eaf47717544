from pathlib import Path

import numpy as np
import pytest

from carvanamask.core.config import AugmentConfig
from carvanamask.core.errors import MaskError
from carvanamask.core.folders import KaggleFolder, Sample
from carvanamask.core.mask import Mask
from carvanamask.core.pictures import save_mask, save_picture
from carvanamask.training.dataset import (
    EpochSampler,
    ShrunkenPairs,
    TrainingPictures,
    ValidationPictures,
    shrink_pair,
)


@pytest.fixture
def sample(tmp_path: Path) -> Sample:
    """A 4x2 picture, white on its left three columns, which are car."""
    pixels = np.zeros((2, 4), bool)
    pixels[:, :3] = True
    save_picture(tmp_path / "a_01.png", np.repeat(pixels[..., None], 3, axis=2).astype(np.uint8) * 255)
    save_mask(tmp_path / "a_01_mask.png", Mask(pixels))
    return Sample("a", 1, tmp_path / "a_01.png", tmp_path / "a_01_mask.png")


def test_a_pair_is_shrunk_by_area_so_that_an_edge_pixel_says_how_much_of_it_is_car(sample: Sample) -> None:
    pair = shrink_pair(sample, (2, 1))
    assert pair.shape == (1, 2, 4)
    assert pair[0, 0].tolist() == [255, 255, 255, 255]
    assert pair[0, 1, 3] in (127, 128)


def test_a_mask_of_another_picture_is_refused(sample: Sample, tmp_path: Path) -> None:
    save_mask(tmp_path / "a_01_mask.png", Mask(np.ones((3, 3), bool)))
    with pytest.raises(MaskError, match="is 3x3, its picture 4x2"):
        shrink_pair(sample, (2, 1))


def test_pairs_are_read_once_where_they_fit_and_each_time_where_they_do_not(sample: Sample) -> None:
    fitting, not_fitting = ShrunkenPairs([sample], (2, 2), cache_gb=1), ShrunkenPairs([sample], (2, 2), cache_gb=0)
    first = [fitting[0].copy(), not_fitting[0].copy()]
    save_picture(sample.picture, np.zeros((2, 4, 3), np.uint8))
    np.testing.assert_array_equal(fitting[0], first[0])
    assert (not_fitting[0] != first[1]).any()


def test_validation_keeps_the_truth_at_the_picture_s_own_size(sample: Sample) -> None:
    picture, truth = ValidationPictures([sample], (2, 1))[0]
    assert picture.shape == (1, 2, 3)
    assert truth.tolist() == [[1, 1, 1, 0], [1, 1, 1, 0]]


def test_a_variation_depends_on_seed_epoch_and_picture_alone(drawn_folder: Path) -> None:
    samples = KaggleFolder(drawn_folder).training_samples()[:3]

    def pictures(seed: int) -> TrainingPictures:
        return TrainingPictures(ShrunkenPairs(samples, (48, 32), 1), AugmentConfig(), seed)

    first, second = pictures(0), pictures(0)
    second[(5, 2)]  # another order of asking
    np.testing.assert_array_equal(first[(1, 0)], second[(1, 0)])
    assert (first[(1, 0)] != first[(2, 0)]).any()
    assert (first[(1, 0)] != pictures(1)[(1, 0)]).any()


def test_an_epoch_shows_every_picture_once_in_an_order_of_its_own() -> None:
    sampler = EpochSampler(10, seed=0, rank=0, devices=1)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) == [(0, i) for i in range(10)]
    assert sorted(second) == [(1, i) for i in range(10)]
    assert [i for _, i in first] != [i for _, i in second]


def test_devices_share_an_epoch_without_overlap_and_take_equally_many_steps() -> None:
    shares = [list(EpochSampler(11, seed=3, rank=rank, devices=2)) for rank in range(2)]
    assert [len(share) for share in shares] == [5, 5]
    assert not set(shares[0]) & set(shares[1])
