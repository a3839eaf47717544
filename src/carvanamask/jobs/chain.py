"""A chain: commands that build on each other, each carried out once, in order."""

from __future__ import annotations

import re
import shlex
import time
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from carvanamask.core.atomic_files import save_bytes_atomically
from carvanamask.core.config import Section
from carvanamask.core.errors import ConfigError, DataError, nearest
from carvanamask.core.recipe import SHIPPED_RECIPES
from carvanamask.core.run_dir import RUNS, RunDir

_HOMES = dict.fromkeys(path.parent / "recipes" for path in SHIPPED_RECIPES.values())
SHIPPED_CHAINS = {path.stem: path for home in _HOMES for path in sorted(home.glob("*.toml"))}
"""The chains that `recipe run NAME` can mean besides a path."""

_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


class WrittenStep(Section):
    """A `[[step]]` of the file."""

    name: str = Field(min_length=1)
    run: str = Field(min_length=1, description="a command line of this program, with {placeholders}")


class ChainFile(Section):
    """A chain as it is written down."""

    settings: dict[str, str | int | float] = Field({}, description="what {placeholders} stand for: words, or none")
    step: tuple[WrittenStep, ...] = ()
    steps_of: str | None = Field(None, description="a chain beside this file, or a shipped one, with other settings")

    @model_validator(mode="after")
    def _steps_are_there_once(self) -> ChainFile:
        if bool(self.step) == bool(self.steps_of):
            raise ValueError("needs either [[step]]s of its own or steps_of")
        for setting in self.settings.keys() & {"data", "runs", "name"}:
            raise ValueError(f"{setting} is set by --{setting}, call the setting otherwise")
        names = [step.name for step in self.step]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two steps are called '{name}', rename one")
        return self


@dataclass(frozen=True)
class Step:
    """One command line."""

    name: str
    words: tuple[str, ...]

    @property
    def command(self) -> str:
        return shlex.join(self.words)


class FinishedStep(BaseModel, frozen=True):
    """What is kept of a step that was carried out."""

    name: str
    command: str
    seconds: float


@dataclass(frozen=True)
class Chain:
    """Steps in their order, and the file that records which are finished."""

    name: str
    steps: tuple[Step, ...]
    record: Path

    def finished(self) -> list[FinishedStep]:
        """The first steps, as far as their commands are those of the record: what follows a changed one builds on it.

        Raises DataError for a record that isn't one.
        """
        pairs = zip(self._recorded(), self.steps, strict=False)
        return [done for done, _ in takewhile(lambda pair: pair[0].command == pair[1].command, pairs)]

    def changed_step(self) -> Step | None:
        """The first that was carried out with another command."""
        place = len(self.finished())
        return self.steps[place] if place < min(len(self._recorded()), len(self.steps)) else None

    def to_dict(self) -> dict[str, Any]:
        done = len(self.finished())
        steps = [{"name": s.name, "command": s.command, "done": place < done} for place, s in enumerate(self.steps)]
        return {"chain": self.name, "steps": steps}

    def save_finished(self, steps: Sequence[FinishedStep]) -> None:
        save_bytes_atomically(self.record, _RECORD.dump_json(list(steps), indent=1))

    def _recorded(self) -> list[FinishedStep]:
        try:
            return _RECORD.validate_json(self.record.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValidationError):
            raise DataError(f"{self.record} isn't what a chain wrote: delete it, and every step runs again") from None


_RECORD = TypeAdapter(list[FinishedStep])


@dataclass(frozen=True)
class ChainReport:
    """How far a chain got."""

    chain: Chain
    finished: tuple[FinishedStep, ...]
    kept: int
    """Of the finished steps, how many an earlier call had carried out."""
    exit_code: int = 0
    """Of the step after the finished ones, which failed; 0: all are finished."""

    @property
    def failure(self) -> str:
        """Which step failed and how to go on, '' when none did."""
        if not self.exit_code:
            return ""
        step = self.chain.steps[len(self.finished)]
        where = f"step {len(self.finished) + 1} of {len(self.chain.steps)}, {step.name}, failed"
        return (
            f"{where} (exit code {self.exit_code}): {step.command}: repair it, then the same command again goes on here"
        )

    def to_dict(self) -> dict[str, Any]:
        seconds = sum(step.seconds for step in self.finished)
        return {**self.chain.to_dict(), "done_before": self.kept, "seconds": seconds, "failure": self.failure}


