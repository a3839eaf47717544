"""Measure what each part of the recipe contributes: change one part at a time, with the same budget, on real cars.

    python benchmarks/experiments/ablation.py --data data --out ablation

Trains a small network for every row on 120 cars and scores it at full size on 24 other cars, among them the folder's
minivans, so that no row has ever trained on a minivan. The same command again continues where it was interrupted.
Writes table.md with a line per row; two seeds of the same training show which differences are noise.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from carvanamask.core.mask import Mask
from carvanamask.data.kaggle_folder import KaggleFolder, Sample, cars_of
from carvanamask.io.atomic import save_text_atomically
from carvanamask.io.read import load_pair
from carvanamask.io.write import save_mask, save_picture

MINIVANS = ("33a310ea7462", "c6f50d44f141", "d61b6bfeabb2", "fecea3036c59")
"""Two Mazda5, a Kia Sedona and a Town and Country: all minivans among the labelled cars."""

TRAINING_CARS, OTHER_SCORED_CARS, CHECKPOINT_CARS = 120, 20, 2

BASE = ["input.size_wh=[256, 160]", "training.epochs=1", "augment.value=30"]
UNET = [*BASE, "network.name=unet", "network.levels=5", "network.filters=12"]


@dataclass(frozen=True)
class Row:
    """One line of the table: a training, an ensemble, or other evaluation options for an existing model."""

    name: str
    part: str
    settings: tuple[str, ...] = ()
    start_from: str = ""
    against: str = "base"
    options: tuple[str, ...] = ()
    """Of eval; a row with options evaluates the model of `against` and trains nothing."""
    members: tuple[str, ...] = ()
    """The ensemble's; empty for a row that is no ensemble."""


def row(
    name: str, part: str, *settings: str, base: list[str] = BASE, start_from: str = "", against: str = "base"
) -> Row:
    """Return a training with `settings` on top of `base`."""
    return Row(name, part, (*base, *settings), start_from, against)


FINE_TUNED = "optimizer.learning_rate=5e-4"
HSV = ("augment.hue=50", "augment.saturation=5", "augment.value=15")
FREE = "network.frozen_downsamplings=0"
CROP = ("input.coarse_model=base", "augment.shift=0.03")
RENORM = ("network.normalisation=renorm", "network.renorm_warm_up=40")

ROWS = [
    row("base", "Lite0 U-Net 256x160, boundary loss, all augmentations of studio-s"),
    row("base-2", "the same with another seed: the noise", "training.seed=1"),
    Row("flip-average", "evaluated with flip averaging", options=("--flip",)),
    *(
        Row(f"clean-{step}", f"clean-up: {step}", options=("--clean-up", step))
        for step in ("join_fragments", "drop_far_blobs", "close_roof", "fill_holes", "all")
    ),
    row("bce-dice", "loss: BCE + Dice, no boundary weight", "loss.name=bce-dice"),
    row("bce-log-dice", "loss: BCE − ln Dice", "loss.name=bce-log-dice"),
    row("border-5", "loss: boundary weight 5 instead of 2", "loss.border_weight=5"),
    row("no-flip", "augmentation: no flip", "augment.flip=0"),
    row("no-move", "augmentation: no shift and scale", "augment.shift=0", "augment.scale=0"),
    row("no-value", "augmentation: no brightness", "augment.value=0"),
    row("hsv", "augmentation: the original's hue 50, saturation 5, value 15", *HSV),
    row("no-background", "augmentation: no other backgrounds", "augment.background=0"),
    row("clahe", "input: CLAHE, clip limit 2", "input.clahe=2"),
    row(
        "scratch",
        "encoder: random weights instead of ImageNet's",
        "network.pretrained=false",
        "network.frozen_downsamplings=0",
    ),
    row("unet", "network: U-Net, 5 levels from 12 filters", base=UNET),
    row("unet-2", "the same with another seed", "training.seed=1", base=UNET, against="unet"),
    row("renorm", "U-Net with batch renormalisation", *RENORM, base=UNET, against="unet"),
    row("base-long", "two epochs", "training.epochs=2"),
    row("pseudo", "two epochs' worth of pictures, half of them pseudo-labelled", against="base-long"),
    row("longer", "trained on for another epoch", FINE_TUNED, start_from="base"),
    row("longer-free", "the same, nothing frozen", FINE_TUNED, FREE, start_from="base", against="longer"),
    row("crop", "refinement pass: a crop of the car", FINE_TUNED, *CROP, start_from="base", against="longer"),
    row(
        "larger",
        "one pass at twice the pixels",
        FINE_TUNED,
        "input.size_wh=[352, 224]",
        start_from="base",
        against="longer",
    ),
    Row("two", "ensemble of two seeds", members=("base", "base-2")),
    Row("three", "ensemble of two seeds and a U-Net", members=("base", "base-2", "unet")),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("ablation"))
    parser.add_argument("--rows", nargs="*", default=[row.name for row in ROWS], help="only these")
    options = parser.parse_args()
    ablation = Ablation(KaggleFolder(options.data), options.out)
    for each in ROWS:
        if each.name in options.rows:
            ablation.run(each)
            save_text_atomically(options.out / "table.md", ablation.table())
    print(ablation.table())


