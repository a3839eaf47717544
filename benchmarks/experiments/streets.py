"""Compare masks of cars outdoors with the cut-outs that another tool shows: no true masks, but a second opinion.

python benchmarks/experiments/streets.py --pictures rembg/examples --model studio-m --model studio-s --sheet streets.png

Takes every car*.jpg of the folder that has a .out.png with transparency beside it, like the examples of
https://github.com/danielgatis/rembg. --sheet shows each picture beside its cut-out.
"""

import argparse
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.core.metrics import dice
from carvanamask.io.read import load_picture
from carvanamask.io.write import save_picture
from carvanamask.mask_quality.postprocess import make_mask
from carvanamask.mask_quality.uncertainty import review_reason
from carvanamask.model.build import build_predictor
from carvanamask.model.registry import find_model

HEIGHT_PX = 400
BEHIND = (255, 0, 255)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--model", action="append")
    parser.add_argument("--sheet", type=Path)
    options = parser.parse_args()
    pairs = [(path, path.with_suffix(".out.png")) for path in sorted(options.pictures.glob("car*.jpg"))]
    pairs = [(picture, cut_out) for picture, cut_out in pairs if cut_out.exists()]
    rows = []
    for name in options.model or ["studio-m", "studio-s"]:
        model = find_model(name)
        predictor, tiles = build_predictor(model), []
        for path, cut_out in pairs:
            picture = load_picture(path)
            others = Mask(np.asarray(cv2.imread(str(cut_out), cv2.IMREAD_UNCHANGED))[..., 3] > 127)
            probabilities = predictor.predict(picture)
            mask = make_mask(probabilities, model.card)
            why = review_reason(probabilities, mask, model.card.max_uncertain_ratio) or "no review reason"
            print(f"{name:10} {path.name:12} {dice(mask, others):.4f}   {why}")
            printable = np.where(mask.pixels[..., None], picture, np.array(BEHIND, np.uint8))
            both = np.hstack([picture, printable])
            width = round(both.shape[1] * HEIGHT_PX / both.shape[0])
            tiles.append(cv2.resize(both, (width, HEIGHT_PX), interpolation=cv2.INTER_AREA))
        rows.append(np.hstack(tiles))
    if options.sheet:
        save_picture(options.sheet, np.vstack(rows))


if __name__ == "__main__":
    main()
