"""The command line. Only click is imported here, so that --help and --version start at once."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import click

from kscaffold import __version__
from kscaffold.cli.terminal import OutputError, close, echo, echo_json, styled
from kscaffold.errors import KscaffoldError
from kscaffold.text import near, visible

INTERRUPTED = 130
COMMANDS = {
    "new": ("kscaffold.cli.new:command", "Create a project."),
    "template": ("kscaffold.cli.template:command", "Show, change, check and try templates."),
    "config": ("kscaffold.cli.config:command", "Show and set what kscaffold always uses."),
    "verify": ("kscaffold.cli.verify:command", "Compare a model's training with keras.Model's."),
    "completion": ("kscaffold.cli.completion:command", "Print a shell's completion script."),
}


class LazyGroup(click.Group):
    """A group that imports a command when it runs, and turns errors into text and exit codes."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands' names, in the order in which they are shown."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown one, name the nearest."""
        name = args[0]
        if name not in COMMANDS and not ctx.resilient_parsing:
            hint = near(name, COMMANDS) or f"; there are {', '.join(COMMANDS)}"
            raise click.UsageError(f"no command {name!r}{hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command; a mistake becomes one sentence."""
        # https://no-color.org
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        with _errors_reported(ctx):
            if not args and not ctx.resilient_parsing:
                echo(ctx.get_help(), err=True, keep="\n")
                ctx.exit(click.UsageError.exit_code)
            return super().parse_args(ctx, args)

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """Run a command and end the process with its exit code; or return, if that is wanted."""
        call: Any = super().main
        try:
            code = call(*args, standalone_mode=False, **more)
        except (KeyboardInterrupt, EOFError, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:
            # What reads our output has ended, which is no error of anybody's.
            for stream in (sys.stdout, sys.stderr):
                close(stream)
            code = KscaffoldError.exit_code
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; an error becomes one sentence and an exit code."""
        with _errors_reported(ctx):
            return super().invoke(ctx)


@contextmanager
def _errors_reported(ctx: click.Context) -> Iterator[None]:
    try:
        yield
    except KscaffoldError as error:
        fail(ctx, str(error), error.exit_code, error)
    except click.UsageError as error:
        fail(ctx, _usage_message(error), error.exit_code, error)
    except (KeyboardInterrupt, EOFError, click.Abort) as error:
        fail(ctx, "interrupted", INTERRUPTED, error)
    except (click.exceptions.Exit, BrokenPipeError):
        raise
    except OSError as error:
        named = f"{error.filename}: " if error.filename else ""
        fail(ctx, f"{named}{error.strerror or error}", KscaffoldError.exit_code, error)
    except Exception as error:
        fail(
            ctx,
            f"{type(error).__name__}: {error}. This is a bug in kscaffold {__version__}: please"
            " report it with the command, and the output of the same command with -v",
            KscaffoldError.exit_code,
            error,
        )


def _usage_message(error: click.UsageError) -> str:
    message = " ".join(error.format_message().split()).removesuffix(".")
    command = error.ctx.command_path if error.ctx else "kscaffold"
    return f"{message[:1].lower()}{message[1:]} (see {command} --help)"


def fail(ctx: click.Context, message: str, exit_code: int, error: BaseException) -> None:
    """Report an error and end the command; with --format json, as the one object on stdout."""
    # One line, whatever a path or a value brings along.
    message = visible(message)
    details = [visible(line) for line in getattr(error, "details", ())]
    if ctx.meta.get("kscaffold.verbose"):
        import traceback

        echo("".join(traceback.format_exception(error)), err=True, nl=False, keep="\n")
    as_json = ctx.meta.get("kscaffold.format") == "json" and not isinstance(error, OutputError)
    # An error that nobody can be told of has its exit code all the same.
    with suppress(OutputError):
        if as_json:
            report = {"state": "error", "error": message, "exit_code": exit_code}
            echo_json({**report, **({"details": details} if details else {})})
        else:
            echo(styled("error:", fg="red", bold=True), f" {message}", err=True)
            for line in details:
                echo(line, err=True)
    ctx.exit(exit_code)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version", message="kscaffold %(version)s")
@click.option("-v", "--verbose", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def main(ctx: click.Context, verbose: bool) -> None:
    """Write Keras projects on JAX whose fit() runs your own training step."""
    ctx.meta["kscaffold.verbose"] = verbose
    # Redirected to a file, a terminal's encoding may not hold the characters of a tree.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
