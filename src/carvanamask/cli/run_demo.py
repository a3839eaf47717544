"""The demo: all steps from pictures to a submission, on the pictures of the package, and a page that shows them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from carvanamask.batch.writers import save_cutout
from carvanamask.cli.console import log, progress_bar
from carvanamask.cutout.scene import ROOM, Scene
from carvanamask.data.kaggle_folder import KaggleFolder, Sample, cars_of
from carvanamask.data.run_dir import RunDir
from carvanamask.errors import DataError
from carvanamask.figures.pictures import outlined, save_contact_sheet
from carvanamask.figures.report_page import Chapter, save_report_page
from carvanamask.io.exif import read_tags
from carvanamask.io.read import load_pair, picture_size_wh
from carvanamask.jobs.check_data import DataReport, check_data
from carvanamask.jobs.check_submission import SubmissionReport, check_submission
from carvanamask.jobs.evaluate import EvaluationReport, evaluate
from carvanamask.jobs.submit import SubmitReport, submit
from carvanamask.jobs.threshold import ThresholdReport, choose_threshold
from carvanamask.jobs.train import plan_run, train
from carvanamask.model.registry import find_model
from carvanamask.studio import SHOWROOM

INTRODUCTION = """\
A small network was trained from scratch on a few cars of a synthetic photo studio and judged on cars it had never \
seen. With real pictures, more of them, and more time, the same commands get much further."""

NEXT = """\
# <car>_<view>.jpg in photos/train, masks in photos/train_masks, pictures without masks in photos/test
carvanamask data check --data photos
carvanamask train --config quick --data photos
carvanamask eval --model quick --data photos
carvanamask submit --model quick --data photos --save True"""


def run_demo(out: Path, data: Path = SHOWROOM, recipe: str = "demo") -> Path:
    """Check, train, evaluate, choose a threshold, predict, submit and cut out in `out`; return the path of the page.

    A training that an earlier call finished is kept.
    """
    folder = KaggleFolder(data)
    log.info("1/6 checking %s", data)
    with progress_bar("checking") as on_progress:
        checked = check_data(folder, on_progress)
    if checked.errors:
        raise DataError(f"has {checked.errors} errors", f"see data check --data {data}", data)
    log.info("2/6 training")
    run = train(folder, plan_run(out, "demo", recipe), has_progress_bar=False)
    model = find_model("demo", out)
    log.info("3/6 scoring on cars it has never seen, choosing the threshold")
    with progress_bar("scoring") as on_progress:
        scored = evaluate(model, folder, run.evaluation, figures=2, on_progress=on_progress)
    threshold = choose_threshold(model, run.evaluation)
    log.info("4/6 predicting the test cars, writing a submission")
    with progress_bar("predicting") as on_progress:
        submitted = submit(find_model("demo", out), folder, run.submission, run.masks, on_progress=on_progress)
    tests = folder.test_samples()
    names = folder.submission_names() or [sample.picture.name for sample in tests]
    verdict = check_submission(run.submission, names, picture_size_wh(tests[0].picture))
    log.info("5/6 cutting out a car")
    cars = cars_of(tests)
    scene = _cut_out(cars[tests[-1].car], run)
    log.info("6/6 drawing the page")
    page, sheets = out / "report.html", [_contact_sheet(views, run) for views in cars.values()]
    chapters = [
        Chapter("In numbers", facts=_facts(checked, scored, threshold, submitted, verdict)),
        Chapter("Cut out", "A test car before another background, cut out by its predicted mask.", [scene]),
        Chapter("All around", "The test cars with the outlines of their predicted masks.", sheets),
        Chapter("Training", figures=[run.curves]),
        Chapter("Threshold", "A flat top means that it hardly matters.", [threshold.figure]),
        Chapter("The worst of the held-out pictures", figures=sorted((run.evaluation / "worst").glob("*.png"))),
        Chapter("Next: your own pictures", commands=NEXT),
    ]
    save_report_page(page, "carvanamask: from pictures to a submission", INTRODUCTION, chapters)
    return page


def _facts(
    checked: DataReport,
    scored: EvaluationReport,
    threshold: ThresholdReport,
    submitted: SubmitReport,
    verdict: SubmissionReport,
) -> list[tuple[str, str]]:
    worst = scored.worst[0]
    return [
        ("checked pictures", f"{checked.training_pictures + checked.test_pictures}, {checked.errors} errors"),
        ("mean Dice", f"{scored.dice:.4f} on {len(scored.pictures)} pictures of {len(scored.dice_by_car)} unseen cars"),
        ("worst picture", f"{worst.sample.name}: {worst.dice:.4f}"),
        ("threshold", f"{threshold.after:.3f} (was {threshold.before:.3f}), Dice {threshold.gain:+.5f}"),
        ("file to mask file", f"{submitted.progress.per_second:.0f} pictures per second ({submitted.engine})"),
        ("submission", f"{verdict.rows} rows, {'valid' if verdict.is_valid else 'not valid'}"),
    ]


def _cut_out(views: Sequence[Sample], run: RunDir) -> Path:
    """Cut a car out with transparency and before the room; return the latter's path."""
    sample = views[min(2, len(views) - 1)]  # the third view shows front and side
    picture, mask = load_pair(sample.picture, sample.mask_in(run.masks))
    path, tags = run.root / "cutout" / f"{sample.name}.png", read_tags(sample.picture)
    save_cutout(path, picture, mask, None, tags)
    save_cutout(scene := path.with_name(f"{sample.name}_scene.jpg"), picture, mask, Scene(ROOM), tags)
    return scene


def _contact_sheet(views: Sequence[Sample], run: RunDir) -> Path:
    """Draw a sheet of a car's views with the outlines of their masks; return its path."""
    path, tiles = run.root / "views" / f"{views[0].car}.png", []
    for sample in views:
        picture, mask = load_pair(sample.picture, sample.mask_in(run.masks))
        tiles.append((f"view {sample.view}", outlined(picture, mask)))
    save_contact_sheet(path, tiles)
    return path
