"""The other tools: where they are, and a template for each that writes a given project."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

_TOOLS = ("cookiecutter", "copier")
_WAYS = ("torch==2.13.0", "keras==3.15.1", "lightning", "flax", "optax")
# A letter that every file has: put in from a variable, twice in a file, besides the names.
_LETTER = "e"


def install(venv: Path) -> Path:
    """The folder with the rivals' commands; the environment is made where they are missing."""
    commands = venv.absolute() / "bin"
    if not all((commands / tool).exists() for tool in _TOOLS):
        print(f"installing {' and '.join(_TOOLS)} into {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([commands / "pip", "install", "--quiet", *_TOOLS], check=True)
    return commands


def install_training(venv: Path) -> Path:
    """The Python of an environment with other ways to train; it is made if it is missing."""
    return _environment(venv, _WAYS)


def install_algorithms(venv: Path, project: Path) -> Path:
    """The Python of an environment with this project, PyTorch and optax."""
    return _environment(venv, ("torch==2.13.0", "optax", f"{project}[jax]"))


def install_nightly(venv: Path, jax: str) -> Path:
    """The Python of an environment with Keras nightly and a version of JAX."""
    return _environment(venv, ("keras-nightly", f"jax=={jax}"))


def _environment(venv: Path, packages: tuple[str, ...]) -> Path:
    python = venv.absolute() / "bin" / "python"
    if not (venv / "complete").exists():
        print(f"installing {', '.join(packages)} into {venv}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
        (venv / "complete").touch()
    return python


def cookiecutter_template(project: Path, values: dict[str, str], folder: Path) -> None:
    """Write a template with which cookiecutter writes this very project.

    Args:
        project: the project to be written.
        values: variables and their values; wherever a value occurs, its variable is put.
        folder: where the template goes.
    """
    context = {**values, "letter": _LETTER, "_name": project.name}
    _write(folder / "cookiecutter.json", json.dumps(context))
    names = {name: f"{{{{ cookiecutter.{name} }}}}" for name in (*values, "letter")}
    root = folder / "{{ cookiecutter._name }}"
    for path in _files(project):
        relative = path.relative_to(project).as_posix()
        target = root / _put_values(relative, values, names)
        _write(target, _as_template(path.read_text("utf-8"), values, names))


def copier_template(project: Path, values: dict[str, str], folder: Path) -> None:
    """The same for copier, whose templates hold the content of the project's folder."""
    questions = {**values, "letter": _LETTER}
    _write(
        folder / "copier.yml",
        "".join(
            f"{name}:\n  type: str\n  default: {json.dumps(value)}\n"
            for name, value in questions.items()
        ),
    )
    names = {name: f"{{{{ {name} }}}}" for name in questions}
    for path in _files(project):
        relative = path.relative_to(project).as_posix()
        target = folder / f"{_put_values(relative, values, names)}.jinja"
        _write(target, _as_template(path.read_text("utf-8"), values, names))


def check_same(project: Path, other: Path) -> None:
    """Stop unless both have the same files with the same bytes.

    Raises:
        SystemExit: they differ.
    """
    ours, theirs = (
        {path.relative_to(root).as_posix(): path.read_bytes() for path in _files(root)}
        for root in (project, other)
    )
    if ours != theirs:
        different = sorted(path for path, data in ours.items() if theirs.get(path) != data)
        more = sorted(set(theirs) - set(ours))
        raise SystemExit(f"{other} differs from {project}: {different}; too many: {more}")


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _as_template(text: str, values: dict[str, str], names: dict[str, str]) -> str:
    """Text that renders to the given one; its own braces are put into string literals."""
    before, found, after = text.partition(_LETTER)
    second, found_again, rest = after.partition(_LETTER)
    pieces = [_escaped(piece, values, names) for piece in (before, second, rest)]
    letter = names["letter"]
    return pieces[0] + letter * bool(found) + pieces[1] + letter * bool(found_again) + pieces[2]


def _escaped(text: str, values: dict[str, str], names: dict[str, str]) -> str:
    quoted = re.sub(r"[{}]{2,}|\{[%#]|[%#]\}", lambda found: f"{{{{ {found.group()!r} }}}}", text)
    return _put_values(quoted, values, names)


def _put_values(text: str, values: dict[str, str], names: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(value, names[name])
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8", newline="")
