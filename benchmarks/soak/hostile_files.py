"""Predict good pictures among hostile files: each good one must get a mask, each bad one a reason.

    python benchmarks/soak/hostile_files.py [--pictures data/test] [--good 1000] [--hostile 500] [--model NAME]

Without --pictures the good ones are the showroom's. A fuzzed file may still be a picture: it has to get a mask or be
named, and never both. Memory must not grow.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import socket
import struct
import warnings
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
from batch_process import Watch, conclude, run
from PIL import Image

from carvanamask.data.kaggle_folder import pictures_in
from carvanamask.io.read import load_picture
from carvanamask.studio import SHOWROOM

SHARES = (0.01, 0.25, 0.5, 0.75, 1.0)
FLAT = 0.05

Make = Callable[[Path, Path, random.Random], object]
"""Makes a file at a path from a good picture, with a random generator."""


@dataclass(frozen=True)
class Kind:
    """One kind of file."""

    name: str
    is_picture: bool | None
    """Whether it can be read; None where the decoder decides."""
    file: str
    """Its name, where {} is its number."""
    make: Make


def fuzzed(encode: Callable[[Path], bytes], first: int) -> Make:
    """Change some bytes among the first ones."""

    def make(path: Path, picture: Path, rng: random.Random) -> None:
        data = bytearray(encode(picture))
        for _ in range(rng.randint(1, 12)):
            data[rng.randrange(min(first, len(data)))] = rng.randrange(256)
        path.write_bytes(data)

    return make


def cut_off(encode: Callable[[Path], bytes], low: float, high: float) -> Make:
    """Keep only the beginning, a random share between `low` and `high`."""

    def make(path: Path, picture: Path, rng: random.Random) -> None:
        data = encode(picture)
        path.write_bytes(data[: max(1, int(rng.uniform(low, high) * len(data)))])

    return make


def random_bytes(data: Callable[[random.Random], bytes]) -> Make:
    return lambda path, picture, rng: path.write_bytes(data(rng))


def unchanged(path: Path, picture: Path, rng: random.Random) -> None:
    path.symlink_to(picture.resolve())


def encoded(picture_format: str) -> Callable[[Path], bytes]:
    """Encode the picture in another format, at 480x320: hostile files are about headers."""

    def encode(picture: Path) -> bytes:
        small = cv2.resize(load_picture(picture), (480, 320), interpolation=cv2.INTER_AREA)
        file = io.BytesIO()
        Image.fromarray(small).save(file, picture_format)
        return file.getvalue()

    return encode


def png_bomb(rng: random.Random) -> bytes:
    """Return a PNG of a few kilobytes that unpacks to gigabytes."""
    side = rng.randint(20_000, 60_000)
    pixels = zlib.compress(bytes(5_000_000), 9)
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )


def gif_bomb(rng: random.Random) -> bytes:
    side = rng.randint(20_000, 65_535)
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0, 0, 0) + b"," + struct.pack("<HHHHB", 0, 0, side, side, 0)


def a_socket(path: Path, picture: Path, rng: random.Random) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # a socket's name may have 107 bytes at most, folders counted
    try:
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(path.name)
    finally:
        os.chdir(here)


def a_folder_of_text(path: Path, picture: Path, rng: random.Random) -> None:
    path.mkdir()
    (path / "note.txt").write_text("call back")


def twins(path: Path, picture: Path, rng: random.Random) -> None:
    """Make two pictures whose results differ by their endings, and then have names too long for the disk."""
    unchanged(path, picture, rng)
    unchanged(path.with_suffix(".gif"), picture, rng)


def text(rng: random.Random) -> bytes:
    return b"<html>not found</html>\n" * rng.randint(1, 50)


JPEG, PNG, GIF, WEBP, TIFF, BMP = map(encoded, ("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP"))
LONGEST = "{}" + "y" * 245 + ".jpg"
"""255 bytes with its number: the limit of most disks."""

KINDS = (
    Kind("fuzzed JPEG header", None, "{}.jpg", fuzzed(Path.read_bytes, 600)),
    Kind("fuzzed JPEG", None, "{}.jpg", fuzzed(Path.read_bytes, 1 << 30)),
    Kind("fuzzed PNG", None, "{}.png", fuzzed(PNG, 100)),
    Kind("fuzzed WebP", None, "{}.webp", fuzzed(WEBP, 100)),
    Kind("fuzzed TIFF", None, "{}.tif", fuzzed(TIFF, 200)),
    Kind("fuzzed GIF", None, "{}.gif", fuzzed(GIF, 100)),
    Kind("cut JPEG", False, "{}.jpg", cut_off(Path.read_bytes, 0.02, 0.95)),
    Kind("cut JPEG header", False, "{}.jpeg", cut_off(Path.read_bytes, 0.0, 0.002)),
    Kind("cut PNG", False, "{}.png", cut_off(PNG, 0.02, 0.9)),
    Kind("cut WebP", False, "{}.webp", cut_off(WEBP, 0.02, 0.9)),
    Kind("cut TIFF", False, "{}.tiff", cut_off(TIFF, 0.02, 0.9)),
    Kind("cut GIF", False, "{}.gif", cut_off(GIF, 0.02, 0.9)),
    Kind("PNG bomb", False, "{}.png", random_bytes(png_bomb)),
    Kind("GIF bomb", False, "{}.gif", random_bytes(gif_bomb)),
    Kind("empty", False, "{}.jpg", random_bytes(lambda rng: b"")),
    Kind("text called .jpg", False, "{}.jpg", random_bytes(text)),
    Kind("noise called .png", False, "{}.png", random_bytes(lambda rng: rng.randbytes(5000))),
    Kind("BMP called .jpg", False, "{}.jpg", lambda path, picture, rng: path.write_bytes(BMP(picture))),
    Kind("dangling link", False, "{}.jpg", lambda path, picture, rng: path.symlink_to("nowhere.jpg")),
    Kind("link to itself", False, "{}.jpg", lambda path, picture, rng: path.symlink_to(path.name)),
    Kind("link to a folder", False, "{}.jpg", lambda path, picture, rng: path.symlink_to(picture.parent.resolve())),
    Kind("link to a device", False, "{}.jpg", lambda path, picture, rng: path.symlink_to("/dev/zero")),
    Kind("pipe", False, "{}.jpg", lambda path, picture, rng: os.mkfifo(path)),
    Kind("socket", False, "{}.jpg", a_socket),
    Kind("empty folder called .jpg", False, "{}.jpg", lambda path, picture, rng: path.mkdir()),
    Kind("text in a folder called .jpg", False, "{}.jpg", a_folder_of_text),
    Kind("bad file, newlines in its name", False, "{} a\nb\r\n.jpg", random_bytes(text)),
    Kind("bad file, bytes in its name", False, "{} \udcff\udcfe.jpg", random_bytes(text)),
    Kind("bad file, longest name", False, LONGEST, random_bytes(text)),
    Kind("longest name twice, by ending", False, "{}" + "z" * 245 + ".png", twins),
    Kind("JPEG called .png", True, "{}.png", unchanged),
    Kind("PNG called .jpg", True, "{}.jpg", lambda path, picture, rng: path.write_bytes(PNG(picture))),
    Kind("name with spaces", True, "{} my  car .jpg", unchanged),
    Kind("name with newlines", True, "{} a\nb\r\n.jpg", unchanged),
    Kind("name in other letters", True, "{} été 車 🚗.JPG", unchanged),
    Kind("name of bytes that are no text", True, "{} \udcff\udcfe\udc80.jpg", unchanged),
    Kind("name with quotes and signs", True, "{} '\"`$(x);*?\\ %s {{}}.jpg", unchanged),
    Kind("longest name", True, LONGEST, unchanged),
)

GOOD = Kind("good", True, "{}.jpg", unchanged)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, default=SHOWROOM / "test", help="folder of good pictures")
    parser.add_argument("--out", type=Path, default=Path("hostile"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--executor", default="threads")
    parser.add_argument("--good", type=int, default=1000)
    parser.add_argument("--hostile", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # Pillow's about pictures that it encodes here

    shutil.rmtree(options.out, ignore_errors=True)
    folder, masks = options.out / "pictures", options.out / "masks"
    made = make_all(folder, pictures_in(options.pictures), options.good, options.hostile, options.seed)
    words = ["predict", str(folder), "--out", str(masks), "--model", options.model, "--executor", options.executor]
    watch = Watch()
    ended = run(words, watch)
    reasons = dict(ended.failures)
    results = {path.name for path in masks.iterdir() if not path.name.startswith(".")}

    silent, counts = [], Counter[tuple[str, str]]()
    for path, kind in made.items():
        is_named = bool({path.name, str(path)} & reasons.keys())
        has_mask = f"{path.stem}.png" in results
        if is_named == has_mask or kind.is_picture not in (None, has_mask):
            silent.append(f"{kind.name}: {path.name!r}")
        counts[kind.name, "mask" if has_mask else "named" if is_named else "NEITHER"] += 1
    for (name, fate), count in sorted(counts.items()):
        print(f"{count:5} {name}: {fate}")
    print(*(f"not as it should be: {line}" for line in silent[:20]), sep="\n", end="\n" if silent else "")
    print(*ended.errors, sep="\n", end="\n" if ended.errors else "")
    lines = [reason for reason in reasons.values() if len(reason.splitlines()) != 1]
    print(f"{len(made)} files, {len(results)} masks, {len(reasons)} named, exit code {ended.code}", end=", ")
    print(f"{watch.pictures_per_second:.1f} pictures per second")
    print(
        f"memory: {watch.memory_at(0.01):.0f} MB at 1%, {watch.memory_at(1):.0f} MB at 100%, peak {watch.peak:.0f} MB"
    )
    again = run(words)
    conclude(
        {
            "every good picture has its mask, every bad one is named": not silent
            and len(results) + len(reasons) == len(list(folder.iterdir())),
            "every reason is one line": not lines,
            "exit code 1 and nothing else on the error stream": ended.code == 1 and not ended.errors,
            "the same command again processes only what failed": again.finished.get("kept") == len(results),
            f"memory grows by less than {FLAT:.0%} from 1 % on": watch.growth(SHARES) < FLAT,
        }
    )


def make_all(folder: Path, pictures: list[Path], good: int, hostile: int, seed: int) -> dict[Path, Kind]:
    """Make all files, hostile ones spread evenly among good ones, the same ones for a seed; return their kinds."""
    rng = random.Random(seed)
    kinds = [GOOD] * good + [KINDS[number % len(KINDS)] for number in range(hostile)]
    rng.shuffle(kinds)
    folder.mkdir(parents=True)
    made: dict[Path, Kind] = {}
    for number, kind in enumerate(kinds):
        path = folder / kind.file.format(f"{number:06d}")
        kind.make(path, pictures[number % len(pictures)], rng)
        made[path] = kind
    return made


if __name__ == "__main__":
    main()
