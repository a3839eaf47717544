"""Models: which there are, what is known of them, and one of them in fewer bits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from carvanamask.cli.console import print_json, print_table, say
from carvanamask.cli.options import RUNS, AsJson, ModelName, RunsDir, app, exit_if


@app.command()
def models(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="one model; none: all there are")] = None,
    verify: Annotated[bool, typer.Option("--verify", help="check every file against its SHA-256")] = False,
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """List the models that --model can name, or show one's card."""
    from carvanamask.errors import ModelError
    from carvanamask.model.model_file import ModelFile
    from carvanamask.model.registry import BUILT_IN, find_model, model_folders

    if name is not None:
        card = find_model(name, runs).card.model_dump()
        if not as_json:  # a person wants to know how many
            card |= {field: f"{len(card[field])} cars" for field in ("training_cars", "validation_cars")}
        print_json(card) if as_json else print_table(["card", name], card.items())
        if verify and not as_json:  # or it would not have been loaded
            print("its files are those that its card describes")
        return
    rows, broken = [], []
    for found, folder in model_folders(runs).items():
        try:
            card_of = ModelFile.load(folder).card
        except ModelError as error:
            broken.append(str(error))
            continue
        size = sum(file.stat().st_size for file in folder.rglob("*.onnx")) / 1e6
        dice = card_of.scores.get("validation_dice")
        where = "built in" if folder.parent == BUILT_IN else str(folder)
        rows.append(
            {
                "name": found,
                "network": card_of.network,
                "input": "x".join(map(str, card_of.input_size_wh)),
                "megabytes": round(size, 1),
                "dice": None if dice is None else round(dice, 5),
                "sha256": card_of.sha256[:12],
                "where": where,
            }
        )
    if as_json:
        print_json({"models": rows, "broken": broken})
    else:
        print_table(["name", "network", "input", "MB", "Dice", "SHA-256", "where"], [row.values() for row in rows])
        for line in broken:
            say(f"error: {line}")
        if verify and not broken:
            print(f"all {len(rows)} are the files that their cards describe")
    exit_if(bool(broken))


@app.command()
def export(
    model: ModelName,
    out: Annotated[Path, typer.Option(metavar="DIR", help="the new model's folder")],
    precision: Annotated[str, typer.Option(help="fp32, fp16 or int8-weights")] = "fp16",
    note: Annotated[str, typer.Option(help="what the cards shall say of the data and its terms")] = "",
    as_json: AsJson = False,
    runs: RunsDir = RUNS,
) -> None:
    """Write a model as a folder of its own, smaller if asked, and say how far it is from the first one."""
    from carvanamask.jobs.export import check_precision, export
    from carvanamask.model.registry import find_model

    report = export(find_model(model, runs), out, check_precision(precision), note, say)
    if as_json:
        print_json(report.to_dict())
        return
    print(f"{report.bytes_before / 1e6:.1f} MB → {report.bytes_after / 1e6:.1f} MB as {precision}, in {out}")
    print(f"largest difference of a probability {report.largest_difference:.5f}, mean {report.mean_difference:.6f}")
