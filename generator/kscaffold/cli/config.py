"""`kscaffold config`: what is always used, and where that is kept."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from kscaffold.cli.terminal import echo
from kscaffold.config import KEYS, absolute, read_user_config, user_file, written
from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.hints import near_or_all
from kscaffold.template.fetch import find
from kscaffold.template.git import without_password
from kscaffold.template.origins import BUILT_IN
from kscaffold.template.overlays import MANIFEST


@click.command(
    epilog="\b\nKeys:\n" + "\n".join(f"  {key}: {help_text}" for key, help_text in KEYS.items())
)
@click.argument("key", required=False)
@click.argument("values", nargs=-1)
@click.option("--unset", is_flag=True, help="Forget the values of KEY.")
def command(key: str | None, values: tuple[str, ...], unset: bool) -> None:
    """Show the configuration, or the values of KEY, or set them to VALUES.

    A path is kept absolute. A folder's own choice of templates stands in its file .kscaffold.toml:
    a table [kscaffold] with the key `templates`.
    """
    config = read_user_config()
    if key is None:
        echo(f"# {user_file()}\n{written(config)}", nl=False, keep="\n")
    elif key not in KEYS:
        raise AnswerError(f"no key {key!r}", hint=near_or_all(key, KEYS))
    elif unset and values:
        raise AnswerError("--unset takes no values")
    elif unset or values:
        kept = tuple(dict.fromkeys(map(_as_kept, values)))
        _write(written(replace(config, **{key: kept})))
    else:
        for value in getattr(config, key):
            echo(value)


def _as_kept(value: str) -> str:
    """Return a source that means the same everywhere, which the name of a folder here does not."""
    if (public := without_password(value)) != value:
        reason, hint = (
            "a password would be kept in plain text",
            "leave it to git's credential helper",
        )
        raise AnswerError(reason, key=public, hint=hint)
    here = Path.cwd()
    if value != BUILT_IN and "/" not in value and (here / value / MANIFEST).exists():
        return find(value, here).origin.source
    return absolute(value, here)


def _write(text: str) -> None:
    """Put the file in place as a whole, so that it is never half written."""
    path = user_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(text, encoding="utf-8", newline="\n")
        fresh.replace(path)
    except OSError as error:
        raise KscaffoldError(str(error.strerror), place=str(path)) from None