def load_chain(
    chain: str,
    complete: Callable[[Sequence[str]], Sequence[str]],
    data: Path,
    runs: Path = RUNS,
    name: str | None = None,
    settings: Iterable[str] = (),
) -> Chain:
    """Read a chain, by its path or a shipped one's name, as far as its command lines.

    `name` is the chain's own, its file's if not given; `settings` are NAME=VALUE, laid over the file's. In a command
    {data}, {runs} and {name} stand for these, any other placeholder for a setting. `complete` turns a step's words into
    those that are carried out. Raises ConfigError, also where `complete` does, in one line that names the step.
    """
    path, written = _read(chain)
    home = RunDir.named(name or path.stem, runs)
    values = {setting: str(value) for setting, value in written.settings.items()}
    for text in settings:
        setting, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"--set {text}: write it as NAME=VALUE")
        if setting not in values:
            raise ConfigError(f"no setting '{setting}'{nearest(setting, values)} ({_listed(values)})")
        values[setting] = value
    # quoted: a path with spaces stays one word, where a setting may be several
    values |= {"data": shlex.quote(str(data)), "runs": shlex.quote(str(runs)), "name": shlex.quote(home.name)}
    steps = []
    for step in written.step:
        try:
            steps.append(Step(step.name, tuple(complete(_words(step.run, values)))))
        except ConfigError as error:
            raise ConfigError(f"{path}, step '{step.name}': {error}") from None
    return Chain(home.name, tuple(steps), home.root / "chain.json")


def run_chain(
    chain: Chain, run_step: Callable[[Sequence[str]], int], say: Callable[[str], None] = lambda line: None
) -> ChainReport:
    """Carry out what isn't finished; a step counts once `run_step` has returned 0, its exit code.

    Stops at the first that fails. Interrupted, the same call goes on with the step it was at.
    """
    changed, finished = chain.changed_step(), chain.finished()
    kept = len(finished)
    for place, step in enumerate(chain.steps, start=1):
        title = f"step {place} of {len(chain.steps)}, {step.name}"
        if place <= kept:
            say(f"{title}: done before")
            continue
        if step is changed:
            say(f"{title} has changed: from here on steps run again (trainings anew only under another --name)")
        # before, so that a step whose command has changed isn't taken for finished should it change back
        chain.save_finished(finished)
        say(f"{title}: {step.command}")
        started = time.monotonic()
        exit_code = run_step(step.words)
        if exit_code:
            return ChainReport(chain, tuple(finished), kept, exit_code)
        finished.append(FinishedStep(name=step.name, command=step.command, seconds=time.monotonic() - started))
        chain.save_finished(finished)
    return ChainReport(chain, tuple(finished), kept)


def _read(chain: str) -> tuple[Path, ChainFile]:
    path, written = _read_one(chain)
    if not written.steps_of:
        return path, written
    sibling = path.with_name(f"{written.steps_of}.toml")
    _, other = _read_one(str(sibling) if sibling.is_file() else written.steps_of)
    if other.steps_of:
        raise ConfigError(f"{path}: steps_of = '{written.steps_of}' has no steps of its own: name one that has")
    for setting in written.settings.keys() - other.settings.keys():
        raise ConfigError(f"{path}: no setting '{setting}'{nearest(setting, other.settings)} (of {written.steps_of})")
    return path, other.model_copy(update={"settings": other.settings | written.settings})


def _read_one(chain: str) -> tuple[Path, ChainFile]:
    path = Path(chain)
    if not path.is_file():
        path = SHIPPED_CHAINS.get(chain, path)
    try:
        return path, ChainFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        names = f"{nearest(chain, SHIPPED_CHAINS)} (chains: {', '.join(SHIPPED_CHAINS)}, or a .toml file)"
        raise ConfigError(f"no chain '{chain}'{names}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in first["loc"]) or "it"
        if first["type"] == "extra_forbidden":
            *_, wrong = first["loc"]
            known = (WrittenStep if "." in where else ChainFile).model_fields
            raise ConfigError(f"{path}: no key {where}{nearest(str(wrong), known)}") from None
        raise ConfigError(f"{path}: {where}: {first['msg'].removeprefix('Value error, ')}") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not a chain: {error}".replace("\n", " ")) from None


def _words(line: str, values: Mapping[str, str]) -> list[str]:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            raise ConfigError(f"nothing is called {match[0]}{nearest(match[1], values)} ({_listed(values)})")
        return values[match[1]]

    filled = _PLACEHOLDER.sub(value, line)
    try:
        return shlex.split(filled)
    except ValueError as error:
        raise ConfigError(f"{filled}: {error}: close what was opened".replace("\n", " ")) from None


def _listed(values: Iterable[str]) -> str:
    return f"settings: {', '.join(values) or 'none'}"
