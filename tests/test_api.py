from __future__ import annotations

import doctest
import importlib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import carvanamask
from brightness_model import save_brightness_model
from carvanamask.core.metrics import dice
from carvanamask.cutout.compose import composite, cut_out, dusk_room
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.errors import ConfigError, MaskError, ModelError, PictureError
from carvanamask.io.read import load_pair
from carvanamask.io.write import save_picture
from carvanamask.mask_quality.postprocess import clean_up
from carvanamask.model.registry import DEFAULT_MODEL
from carvanamask.studio import SHOWROOM


def bright_block() -> np.ndarray:
    picture = np.zeros((16, 24, 3), dtype=np.uint8)
    picture[4:12, 6:18] = 255
    return picture


@pytest.fixture
def model(tmp_path: Path) -> carvanamask.Model:
    save_brightness_model(tmp_path / "bright", input_size_wh=(24, 16))
    return carvanamask.load_model(tmp_path / "bright", device="cpu")


def run_python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("module", ["api", "core.mask"])
def test_doctests(module: str) -> None:
    found = doctest.testmod(importlib.import_module(f"carvanamask.{module}"))
    assert found.failed == 0
    assert found.attempted > 0


def test_every_public_function_has_a_doctest() -> None:
    methods = carvanamask.Model.predict, carvanamask.Model.probabilities, carvanamask.Model.cutout
    for public in (*methods, carvanamask.Model.predict_many, carvanamask.load_model, carvanamask.cut_out):
        assert ">>>" in (public.__doc__ or ""), public
    for value in (carvanamask.Model, carvanamask.Mask, carvanamask.ProbabilityMap):
        assert ">>>" in (value.__doc__ or ""), value


def test_every_public_name_exists() -> None:
    assert all(getattr(carvanamask, name) is not None for name in carvanamask.__all__)
    errors = importlib.import_module("carvanamask.errors")
    all_errors = {name for name, value in vars(errors).items() if isinstance(value, type) and name.endswith("Error")}
    assert all_errors <= set(carvanamask.__all__)
    with pytest.raises(AttributeError, match="has no attribute 'predict'"):
        carvanamask.predict  # noqa: B018


def test_import_is_lazy() -> None:
    run_python("import sys, carvanamask; assert not {'numpy', 'cv2', 'PIL', 'openvino'} & set(sys.modules)")


def test_types_are_shipped() -> None:
    assert (Path(carvanamask.__file__).parent / "py.typed").is_file()


def test_every_form_of_picture_gives_the_same_mask(tmp_path: Path, model: carvanamask.Model) -> None:
    path = tmp_path / "car.png"
    save_picture(path, bright_block())
    for picture in (path, str(path), path.read_bytes(), Image.open(path), bright_block()):
        assert np.array_equal(model.predict(picture).pixels, bright_block()[..., 0] > 0)
    assert model.probabilities(bright_block()).values.dtype == np.float32
    assert "OpenVINO" in model.engine
    assert model.card.input_size_wh == (24, 16)


