from __future__ import annotations

from pathlib import Path

import pytest

from carvanamask.core.errors import DataError
from carvanamask.core.folders import Sample
from carvanamask.core.split import Split, split_by_car

CARS = [f"car{number:02d}" for number in range(40)]


def test_a_car_on_both_sides_is_refused_by_name() -> None:
    with pytest.raises(DataError, match="car b is in training and validation"):
        Split(("a", "b"), ("b", "c"))


@pytest.mark.parametrize("sides", [((), ("a",)), (("a",), ())])
def test_an_empty_side_is_refused(sides: tuple[tuple[str, ...], tuple[str, ...]]) -> None:
    with pytest.raises(DataError, match="both need at least one"):
        Split(*sides)


def test_every_car_is_on_one_side_and_the_share_is_held_out() -> None:
    split = split_by_car(CARS, 0.15)
    assert len(split.validation) == 6  # 0.15 of 40
    assert sorted(split.training + split.validation) == CARS


def test_the_order_of_files_and_repeated_cars_change_nothing() -> None:
    assert split_by_car(CARS[::-1] * 2) == split_by_car(CARS)


def test_another_seed_holds_out_other_cars() -> None:
    assert len({split_by_car(CARS, seed=seed).hash for seed in range(5)}) == 5


def test_a_new_car_moves_no_other_car_while_the_share_stays() -> None:
    before = split_by_car(CARS, 0.15)
    after = split_by_car([*CARS, "new"], 0.15)  # 0.15 of 41 is still 6
    assert len(set(before.validation) - set(after.validation)) <= 1
    assert set(after.validation) - set(before.validation) <= {"new"}


def test_named_cars_are_held_out_whatever_the_seed() -> None:
    for seed in range(5):
        assert {"car07", "car31"} <= set(split_by_car(CARS, 0.15, seed, ["car07", "car31"]).validation)


def test_a_named_car_without_pictures_is_an_error() -> None:
    with pytest.raises(DataError, match="no pictures of car ghost"):
        split_by_car(CARS, held_out_cars=["ghost"])


def test_two_cars_are_the_fewest() -> None:
    assert len(split_by_car(["a", "b"]).validation) == 1
    with pytest.raises(DataError, match="at least two"):
        split_by_car(["a"])


def test_all_views_of_a_car_go_to_its_side() -> None:
    samples = [Sample(car, view, Path(f"{car}_{view:02d}.jpg")) for car in "abc" for view in (1, 2)]
    split = Split(("a", "c"), ("b",))
    assert [sample.picture.name for sample in split.validation_samples(samples)] == ["b_01.jpg", "b_02.jpg"]
    assert {sample.car for sample in split.training_samples(samples)} == {"a", "c"}
    assert len(split.training_samples(samples)) == 4


def test_the_hash_is_of_the_cars_not_of_their_order() -> None:
    assert Split(("a", "b"), ("c",)).hash == Split(("b", "a"), ("c",)).hash
    assert Split(("a", "b"), ("c",)).hash != Split(("a", "c"), ("b",)).hash
    assert Split(("a",), ("b",)).hash != Split(("b",), ("a",)).hash
    assert len(Split(("a",), ("b",)).hash) == 12


def test_a_split_is_read_as_it_was_written() -> None:
    split = split_by_car(CARS, seed=3)
    assert Split.decode(split.encode()) == split
