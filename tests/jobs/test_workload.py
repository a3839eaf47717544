from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from brightness_model import save_brightness_model
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.data.picture_list import BatchItem, find_pictures
from carvanamask.errors import PictureError
from carvanamask.io.read import load_mask
from carvanamask.io.write import save_picture
from carvanamask.jobs.workload import workload
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.build import build_predictor
from carvanamask.model.predictor import Predictor

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
def items(drawn_folder: Path) -> tuple[BatchItem, ...]:
    return find_pictures([drawn_folder / "train"]).items


def test_each_part_does_every_picture_and_the_parts_make_the_masks_of_the_whole(
    items: tuple[BatchItem, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32))
    predictor = build_predictor(model, "cpu")
    (tmp_path / "masks").mkdir()
    with workload(predictor, model.card, items, tmp_path / "masks") as work:
        done = {part.name: part.carry_out() for part in (*work.stages, *work.networks, work.whole)}
    assert done.pop("shrink") == 8
    assert set(done.values()) == {len(items)}
    for place, item in enumerate(items):
        by_parts = load_mask(tmp_path / "masks" / f"{place}.png")
        whole = load_mask(tmp_path / "masks" / f"{item.output_name}.png")
        assert np.array_equal(by_parts.pixels, whole.pixels)
        assert 0 < whole.pixels.mean() < 1


def test_what_a_batch_looks_at_is_looked_at_on_the_whole_way_and_in_a_part(
    items: tuple[BatchItem, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32))
    looked: list[tuple[int, int]] = []

    def look(probabilities: ProbabilityMap, mask: Mask) -> None:
        assert np.array_equal(probabilities.to_mask(model.card.threshold).pixels, mask.pixels)
        looked.append(mask.size_wh)

    with workload(build_predictor(model, "cpu"), model.card, items, tmp_path, look) as work:
        looked.clear()
        work.stages[2].carry_out()
        assert looked == [SIZE_WH] * len(items)
        work.whole.carry_out()
        assert looked == [SIZE_WH] * len(items) * 2


def test_the_network_alone_is_asked_one_by_one_and_in_as_many_threads_as_the_whole_way(
    items: tuple[BatchItem, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model")
    with workload(build_predictor(model, "cpu"), model.card, items, tmp_path) as work:
        one, several = (network.concurrency for network in work.networks)
        assert one == 1
        assert several == work.whole.concurrency == work.stages[0].concurrency > 1


def test_a_flip_model_s_network_is_asked_both_times_at_its_own_size(
    items: tuple[BatchItem, ...], tmp_path: Path
) -> None:
    model = save_brightness_model(tmp_path / "model", (48, 32), flip=True)
    predictor = build_predictor(model, "cpu")
    with workload(predictor, model.card, items, tmp_path) as work:
        for part in (*work.stages, *work.networks, work.whole):
            part.carry_out()
    picture = np.full((*SIZE_WH[::-1], 3), 200, np.uint8)
    assert make_mask(predictor.predict(picture), model.card).pixels.all()


def test_a_picture_that_breaks_while_it_is_measured_is_named(tmp_path: Path) -> None:
    for view in (1, 2):
        save_picture(tmp_path / f"a_{view:02d}.png", np.zeros((4, 6, 3), np.uint8))
    items = find_pictures([tmp_path]).items
    model = save_brightness_model(tmp_path / "model")
    with workload(build_predictor(model, "cpu"), model.card, items, tmp_path / "masks") as work:
        (tmp_path / "a_02.png").write_bytes(b"nothing")
        with pytest.raises(PictureError, match=r"a_02\.png"):
            work.whole.carry_out()
