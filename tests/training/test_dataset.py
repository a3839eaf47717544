import shutil
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.data.kaggle_folder import KaggleFolder, Sample
from carvanamask.errors import MaskError
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_mask, save_picture
from carvanamask.model.onnxruntime_engine import CPU_PROVIDER, OnnxRuntimePredictor
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.training import dataset
from carvanamask.training.config import AugmentConfig, InputConfig, TrainingConfig
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


def test_edge_pixel_holds_its_car_share(sample: Sample) -> None:
    pair = shrink_pair(sample, InputConfig(size_wh=(2, 1)))
    assert pair.shape == (1, 2, 4)
    assert pair[0, 0].tolist() == [255, 255, 255, 255]
    assert pair[0, 1, 3] in (127, 128)


def test_a_mask_of_another_picture_is_refused(sample: Sample, tmp_path: Path) -> None:
    save_mask(tmp_path / "a_01_mask.png", Mask(np.ones((3, 3), bool)))
    with pytest.raises(MaskError, match="is 3x3, its picture 4x2"):
        shrink_pair(sample, InputConfig(size_wh=(2, 1)))


def test_pairs_are_cached_where_they_fit(sample: Sample) -> None:
    options = InputConfig(size_wh=(2, 2))
    fitting, not_fitting = ShrunkenPairs([sample], options, cache_gb=1), ShrunkenPairs([sample], options, cache_gb=0)
    first = [fitting[0].copy(), not_fitting[0].copy()]
    save_picture(sample.picture, np.zeros((2, 4, 3), np.uint8))
    np.testing.assert_array_equal(fitting[0], first[0])
    assert (not_fitting[0] != first[1]).any()


def test_small_shared_memory_prevents_cache(sample: Sample, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 64 * 2**20
    monkeypatch.setattr(dataset, "SHARED_MEMORY", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=free))
    options = InputConfig(size_wh=(1024, 1024))  # 4 MiB a pair, and of 16 a tenth has to be left
    assert ShrunkenPairs([sample] * 14, options, cache_gb=1).why_not_cached == ""
    pairs = ShrunkenPairs([sample] * 15, options, cache_gb=1)
    assert pairs.why_not_cached == (
        f"a cache takes 0.0629 GB, training.cache_gb allows 1, and {tmp_path} has 0.0671 GB free"
    )
    assert pairs[14].shape == (1024, 1024, 4)
    free = 2**40
    assert "training.cache_gb allows 0.05" in ShrunkenPairs([sample] * 15, options, cache_gb=0.05).why_not_cached
    monkeypatch.setattr(dataset, "SHARED_MEMORY", tmp_path / "not on this system")
    free = 0
    assert ShrunkenPairs([sample] * 15, options, cache_gb=1).why_not_cached == ""


def test_validation_truth_is_full_size(sample: Sample) -> None:
    picture, truth = ValidationPictures([sample], InputConfig(size_wh=(2, 1)))[0]
    assert picture.shape == (1, 2, 3)
    assert truth.tolist() == [[1, 1, 1, 0], [1, 1, 1, 0]]


def test_input_without_clahe_is_the_shrunken_picture(drawn_folder: Path) -> None:
    sample = KaggleFolder(drawn_folder).training_samples()[0]
    small = cv2.resize(load_picture(sample.picture), (48, 32), interpolation=cv2.INTER_AREA)
    options = InputConfig(size_wh=(48, 32))
    np.testing.assert_array_equal(shrink_pair(sample, options)[..., :3], small)
    np.testing.assert_array_equal(ValidationPictures([sample], options)[0][0], small)


