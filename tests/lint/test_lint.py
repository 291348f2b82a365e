"""`kscaffold template lint`: each rule finds what it is for, at its place, and nothing else."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kscaffold.errors import KscaffoldError
from kscaffold.lint import ADVICE, RULES, Finding, lint
from kscaffold.lint.findings import severity_of
from kscaffold.lint.lines import index
from tests.cli.runner import error_of, kscaffold
from tests.projects import ROOT

HEAD = '[template]\nname = "t"\ndescription = "d"\n'
NAME = '[questions.name]\ntype = "str"\nhelp = "Name."\ndefault = "a"\n'
FILE = '[[files]]\ntemplate = "a.txt.jinja"\ntarget = "a.txt"\n'
LATER = '[questions.second]\ntype = "str"\nhelp = "S."\n[messages]\nafter = "{{ second }}"\n'
TEXT = "{{ name }}\n"
MACRO = "#: macro one(text)\n{{ text }}\n#: endmacro\n"


def whole(more: str = "", *, name: str = NAME, file: str = FILE) -> str:
    """A manifest with a question, a file that uses its answer, and something more."""
    return f"{HEAD}{name}{more}{file}"


@dataclass(frozen=True)
class Case:
    """A template that breaks a rule, and the change of one file that mends it.

    Attributes:
        files: by path; "kscaffold.toml" and "a.txt.jinja" are there anyway.
        place: the file and line of the finding.
        mended: files that are otherwise in the template without the fault.
    """

    rule: str
    files: dict[str, str | bytes]
    place: str
    mended: dict[str, str | bytes] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.rule}-{self.place}"


def with_rule(value: str) -> str:
    """A manifest with a rule that asks for a value of another question."""
    question = '[questions.second]\nhelp = "S."\ntype = "choice"\nchoices = ["x", "y"]\n'
    rule = f'[[rules]]\nwhen = "name"\nmessage = "m"\nrequires = {{ second = "{value}" }}\n'
    return whole(f"{question}{rule}")


def asking(name: str) -> dict[str, str | bytes]:
    """A template with one more question, and a use of its answer."""
    question = f'[questions.{name}]\ntype = "str"\nhelp = "H."\n'
    return {"kscaffold.toml": whole(question), "a.txt.jinja": f"{TEXT}{{{{ {name} }}}}\n"}


CASES = [
    Case(
        "bad-default",
        {"kscaffold.toml": whole(name=f'{NAME}pattern = "[b-z]+"\n')},
        "kscaffold.toml:7",
        {"kscaffold.toml": whole(name=f'{NAME}pattern = "[a-z]+"\n')},
    ),
    Case(
        "bad-path",
        {"kscaffold.toml": whole(file=FILE.replace('"a.txt"', '"../a.txt"'))},
        "kscaffold.toml:10",
        {"kscaffold.toml": whole(file=FILE.replace('"a.txt"', '"b/{{ name }}.txt"'))},
    ),
    Case(
        "bad-path",
        {"kscaffold.toml": whole(file=FILE.replace('"a.txt"', '"aux.{{ name }}"'))},
        "kscaffold.toml:10",
    ),
    Case(
        "block-overrides-nothing",
        {
            "a.txt.jinja": '#: extends "base.jinja"\n\n#: block midle\n{{ name }}\n#: endblock\n',
            "base.jinja": "#: block middle\n#: endblock\n",
        },
        "a.txt.jinja:3",
        {"a.txt.jinja": '#: extends "base.jinja"\n\n#: block middle\n{{ name }}\n#: endblock\n'},
    ),
    Case(
        "case-collision",
        {
            "kscaffold.toml": whole(file=FILE + FILE.replace('"a.txt"', '"A.txt"')),
        },
        "kscaffold.toml:13",
        {"kscaffold.toml": whole(file=FILE + FILE.replace('"a.txt"', '"b.txt"'))},
    ),
    Case(
        "shadowed-file",
        {"kscaffold.toml": whole(file=FILE + FILE + "when = \"name == 'a'\"\n")},
        "kscaffold.toml:13",
        {
            "kscaffold.toml": whole(
                file=f"{FILE}when = \"name != 'a'\"\n{FILE}when = \"name == 'a'\"\n"
            )
        },
    ),
    Case(
        "extends-itself",
        {
            "a.txt.jinja": '#: extends "base.jinja"\n',
            "base.jinja": '{{ name }}\n#: extends "a.txt.jinja"\n',
        },
        "base.jinja:2",
        {"base.jinja": "{{ name }}\n"},
    ),
    Case(
        "extends-nothing",
        {"a.txt.jinja": '{{ name }}\n#: include "bas.jinja"\n'},
        "a.txt.jinja:2",
        {"a.txt.jinja": '{{ name }}\n#: include "bas.jinja" ignore missing\n'},
    ),
    Case(
        "missing-file",
        {"kscaffold.toml": whole(file=FILE + FILE.replace("a.txt", "b.txt"))},
        "kscaffold.toml:12",
        {"b.txt.jinja": "b"},
    ),
    Case(
        "rule-impossible",
        {"kscaffold.toml": with_rule("z")},
        "kscaffold.toml:15",
        {"kscaffold.toml": with_rule("y")},
    ),
    Case("syntax", {"a.txt.jinja": "\n#: if name\n"}, "a.txt.jinja:2", {"a.txt.jinja": TEXT}),
    Case(
        "syntax",
        {"kscaffold.toml": whole('[derived]\nb = "name +"\n')},
        "kscaffold.toml:9",
        {"kscaffold.toml": whole(), "a.txt.jinja": TEXT},
    ),
    Case(
        "undefined-name",
        {"a.txt.jinja": "{{ name }}\n{{ nmae }}\n"},
        "a.txt.jinja:2",
        {"a.txt.jinja": '{{ name }}\n{{ nmae | default("") }}\n#: set b = 1\n{{ b }}\n'},
    ),
    Case(
        "undefined-name",
        {"kscaffold.toml": whole(file=f'{FILE}when = "nobody"\n')},
        "kscaffold.toml:11",
        {"kscaffold.toml": whole(file=f'{FILE}when = "nobody is defined"\n')},
    ),
    Case(
        "undefined-name",  # a default sees earlier answers only
        {"kscaffold.toml": whole(LATER, name=NAME.replace('"a"', '"{{ second }}"'))},
        "kscaffold.toml:7",
        {"kscaffold.toml": whole(LATER, name=NAME.replace('"a"', '"{{ target_name }}"'))},
    ),
    Case(
        "undefined-name",  # what an included file sets is its own
        {
            "a.txt.jinja": '#: include "b.jinja"\n{{ part }}{{ name }}\n',
            "b.jinja": "#: set part = 1\n",
        },
        "a.txt.jinja:2",
        {
            "a.txt.jinja": '#: for part in name\n#: include "b.jinja"\n#: endfor\n',
            "b.jinja": "{{ part }}",
        },
    ),
    Case(
        "undefined-name",  # a loop's variable is not seen by what the file extends
        {
            "a.txt.jinja": '#: extends "b.jinja"\n#: for part in name\n#: endfor\n',
            "b.jinja": "{{ part }}",
        },
        "b.jinja:1",
        {
            "a.txt.jinja": '#: extends "b.jinja"\n#: set part = name\n#: set other = part\n',
            "b.jinja": "{{ part }}{{ other }}",
        },
    ),
    Case(
        "undefined-name",
        {"a.txt.jinja": '#: from "b.jinja" import two\n{{ two(name) }}\n', "b.jinja": MACRO},
        "a.txt.jinja:1",
        {"a.txt.jinja": '#: from "b.jinja" import one\n{{ one(name) }}\n', "b.jinja": MACRO},
    ),
    Case(
        "taken-name",
        asking("dry_run"),
        "kscaffold.toml:8",
        asking("dry_walk"),
    ),
    Case(
        "unknown-filter",
        {"a.txt.jinja": "{{ name | uper }}\n"},
        "a.txt.jinja:1",
        {"a.txt.jinja": "{{ name | upper }}\n"},
    ),
    Case(
        "unknown-test",
        {"a.txt.jinja": "{{ name is divisibleby(2) }}\n"},
        "a.txt.jinja:1",
        {"a.txt.jinja": "{{ name is none }}\n"},
    ),
    Case(
        "unknown-key",
        {"kscaffold.toml": whole(name=f"{NAME}requird = true\n")},
        "kscaffold.toml:8",
        {"kscaffold.toml": whole(name=f"{NAME}required = true\n")},
    ),
    Case(
        "unknown-key",
        {"kscaffold.toml": whole(file=f"{FILE}\n[file]\n")},
        "kscaffold.toml:12",
    ),
    Case(
        "unquoted-value",
        {
            "kscaffold.toml": whole(file=FILE.replace("a.txt", "a.py")),
            "a.py.jinja": "# {{ name }}\nA = {{ name }}\n",
        },
        "a.py.jinja:2",
        {"a.py.jinja": "# {{ name }}\nA = {{ name | quote }}\n"},
    ),
    Case(
        "unquoted-value",
        {
            "kscaffold.toml": whole(file=FILE.replace("a.txt", "a.toml")),
            "a.toml.jinja": 'a = "{{ name | quote }}"\n',
        },
        "a.toml.jinja:1",
        {"a.toml.jinja": "a = {{ name | quote }}\n"},
    ),
    Case(
        "unreachable-file",
        {"README.md": "About it.", "b.txt.jinja": "b"},
        "b.txt.jinja:1",
        {"a.txt.jinja": f'{TEXT}#: include "b.txt.jinja"\n'},
    ),
    Case(
        "unreadable-file",
        {"a.txt.jinja": b"{{ name }} \xff"},
        "a.txt.jinja:1",
        {"a.txt.jinja": TEXT},
    ),
    Case(
        "unused-derived",
        {"kscaffold.toml": whole("[derived]\nb = \"name ~ 'b'\"\n")},
        "kscaffold.toml:9",
        {"a.txt.jinja": "{{ b }}\n"},
    ),
    Case(
        "unused-placeholder",
        {"kscaffold.toml": whole('[placeholders]\nmy_name = "name"\n')},
        "kscaffold.toml:9",
        {
            "kscaffold.toml": whole(
                '[placeholders]\nmy_name = "name"\n', file=FILE.replace("a.txt", "a.py")
            ),
            "a.py.jinja": "my_name = 1\n",
        },
    ),
    Case(
        "unused-question",
        {"a.txt.jinja": "a\n"},
        "kscaffold.toml:4",
        {"a.txt.jinja": "#: if name\na\n#: endif\n"},
    ),
    Case(
        "condition-not-bare",
        {"a.txt.jinja": "#: if name == 'a'\n#: endif\n"},
        "a.txt.jinja:1",
        {"a.txt.jinja": "#: if name\n#: endif\n"},
    ),
    Case(
        "condition-not-bare",
        {"a.txt.jinja": "#: if name\n#: elif name == 'a'\n#: endif\n"},
        "a.txt.jinja:2",
        {"a.txt.jinja": "#: if name\n#: elif name\n#: endif\n"},
    ),
    Case(
        "inline-statement",
        {"a.txt.jinja": "\n{% if name %}a{% endif %}\n"},
        "a.txt.jinja:2",
        {"a.txt.jinja": "\n#: if name\na\n#: endif\n"},
    ),
    Case(
        "many-conditions",
        {"a.txt.jinja": "#: if name\n#: endif\n" * 3},
        "a.txt.jinja:1",
        {"a.txt.jinja": "#: if name\n#: endif\n" * 3 + "\n" * 70},
    ),
    Case(
        "nested-condition",
        {"a.txt.jinja": "#: if name\n#: if name\n#: endif\n#: endif\n"},
        "a.txt.jinja:2",
        {"a.txt.jinja": "#: if name\n#: endif\n#: if name\n#: endif\n"},
    ),
    Case(
        "python-syntax",
        {
            "kscaffold.toml": whole(file=FILE.replace("a.txt", "a.py")),
            "a.py.jinja": "A = {{ name | quote }}\n{{ name | quote }} = 1 +\n",
        },
        "a.py.jinja:2",
        {"a.py.jinja": "A = {{ name | quote }}\n"},
    ),
]


def written(folder: Path, *parts: dict[str, str | bytes]) -> Path:
    """Write a template: what every one has, and then some files."""
    files: dict[str, str | bytes] = {"kscaffold.toml": whole(), "a.txt.jinja": TEXT}
    for part in parts:
        files |= part
    # A case that writes another file has no use for the first one.
    if "a.txt" not in str(files["kscaffold.toml"]):
        del files["a.txt.jinja"]
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def found(folder: Path) -> list[Finding]:
    """What is wrong with a template; its files are told without the folder."""
    return [*lint([f"{folder}/"], Path(), taken=frozenset({"dry_run"}))]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_rule_finds_what_it_is_for(case: Case, tmp_path: Path) -> None:
    """At its place; mended, nothing is found."""
    findings = found(written(tmp_path / "bad", case.files))
    places = [(each.rule, f"{each.file}:{each.line}") for each in findings]
    assert (case.rule, f"{tmp_path}/bad/{case.place}") in places
    # A circle is seen from each of its files; all else is told once.
    assert len(places) == (2 if case.rule == "extends-itself" else 1)
    assert {rule for rule, _ in places} == {case.rule}
    if case.mended:
        assert found(written(tmp_path / "good", case.files, case.mended)) == []


def test_every_rule_has_a_case() -> None:
    """But for what is said of a manifest that cannot be read, which is tested below."""
    assert {case.rule for case in CASES} == set(RULES) - {"broken-manifest"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "source", ["builtin", "focal-loss", "r-drop", "slurm", "iris", "fast-cpu", "experiment"]
)
def test_our_own_templates_are_clean(source: str) -> None:
    """The built-in template and the examples: no error and no advice."""
    place = source if source == "builtin" else str(ROOT / "examples" / "templates" / source)
    assert lint([place], Path()) == ()


def test_an_overlay_is_looked_at_with_what_it_extends(tmp_path: Path) -> None:
    """Its findings are told, at their places; those of what it leaves unused are not."""
    (tmp_path / "package").mkdir()
    (tmp_path / "kscaffold.toml").write_text(
        'extends = "builtin"\nremove = ["tests/test_csv.py.jinja"]\n\n'
        '[questions.data]\nchoices = ["diabetes"]\n\n[questions.author]\ndefalt = ""\n'
    )
    (tmp_path / "package" / "trainer.py.jinja").write_text(
        '#: extends "builtin/package/trainer.py.jinja"\n#: block los\n{{ styl }}\n#: endblock\n'
    )
    findings = found(tmp_path)
    assert [(each.rule, each.file, each.line, each.fix) for each in findings] == [
        ("unknown-key", f"{tmp_path}/kscaffold.toml", 8, "did you mean 'default'?"),
        (
            "block-overrides-nothing",
            f"{tmp_path}/package/trainer.py.jinja",
            2,
            "did you mean 'loss'?",
        ),
        ("undefined-name", f"{tmp_path}/package/trainer.py.jinja", 3, "did you mean 'style'?"),
    ]


def test_findings_have_an_order(tmp_path: Path) -> None:
    """Also those of one rule in one line, so that two runs print the same."""
    names = [f"unknown_{letter}" for letter in "gcaehbdf"]
    text = "".join(f"{{{{ {name} }}}}" for name in names)
    findings = found(written(tmp_path, {"kscaffold.toml": whole(), "a.txt.jinja": f"{text}{TEXT}"}))
    messages = [each.message for each in findings]
    assert len(messages) == len(names)
    assert messages == sorted(messages)


def test_all_unknown_keys_are_found_at_once(tmp_path: Path) -> None:
    """And the rest of the manifest is checked without them."""
    manifest = whole(name=f"{NAME}requird = true\n")
    files: dict[str, str | bytes] = {"a.txt.jinja": "{{ nobody }}{{ name }}"}
    written(tmp_path, {"kscaffold.toml": f"templat = 1\n{manifest}\n[[rulse]]\n", **files})
    assert {each.rule for each in found(tmp_path)} == {"unknown-key", "undefined-name"}
    assert [each.line for each in found(tmp_path) if each.rule == "unknown-key"] == [1, 9, 14]


def test_a_manifest_that_cannot_be_put_together_is_told(tmp_path: Path) -> None:
    """Besides the keys that it does not have."""
    text = whole(name=f"{NAME}requird = true\n").replace('type = "str"', 'type = "text"')
    findings = found(written(tmp_path, {"kscaffold.toml": text}))
    assert [(each.rule, each.line) for each in findings] == [
        ("broken-manifest", 5),
        ("unknown-key", 8),
    ]
    assert "'text'" in findings[0].message


@pytest.mark.parametrize("kind", ["extends", "include", "import"])
def test_what_is_missing_is_told_in_a_sentence(kind: str, tmp_path: Path) -> None:
    """With the verb of the statement."""
    alias = " as m" if kind == "import" else ""
    files: dict[str, str | bytes] = {"a.txt.jinja": f'{{% {kind} "none.jinja"{alias} %}}\n'}
    messages = [each.message for each in found(written(tmp_path, files))]
    assert f"it {kind.removesuffix('s')}s 'none.jinja', which is missing" in messages


def test_the_command_prints_findings_and_counts(tmp_path: Path) -> None:
    """A line each: file, line, rule, what, fix; exit code 4 for errors."""
    written(tmp_path, {"a.txt.jinja": "{{ nmae }}\n#: if name != 'a'\n#: endif\n"})
    result = kscaffold("template", "lint", f"{tmp_path}/")
    assert result.exit_code == 4
    assert result.stdout.splitlines() == [
        f"{tmp_path}/a.txt.jinja:1: undefined-name: 'nmae' is not defined here;"
        " did you mean 'name'?",
        f"{tmp_path}/a.txt.jinja:2: condition-not-bare: the condition \"name != 'a'\" is more"
        " than a name; derive a named value in the manifest",
    ]
    assert result.stderr == "1 error, 1 piece of advice\n"
    report = json.loads(kscaffold("template", "lint", str(tmp_path), "--format", "json").stdout)
    assert (report["errors"], report["advice"], report["exit_code"]) == (1, 1, 4)
    assert report["findings"][0] == {
        "rule": "undefined-name",
        "file": f"{tmp_path}/a.txt.jinja",
        "line": 1,
        "message": "'nmae' is not defined here",
        "fix": "did you mean 'name'?",
        "severity": "error",
    }


def test_advice_fails_nothing(tmp_path: Path) -> None:
    """Exit code 0, as for a template in which nothing is found."""
    written(tmp_path, {"a.txt.jinja": "#: if name != 'a'\n#: endif\n"})
    advised = kscaffold("template", "lint", str(tmp_path))
    assert (advised.exit_code, advised.stderr) == (0, "1 piece of advice\n")
    clean = kscaffold("template", "lint")
    assert (clean.exit_code, clean.stdout, clean.stderr) == (0, "", "nothing found\n")


def test_the_rules_are_listed() -> None:
    """Each with what it finds, and whether it is advice."""
    lines = kscaffold("template", "lint", "--rules").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(RULES)
    for line, (name, text) in zip(lines, RULES.items(), strict=True):
        assert line.endswith(text)
        assert ("advice:" in line) == (severity_of(name) == ADVICE)
    listed = json.loads(kscaffold("template", "lint", "--rules", "--format", "json").stdout)
    assert {each["rule"]: each["finds"] for each in listed} == RULES


def test_what_is_no_template_is_refused(tmp_path: Path) -> None:
    """A source that is not there: exit code 2; a manifest that is no TOML: 4."""
    assert "there is no template 'nowhere'" in error_of(kscaffold("template", "lint", "nowhere"), 2)
    (tmp_path / "kscaffold.toml").write_text("[")
    assert "kscaffold.toml" in error_of(kscaffold("template", "lint", str(tmp_path)), 4)


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            *("#: if name\n", "#: endif\n", "#: block a\n", "#: endblock\n", "{{ name }}", "{{"),
            *('#: extends "a.txt.jinja"\n', '#: include "b.jinja"\n', "{% for x in name %}", "}}"),
            *("{{ x | quote }}", "{{ y is odd }}", "{% macro m(a) %}", "{% endmacro %}", "\n", "é"),
            *("{% set z = name %}", "{{ super() }}", "{% raw %}", "{# ", " #}", "{{ (((( }}"),
        ]
    ),
    max_size=12,
).map("".join)
MANIFESTS = st.lists(
    st.sampled_from(
        [
            *(HEAD, NAME, FILE, "[derived]\nb = 'name'\n", "[[rules]]\nwhen = 'b'\n", "x = 1\n"),
            *("[questions]\n", "files = 1\n", "extends = 'builtin'\n", "remove = ['a']\n", "[[]]"),
            *("[placeholders]\nq = 'name'\n", "[messages]\nafter = '{{ z'\n", "y.z = '''\n'''\n"),
        ]
    ),
    max_size=8,
).map("".join)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@pytest.mark.slow
@given(text=FRAGMENTS, more=FRAGMENTS, manifest=MANIFESTS | st.just(whole()))
def test_nothing_that_is_written_crashes_it(
    tmp_path: Path, text: str, more: str, manifest: str
) -> None:
    """It finds something or nothing, or refuses the manifest with an error of its own."""
    files: dict[str, str | bytes] = {"a.txt.jinja": text, "b.jinja": more}
    for path, content in {**files, "kscaffold.toml": manifest}.items():
        (tmp_path / path).write_text(str(content), encoding="utf-8")
    try:
        findings = lint([str(tmp_path)], Path())
    except KscaffoldError:
        return
    assert {each.rule for each in findings} <= set(RULES)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["[a]", "[[b]]", "[a.c]", "[[d.e]]"]),
            st.sampled_from(["", "k = 1", "k = [\n1,\n]", 'k = """\n[no]\n"""', "k.l = {m = '['}"]),
        ),
        max_size=5,
    )
)
def test_lines_of_keys_are_found(parts: list[tuple[str, str]]) -> None:
    """The line of each key is the one on which it stands."""
    text = "\n".join(f"{header}\n{body}" for header, body in parts)
    lines = text.split("\n")
    for key, line in index(text).items():
        if isinstance(key[-1], str):
            assert key[-1] in lines[line - 1]
