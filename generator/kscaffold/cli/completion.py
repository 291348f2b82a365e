"""`kscaffold completion`: shell completion of commands, options and choices."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from kscaffold.cli.terminal import echo


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    r"""Print the completion script of a SHELL.

    \b
    bash: eval "$(kscaffold completion bash)" in ~/.bashrc
    zsh:  eval "$(kscaffold completion zsh)" in ~/.zshrc
    fish: kscaffold completion fish > ~/.config/fish/completions/kscaffold.fish
    """
    from kscaffold.cli import main

    script = get_completion_class(shell)
    assert script is not None
    echo(script(main, {}, "kscaffold", "_KSCAFFOLD_COMPLETE").source(), keep="\t\n")
