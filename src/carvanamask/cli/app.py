"""The command line: registers the commands, and ends whatever a user can cause in one line and an exit code."""

from __future__ import annotations

import errno
import io
import logging
import os
import sys
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Annotated, Any, NoReturn

from cyclopts import App, CycloptsError, Group, Parameter

from carvanamask.cli import evaluate, kaggle, models, predict, studio, train
from carvanamask.cli.console import BAD_INPUT, INTERRUPTED, SOME_FAILED, configure_logging, log
from carvanamask.cli.interrupts import STOPPED, end_by_ctrl_c
from carvanamask.errors import CarvanaMaskError, printable
from carvanamask.io.process import keep_freed_memory
from carvanamask.version import __version__

COMMANDS: dict[str, Sequence[Callable[..., Any] | App]] = {
    "Use a model": [predict.predict, predict.cutout, predict.watch, models.models, models.export, models.bench],
    "Train a model": [train.train, train.pseudo_label, train.options, train.demo],
    "Score models": [evaluate.eval_, evaluate.threshold, evaluate.ensemble, evaluate.compare],
    "Data and submissions": [kaggle.data, kaggle.submit, kaggle.submission, studio.studio],
}
"""The groups of --help, in its order. A command has the name of its function."""


def _shown_default(default: object) -> object:
    """Return what --help shows of a default: nothing for no value and for a flag."""
    if default is None or default is False:
        return None
    return default.value if isinstance(default, Enum) else default


app = App(
    name="carvanamask",
    help="Cut cars out of studio pictures: train, measure, and process whole folders.",
    version=__version__,
    help_format="plaintext",
    default_parameter=Parameter(negative=(), allow_repeating=True, show_default=_shown_default),
    result_action="return_value",
    print_error=False,
    exit_on_error=False,
)
app.meta.suppress_keyboard_interrupt = False
for _title, _commands in COMMANDS.items():
    _group = Group.create_ordered(_title)
    for _number, _command in enumerate(_commands):
        if isinstance(_command, App):
            _command.group, _command.sort_key = _group, _number
            app.command(_command)
        else:
            app.command(_command, group=_group, sort_key=_number)
OTHER = app.group_commands = app.meta.group_commands = Group.create_ordered("For every command")
app.register_install_completion_command(help="Install completion for this shell.")


@app.meta.default
def launch(
    *words: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    quiet: Annotated[bool, Parameter(group=OTHER)] = False,
    verbose: Annotated[bool, Parameter(group=OTHER)] = False,
) -> int:
    """Run the command that `words` name and return its exit code.

    Args:
        quiet: Show results, warnings and errors only: no messages, no bar.
        verbose: Show also what helps to find the cause of an error.
    """
    log.setLevel(logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO)
    command, bound, _ = app.parse_args(words)
    code: int | None = command(*bound.args, **bound.kwargs)
    if command == app.help_print:  # the command is missing
        return BAD_INPUT
    return code or 0


def run() -> int:
    """Run the command of sys.argv and return its exit code; whatever a user can cause ends in one line."""
    configure_logging()
    try:
        return app.meta(sys.argv[1:]) or 0
    except CarvanaMaskError as error:
        return _fail(str(error))
    except CycloptsError as error:
        message = " ".join(str(error).removesuffix(".").split())
        return _fail(f"{message[:1].lower()}{message[1:]} (see --help)")
    except (KeyboardInterrupt, ImportError) as error:
        if not _is_interrupt(error):
            raise
        print(STOPPED, file=sys.stderr, flush=True)
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read the output has seen enough; nothing is left to flush into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return SOME_FAILED
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return _fail(f"{printable(str(error.filename))} is longer than a name may be: name it otherwise")
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" ({error.filename})" if error.filename else ""
            repair = "free some space and run the same command again: what is finished is kept"
            return _fail(f"the disk is full{where}: {repair}")
        raise


def _fail(message: str) -> int:
    log.debug("the error was raised here", exc_info=True)
    log.error("%s", message)
    return BAD_INPUT


def _is_interrupt(error: BaseException | None) -> bool:
    """Return whether Ctrl-C caused the error: a compiled module that it meets while it is loaded can't be imported."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__
    return error is not None


def main() -> NoReturn:
    """Be the program: only here, settings of the process are changed."""
    end_by_ctrl_c()
    keep_freed_memory()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # as on sys.stderr: a terminal may lack a character
    sys.exit(run())