class Ablation:
    """The folders that trainings and evaluations use, and the results so far."""

    def __init__(self, folder: KaggleFolder, out: Path) -> None:
        self.folder, self.out = folder, out
        self.runs, self.small, self.full = out / "runs", out / "small", out / "full"
        if not (self.full / "done").exists():
            self._link_pictures()

    def _link_pictures(self) -> None:
        """Shrink training pictures to 480x320, which reads faster and is larger than the input; link scored ones."""
        cars = cars_of(self.folder.training_samples())
        order = [car for car in np.random.default_rng(0).permutation(sorted(cars)).tolist() if car not in MINIVANS]
        scored = [*(car for car in MINIVANS if car in cars), *order[:OTHER_SCORED_CARS]]
        rest = order[OTHER_SCORED_CARS : OTHER_SCORED_CARS + TRAINING_CARS + CHECKPOINT_CARS]
        for sample in (sample for car in rest for sample in cars[car]):
            shrink(sample, self.small)
        for sample in self.folder.test_samples():
            link(sample.picture, self.small / "test" / sample.picture.name)
        for sample in (sample for car in scored for sample in cars[car]):
            assert sample.mask is not None
            link(sample.picture, self.full / "train" / sample.picture.name)
            link(sample.mask, self.full / "train_masks" / sample.mask.name)
        save_text_atomically(self.full / "done", json.dumps(rest[:CHECKPOINT_CARS]))

    def run(self, row: Row) -> None:
        if row.members:
            self._call(
                "ensemble", *(w for m in row.members for w in ("--model", m)), "--name", row.name, data=self.full
            )
        elif not row.options:
            self._train(row)
        out = self.runs / (row.name if not row.options else row.against) / "scores" / row.name
        if not (out / "report.json").exists():
            model = row.against if row.options else row.name
            self._call("eval", "--model", model, "--size", "2", "--out", str(out), *row.options, data=self.full)

    def _train(self, row: Row) -> None:
        settings = [*row.settings, "split.held_out_cars=" + (self.full / "done").read_text()]
        settings += [f"split.validation_share={CHECKPOINT_CARS / (TRAINING_CARS + CHECKPOINT_CARS):.6f}"]
        words = [word for setting in settings for word in ("--set", setting)]
        if row.name == "pseudo":
            labels = self.out / "pseudo"
            models = ("--model", "base", "--model", "base-2")
            # networks this small leave a wider soft edge than those that the limit was chosen on
            self._call("pseudo-label", *models, "--max-uncertain", "0.12", "--out", str(labels), data=self.small)
            words += ["--extra-labels", str(labels / "labels.csv"), "--set", "training.extra_share=0.5"]
        words += ["--model", row.start_from] if row.start_from else []
        self._call("train", "--config", "studio-s", "--name", row.name, *words, data=self.small)

    def _call(self, command: str, *words: str, data: Path) -> None:
        folders = ["--data", str(data), "--runs", str(self.runs)]
        program = [sys.executable, "-m", "carvanamask", command]
        subprocess.run([*program, *words, *folders], check=True, stdout=subprocess.DEVNULL)

    def scores(self, row: Row) -> dict[str, float] | None:
        """Return each picture's Dice; None for a row without an evaluation."""
        run = row.against if row.options else row.name
        table = self.runs / run / "scores" / row.name / "pictures.csv"
        if not table.exists():
            return None
        with table.open(newline="") as file:
            return {line["picture"]: float(line["dice"]) for line in csv.DictReader(file)}

    def table(self) -> str:
        """Return the table in Markdown; differences are paired by picture, and their standard error is over cars."""
        head = ["part", "mean Dice", "minivans", "against", "difference", "standard error", "minivans' difference"]
        lines = [head, ["---"] * len(head)]
        by_name = {row.name: self.scores(row) for row in ROWS}
        for row in ROWS:
            own, other = by_name[row.name], by_name[row.against]
            if own is None:
                continue
            line = [f"{row.name}: {row.part}", f"{mean(own):.5f}", f"{mean(minivans(own)):.5f}"]
            if other is not None and row.name != row.against:
                gain = {name: own[name] - other[name] for name in own}
                cars = {name[:12] for name in gain}
                by_car = [mean({name: g for name, g in gain.items() if name.startswith(car)}) for car in cars]
                error = np.std(by_car, ddof=1) / np.sqrt(len(by_car))
                line += [row.against, f"{mean(gain):+.5f}", f"{error:.5f}", f"{mean(minivans(gain)):+.5f}"]
            lines.append(line + [""] * (len(head) - len(line)))
        report = self.runs / "base" / "scores" / "base" / "report.json"
        if report.exists():
            found = json.loads(report.read_text())
            gain = found["dice_at_best_threshold"] - found["dice"]
            best = f"base's threshold, chosen on its own scored cars: {found['best_threshold']:.3f}"
            lines.append([best, f"{found['dice_at_best_threshold']:.5f}", "", "base", f"{gain:+.5f}", "", ""])
        return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def mean(scores: dict[str, float]) -> float:
    return float(np.mean(list(scores.values())))


def minivans(scores: dict[str, float]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if name.startswith(MINIVANS)}


def link(source: Path, target: Path) -> None:
    """Make a link and its folder, unless it exists."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        target.symlink_to(source.absolute())


def shrink(sample: Sample, folder: Path) -> None:
    """Write picture and mask at 480x320."""
    assert sample.mask is not None
    target = folder / "train" / sample.picture.name
    if target.exists():
        return
    picture, mask = load_pair(sample.picture, sample.mask)
    coverage = cv2.resize(mask.pixels.astype(np.uint8) * 255, (480, 320), interpolation=cv2.INTER_AREA)
    (folder / "train_masks").mkdir(parents=True, exist_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    save_mask(folder / "train_masks" / sample.mask.name, Mask(coverage > 127))
    save_picture(target, cv2.resize(picture, (480, 320), interpolation=cv2.INTER_AREA))


if __name__ == "__main__":
    main()
