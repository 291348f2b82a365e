"""The command line. It imports only click, so that --help and --version are fast."""

from __future__ import annotations

import os
import sys
from typing import Any

import click

from kscaffold import __version__
from kscaffold.cli.report import INTERRUPTED, errors_reported
from kscaffold.cli.shared import LazyGroup, values_of, verbose_option
from kscaffold.cli.terminal import close, echo
from kscaffold.errors import KscaffoldError

__all__ = ["COMMANDS", "INTERRUPTED", "main"]

COMMANDS = {
    "new": ("new", "Create a project."),
    "inspect": ("inspect", "Show what can be learned from a table."),
    "template": ("template", "Show, change, check and test templates."),
    "config": ("config", "Show and change your configuration."),
    "verify": ("verify", "Compare a model's training with keras.Model's."),
    "completion": ("completion", "Print the completion script of a shell."),
}


class MainGroup(LazyGroup):
    """The commands of kscaffold; every error is reported as one line and an exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        if os.environ.get("NO_COLOR"):  # https://no-color.org
            ctx.color = False
        # Known before parsing, so that usage errors are reported in this format, too.
        ctx.meta["kscaffold.format"] = (values_of(args, "--format") or ["text"])[-1]
        with errors_reported(ctx):
            if not args and not ctx.resilient_parsing:
                echo(ctx.get_help(), err=True, keep="\n")
                ctx.exit(click.UsageError.exit_code)
            return super().parse_args(ctx, args)

    def main(self, *args: Any, standalone_mode: bool = True, **more: Any) -> Any:
        """Run a command and exit with the code that it returns."""
        call: Any = super().main
        try:
            code = call(*args, standalone_mode=False, **more)
        except (KeyboardInterrupt, EOFError, click.Abort):
            code = INTERRUPTED
        except BrokenPipeError:
            # Whoever reads our output, such as `head`, has seen enough.
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
    # The encoding of a redirected stream may lack the characters that a tree is drawn with.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
