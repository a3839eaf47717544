from __future__ import annotations

from io import BytesIO

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from carvanamask.io.write import encode_bilevel_png

any_pixels = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40))


@given(any_pixels)
def test_two_other_readers_see_the_mask(pixels: np.ndarray) -> None:
    data = encode_bilevel_png(pixels)
    with Image.open(BytesIO(data)) as image:
        assert image.mode == "1"
        np.testing.assert_array_equal(np.asarray(image), pixels)
    white = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(white, pixels * np.uint8(255))


@given(st.integers(1, 30))
def test_a_view_of_every_other_column_is_written_as_what_it_shows(width: int) -> None:
    pixels = np.random.default_rng(width).random((5, 2 * width)) > 0.5
    assert encode_bilevel_png(pixels[:, ::2]) == encode_bilevel_png(np.ascontiguousarray(pixels[:, ::2]))


def test_a_mask_of_a_photograph_takes_a_few_kilobytes() -> None:
    y, x = np.mgrid[:1280, :1918]
    assert len(encode_bilevel_png((x - 959) ** 2 / 600**2 + (y - 640) ** 2 / 400**2 < 1)) < 6_000
