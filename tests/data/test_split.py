from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from carvanamask.data import split as splits
from carvanamask.data.kaggle_folder import Sample
from carvanamask.data.split import Split
from carvanamask.errors import ConfigError, DataError
from carvanamask.training.config import SplitConfig
from carvanamask.training.recipe import load_config

CARS = [f"car{number:02d}" for number in range(40)]
DEFAULTS = SplitConfig().model_dump(exclude={"extra_folders", "extra_labels"})


def split_by_car(cars: Iterable[str], **options: Any) -> Split:
    """Return the split by these options, and the defaults of the others."""
    return splits.split_by_car(cars, **DEFAULTS | options)


def test_car_on_both_sides_is_refused() -> None:
    with pytest.raises(DataError, match=r"^car b is in training and validation: put every car on one side only$"):
        Split(("a", "b"), ("b", "c"))


@pytest.mark.parametrize("sides", [((), ("a",)), (("a",), ())])
def test_empty_side_is_refused(sides: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    message = f"^{len(sides[0])} cars to train on and {len(sides[1])} to validate: both need at least one$"
    with pytest.raises(DataError, match=message):
        Split(*sides)


def test_every_car_is_on_one_side() -> None:
    split = split_by_car(CARS, validation_share=0.15)
    assert len(split.validation) == 6  # 0.15 of 40
    assert sorted(split.training + split.validation) == CARS


def test_order_and_repetition_change_nothing() -> None:
    assert split_by_car(CARS[::-1] * 2) == split_by_car(CARS)


def test_another_seed_holds_out_other_cars() -> None:
    assert len({split_by_car(CARS, seed=seed).hash for seed in range(5)}) == 5


def test_new_car_moves_no_other_car() -> None:
    before = split_by_car(CARS, validation_share=0.15)
    after = split_by_car([*CARS, "new"], validation_share=0.15)  # 0.15 of 41 is still 6
    assert len(set(before.validation) - set(after.validation)) <= 1
    assert set(after.validation) - set(before.validation) <= {"new"}


def test_named_cars_are_held_out() -> None:
    for seed in range(5):
        assert {"car07", "car31"} <= set(split_by_car(CARS, seed=seed, held_out_cars=["car07", "car31"]).validation)


def test_named_car_without_pictures_is_an_error() -> None:
    with pytest.raises(DataError) as error:
        split_by_car(CARS, held_out_cars=["ghost"])
    reason = "split.held_out_cars: no pictures of car ghost in the folder"
    assert error.value == DataError(reason, "correct its name, or add its pictures")


def test_named_cars_count_as_the_share() -> None:
    named = ("car07", "car31")
    assert split_by_car(CARS, validation_share=0.05, held_out_cars=named).validation == named
    assert len(split_by_car(CARS, validation_share=0.15, held_out_cars=named).validation) == 6


def test_all_cars_named_leave_none_to_train_on() -> None:
    with pytest.raises(DataError, match=r"^0 cars to train on and 2 to validate"):
        split_by_car(["a", "b"], held_out_cars=["a", "b"])


def test_two_cars_are_needed() -> None:
    assert len(split_by_car(["a", "b"]).validation) == 1
    with pytest.raises(DataError) as error:
        split_by_car(["a"])
    assert error.value == DataError(
        "1 car in the folder", "at least two are needed, one to train on and one to validate"
    )


def test_all_views_of_a_car_are_on_its_side() -> None:
    samples = [Sample(car, view, Path(f"{car}_{view:02d}.jpg")) for car in "abc" for view in (1, 2)]
    split = Split(("a", "c"), ("b",))
    assert [sample.picture.name for sample in split.validation_samples(samples)] == ["b_01.jpg", "b_02.jpg"]
    assert {sample.car for sample in split.training_samples(samples)} == {"a", "c"}
    assert len(split.training_samples(samples)) == 4


def test_hash_ignores_order() -> None:
    assert Split(("a", "b"), ("c",)).hash == Split(("b", "a"), ("c",)).hash
    assert Split(("a", "b"), ("c",)).hash != Split(("a", "c"), ("b",)).hash
    assert Split(("a",), ("b",)).hash != Split(("b",), ("a",)).hash
    assert len(Split(("a",), ("b",)).hash) == 12


def test_split_round_trip() -> None:
    split = split_by_car(CARS, seed=3)
    assert Split.decode(split.encode()) == split


def test_split_file_by_hand() -> None:
    text = Split(("a",), ("b",)).encode()
    assert text.splitlines() == [
        "{",
        ' "hash": "969261ea0ed6",',
        ' "training": [',
        '  "a"',
        " ],",
        ' "validation": [',
        '  "b"',
        " ]",
        "}",
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("{", "", "split.json isn't what a run wrote"),
        ("hash", "hush", "split.json isn't what a run wrote"),
        ('"b"', '"c"', "split.json was changed (its cars hash to 0775987b3c2c)"),
    ],
)
def test_damaged_split_file_is_refused(old: str, new: str, reason: str) -> None:
    with pytest.raises(DataError) as error:
        Split.decode(Split(("a",), ("b",)).encode().replace(old, new, 1))
    assert str(error.value) == f"{reason}: put it back, or begin a new run"


@pytest.mark.parametrize("count", [40, 41, 43])
def test_folds_hold_out_every_car_once(count: int) -> None:
    cars = [f"car{number:02d}" for number in range(count)]
    folds = [split_by_car(cars, folds=4, fold=fold).validation for fold in range(4)]
    assert sorted(car for fold in folds for car in fold) == cars
    assert max(map(len, folds)) - min(map(len, folds)) <= 1


def test_fold_depends_on_cars_and_seed() -> None:
    assert split_by_car(CARS[::-1] * 2, folds=5, fold=2) == split_by_car(CARS, validation_share=0.5, folds=5, fold=2)
    assert len({split_by_car(CARS, seed=seed, folds=5, fold=2).hash for seed in range(5)}) == 5


def test_new_car_moves_one_car_over_each_border() -> None:
    def fold_by_car(cars: list[str]) -> dict[str, int]:
        return {car: fold for fold in range(5) for car in split_by_car(cars, folds=5, fold=fold).validation}

    for new in ("new", "newer", "newest"):
        before, after = fold_by_car(CARS), fold_by_car([*CARS, new])
        assert sum(before[car] != after[car] for car in CARS) <= 4


def test_named_cars_are_held_out_by_every_fold() -> None:
    named = {"car07", "car31"}
    folds = [set(split_by_car(CARS, held_out_cars=named, folds=4, fold=fold).validation) for fold in range(4)]
    assert all(named < fold for fold in folds)
    assert sorted(car for fold in folds for car in fold - named) == sorted(set(CARS) - named)


def test_fold_may_be_one_car() -> None:
    assert len(split_by_car(["a", "b", "c"], folds=3).validation) == 1


def test_more_folds_than_cars_are_refused() -> None:
    with pytest.raises(DataError, match=r"split.folds = 3, but there are only 2 cars to divide: use 2 or fewer"):
        split_by_car(["a", "b", "c"], held_out_cars=["a"], folds=3)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            ["split.folds=5", "split.fold=5"],
            r"^split.fold = 5 is not one of 5 folds: use 0 to 4 \(from --set split.folds=5",
        ),
        (["split.fold=1"], r"^split.fold = 1 needs split.folds: set it, too"),
        (["split.folds=1"], r"^split.folds = 1: must be greater than or equal to 2"),
    ],
)
def test_fold_out_of_range_is_refused(settings: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(settings=settings)
