from __future__ import annotations

import ablation
import pytest

from carvanamask.training.recipe import load_config

TRAININGS = {row.name: row for row in ablation.ROWS if not (row.options or row.members)}


@pytest.mark.parametrize("row", TRAININGS.values(), ids=TRAININGS)
def test_settings_exist(row: ablation.Row) -> None:
    load_config("studio-s", row.settings)


@pytest.mark.parametrize("row", ablation.ROWS, ids=lambda row: row.name)
def test_rows_build_on_earlier_ones(row: ablation.Row) -> None:
    earlier = {each.name for each in ablation.ROWS[: ablation.ROWS.index(row)]}
    assert {*row.members, row.start_from} - {""} <= earlier
    assert row.against in {*earlier, row.name, "base"}