@pytest.mark.parametrize("save_as", ["JPEG", "PNG", "TIFF"])
def test_pillow_image_is_turned_like_its_file(tmp_path: Path, model: carvanamask.Model, save_as: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    path = tmp_path / "car"
    Image.fromarray(bright_block()).save(path, save_as, exif=exif)
    with Image.open(path) as image:
        np.testing.assert_array_equal(model.predict(image).pixels, model.predict(path).pixels)
    assert model.predict(path).size_wh == (16, 24)


def test_transparent_pillow_image_is_laid_on_white(model: carvanamask.Model) -> None:
    assert model.predict(Image.new("RGBA", (4, 3))).pixels.all()


def test_threads_share_a_model(model: carvanamask.Model) -> None:
    with ThreadPoolExecutor(4) as pool:
        maps = list(pool.map(lambda _: model.probabilities(bright_block()).values.tobytes(), range(16)))
    assert len(set(maps)) == 1


def test_predict_many_keeps_the_order(model: carvanamask.Model) -> None:
    def pictures() -> Iterator[np.ndarray]:
        for width in range(1, 41):
            yield np.full((8, width, 3), 255, np.uint8)

    assert [mask.size_wh[0] for mask in model.predict_many(pictures())] == list(range(1, 41))
    assert list(model.predict_many([])) == []


def test_predict_many_reads_only_what_it_needs(model: carvanamask.Model) -> None:
    taken = []

    def pictures() -> Iterator[np.ndarray]:
        for number in range(1000):
            taken.append(number)
            yield bright_block()

    masks = model.predict_many(pictures())
    next(masks)
    masks.close()  # type: ignore[attr-defined]
    assert len(taken) < 50


def test_predict_many_raises_at_the_bad_picture(model: carvanamask.Model) -> None:
    masks = model.predict_many([bright_block(), Path("none.jpg"), bright_block()])
    assert next(masks).size_wh == (24, 16)
    with pytest.raises(PictureError, match="doesn't exist"):
        next(masks)


def test_cutout_with_and_without_background(model: carvanamask.Model) -> None:
    picture = bright_block()
    mask = model.predict(picture)
    np.testing.assert_array_equal(model.cutout(picture), cut_out(picture, mask))
    np.testing.assert_array_equal(carvanamask.cut_out(picture, mask), cut_out(picture, mask))
    np.testing.assert_array_equal(model.cutout(picture, "room"), composite(picture, mask, dusk_room((24, 16))))
    grey = np.full((160, 240, 3), 0xE0, np.uint8)
    np.testing.assert_array_equal(model.cutout(picture, "#e0e0e0"), model.cutout(picture, grey))


def test_cutout_runs_every_clean_up_step(model: carvanamask.Model) -> None:
    picture = bright_block()
    picture[8, 12] = 0
    mask = model.predict(picture)
    assert not mask.pixels[8, 12]
    assert model.cutout(picture)[8, 12, 3] == 255
    np.testing.assert_array_equal(model.cutout(picture), cut_out(picture, clean_up(mask)))
    np.testing.assert_array_equal(carvanamask.cut_out(picture, mask), cut_out(picture, mask))


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), [[0]], None, 1])
def test_other_objects_are_no_pictures(model: carvanamask.Model, wrong: Any) -> None:
    for method in (model.predict, model.probabilities, model.cutout):
        with pytest.raises(PictureError, match="RGB uint8"):
            method(wrong)


def test_errors_name_their_repair(tmp_path: Path, model: carvanamask.Model) -> None:
    with pytest.raises(ModelError, match=f"did you mean '{DEFAULT_MODEL}'"):
        carvanamask.load_model(f"{DEFAULT_MODEL}m")
    with pytest.raises(ConfigError, match="no device 'gpu'"):
        carvanamask.load_model(tmp_path / "bright", device="gpu")
    with pytest.raises(PictureError, match="doesn't exist: check its name") as caught:
        model.predict(tmp_path / "none.jpg")
    assert caught.value.path == tmp_path / "none.jpg"
    with pytest.raises(PictureError, match="the picture is empty"):
        model.predict(b"")
    with pytest.raises(ConfigError, match="no background 'kitchen'"):
        model.cutout(bright_block(), "kitchen")
    with pytest.raises(MaskError, match="the mask is 3x2, its picture 24x16"):
        carvanamask.cut_out(bright_block(), carvanamask.Mask(np.zeros((2, 3), bool)))


def test_damaged_pillow_image_is_a_picture_error(tmp_path: Path, model: carvanamask.Model) -> None:
    path = tmp_path / "car.png"
    save_picture(path, np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with Image.open(path) as image, pytest.raises(PictureError, match=r"car.png is truncated or damaged"):
        model.predict(image)


def test_predicting_leaves_the_host_process_unchanged() -> None:
    run_python("""
import signal, sys
import carvanamask.io.process as process

def forbidden(*args):
    raise AssertionError("a library changed a setting of its process")

for name in ("keep_freed_memory", "keep_all_freed_memory", "widen_signal_stack"):
    assert hasattr(process, name)
    setattr(process, name, forbidden)
handlers = lambda: [signal.getsignal(number) for number in signal.valid_signals()]
before = handlers()
import numpy as np, carvanamask
model = carvanamask.load_model("studio-s", device="cpu")
list(model.predict_many([np.zeros((8, 8, 3), np.uint8)] * 2))
assert handlers() == before
assert None not in sys.modules.values()
assert "torch" not in sys.modules
""")


def test_default_model_cuts_unseen_cars() -> None:
    model = carvanamask.load_model(device="cpu")
    scores = []
    for sample in KaggleFolder(SHOWROOM).training_samples()[::8]:
        assert sample.mask is not None
        picture, truth = load_pair(sample.picture, sample.mask)
        scores.append(dice(model.predict(picture), truth))
    assert np.mean(scores) > 0.9
