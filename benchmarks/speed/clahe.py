"""Measure the time that `input.clahe` takes per picture, and compare it with reading the picture.

python benchmarks/speed/clahe.py --data data
"""

import argparse
from functools import partial
from pathlib import Path

import cv2
from clock import milliseconds

from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.io.read import load_picture
from carvanamask.model.preprocess import equalise

SIZES_WH = ((480, 320), (1024, 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--clip-limit", type=float, default=2.0)
    parser.add_argument("--repeats", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    path = KaggleFolder(options.data).training_samples()[0].picture
    picture = load_picture(path)
    reading = milliseconds(lambda: load_picture(path), options.repeats)
    print(f"{path.name}, {picture.shape[1]}x{picture.shape[0]}, one thread, fastest of {options.repeats}")
    print(f"{'read it':24} {reading:8.2f} ms")
    for size_wh in SIZES_WH:
        small = cv2.resize(picture, size_wh, interpolation=cv2.INTER_AREA)
        own = milliseconds(partial(equalise, small, options.clip_limit), options.repeats)
        print(f"{'equalise ' + 'x'.join(map(str, size_wh)):24} {own:8.2f} ms   {own / reading:5.2f} of reading")


if __name__ == "__main__":
    main()
