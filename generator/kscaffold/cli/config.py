"""`kscaffold config`: show and change the user's configuration."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from kscaffold.cli.terminal import echo
from kscaffold.config import KEYS, absolute, as_toml, read_user_config, user_file
from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.hints import near_or_all
from kscaffold.template.fetch import find
from kscaffold.template.git import without_password
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.parts import BUILT_IN


@click.command(
    epilog="\b\nKeys:\n" + "\n".join(f"  {key}: {help_text}" for key, help_text in KEYS.items())
)
@click.argument("key", required=False)
@click.argument("values", nargs=-1)
@click.option("--unset", is_flag=True, help="Remove the values of KEY.")
def command(key: str | None, values: tuple[str, ...], unset: bool) -> None:
    """Show the configuration, or the values of KEY, or set them to VALUES.

    Paths are stored as absolute paths. A folder can choose templates of its own, in its file
    .kscaffold.toml: the key `templates` of the table [kscaffold].
    """
    config = read_user_config()
    if key is None:
        echo(f"# {user_file()}\n{as_toml(config)}", nl=False, keep="\n")
    elif key not in KEYS:
        raise AnswerError(f"no key {key!r}", hint=near_or_all(key, KEYS))
    elif unset and values:
        raise AnswerError("--unset takes no values")
    elif unset or values:
        kept = tuple(dict.fromkeys(map(_stored, values)))
        _write(as_toml(replace(config, **{key: kept})))
    else:
        for value in getattr(config, key):
            echo(value)


def _stored(value: str) -> str:
    """Return a source in a form that means the same in every folder."""
    if (public := without_password(value)) != value:
        hint = "leave it to git's credential helper"
        raise AnswerError("a password would be kept in plain text", key=public, hint=hint)
    here = Path.cwd()
    if value != BUILT_IN and "/" not in value and (here / value / MANIFEST).exists():
        return find(value, here).origin.source
    return absolute(value, here)


def _write(text: str) -> None:
    """Write the file atomically."""
    path = user_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(path)
    except OSError as error:
        raise KscaffoldError(str(error.strerror), place=str(path)) from None
