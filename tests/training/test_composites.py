from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from carvanamask.errors import ConfigError
from carvanamask.io.write import save_picture
from carvanamask.training import composites as backgrounds
from carvanamask.training.composites import Backgrounds, replace_background

RED, GREEN, GREY = (200, 20, 20), (20, 220, 20), (90, 90, 90)
DRAWN = [backgrounds._plain, backgrounds._gradient, backgrounds._texture, backgrounds._studio]


def red_car_before_a_green_wall() -> np.ndarray:
    """48x32: solid in its middle, around it one pixel half car and half wall."""
    pair = np.zeros((32, 48, 4), np.uint8)
    pair[..., :3] = GREEN
    pair[9:23, 11:37] = (*(np.add(RED, GREEN) // 2), 128)
    pair[10:22, 12:36] = (*RED, 255)
    return pair


def generator(has_shadow: bool) -> np.random.Generator:
    seed = next(seed for seed in range(99) if (np.random.default_rng(seed).random() < 0.5) == has_shadow)
    return np.random.default_rng(seed)


def before_grey(has_shadow: bool = False) -> np.ndarray:
    wall = np.full((32, 48, 3), GREY, np.uint8)
    return replace_background(red_car_before_a_green_wall(), wall, generator(has_shadow))


@pytest.mark.parametrize("has_shadow", [False, True])
def test_the_car_keeps_its_place_and_its_colour(has_shadow: bool) -> None:
    pair, replaced = red_car_before_a_green_wall(), before_grey(has_shadow)
    np.testing.assert_array_equal(replaced[..., 3], pair[..., 3])
    assert (replaced[pair[..., 3] == 255][:, :3] == RED).all()


def test_background_stays_where_no_car_is() -> None:
    assert (before_grey()[red_car_before_a_green_wall()[..., 3] == 0][:, :3] == GREY).all()


def test_edge_has_nothing_of_old_wall() -> None:
    edge = before_grey()[red_car_before_a_green_wall()[..., 3] == 128][:, :3]
    share = 128 / 255
    np.testing.assert_allclose(
        edge, np.broadcast_to(share * np.array(RED) + (1 - share) * np.array(GREY), edge.shape), atol=1
    )


def test_shadow_only_under_car() -> None:
    shadow = np.array(GREY[0]) - before_grey(has_shadow=True)[..., 0].astype(int)
    shadow[red_car_before_a_green_wall()[..., 3] > 0] = 0
    assert shadow.min() == 0
    assert shadow[23, 24] > 5
    assert (shadow[:15] == 0).all()


def test_no_car_no_shadow() -> None:
    empty, wall = np.zeros((8, 8, 4), np.uint8), np.full((8, 8, 3), GREY, np.uint8)
    np.testing.assert_array_equal(replace_background(empty, wall, generator(has_shadow=True))[..., :3], wall)


def test_the_pair_that_came_is_left_as_it_was() -> None:
    pair = red_car_before_a_green_wall()
    replace_background(pair, np.full((32, 48, 3), GREY, np.uint8), generator(has_shadow=True))
    np.testing.assert_array_equal(pair, red_car_before_a_green_wall())


def test_same_generator_same_pixels() -> None:
    first, second = (Backgrounds("").draw((32, 48), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (Backgrounds("").draw((32, 48), np.random.default_rng(4)) != first).any()
    np.testing.assert_array_equal(before_grey(has_shadow=True), before_grey(has_shadow=True))


@pytest.mark.parametrize("draw", DRAWN, ids=lambda draw: draw.__name__)
@pytest.mark.parametrize("shape", [(32, 48), (48, 32), (2, 2), (1, 1)])
def test_drawn_background_shape_and_range(
    draw: Callable[[tuple[int, int], np.random.Generator], np.ndarray], shape: tuple[int, int]
) -> None:
    for seed in range(5):
        drawn = draw(shape, np.random.default_rng(seed))
        assert drawn.shape == (*shape, 3)
        assert np.isfinite(drawn).all()


def test_what_is_drawn_is_a_picture() -> None:
    for seed in range(12):
        drawn = Backgrounds("").draw((32, 48), np.random.default_rng(seed))
        assert drawn.shape == (32, 48, 3)
        assert drawn.dtype == np.uint8


def photographs_in(folder: Path) -> Path:
    """One that is lighter to the right, in a folder of a folder; beside it something else."""
    ramp = np.repeat(np.broadcast_to(np.arange(100, 200, dtype=np.uint8), (60, 100))[..., None], 3, axis=2)
    (folder / "street" / "night").mkdir(parents=True)
    save_picture(folder / "street" / "night" / "lamp.png", ramp)
    (folder / "street" / "notes.txt").write_text("rainy")
    (folder / "album.jpg").mkdir()
    return folder


def test_photographs_are_found_recursively(tmp_path: Path) -> None:
    found = Backgrounds(str(photographs_in(tmp_path)))
    assert found.photographs == [tmp_path / "street" / "night" / "lamp.png"]


@pytest.mark.parametrize("shape", [(30, 40), (40, 30), (200, 300), (1, 1)])
def test_photograph_crop_has_shape(tmp_path: Path, shape: tuple[int, int]) -> None:
    found, directions = Backgrounds(str(photographs_in(tmp_path))), set()
    for seed in range(20):
        picture = found.photograph(shape, np.random.default_rng(seed))
        assert picture.shape == (*shape, 3)
        assert picture.min() >= 100
        assert picture.max() <= 199
        directions.add(np.sign(picture[0, -1, 0] - picture[0, 0, 0]))
    assert directions == ({-1, 1} if shape[1] > 1 else {0})


def test_photographs_and_drawn_backgrounds_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = Backgrounds(str(photographs_in(tmp_path)))
    shown = []

    def photograph(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
        shown.append(shape)
        return np.zeros((*shape, 3))

    monkeypatch.setattr(found, "photograph", photograph)
    for seed in range(40):
        found.draw((8, 8), np.random.default_rng(seed))
    assert 5 < len(shown) < 25  # a third


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("rainy")
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ConfigError, match=f"augment.background_folder {folder}: no photographs") as refusal:
            Backgrounds(str(folder))
        assert "\n" not in str(refusal.value)
