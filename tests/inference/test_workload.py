from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.errors import PictureError
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.core.model_file import ModelCard
from carvanamask.core.picture_tree import Entry, find_pictures
from carvanamask.core.pictures import load_mask, save_picture
from carvanamask.inference.model import build_predictor
from carvanamask.inference.postprocess import cut
from carvanamask.inference.predictor import Predictor
from carvanamask.inference.workload import workload

SIZE_WH = (96, 64)


class Views(Predictor):
    """Says car everywhere, and remembers how many views came together, and how large."""

    engine = "by hand"
    sees_views = True

    def __init__(self) -> None:
        self.asked: list[list[tuple[int, ...]]] = []

    def predict_views(self, pictures: Sequence[np.ndarray]) -> Iterator[ProbabilityMap]:
        self.asked.append([picture.shape for picture in pictures])
        return (ProbabilityMap(np.ones(picture.shape[:2], np.float32)) for picture in pictures)


@pytest.fixture
def entries(drawn_folder: Path) -> tuple[Entry, ...]:
    return find_pictures([drawn_folder / "train"]).entries


def test_each_part_does_every_picture_and_the_parts_make_the_masks_of_the_whole(
    entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32))
    predictor = build_predictor(model, "cpu")
    (tmp_path / "masks").mkdir()
    with workload(predictor, model.card, entries, tmp_path / "masks") as work:
        done = {part.name: part.carry_out() for part in (*work.stages, *work.networks, work.whole)}
    assert done.pop("shrink") == 8
    assert set(done.values()) == {len(entries)}
    for place, entry in enumerate(entries):
        by_parts = load_mask(tmp_path / "masks" / f"{place}.png")
        whole = load_mask(tmp_path / "masks" / f"{entry.target}.png")
        assert np.array_equal(by_parts.pixels, whole.pixels)
        assert 0 < whole.pixels.mean() < 1


def test_what_a_batch_looks_at_is_looked_at_on_the_whole_way_and_in_a_part(
    entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32))
    looked: list[tuple[int, int]] = []

    def look(probabilities: ProbabilityMap, mask: Mask) -> None:
        assert np.array_equal(probabilities.to_mask(model.card.threshold).pixels, mask.pixels)
        looked.append(mask.size_wh)

    with workload(build_predictor(model, "cpu"), model.card, entries, tmp_path, look) as work:
        looked.clear()
        work.stages[2].carry_out()
        assert looked == [SIZE_WH] * len(entries)
        work.whole.carry_out()
        assert looked == [SIZE_WH] * len(entries) * 2


def test_the_network_alone_is_asked_one_by_one_and_in_as_many_threads_as_the_whole_way(
    entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model")
    with workload(build_predictor(model, "cpu"), model.card, entries, tmp_path) as work:
        one, several = (network.at_once for network in work.networks)
        assert one == 1
        assert several == work.whole.at_once == work.stages[0].at_once > 1


def test_a_predictor_that_sees_views_is_asked_of_whole_cars_also_alone(
    entries: tuple[Entry, ...], tmp_path: Path
) -> None:
    predictor = Views()
    card = ModelCard(name="views", network="", input_size_wh=(24, 16))
    with workload(predictor, card, entries, tmp_path) as work:
        predictor.asked.clear()
        assert work.networks[0].carry_out() == len(entries)
        assert predictor.asked == [[(16, 24, 3)] * 4] * 4
        predictor.asked.clear()
        work.whole.carry_out()
        assert predictor.asked == [[(64, 96, 3)] * 4] * 4


def test_a_flip_model_s_network_is_asked_both_times_at_its_own_size(entries: tuple[Entry, ...], tmp_path: Path) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32), flip=True)
    predictor = build_predictor(model, "cpu")
    with workload(predictor, model.card, entries, tmp_path) as work:
        for part in (*work.stages, *work.networks, work.whole):
            part.carry_out()
    picture = np.full((*SIZE_WH[::-1], 3), 200, np.uint8)
    assert cut(predictor.predict(picture), model.card).pixels.all()


def test_a_picture_that_breaks_while_it_is_measured_is_named(tmp_path: Path) -> None:
    for view in (1, 2):
        save_picture(tmp_path / f"a_{view:02d}.png", np.zeros((4, 6, 3), np.uint8))
    entries = find_pictures([tmp_path]).entries
    model = save_brightness_model(tmp_path / "model")
    with workload(build_predictor(model, "cpu"), model.card, entries, tmp_path / "masks") as work:
        (tmp_path / "a_02.png").write_bytes(b"nothing")
        with pytest.raises(PictureError, match=r"a_02\.png"):
            work.whole.carry_out()
