"""Templates are data: they render in a sandbox, and what is wrong with them is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from kscaffold.errors import AnswerError, TemplateError
from kscaffold.project.render import Renderer
from kscaffold.template.overlays import Layer, Layers


def renderer_of(folder: Path) -> Renderer:
    """The renderer of a template of one folder."""
    return Renderer(Layers([Layer("", folder)]))


def render(folder: Path, text: str, **values: object) -> str:
    """Render a template file of this text."""
    (folder / "file.txt.jinja").write_text(text, encoding="utf-8")
    return renderer_of(folder).file("file.txt.jinja", values)


@pytest.mark.parametrize(
    "attack",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ value.__init__.__globals__ }}",
        "{{ (value | string).__class__ }}",
        "{{ self.__init__ }}",
        "{{ self._TemplateReference__context }}",
        "{{ cycler.__init__ }}",
        "{{ lipsum() }}",
        "{{ namespace() }}",
        "{{ range(10) }}",
        "{{ dict(a=1) }}",
        "{{ value | attr('__class__') }}",
        "{{ value | map(attribute='__class__') | list }}",
        "{{ value | pprint }}",
        "{{ '{0.__class__}'.format(value) }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ 'a' * 10**9 }}",
        "{{ 'a'.ljust(1000000000) }}",
        "{{ 'a'.center(1000000000) }}",
        "{{ 'a'.zfill(1000000000) }}",
        "{{ 'a' * 1000000 }}",
        "{{ [1] * 1000000 }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ items.append(1) }}",
        "{% include '/etc/hostname' %}",
        "{% include '../outside.jinja' %}",
        "{% include 'link.jinja' %}",
        "{% import 'os' as os %}",
    ],
)
def test_sandbox_holds(attack: str, tmp_path: Path) -> None:
    """A template gets at nothing but its values, the listed filters and its own files."""
    room = tmp_path / "template"
    room.mkdir()
    (tmp_path / "outside.jinja").write_text("secret")
    (room / "link.jinja").symlink_to(tmp_path / "outside.jinja")
    with pytest.raises(TemplateError):
        render(room, attack, value="v", items=[1])


def test_values_filters_and_statements(tmp_path: Path) -> None:
    """Values, listed filters, blocks and statements on lines of their own work."""
    text = (
        "#: if wanted\n  #: for name in names\n- {{ name | upper }}\n  #: endfor\n\n#: endif\nend\n"
    )
    assert render(tmp_path, text, wanted=True, names=["a", "b"]) == "- A\n- B\n\nend\n"
    assert render(tmp_path, text, wanted=False, names=[]) == "end\n"


def test_statement_lines_leave_the_lines_around_them(tmp_path: Path) -> None:
    """Blank lines before and after a statement stay: what one sees is what is written."""
    assert render(tmp_path, "a\n\n#: block b\nb\n#: endblock\n\n\nc\n") == "a\n\nb\n\n\nc\n"


def test_templates_extend_each_other(tmp_path: Path) -> None:
    """A template may extend another one of its folder."""
    (tmp_path / "base.jinja").write_text("a\n#: block middle\nb\n#: endblock\nc\n")
    text = '#: extends "base.jinja"\n#: block middle\nB\n#: endblock\n'
    assert render(tmp_path, text) == "a\nB\nc\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fine\n{{ missing }}\n", r"file.txt.jinja, line 2: 'missing' is undefined"),
        ("fine\n{% if %}\n", "line 2"),
        ("{{ 'a' | nonsense }}", "nonsense"),
        ("fine\n\n{{ 1 / 0 }}\n", "line 3: division by zero"),
        ("{% include 'nowhere.jinja' %}", "nowhere.jinja"),
        ("#: endif\n", "line 1"),
    ],
)
def test_errors_name_template_and_line(text: str, message: str, tmp_path: Path) -> None:
    """A broken template: its name, the line, the reason, and the lines around it."""
    with pytest.raises(TemplateError, match=message) as error:
        render(tmp_path, text)
    assert any(" | " in line for line in error.value.details) or "kscaffold.toml" in str(
        error.value
    )


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jinja", b"\xff", "not UTF-8"),
        ("a.txt", b"\xff", "not UTF-8"),
        ("missing.txt", None, "No such file"),
    ],
)
def test_unreadable_files_are_named(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    """A file that is missing or no text is an error of the template."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(TemplateError, match=message) as error:
        renderer_of(tmp_path).file(name, {})
    assert name in str(error.value)


