"""Templates of one's own, for the tests: written into a folder, and made into projects."""

from __future__ import annotations

from pathlib import Path

from click.testing import Result

from kscaffold.errors import Place
from kscaffold.template.manifest import Manifest
from kscaffold.template.merging import merge
from kscaffold.template.overlays import Layer
from kscaffold.template.parts import Origin, Part, parse_manifest
from tests.cli.runner import contents, kscaffold

OVERLAY = 'extends = "builtin"\n'
WHOLE = '[template]\nname = "whole"\ndescription = "A whole template."\n'


def read(text: str) -> Manifest:
    """Return what a manifest says; raises `TemplateError`."""
    values = parse_manifest(text, Place("kscaffold.toml"))
    return merge([Part(Layer("", Path("no folder")), Origin("folder", "no folder"), values)])


def template(folder: str | Path, manifest: str, files: dict[str, str] | None = None) -> Path:
    """Write a template; returns its folder."""
    for name, text in {"kscaffold.toml": manifest, **(files or {})}.items():
        path = Path(folder, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Path(folder)


def whole(folder: str | Path, manifest: str = "", text: str = "fine\n") -> Path:
    """Write a whole template of one file, out.txt; returns its folder."""
    files = '[[files]]\ntemplate = "out.txt.jinja"\ntarget = "out.txt"\n'
    return template(folder, f"{WHOLE}{manifest}\n{files}", {"out.txt.jinja": text})


def new(*arguments: str, path: str = "demo") -> Result:
    """Run `kscaffold new` without questions and without git."""
    return kscaffold("new", path, "--defaults", "--no-git", *arguments)


def project(*sources: str | Path, more: tuple[str, ...] = (), path: str = "demo") -> dict[str, str]:
    """The texts of a new project of templates, by their paths."""
    chosen = [word for source in sources for word in ("--template", f"{source}")]
    result = new("-q", *chosen, *more, path=path)
    assert result.exit_code == 0, result.output
    return {name: data.decode() for name, data in contents(Path(path)).items()}


def refused(
    *sources: str | Path, code: int = 4, more: tuple[str, ...] = (), path: str = "demo"
) -> tuple[str, list[str]]:
    """The error of a refused `kscaffold new`, and the lines below it; nothing is written."""
    chosen = [word for source in sources for word in ("--template", f"{source}")]
    result = new(*chosen, *more, path=path)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert not Path(path).exists()
    message, *details = result.stderr.splitlines()
    assert message.startswith("error: ")
    assert "Traceback" not in result.stderr
    return message.removeprefix("error: "), details
