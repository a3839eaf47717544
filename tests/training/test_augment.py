import cv2
import numpy as np

from carvanamask.training import augment as augmentation
from carvanamask.training.composites import Backgrounds
from carvanamask.training.config import AugmentConfig

NOTHING = AugmentConfig(flip=0, shift=0, scale=0, hue=0, saturation=0, value=0)


def augment(pair: np.ndarray, config: AugmentConfig, rng: np.random.Generator) -> np.ndarray:
    return augmentation.augment(pair, config, rng, Backgrounds(config.background_folder))


def pair() -> np.ndarray:
    rng = np.random.default_rng(1)
    coarse = rng.integers(0, 256, (4, 6, 4), dtype=np.uint8)
    return np.asarray(cv2.resize(coarse, (48, 32), interpolation=cv2.INTER_NEAREST))


def change(**options: float) -> AugmentConfig:
    return NOTHING.model_copy(update=options)


def test_nothing_asked_changes_nothing() -> None:
    np.testing.assert_array_equal(augment(pair(), NOTHING, np.random.default_rng(0)), pair())


def test_flip_mirrors_picture_and_mask() -> None:
    np.testing.assert_array_equal(augment(pair(), change(flip=1), np.random.default_rng(0)), pair()[:, ::-1])


def test_shift_moves_both_within_limit() -> None:
    same = np.repeat(pair()[..., :1], 4, axis=2)
    for seed in range(20):
        moved = augment(same, change(shift=0.125), np.random.default_rng(seed))
        np.testing.assert_array_equal(moved[..., 0], moved[..., 3])
    ramp = np.repeat(np.arange(48, dtype=np.uint8)[None, :, None], 32, axis=0).repeat(4, axis=2)
    moves = [int(augment(ramp, change(shift=0.125), np.random.default_rng(seed))[16, 24, 3]) - 24 for seed in range(50)]
    assert max(map(abs, moves)) <= 6
    assert min(moves) <= -4
    assert max(moves) >= 4


def test_scale_keeps_the_middle_in_place() -> None:
    cross = np.zeros((33, 49, 4), np.uint8)
    cross[16, 24] = 255
    for seed in range(10):
        scaled = augment(cross, change(scale=0.1), np.random.default_rng(seed))[..., 3]
        assert list(np.unravel_index(scaled.argmax(), scaled.shape)) == [16, 24]


def test_hue_wraps_around() -> None:
    grey = np.full((8, 8, 4), 120, np.uint8)
    np.testing.assert_array_equal(augment(grey, change(hue=90), np.random.default_rng(0)), grey)
    red = np.zeros((2, 2, 4), np.uint8)
    red[..., 0] = red[..., 3] = 255
    turned = augment(red, change(hue=90), np.random.default_rng(3))
    assert turned[0, 0, :3].max() == 255
    assert turned[0, 0, 1:3].max() > 0
    assert (turned[..., 3] == 255).all()


def test_brightness_stops_at_white_and_black() -> None:
    white = np.full((2, 2, 4), 255, np.uint8)
    seen = {int(augment(white, change(value=15), np.random.default_rng(seed))[0, 0, 0]) for seed in range(30)}
    assert max(seen) == 255
    assert 240 <= min(seen) < 255


def test_same_generator_same_pixels() -> None:
    first, second = (augment(pair(), AugmentConfig(), np.random.default_rng(7)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (augment(pair(), AugmentConfig(), np.random.default_rng(8)) != first).any()


def test_the_cached_picture_is_left_as_it_was() -> None:
    cached = pair()
    for seed in range(5):
        augment(cached, AugmentConfig(), np.random.default_rng(seed))
    np.testing.assert_array_equal(cached, pair())


def test_noise_and_blur_change_half_of_the_pictures() -> None:
    edge = np.zeros((32, 48, 4), np.uint8)
    edge[:, :24] = 100
    for option in ("noise", "blur"):
        changed = [augment(edge, change(**{option: 3}), np.random.default_rng(seed)) for seed in range(40)]
        assert all((each[..., 3] == edge[..., 3]).all() for each in changed)
        spoiled = [each for each in changed if (each[..., :3] != edge[..., :3]).any()]
        assert 10 < len(spoiled) < 30
    grain = max(float(augment(edge, change(noise=3), np.random.default_rng(s))[:, :24, :3].std()) for s in range(40))
    assert 2 < grain < 3.2
