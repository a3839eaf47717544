"""The command line: gathers the verbs and turns whatever a user can cause into one line and an exit code."""

from __future__ import annotations

import errno
import os
import sys
from typing import NoReturn

import typer

from carvanamask.cli import (
    bench,
    compare,
    data,
    evaluate,
    models,
    predict,
    pseudo_label,
    start,
    studio,
    submission,
    submit,
    train,
    watch,
)
from carvanamask.cli.console import say
from carvanamask.cli.interrupts import STOPPED, end_by_ctrl_c
from carvanamask.cli.options import BAD_INPUT, INTERRUPTED, SOME_FAILED, app
from carvanamask.errors import CarvanaMaskError, printable

VERBS = (
    predict,
    watch,
    models,
    bench,
    train,
    evaluate,
    compare,
    bench,
    submit,
    submission,
    pseudo_label,
    data,
    studio,
    start,
)
"""In the order of --help."""

app.registered_commands.sort(
    key=lambda command: [verb.__name__ for verb in VERBS].index(getattr(command.callback, "__module__", ""))
)

UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""A wrong word on the command line. typer carries its own click, and gives only the subclass a public name."""


def run() -> int:
    """Carry out the verb of sys.argv → exit code; whatever a user can cause is told in one line, never a traceback."""
    try:
        code = app(standalone_mode=False)
    except CarvanaMaskError as error:
        say(f"error: {error}")
        code = BAD_INPUT
    except UsageError as error:
        message = getattr(error, "format_message", error.__str__)()
        if message:  # none: the help was printed, in the place of a verb that is missing
            say(f"error: {message} (see --help)".replace("\n", " "))
        code = BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except ImportError as error:
        if not isinstance(error.__cause__, KeyboardInterrupt):
            raise
        code = INTERRUPTED  # a compiled module that Ctrl-C met while it was loaded
    except BrokenPipeError:
        # whoever read the output has seen enough; nothing is left to flush into the closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = SOME_FAILED
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            say(f"error: {printable(str(error.filename))} is longer than a name may be: name it otherwise")
        elif error.errno in (errno.ENOSPC, errno.EDQUOT):
            where = f" ({error.filename})" if error.filename else ""
            say(
                f"error: the disk is full{where}: free some space and run the same command again: "
                "what is finished is kept"
            )
        else:
            raise
        code = BAD_INPUT
    if code == INTERRUPTED:  # typer has a way of its own to say so, too
        say(STOPPED)
    return code or 0


def main() -> NoReturn:
    """Be the program."""
    end_by_ctrl_c()
    sys.exit(run())


if __name__ == "__main__":
    main()
