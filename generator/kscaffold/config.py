"""The configuration of a user or a folder: templates to use and sources to trust."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from kscaffold.errors import AnswerError, Place, TemplateError
from kscaffold.safety.files import MAX_TEXT, read_regular
from kscaffold.template.git import without_password
from kscaffold.template.parts import BUILT_IN
from kscaffold.template.stack import Template
from kscaffold.toml import Table, TomlError, parse_toml, read_table

T = TypeVar("T", bound=Table)
FOLDER_FILE = ".kscaffold.toml"
KEYS = {
    "templates": "overlays, or a template, that `kscaffold new` always uses",
    "trusted": "sources of templates that may run commands after generation",
}


class Config(Table, frozen=True):
    """The user's configuration: sources, with absolute paths; see `KEYS`."""

    templates: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()

    def trusts(self, template: Template) -> bool:
        """Return whether a template may run code: all its layers are built in or trusted."""
        foreign = {as_recorded(each.source) for each in template.origins if each.kind != BUILT_IN}
        return foreign <= {as_recorded(source) for source in self.trusted}


class _Templates(Table, frozen=True):
    templates: tuple[str, ...] = ()


class _FolderFile(Table, frozen=True):
    kscaffold: _Templates = _Templates()


def user_file() -> Path:
    """Return the user's configuration file, which may be missing."""
    from platformdirs import user_config_path

    return user_config_path("kscaffold", appauthor=False) / "config.toml"


def read_user_config() -> Config:
    """Read the user's configuration; raises `AnswerError`."""
    path = user_file()
    config = _load(path, Config)
    return Config(_absolute(config.templates, path), _absolute(config.trusted, path))


def read_folder_config(folder: Path) -> tuple[str, ...]:
    """Return the sources in the .kscaffold.toml of the working folder; raises `AnswerError`."""
    path = folder / FOLDER_FILE
    return _absolute(_load(path, _FolderFile).kscaffold.templates, path)


def absolute(source: str, base: Path) -> str:
    """Return a source with its path made absolute, if it is a path."""
    is_url = "://" in source or "@" in source.partition("/")[0]
    is_path = not is_url and ("/" in source or "\\" in source or source.startswith((".", "~")))
    if not is_path and not (source.endswith(".zip") and not is_url):
        return source
    return Path(os.path.realpath(base / Path(source).expanduser())).as_posix()


def as_recorded(source: str) -> str:
    """Return a source as a project records it, without the `git+` in front of a URL."""
    return without_password(source).removeprefix("git+")


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


def as_toml(values: Config) -> str:
    """Return a configuration as TOML."""
    from kscaffold.safety.escaping import quote

    lines: Iterable[str] = (
        f"# {help_text}\n{key} = {quote(getattr(values, key))}\n" for key, help_text in KEYS.items()
    )
    return "\n".join(lines)
