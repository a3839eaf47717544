"""Convert TOML recipes and `--set` options to a Config and back; every mistake in them is one line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from carvanamask.errors import ConfigError, nearest
from carvanamask.training.config import NETWORKS, Config

_PACKAGE = Path(__file__).parent.parent
# in the package once it is installed from a wheel, at the top of the repository in a checkout
_RECIPES = [path for home in (_PACKAGE, _PACKAGE.parent.parent) for path in sorted((home / "configs").glob("*.toml"))]
SHIPPED_RECIPES = {path.stem: path for path in _RECIPES}
"""The recipes that `--config NAME` finds besides paths."""

Tree = dict[str, dict[str, Any]]
"""Section → option → value."""


def load_config(recipe: Path | str | None = None, settings: Sequence[str] = ()) -> Config:
    """Read a recipe, given by its path or the name of a shipped one, and apply `section.option=value` settings to it.

    Raises ConfigError, in one line that names the value, its source and the repair.
    """
    tree: Tree = {} if recipe is None else _read_recipe(recipe)
    config = _validate(tree, str(recipe))
    if not settings:
        return config
    changes: Tree = {}
    for setting in settings:
        section, option, value = _parse_setting(setting)
        changes.setdefault(section, {})[option] = value
    return _validate(_override(tree, changes), " ".join(f"--set {setting}" for setting in settings))


def _read_recipe(recipe: Path | str) -> Tree:
    path = Path(recipe)
    if not path.is_file():
        path = SHIPPED_RECIPES.get(str(recipe), path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = f"{nearest(str(recipe), SHIPPED_RECIPES)} (recipes: {', '.join(SHIPPED_RECIPES)}, or a .toml file)"
        raise ConfigError(f"no recipe '{recipe}'{names}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"is not a recipe ({error})".replace("\n", " "), path=path) from None


def _parse_setting(setting: str) -> tuple[str, str, object]:
    """Return section, option and value, which is a plain string where TOML can't read it, as in loss.name=boundary."""
    name, equals, value = setting.partition("=")
    name, value = name.strip(), value.strip()
    section, dot, option = name.partition(".")
    if not (equals and dot):
        raise ConfigError(f"--set {setting}", f"write it as section.option=value{nearest(name, option_names())}")
    if name not in option_names():
        raise ConfigError(f"no option {name}{nearest(name, option_names())} (from --set {setting})")
    try:
        return section, option, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return section, option, value


def _override(tree: Tree, changes: Tree) -> Tree:
    """Return the recipe with the changes; options that a newly chosen network doesn't have are dropped from it."""
    merged = {section: tree.get(section, {}) | changes.get(section, {}) for section in tree | changes}
    chosen = str(changes.get("network", {}).get("name"))
    if chosen in NETWORKS:
        known = NETWORKS[chosen].model_fields.keys() | changes["network"].keys()
        merged["network"] = {option: value for option, value in merged["network"].items() if option in known}
    return merged


def encode_config(config: Config) -> str:
    """Return the config as TOML without the options that are None, which mean the same when left out."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def options() -> Iterator[tuple[str, str, str]]:
    """Yield every option as (name, default as TOML, description), for help and docs.

    The description of a network's option names the networks that have it, unless all do.
    """
    for section, default_options in Config():
        kinds = NETWORKS if section == "network" else {section: type(default_options)}
        for option in dict.fromkeys(option for kind in kinds.values() for option in kind.model_fields):
            having = {name: kind for name, kind in kinds.items() if option in kind.model_fields}
            described = {name: kind.model_fields[option].description or "" for name, kind in having.items()}
            default = next(iter(having.values())).model_validate({}).model_dump(mode="json")[option]
            description = next(iter(described.values()))
            if len(set(described.values())) > 1:
                description = "; ".join(f"{name}: {text}" for name, text in described.items())
            elif len(having) < len(kinds):
                description += f" ({', '.join(having)})"
            # for these values JSON is TOML on one line
            yield f"{section}.{option}", "" if default is None else json.dumps(default), description


def option_names() -> list[str]:
    """Return the names of all options, of every network."""
    return [name for name, _, _ in options()]


def differing_options(before: Config, now: Config) -> list[str]:
    """Return "section.option was value" for every option of `before` that `now` hasn't or has another value for."""
    was, values = _flatten(before), _flatten(now)
    return [f"{name} was {was.get(name)}" for name in {**values, **was} if was.get(name) != values.get(name)]


def _flatten(config: Config) -> dict[str, Any]:
    return {
        f"{section}.{option}": value
        for section, options_of in config.model_dump(mode="json").items()
        for option, value in options_of.items()
    }


def _validate(tree: Mapping[str, Any], source: str) -> Config:
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        raise ConfigError(f"{_describe(error.errors()[0])} (from {source})") from None


def _describe(error: ErrorDetails) -> str:
    """Return what is wrong with which option, in the words of a recipe's author."""
    location = [str(part) for part in error["loc"]]
    # within a union of models pydantic names the member that it validated
    network = location.pop(1) if location[:1] == ["network"] and len(location) > 1 else ""
    name = ".".join(location)
    if error["type"] == "extra_forbidden":
        known = option_names() if len(location) > 1 else list(Config.model_fields)
        return f"no option {name}" + (f" for {network}" if name in known else nearest(name, known))
    if error["type"] == "union_tag_invalid":
        wrong = error["input"]["name"]
        near = nearest(str(wrong).partition(":")[0], NETWORKS)
        return f"network.name = {wrong!r}: must be one of {error['ctx']['expected_tags']}{near}"
    message = error["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
    return message if error["type"] == "value_error" else f"{name} = {error['input']!r}: {message}"
