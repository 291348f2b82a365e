"""The command line. Only click is imported here, so that --help and --version start at once."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kscaffold import __version__
from kscaffold.cli.lazy import LazyGroup
from kscaffold.cli.report import INTERRUPTED, errors_reported
from kscaffold.cli.shared import values_of, verbose_option
from kscaffold.cli.terminal import close, echo
from kscaffold.errors import KscaffoldError

__all__ = ["COMMANDS", "INTERRUPTED", "main"]

COMMANDS = {
    "new": ("new", "Create a project."),
    "template": ("template", "Show, change, check and test templates."),
    "config": ("config", "Show and set what kscaffold always uses."),
    "verify": ("verify", "Compare a model's training with keras.Model's."),
    "completion": ("completion", "Print a shell's completion script."),
}


class MainGroup(LazyGroup):
    """The commands of kscaffold; an error becomes one sentence and an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        # https://no-color.org
        if os.environ.get("NO_COLOR"):
            ctx.color = False
        # A mistake in the options is reported in the form that they ask for.
        ctx.meta["kscaffold.format"] = (values_of(args, "--format") or ["text"])[-1]
        with errors_reported(ctx):
            if not args and not ctx.resilient_parsing:
                echo(ctx.get_help(), err=True, keep="\n")
                ctx.exit(click.UsageError.exit_code)
            return super().parse_args(ctx, args)

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """Run a command and end the process with the exit code that it returns."""
        call: Any = super().main
        try:
            code = call(*args, standalone_mode=False, **more)
        except (KeyboardInterrupt, EOFError, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:
            # The reader of our output has ended, which is not an error.
            for stream in (sys.stdout, sys.stderr):
                close(stream)
            code = KscaffoldError.exit_code
        if standalone_mode:
            sys.exit(code if isinstance(code, int) else 0)
        return code

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        with errors_reported(ctx):
            return super().invoke(ctx)


@click.group(
    cls=MainGroup, modules=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.version_option(__version__, "-V", "--version", message="kscaffold %(version)s")
@verbose_option(expose_value=False)
def main() -> None:
    """Write Keras projects on JAX whose fit() runs your own training step."""
    # Redirected to a file, a terminal's encoding may not hold the characters of a tree.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
