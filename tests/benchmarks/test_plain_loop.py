from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from onnx import helper
from plain_loop import loop_of_model, loop_of_recipe

from brightness_model import encode_graph
from carvanamask.core.card import ModelCard
from carvanamask.core.mask import Mask, ProbabilityMap
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_mask, load_picture
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.model.model_file import ModelFile
from carvanamask.model.openvino_engine import OpenVinoPredictor
from carvanamask.model.predictor import network_input
from carvanamask.training.recipe import load_config

AS_EQUAL = 0.002
"""Of the pixels may differ: the two ways round a shrunken pixel differently, by 1 of 255 at most."""


def dark_model(folder: Path, clahe: float = 0) -> ModelFile:
    """Dark, in the red above all, is car: a channel, a mean or a threshold in the wrong place shows."""
    weights = np.array([-6, 3, -1], np.float32).reshape(1, 3, 1, 1)
    onnx = encode_graph(
        [
            helper.make_node("Conv", ["picture", "weights"], ["logits"]),
            helper.make_node("Sigmoid", ["logits"], ["probability"]),
        ],
        {"weights": weights},
        ["n", 3, 16, 24],
        ["n", 1, 16, 24],
    )
    card = ModelCard(name="dark", network="", input_size_wh=(24, 16), mean=0.4, std=0.3, threshold=0.7, clahe=clahe)
    return ModelFile.save(folder, onnx, card)


def plain_masks(model: ModelFile, card: ModelCard, pictures: list[Path], folder: Path) -> list[Mask]:
    loop = loop_of_model(model)
    loop.card = card
    for picture in pictures:
        loop.write_mask(picture, folder / f"{picture.stem}.png")
    return [load_mask(folder / f"{picture.stem}.png") for picture in pictures]


def differing(one: Mask, other: Mask) -> float:
    return float(np.mean(one.pixels != other.pixels))


def threshold_too_early(probabilities: ProbabilityMap, threshold: float, size_wh: tuple[int, int]) -> Mask:
    """Threshold first, enlarge afterwards."""
    is_car = probabilities.to_mask(threshold).pixels.astype(np.uint8)
    return Mask(cv2.resize(is_car, size_wh, interpolation=cv2.INTER_LINEAR).astype(bool))


@pytest.fixture
def pictures(drawn_folder: Path) -> list[Path]:
    return [sample.picture for sample in KaggleFolder(drawn_folder).training_samples()]


def test_masks_are_the_predictor_s(pictures: list[Path], tmp_path: Path) -> None:
    model = dark_model(tmp_path / "model")
    predictor = OpenVinoPredictor(model, "f32")
    seen = [load_picture(picture) for picture in pictures]
    ours = [make_mask(predictor.predict(picture), model.card) for picture in seen]
    early = [
        threshold_too_early(ProbabilityMap(predictor.infer(network_input(picture, model.card))), 0.7, mask.size_wh)
        for picture, mask in zip(seen, ours, strict=True)
    ]
    plain = plain_masks(model, model.card, pictures, tmp_path)
    assert max(map(differing, ours, plain)) <= AS_EQUAL
    # and these masks are such that a mistake would show
    assert min(map(differing, ours, early)) > 2 * AS_EQUAL


def test_loop_equalises_where_the_card_says_so(pictures: list[Path], tmp_path: Path) -> None:
    model = dark_model(tmp_path / "model", clahe=2)
    predictor = OpenVinoPredictor(model, "f32")
    ours = [make_mask(predictor.predict(load_picture(picture)), model.card) for picture in pictures]
    equalised = plain_masks(model, model.card, pictures, tmp_path)
    plain = plain_masks(model, model.card.model_copy(update={"clahe": 0}), pictures, tmp_path)
    # equalising enlarges that difference of one
    assert np.mean([*map(differing, ours, equalised)]) < np.mean([*map(differing, ours, plain)]) / 2


def test_recipe_s_network_needs_no_training(drawn_folder: Path, tiny_recipe: Path, tmp_path: Path) -> None:
    sample = KaggleFolder(drawn_folder).training_samples()[0]
    loop = loop_of_recipe(load_config(tiny_recipe))
    loop.write_mask(sample.picture, tmp_path / "mask.png")
    assert load_mask(tmp_path / "mask.png").size_wh == (96, 64)
    assert loop.card.input_size_wh == (48, 32)
