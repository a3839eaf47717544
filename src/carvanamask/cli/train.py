"""Train a network, list what can be set, label pictures to train on, and show all of it in a demo."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from carvanamask.batch.options import BatchOptions
from carvanamask.cli.console import SOME_FAILED, has_bar, print_failures, print_rate, print_table
from carvanamask.cli.listeners import batch_progress
from carvanamask.cli.options import DATA, Batch, BatchOutput, Count, DataDir, NotNegative, RunsDir, Share
from carvanamask.data.kaggle_folder import KaggleFolder
from carvanamask.data.run_dir import RUNS, RunDir
from carvanamask.io.process import keep_all_freed_memory
from carvanamask.mask_quality.label_limits import LabelLimits
from carvanamask.model.model_file import ModelFile
from carvanamask.model.registry import built_in_names, find_model

if TYPE_CHECKING:
    from carvanamask.jobs.pseudo_label import PseudoLabelReport


def train(
    *,
    config: str | None = None,
    settings: Annotated[list[str] | None, Parameter("--set")] = None,
    name: str | None = None,
    model: str | None = None,
    extra_labels: list[str] | None = None,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
) -> None:
    """Train a network; run it again to continue where it stopped.

    Args:
        config: A recipe's name, or its TOML file.
        settings: Change an option, as SECTION.OPTION=VALUE; may be repeated.
        name: Name of the run; by default the recipe's.
        model: A run whose weights to continue from.
        extra_labels: A labels.csv of pseudo-labels to train on as well; may be repeated.
    """
    from carvanamask.jobs.train import plan_run, train

    keep_all_freed_memory()
    # a list of plain strings is the same in JSON and TOML
    lists = [f"split.extra_labels={json.dumps(extra_labels)}"] if extra_labels else []
    plan = plan_run(runs, name, config, [*(settings or ()), *lists], model)
    print_train(train(KaggleFolder(data), plan, has_bar()))


def demo(*, out: Path = Path("demo")) -> None:
    """Go from pictures to a submission with built-in pictures, in a few minutes, and show it on a page.

    Args:
        out: Folder for everything that the demo makes.
    """
    from carvanamask.cli.run_demo import run_demo

    keep_all_freed_memory()
    print(f"done: open {run_demo(out)} in a browser")


def options(*, markdown: bool = False) -> None:
    """List every option of a recipe with its default.

    Args:
        markdown: Print the page docs/options.md.
    """
    from carvanamask.training.recipe import options

    if not markdown:
        return print_table(["option", "default", "meaning"], options())
    print("# Options\n")
    print("Every option of a recipe. Set one in a TOML file (`[loss]`, `border_weight = 4`) or for one run with")
    print("`--set loss.border_weight=4`. Made by `make docs/options.md`.\n")
    print("| option | default | meaning |\n|---|---|---|")
    for name, default, description in options():
        print(f"| `{name}` | {f'`{default}`' if default else 'none'} | {description} |")
    return None


def pseudo_label(
    *,
    models: Annotated[list[str], Parameter("--model")],
    out: Path,
    min_agreement: Share = LabelLimits.min_agreement,
    max_uncertain: NotNegative = LabelLimits.max_uncertain,
    min_mirror: Share = LabelLimits.min_mirror,
    views: Count = LabelLimits.views,
    data: DataDir = DATA,
    runs: RunsDir = RUNS,
    batch: Batch = BatchOptions(),
    output: BatchOutput = BatchOutput(),
) -> int:
    """Predict the data folder's test/ with several models; keep the masks on which models and views agree.

    Args:
        models: A built-in model, a run, or the path of a model folder; give two or more.
        out: Folder for labels.csv, refused.csv and masks/.
        min_agreement: Lowest mean Dice between the models' masks.
        max_uncertain: Largest area that is neither car nor background, as a share of the mask's area.
        min_mirror: Lowest Dice of a mask and the mirror image of the mask from the car's other side.
        views: Number of pictures around a car; 0 compares no views.
    """
    from carvanamask.jobs.pseudo_label import pseudo_label

    limits = LabelLimits(min_agreement, max_uncertain, min_mirror, views=views)
    found = [find_model(name, runs) for name in models]
    with batch_progress(output, "predicting") as on_progress:
        report = pseudo_label(found, KaggleFolder(data), out, limits, batch, on_progress)
    output.show(report, print_pseudo_label)
    return SOME_FAILED if report.progress.failures else 0


def print_train(run: RunDir) -> None:
    from carvanamask.training.run_files import load_metrics

    dice = ModelFile.load(run.model).card.scores["validation_dice"]
    print(f"Dice {dice:.5f} on held-out cars after {len(load_metrics(run))} epochs, curves in {run.curves}")
    # a built-in model goes before a run of the same name
    name = run.root if run.name in built_in_names() else run.name
    print(f"next: eval --model {name}")


def print_pseudo_label(report: PseudoLabelReport) -> None:
    print_failures(report.progress.failures)
    print_rate(report.progress, report.engine)
    print(f"median agreement {report.typical_agreement:.4f}", end=", ")
    print(f"median uncertain ratio {report.typical_uncertain_ratio:.4f}")
    if report.refused_by_reason:
        print_table(["refused for", "pictures"], report.refused_by_reason.items())
    print(f"{report.kept} labels in {report.labels}; the refused, and why, in {report.refused}")
    if report.kept:
        print(f"next: train --extra-labels {report.labels}")
