"""From a TOML file and `--set` to a Config and back; what is wrong in them is one line."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import ValidationError

from carvanamask.errors import ConfigError, nearest
from carvanamask.training.config import Config, Section

_PACKAGE = Path(__file__).parent.parent
# in the package once it is installed from a wheel, at the top of the repository in a checkout
_RECIPES = [path for home in (_PACKAGE, _PACKAGE.parent.parent) for path in sorted((home / "configs").glob("*.toml"))]
SHIPPED_RECIPES = {path.stem: path for path in _RECIPES}
"""The recipes that `--config NAME` can mean besides a path."""


def load_config(recipe: Path | str | None = None, settings: Iterable[str] = ()) -> Config:
    """Read a recipe, by its path or a shipped one's name, and lay `section.option=value` settings over it.

    Raises ConfigError, in one line that names the value, where it came from and the repair.
    """
    settings = list(settings)
    tree: dict[str, Any] = {} if recipe is None else _read_recipe(recipe)
    config = _checked(tree, str(recipe)) if recipe else Config()
    for setting in settings:
        name, equals, value = setting.partition("=")
        section, dot, option = name.strip().partition(".")
        if not (equals and dot):
            raise ConfigError(f"--set {setting}: write it as section.option=value{nearest(name, option_names())}")
        tree.setdefault(section, {})[option] = _parse(value.strip())
        # names are checked one setting at a time, so that the message can name the one that is wrong
        if name.strip() not in option_names():
            raise ConfigError(f"no option {name.strip()}{nearest(name.strip(), option_names())} (from --set {setting})")
    return _checked(tree, " ".join(f"--set {setting}" for setting in settings)) if settings else config


def _read_recipe(recipe: Path | str) -> dict[str, Any]:
    path = Path(recipe)
    if not path.is_file():
        path = SHIPPED_RECIPES.get(str(recipe), path)
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        names = f"{nearest(str(recipe), SHIPPED_RECIPES)} (recipes: {', '.join(SHIPPED_RECIPES)}, or a .toml file)"
        raise ConfigError(f"no recipe '{recipe}'{names}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not a recipe: {error}".replace("\n", " ")) from None


def encode_config(config: Config) -> str:
    """As TOML text; an option that is None is left out, which means the same."""
    return tomli_w.dumps(config.model_dump(mode="json", exclude_none=True))


def options() -> Iterator[tuple[str, str, str]]:
    """Every option as (name, default as TOML, description), for help and docs."""
    defaults = option_values(Config())
    for section, field in Config.model_fields.items():
        assert isinstance(field.annotation, type)
        assert issubclass(field.annotation, Section)
        for option, of_option in field.annotation.model_fields.items():
            default = defaults[f"{section}.{option}"]
            # for these values JSON is TOML on one line
            yield f"{section}.{option}", "" if default is None else json.dumps(default), of_option.description or ""


def option_names() -> list[str]:
    return list(option_values(Config()))


def option_values(config: Config) -> dict[str, Any]:
    """Flat: `section.option` → value."""
    return {
        f"{section}.{option}": value
        for section, branch in config.model_dump(mode="json").items()
        for option, value in branch.items()
    }


def _checked(tree: Mapping[str, Any], source: str) -> Config:
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = option_names() if "." in name else list(Config.model_fields)
            raise ConfigError(f"no option {name}{nearest(name, known)} (from {source})") from None
        message = first["msg"].removeprefix("Value error, ").replace("Input should be", "must be")
        value = f"{name} = {first['input']!r}: " if name else ""
        raise ConfigError(f"{value}{message} (from {source})") from None


def _parse(value: str) -> object:
    """A value as TOML reads it; anything TOML can't read is a plain string, so --set loss.name=boundary works."""
    try:
        return tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return value