@pytest.mark.parametrize("name", ["/etc/hostname", "../outside.txt", "link.txt", "a/../../outside"])
def test_plain_files_outside_are_refused(name: str, tmp_path: Path) -> None:
    """A file that is taken as it is must lie in the template's folder, too."""
    room = tmp_path / "template"
    room.mkdir()
    (tmp_path / "outside.txt").write_text("secret")
    (room / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(TemplateError, match="outside the template's folder"):
        renderer_of(room).file(name, {})


def test_line_ends_are_unix(tmp_path: Path) -> None:
    """A template that was saved on Windows renders to the same text."""
    (tmp_path / "a.txt.jinja").write_bytes(b"#: if yes\r\na\r\n#: endif\r\nb\r\n")
    assert renderer_of(tmp_path).file("a.txt.jinja", {"yes": True}) == "a\nb\n"


def test_placeholders_are_whole_identifiers(tmp_path: Path) -> None:
    """A placeholder is replaced in Python templates, where it is an identifier of its own."""
    text = "import my_package, my_package2\nmy_package.x = not_my_package\n"
    (tmp_path / "a.py.jinja").write_text(text)
    (tmp_path / "a.txt.jinja").write_text(text)
    renderer = renderer_of(tmp_path)
    renderer.use_placeholders({"my_package": "other"})
    replaced = "import other, my_package2\nother.x = not_my_package\n"
    assert renderer.file("a.py.jinja", {}) == replaced
    assert renderer.file("a.txt.jinja", {}) == text


def test_placeholders_of_one_project_are_not_those_of_the_next(tmp_path: Path) -> None:
    """The same renderer fills a file in anew, also where nothing else differs."""
    (tmp_path / "a.py.jinja").write_text("import my_package\n")
    renderer = renderer_of(tmp_path)
    for name in ("one", "two", "one"):
        renderer.use_placeholders({"my_package": name})
        assert renderer.file("a.py.jinja", {}) == f"import {name}\n"


def test_placeholders_must_become_identifiers(tmp_path: Path) -> None:
    """What stands for an identifier must be one, or it could be code."""
    with pytest.raises(
        TemplateError, match=r"\[placeholders\] my_package: 'a; b' is not an identifier"
    ):
        renderer_of(tmp_path).use_placeholders({"my_package": "a; b"})


def test_expressions_give_values(tmp_path: Path) -> None:
    """An expression of the manifest keeps its type."""
    renderer = renderer_of(tmp_path)
    assert renderer.value("a and not b", {"a": True, "b": False}) is True
    assert renderer.value("{'x': 1}[key]", {"key": "x"}) == 1
    assert renderer.value("a", {"a": None}) is None


@pytest.mark.parametrize("expression", ["missing", "a.__class__", "1 +", "a ~ missing"])
def test_broken_expressions_are_named(expression: str, tmp_path: Path) -> None:
    """An expression that fails is named."""
    with pytest.raises(TemplateError, match=re.escape(f"{expression!r}: ")):
        renderer_of(tmp_path).value(expression, {"a": "x"})


def test_a_text_of_the_manifest_may_refuse_an_answer(tmp_path: Path) -> None:
    """A filter that cannot make a value of an answer blames the answer, not the template."""
    with pytest.raises(AnswerError, match="no module name"):
        renderer_of(tmp_path).text("{{ name | module_name }}", {"name": "模型"})