@pytest.mark.parametrize("clahe", [0.0, 3.0])
def test_all_stages_see_the_same_pixels(drawn_folder: Path, tmp_path: Path, clahe: float) -> None:
    sample = KaggleFolder(drawn_folder).training_samples()[0]
    picture, options = load_picture(sample.picture), InputConfig(size_wh=(48, 32), clahe=clahe)
    seen = ShrunkenPairs([sample], options, cache_gb=1)[0][..., :3]
    np.testing.assert_array_equal(ValidationPictures([sample], options)[0][0], seen)
    model = save_brightness_model(tmp_path, (48, 32), clahe=clahe)
    probability = 1 / (1 + np.exp(-20 * (seen.mean(axis=2, dtype=np.float32) - 127.5) / 127.5))
    expected = ProbabilityMap(probability).resized((picture.shape[1], picture.shape[0])).values
    for predictor in (OpenVinoPredictor(model, "f32"), OnnxRuntimePredictor(model, CPU_PROVIDER)):
        assert np.abs(predictor.predict(picture).values - expected).max() < 1e-4, predictor.engine


def test_augmentation_depends_on_seed_epoch_index(drawn_folder: Path) -> None:
    samples = KaggleFolder(drawn_folder).training_samples()[:3]

    def pictures(seed: int) -> TrainingPictures:
        return TrainingPictures(ShrunkenPairs(samples, InputConfig(size_wh=(48, 32)), 1), AugmentConfig(), seed)

    first, second = pictures(0), pictures(0)
    second[(5, 2)]  # another order of asking
    np.testing.assert_array_equal(first[(1, 0)], second[(1, 0)])
    assert (first[(1, 0)] != first[(2, 0)]).any()
    assert (first[(1, 0)] != pictures(1)[(1, 0)]).any()


def sampler_of(
    real: int, pseudo: int = 0, drawn: int = 0, rank: int = 0, devices: int = 1, **options: int
) -> EpochSampler:
    """Return a sampler that draws so many pictures with pseudo-labels for each epoch."""
    config = TrainingConfig.model_validate({"extra_share": drawn / (real + drawn) or None, **options})
    return EpochSampler(config, real, pseudo, rank, devices)


def test_epoch_shows_every_picture_once() -> None:
    sampler = sampler_of(10)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    assert sorted(first) == [(0, i) for i in range(10)]
    assert sorted(second) == [(1, i) for i in range(10)]
    assert [i for _, i in first] != [i for _, i in second]


def test_devices_share_an_epoch() -> None:
    shares = [list(sampler_of(11, seed=3, rank=rank, devices=2)) for rank in range(2)]
    assert [len(share) for share in shares] == [5, 5]
    assert not set(shares[0]) & set(shares[1])


def test_order_without_pseudo_labels() -> None:
    expected = np.random.default_rng((7, 0)).permutation(10)
    assert [i for _, i in sampler_of(10, seed=7)] == expected.tolist()


def keys_of(sampler: EpochSampler, epoch: int) -> list[tuple[int, int]]:
    sampler.set_epoch(epoch)
    return list(sampler)


def test_epochs_of_a_pass_share_the_pictures() -> None:
    sampler = sampler_of(10, seed=7, epochs_per_pass=2)
    epochs = [keys_of(sampler, epoch) for epoch in range(4)]
    assert [len(keys) for keys in epochs] == [len(sampler)] * 4 == [5] * 4
    assert [{epoch for epoch, _ in keys} for keys in epochs] == [{0}, {1}, {2}, {3}]
    # a pass has one permutation, of which its epochs take turns; the third epoch begins another
    for number in range(2):
        order = np.random.default_rng((7, number)).permutation(10).tolist()
        assert [i for _, i in epochs[2 * number]] == order[::2]
        assert [i for _, i in epochs[2 * number + 1]] == order[1::2]


def test_one_epoch_per_pass_is_the_default_order() -> None:
    plain, with_option = sampler_of(9, 5, 3, seed=7), sampler_of(9, 5, 3, seed=7, epochs_per_pass=1)
    for epoch in range(3):
        assert keys_of(with_option, epoch) == keys_of(plain, epoch)
    order = np.random.default_rng((7, 2)).permutation(10).tolist()
    assert [i for _, i in keys_of(sampler_of(10, seed=7, epochs_per_pass=1), 2)] == order


