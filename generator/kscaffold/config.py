"""What a person, or a folder, always wants: templates to use and sources to trust."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from kscaffold.errors import AnswerError, Place, TemplateError
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.toml import Table, TomlError, parse_toml, read_table

T = TypeVar("T", bound=Table)
FOLDER_FILE = ".kscaffold.toml"
KEYS = {
    "templates": "overlays, or a template, that `kscaffold new` uses without being told",
    "trusted": "sources of templates that may run commands after generation",
}


class Config(Table, frozen=True):
    """The user's configuration.

    Attributes:
        templates: sources of templates, the first one at the bottom; paths are absolute.
        trusted: sources that may run commands, in the same form.
    """

    templates: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


class _Templates(Table, frozen=True):
    templates: tuple[str, ...] = ()


class _FolderFile(Table, frozen=True):
    kscaffold: _Templates = _Templates()


def user_file() -> Path:
    """Return the user's configuration file, which need not be there."""
    from platformdirs import user_config_path

    return user_config_path("kscaffold", appauthor=False) / "config.toml"


def read_user_config() -> Config:
    """Read the user's configuration; raises `AnswerError`."""
    path = user_file()
    config = _load(path, Config)
    return Config(_absolute(config.templates, path), _absolute(config.trusted, path))


def read_folder_config(folder: Path) -> tuple[str, ...]:
    """Return the sources that the working folder asks for; raises `AnswerError`.

    They are in the table [kscaffold] of its file .kscaffold.toml, under the key `templates`.
    """
    path = folder / FOLDER_FILE
    return _absolute(_load(path, _FolderFile).kscaffold.templates, path)


def absolute(source: str, base: Path) -> str:
    """Return a source that means the same everywhere: a path made absolute, all else as it is."""
    is_url = "://" in source or "@" in source.partition("/")[0]
    is_path = not is_url and ("/" in source or "\\" in source or source.startswith((".", "~")))
    if not is_path and not (source.endswith(".zip") and not is_url):
        return source
    return Path(os.path.realpath(base / Path(source).expanduser())).as_posix()


def _load(path: Path, kind: type[T]) -> T:
    try:
        return read_table(kind, parse_toml(read_regular(path, MAX_TEXT)), Place(str(path)))
    except (FileNotFoundError, NotADirectoryError):
        return kind()
    except OSError as error:
        raise AnswerError(str(error.strerror), place=str(path)) from None
    except TomlError as error:
        raise AnswerError(f"is not valid TOML: {error}", place=str(path)) from None
    except TemplateError as error:
        raise AnswerError(**vars(error)) from None


def _absolute(sources: Iterable[str], path: Path) -> tuple[str, ...]:
    return tuple(absolute(source, path.parent) for source in sources)


def written(values: Config) -> str:
    """Return a configuration as TOML."""
    from kscaffold.safety.escaping import quote

    lines: Iterable[str] = (
        f"# {help_text}\n{key} = {quote(getattr(values, key))}\n" for key, help_text in KEYS.items()
    )
    return "\n".join(lines)
