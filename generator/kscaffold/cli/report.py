"""Report errors: as one line, or as JSON, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from kscaffold import __version__
from kscaffold.cli.terminal import OutputError, Styled, echo, echo_json
from kscaffold.errors import KscaffoldError
from kscaffold.hints import visible

INTERRUPTED = 130


class InterruptError(KscaffoldError):
    """An interrupt; its reason says what is written."""

    exit_code = INTERRUPTED


@contextmanager
def errors_reported(ctx: click.Context) -> Iterator[None]:
    """Report an error from within and end the command."""
    try:
        yield
    except (click.exceptions.Exit, BrokenPipeError):
        raise
    except (Exception, KeyboardInterrupt) as error:
        _report(ctx, *_described(error), error)


def _described(error: BaseException) -> tuple[str, int]:
    """Return the message and the exit code of an error."""
    if isinstance(error, KscaffoldError):
        return str(error), error.exit_code
    if isinstance(error, click.UsageError):
        return _usage(error), error.exit_code
    if isinstance(error, (KeyboardInterrupt, EOFError, click.Abort)):
        return "Interrupted.", INTERRUPTED
    if isinstance(error, OSError):
        named = f"{error.filename}: " if error.filename else ""
        return f"{named}{error.strerror or error}", KscaffoldError.exit_code
    bug = (
        f"{type(error).__name__}: {error}. This is a bug in kscaffold {__version__}: please report"
        " it with the command, and the output of the same command with -v"
    )
    return bug, KscaffoldError.exit_code


def _usage(error: click.UsageError) -> str:
    message = " ".join(error.format_message().split())
    message += "" if message.endswith((".", "?")) else "."
    command = error.ctx.command_path if error.ctx else "kscaffold"
    return f"{message[:1].lower()}{message[1:]} Try '{command} --help'"


def _report(ctx: click.Context, message: str, exit_code: int, error: BaseException) -> None:
    message = visible(message)  # one line, whatever is in a path or a value
    details = [visible(line) for line in getattr(error, "details", ())]
    if ctx.meta.get("kscaffold.verbose"):
        import traceback

        echo("".join(traceback.format_exception(error)), err=True, nl=False, keep="\n")
    as_json = ctx.meta.get("kscaffold.format") == "json" and not isinstance(error, OutputError)
    with suppress(OutputError):  # the exit code still tells
        if as_json:
            report = {"state": "error", "error": message, "exit_code": exit_code}
            echo_json({**report, **({"details": details} if details else {})})
        else:
            label = Styled("" if exit_code == INTERRUPTED else "error:", fg="red", bold=True)
            echo(label, " " if label.text else "", message, err=True)
            for line in details:
                echo(line, err=True)
    ctx.exit(exit_code)