def test_devices_share_a_part_of_a_pass() -> None:
    shares = [
        [keys_of(sampler_of(23, seed=3, rank=rank, devices=2, epochs_per_pass=3), epoch) for rank in range(2)]
        for epoch in range(3)
    ]
    assert [[len(share) for share in epoch] for epoch in shares] == [[3, 3]] * 3  # 23 = 3 · 2 · 3 + 5
    printable = [i for epoch in shares for share in epoch for _, i in share]
    assert len(printable) == len(set(printable))


def test_pass_spreads_pseudo_labels() -> None:
    sampler = sampler_of(6, 20, 4, epochs_per_pass=2)
    printable = [i for epoch in range(2) for _, i in keys_of(sampler, epoch)]
    assert len(printable) == len(set(printable)) == 10
    assert [i for i in sorted(printable) if i < 6] == list(range(6))


def test_epoch_draws_pseudo_labels() -> None:
    sampler = sampler_of(6, 20, 4)
    drawn = []
    for epoch in range(3):
        sampler.set_epoch(epoch)
        printable = [i for _, i in sampler]
        assert len(printable) == len(set(printable)) == len(sampler) == 10
        assert [i for i in sorted(printable) if i < 6] == list(range(6))
        drawn.append({i for i in printable if i >= 6})
        assert max(printable) < 6 + 20
        assert list(sampler) == [(epoch, i) for i in printable]  # the same again after an interruption
    assert len(set.union(*drawn)) > 4


def test_small_pool_is_used_up_before_repeats() -> None:
    printable = [i for _, i in sampler_of(4, 3, 8)]
    assert len(printable) == len(set(printable)) == 12
    pictures = sorted(i % 7 for i in printable)
    assert pictures[:4] == [0, 1, 2, 3]
    assert sorted(pictures.count(i) for i in (4, 5, 6)) == [2, 3, 3]


def test_devices_share_real_and_pseudo() -> None:
    shares = [list(sampler_of(6, 9, 5, seed=3, rank=rank, devices=2)) for rank in range(2)]
    assert [len(share) for share in shares] == [5, 5]
    assert not set(shares[0]) & set(shares[1])


def test_repeated_picture_is_augmented_differently(sample: Sample) -> None:
    pictures = TrainingPictures(ShrunkenPairs([sample], InputConfig(size_wh=(4, 2)), 1), AugmentConfig(), seed=0)
    assert (pictures[(0, 0)] != pictures[(0, 1)]).any()


@pytest.mark.parametrize(
    ("share", "pseudo", "printable"), [(None, 30, 30), (0.5, 30, 100), (0.2, 30, 25), (0.2, 0, 0), (None, 0, 0)]
)
def test_pseudo_count(share: float | None, pseudo: int, printable: int) -> None:
    assert TrainingConfig(extra_share=share).pseudo_count(100, pseudo) == printable


def test_refinement_network_sees_crop(tmp_path: Path) -> None:
    pixels = np.zeros((80, 100), bool)
    pixels[30:40, 40:60] = True
    save_picture(tmp_path / "a_01.png", np.repeat(pixels[..., None], 3, axis=2).astype(np.uint8) * 255)
    save_mask(tmp_path / "a_01_mask.png", Mask(pixels))
    sample = Sample("a", 1, tmp_path / "a_01.png", tmp_path / "a_01_mask.png")
    options = InputConfig(size_wh=(48, 24), coarse_model="first")
    pair = shrink_pair(sample, options)
    assert pair[..., 3].mean() / 255 == pytest.approx(200 / (24 * 12), abs=0.01)
    levels, truth = ValidationPictures([sample], options)[0]
    assert levels.shape == (24, 48, 3)
    assert truth.shape == (12, 24)
    assert truth.sum() == 200
