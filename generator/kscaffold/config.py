"""What a person, or a folder, always wants: templates to use and sources to trust."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kscaffold.errors import AnswerError
from kscaffold.files import MAX_TEXT, read_regular
from kscaffold.text import near
from kscaffold.toml import TomlError, parse_toml

FOLDER_FILE = ".kscaffold.toml"
KEYS = {
    "templates": "overlays, or a template, that `kscaffold new` uses without being told",
    "trusted": "sources of templates that may run commands after generation",
}


@dataclass(frozen=True)
class Config:
    """The user's configuration.

    Attributes:
        templates: sources of templates, the first one at the bottom; paths are absolute.
        trusted: sources that may run commands, in the same form.
    """

    templates: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


def user_file() -> Path:
    """Return the user's configuration file, which need not be there."""
    from platformdirs import user_config_path

    return user_config_path("kscaffold", appauthor=False) / "config.toml"


def read_user_config() -> Config:
    """Read the user's configuration; raises `AnswerError`."""
    path = user_file()
    values = _load(path)
    return Config(**{key: _sources(values, key, path) for key in KEYS}) if values else Config()


def read_folder_config(folder: Path) -> tuple[str, ...]:
    """Return the sources that the working folder asks for; raises `AnswerError`.

    They are in the table [kscaffold] of its file .kscaffold.toml, under the key `templates`.
    """
    path = folder / FOLDER_FILE
    values = _load(path)
    unknown = [*(key for key in values if key != "kscaffold")]
    table = values.get("kscaffold", {})
    if unknown or not isinstance(table, dict) or set(table) - {"templates"}:
        raise AnswerError(f"{path}: holds a table [kscaffold] with the key 'templates', only")
    return _sources(table, "templates", path)


def absolute(source: str, base: Path) -> str:
    """Return a source that means the same everywhere: a path made absolute, all else as it is."""
    is_url = "://" in source or "@" in source.partition("/")[0]
    is_path = not is_url and ("/" in source or "\\" in source or source.startswith((".", "~")))
    if not is_path and not (source.endswith(".zip") and not is_url):
        return source
    return Path(os.path.realpath(base / Path(source).expanduser())).as_posix()


def _load(path: Path) -> dict[str, Any]:
    try:
        return parse_toml(read_regular(path, MAX_TEXT))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise AnswerError(f"{path}: {error.strerror}") from None
    except TomlError as error:
        raise AnswerError(f"{path}: is not valid TOML: {error}") from None


def _sources(values: dict[str, Any], key: str, path: Path) -> tuple[str, ...]:
    for name in values:
        if name not in KEYS:
            raise AnswerError(f"{path}: unknown key {name!r}{near(name, KEYS)}")
    sources = values.get(key, [])
    if not isinstance(sources, list) or not all(isinstance(each, str) for each in sources):
        raise AnswerError(f"{path}: {key} must be a list of strings, not {sources!r}")
    return tuple(absolute(source, path.parent) for source in sources)


def written(values: Config) -> str:
    """Return a configuration as TOML."""
    from kscaffold.quoting import quote

    lines: Iterable[str] = (
        f"# {help_text}\n{key} = {quote(getattr(values, key))}\n" for key, help_text in KEYS.items()
    )
    return "\n".join(lines)
