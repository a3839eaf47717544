"""Look a data folder over."""

from __future__ import annotations

from carvanamask.cli.console import print_json, progress
from carvanamask.cli.options import DATA, AsJson, DataDir, data_app, exit_if
from carvanamask.cli.summaries import print_data_check


@data_app.command("check")
def check_data(data: DataDir = DATA, as_json: AsJson = False) -> None:
    """Find what would spoil a training before hours are spent on it."""
    from carvanamask.data.kaggle_folder import KaggleFolder
    from carvanamask.jobs.check_data import check_data

    with progress("checking") as on_progress:
        report = check_data(KaggleFolder(data), on_progress)
    print_json(report.to_dict()) if as_json else print_data_check(report)
    exit_if(report.errors > 0)
