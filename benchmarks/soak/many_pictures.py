"""Submit as many pictures as the competition has; measure speed and memory from the first picture to the last.

    python benchmarks/soak/many_pictures.py --data data [--pictures 100064] [--model NAME] [--executor threads]

Links the test pictures of --data under the names of sample_submission.csv, repeating them until every name has one, and
makes their submission. The same command again starts from the beginning. Writes many-pictures.png.
"""

from __future__ import annotations

import argparse
import csv
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

from batch_process import Ended, Watch, conclude, run, start
from linked_pictures import link_all

from carvanamask.figures.plots import new_figure, save_figure

SHARES = (0.01, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
FLAT = 0.05
"""Memory that grows by less counts as constant."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"))
    parser.add_argument("--out", type=Path, default=Path("many-pictures"))
    parser.add_argument("--model", default="studio-s")
    parser.add_argument("--executor", default="threads")
    parser.add_argument("--pictures", type=int, help="the first so many names; all by default")
    options = parser.parse_args()

    listed = options.data / "sample_submission.csv"
    with listed.open(newline="") as file:
        names = [row["img"] for row in csv.DictReader(file)]
    chosen = names[: options.pictures]
    shutil.rmtree(options.out, ignore_errors=True)
    folder, submission = options.out / "data", options.out / "submission.csv.gz"
    link_all(sorted((options.data / "test").glob("*.jpg")), chosen, folder / "test")
    (folder / listed.name).symlink_to(listed.resolve())

    words = ["--model", options.model, "--data", str(folder), "--out", str(submission), "--executor", options.executor]
    watch = Watch()
    ended = run(["submit", *words], watch)
    if ended.code:
        print(*ended.stderr, sep="\n")
        conclude({"the batch ends with exit code 0": False})
    checked = check(submission, folder, is_partial=len(chosen) < len(names))
    print(*figures(ended, watch, len(names)), f"submission check: {checked['rows']} rows", sep="\n")
    draw(watch, len(names), options.out / "many-pictures.png")
    conclude(
        {
            f"memory grows by less than {FLAT:.0%} from 1 % on": watch.growth(SHARES) < FLAT,
            "every picture has its row and the file is valid": checked["is_valid"] and checked["rows"] == len(chosen),
        }
    )


def check(submission: Path, folder: Path, is_partial: bool) -> dict[str, Any]:
    """Return the report of `submission check`."""
    words = ["submission", "check", str(submission), "--data", str(folder), "--json"]
    with start([*words, *(["--partial"] if is_partial else [])], stdout=subprocess.PIPE) as process:
        report: dict[str, Any] = json.loads(process.communicate()[0])
    return report


def figures(ended: Ended, watch: Watch, total: int) -> list[str]:
    """Return lines about rate and memory."""
    rate = watch.pictures_per_second
    lines = [f"{watch.moments[-1].done} pictures, {rate:.1f} per second ({ended.finished['engine']})"]
    at = ", ".join(f"{watch.memory_at(share):.0f} MB at {share:.0%}" for share in (0.01, 0.5, 1.0))
    lines.append(f"memory: {at}; {watch.peak:.0f} MB at its peak, growth {watch.growth(SHARES):+.1%}")
    if watch.moments[-1].done < total:
        lines.append(f"at this rate, not tried, {total} pictures take {total / rate / 3600:.1f} hours")
    return lines


def draw(watch: Watch, total: int, path: Path) -> None:
    """Plot the measured rate and memory; dashed lines continue them to `total` pictures."""
    figure = new_figure((1000, 600))
    of_rate, of_memory = figure.subplots(2, 1, sharex=True)
    moments = [moment for moment in watch.moments if moment.done]
    last = moments[-1].done
    # spans long enough that a second more or less doesn't show
    knots = moments[:: max(1, len(moments) // 100)]
    pairs = [(one, other) for one, other in pairwise(knots) if other.done > one.done]
    rates = [(other.done - one.done) / (other.seconds - one.seconds) for one, other in pairs]
    of_rate.plot([other.done for _, other in pairs], rates)
    of_memory.plot([moment.done for moment in moments], [moment.megabytes for moment in moments])
    if last < total:
        of_rate.plot([last, total], [watch.pictures_per_second] * 2, "--", label="not run")
        of_memory.plot([last, total], [watch.memory_at(1.0)] * 2, "--", label="not run")
        of_rate.legend()
    of_rate.set(ylabel="pictures per second", ylim=(0, 1.1 * max(rates)))
    of_memory.set(ylabel="memory, MB", ylim=(0, 1.1 * watch.peak), xlabel="pictures done")
    save_figure(path, figure)


if __name__ == "__main__":
    main()
