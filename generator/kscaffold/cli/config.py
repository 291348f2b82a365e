"""`kscaffold config`: what is always used, and where that is kept."""

from __future__ import annotations

from pathlib import Path

import click
from msgspec.structs import replace

from kscaffold.cli.terminal import echo
from kscaffold.config import KEYS, absolute, read_user_config, user_file, written
from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.hints import near_or_all
from kscaffold.template.git import without_password
from kscaffold.template.origins import BUILT_IN
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.sources import find


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
        return
    if key not in KEYS:
        raise AnswerError(f"no key {key!r}", hint=near_or_all(key, KEYS))
    if unset and values:
        raise AnswerError("--unset takes no values")
    if values or unset:
        for value in values:
            if without_password(value) != value:
                raise AnswerError(
                    "a password would be kept in plain text",
                    key=without_password(value),
                    hint="leave it to git's credential helper",
                )
        kept = tuple(dict.fromkeys(map(_as_kept, values)))
        _write(written(replace(config, **{key: kept})))
        return
    for value in getattr(config, key):
        echo(value)


def _as_kept(value: str) -> str:
    """Return a source that means the same everywhere, which the name of a folder here does not."""
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
