"""A chain's steps as command lines of this program: looked over beforehand, carried out in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

import typer

from carvanamask.apps.arguments import INTERRUPTED, app
from carvanamask.apps.interrupts import SECONDS_TO_END, end_by_ctrl_c
from carvanamask.core.errors import ConfigError, nearest

SECONDS_TO_STOP = SECONDS_TO_END / 2
"""For a step to end after Ctrl-C; the chain, which has twice as long, sees that it does."""


def complete(words: Sequence[str], data: Path, runs: Path) -> list[str]:
    """The words with `--data` and `--runs` behind them, where their verb takes those and they name none.

    Raises ConfigError for words that the command line wouldn't understand: a chain of days shouldn't end at a typo.
    """
    from carvanamask.apps.cli import UsageError

    verb: Any = typer.main.get_command(app)
    rest = list(words)
    while hasattr(verb, "commands"):
        name = rest.pop(0) if rest else ""
        if name not in verb.commands:
            raise ConfigError(f"no verb '{name}'{nearest(name, verb.commands)} (verbs: {', '.join(verb.commands)})")
        verb = verb.commands[name]
    known = {option for parameter in verb.params for option in parameter.opts}
    named = {word.partition("=")[0] for word in rest}
    folders = [("--data", data), ("--runs", runs)]
    added = [word for option, folder in folders if option in known - named for word in (option, str(folder))]
    try:
        verb.make_context(verb.name, [*rest, *added])
    except UsageError as error:
        raise ConfigError(f"{' '.join(words)}: {error}".replace("\n", " ")) from None
    return [*words, *added]


def run_step(words: Sequence[str], output: IO[str] | None = None) -> int:
    """Carry out a command line of this program in a process of its own and return its exit code.

    A process gives all its memory back, the accelerator's too. Ctrl-C reaches it once, from here; and whatever ends
    this program, even kill -9, closes the pipe that it listens to: it never goes on alone beside a second call.
    """
    command = [sys.executable, "-m", "carvanamask.apps.steps", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, start_new_session=True) as process:
        assert process.stdin is not None
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.stdin.close()
            try:
                process.wait(1.5 * SECONDS_TO_STOP)
            except subprocess.TimeoutExpired:
                process.kill()
            raise
    if code == INTERRUPTED:
        raise KeyboardInterrupt
    return code


def main() -> None:
    """Be a step: carry out the words of the command line until the chain's end of the pipe is closed."""
    from carvanamask.apps import cli

    # a shell's background jobs, and what they start, ignore Ctrl-C
    signal.signal(signal.SIGINT, signal.default_int_handler)
    end_by_ctrl_c(SECONDS_TO_STOP)
    threading.Thread(target=_interrupt_at_the_end_of_input, daemon=True).start()
    sys.exit(cli.run())


def _interrupt_at_the_end_of_input() -> None:
    # the file descriptor: a thread that holds sys.stdin's lock would stop Python from leaving
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
