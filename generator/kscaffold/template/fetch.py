"""Find a layer by its source: built in, a folder, a zip, a git URL or an installed package."""

from __future__ import annotations

import os
import re
from pathlib import Path

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.hints import near
from kscaffold.template.overlays import MANIFEST
from kscaffold.template.parts import BUILT_IN, Origin, Part, read_part

GROUP = "kscaffold.templates"
GIT_URL = re.compile(r"(git\+)?(\w+)://.+|[\w.-]+@[\w.-]+:.+")


def template_root() -> Path:
    """Return the folder of the built-in template: installed with the package, or the checkout's."""
    package = Path(__file__).parents[1]
    installed = package / "templates"
    return installed if installed.is_dir() else package.parents[1] / "templates"


def is_git(source: str) -> bool:
    """Return whether a source is the URL of a git repository."""
    return bool(GIT_URL.fullmatch(source))


def installed() -> dict[str, str]:
    """Return the package of each installed template by the template's name."""
    from importlib.metadata import entry_points

    return {point.name: point.value for point in entry_points(group=GROUP)}


def find(source: str, base: Path, ref: str | None = None) -> Part:
    """Find one source, and fetch it if needed; sources and errors are those of `load_templates`."""
    if source == BUILT_IN:
        return read_part(template_root(), Origin(BUILT_IN, BUILT_IN), BUILT_IN, f"{BUILT_IN}/")
    if is_git(source):
        return _in_git(source, ref)
    path = base / Path(source).expanduser()
    if (path / MANIFEST).exists():
        return _in_folder(source, path)
    if path.suffix == ".zip":
        from kscaffold.template.fetch_zip import unpack

        return read_part(unpack(path), Origin("zip", _absolute(path)), path.stem, f"{source}/")
    known = installed()
    if source in known:
        root = _package_folder(known[source], source)
        return read_part(root, Origin("installed", source), source, f"{source}/")
    if path.is_dir():
        raise TemplateError(f"no readable {MANIFEST}, so it is not a template", place=source)
    hint = near(source, known) or "give a folder, a zip, a git URL or an installed template"
    raise AnswerError(f"there is no template {source!r}", hint=hint)


def _in_git(source: str, ref: str | None) -> Part:
    from kscaffold.template.fetch_git import fetch
    from kscaffold.template.git import without_password

    root, commit = fetch(source, ref)
    source = without_password(source)
    name = re.split("[/:]", source.rstrip("/"))[-1].removesuffix(".git")
    return read_part(root, Origin("git", source, ref, commit), name, f"{source}@{commit[:10]}/")


def _in_folder(source: str, path: Path) -> Part:
    if not re.search(r"[/\\]", source) and source in installed():
        reason = f"template {source!r} is both a folder and an installed template"
        raise AnswerError(reason, hint=f"for the folder, write ./{source}")
    place = "" if source in ("", ".") else f"{source.rstrip('/')}/"
    return read_part(path, Origin("folder", _absolute(path)), path.resolve().name, place)


def _absolute(path: Path) -> str:
    return Path(os.path.realpath(path)).as_posix()


def _package_folder(package: str, name: str) -> Path:
    """Find the folder of a package without importing it, since templates run no code."""
    from importlib.util import find_spec

    top, *below = package.partition(":")[0].split(".")
    spec = find_spec(top)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(location, *below)
        if (folder / MANIFEST).is_file():
            return folder
    reason = f"no {MANIFEST} in the package {package}"
    raise TemplateError(reason, place=f"the installed template {name!r}")
