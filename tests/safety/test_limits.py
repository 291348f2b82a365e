"""A template that goes on and on comes to an end, with an error and nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kscaffold.project import pipeline
from kscaffold.safety import limits
from kscaffold.safety.limits import BoundError, check_value
from tests.template.own_templates import WHOLE, new, refused, template, whole


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run each test in a folder of its own, and let it take less time than users may."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(pipeline, "SECONDS", 1.0)
    monkeypatch.setattr(limits, "SECONDS", 1.0)


def doubled(first: str, step: str, times: int = 60) -> str:
    """Derived values, each made of the one before twice."""
    lines = [f'd0 = "{first}"', *(f'd{n} = "{step.format(f"d{n - 1}")}"' for n in range(1, times))]
    return "[derived]\n" + "\n".join(lines) + "\n"


WORD = '[questions.d0]\ntype = "str"\nhelp = "h"\ndefault = "abcdefgh"\n'
# The digits of many numbers: a list, without a function that makes one.
TEN = "[1, 2, 3, 4, 5, 6, 7, 8, 9, 0]"


@pytest.mark.parametrize(
    "text",
    [
        "".join(f"{{% for a{n} in {TEN} %}}" for n in range(12)) + "x" + "{% endfor %}" * 12,
        "{% set x = ['a'] %}{% for i in x recursive %}{{ loop(x) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) ~ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% include 'out.txt.jinja' %}",
        "{% extends 'out.txt.jinja' %}",
        "{% import 'out.txt.jinja' as m %}",
        "{% block a %}{{ self.a() }}{% endblock %}",
        "{{ 'a' * 10**10 }}",
        "{{ 'a' * 10000000000 }}",
        "{{ '%10000000000d' % 1 }}",
        "{{ 'a' | indent(10000000000, true) }}",
        "{{ 'aaaaaaaa' | replace('', 'a' | indent(1000000, true)) }}",
        "{{ range(10**12) }}",
        "{{ 9 ** 9 ** 9 }}",
        "{{ ('a' | list | string) " + "| list | string " * 30 + "}}",
        "{{ '\\\\' " + "| quote " * 60 + "}}",
        "{{ (5).to_bytes(10000000000, 'big') }}",
        "{{ 'a'.encode().ljust(10000000000) }}",
        "{{ " + "(" * 3_000 + "1" + ")" * 3_000 + " }}",
        "{{ " + "1 + " * 50_000 + "1 }}",
        "{% if true %}" * 5_000 + "{% endif %}" * 5_000,
    ],
    ids=lambda text: text[:40],
)
def test_a_file_that_goes_on_and_on(text: str) -> None:
    """It is named, or the limit that ended it."""
    message, _ = refused(whole("own", text=text))
    assert "out.txt.jinja, line 1" in message or "takes more than" in message


def test_output_without_end_is_refused() -> None:
    """A text of a gigabyte fills no memory of ours."""
    many = "{% for a in t %}" * 9 + "x" * 1_000 + "{% endfor %}" * 9
    text = f"{{% set t = {TEN} %}}{many}"
    message, _ = refused(whole("own", text=text))
    assert "takes more than" in message or "memory" in message


@pytest.mark.parametrize(
    "manifest",
    [
        doubled("'ha'", "{0} ~ {0}"),
        doubled("['ha']", "[{0}, {0}]"),
        doubled("['ha']", "{0} + {0}"),
        doubled("{'a': 'ha'}", "{{'a': {0}, 'b': {0}}}"),
        doubled("9 * 9", "{0} * {0}"),
        doubled("'ha'", "{0} | list | string"),
        doubled("'\\\\\\\\'", "{0} | quote"),
        '[derived]\na = "' + "+".join(["1"] * 10_000) + '"\n',
        '[derived]\na = "' + "(" * 1_000 + "1" + ")" * 1_000 + '"\n',
        '[derived]\na = "(5).to_bytes(10000000000)"\n',
    ],
    ids=lambda text: text[:60],
)
def test_a_derived_value_that_grows_and_grows(manifest: str) -> None:
    """It is named; also where the values are worked out in this process."""
    plain, _ = refused(whole("own", manifest))
    assert "[derived] " in plain
    with_command, _ = refused(
        whole("own", manifest + '[[after]]\nrun = ["{{ d59 }}"]\n'), more=("--trust",)
    )
    assert with_command == plain


def test_a_default_that_grows_and_grows() -> None:
    """Each question that is asked says the one before twice."""
    questions = ['[questions.q0]\ntype = "str"\nhelp = "h"\ndefault = "haha"\n'] + [
        f'[questions.q{n}]\ntype = "str"\nhelp = "h"\nmax_length = 1000000000000\n'
        f'default = "{{{{ q{n - 1} ~ q{n - 1} }}}}"\n'
        for n in range(1, 50)
    ]
    message, _ = refused(whole("own", "".join(questions)))
    assert "[questions.q15] default: '{{ q14 ~ q14 }}': a value of more than" in message


def test_the_manifest_has_so_much_time() -> None:
    """Many expressions, none of which takes very long."""
    word = "d0 | list | string" + " | list | string" * 5
    slow = f"{word} | list | sort | reverse | list | sort | unique | list | length"
    derived = (f'd{n} = "{slow}"\n' for n in range(1, 1_000))
    manifest = "[derived]\nd0 = \"'abcdefghij'\"\n" + "".join(derived)
    message, _ = refused(whole("own", manifest))
    assert "of CPU time" in message


def test_conditions_have_so_much_time() -> None:
    """Also those that are quick, if there are many of them."""
    when = f"d0 | list | string{' | list | string' * 4} | length > 0"
    questions = (
        f'[questions.q{n}]\ntype = "bool"\nhelp = "h"\ndefault = true\nwhen = "{when}"\n'
        for n in range(3_000)
    )
    message, _ = refused(whole("own", WORD + "".join(questions)))
    assert "of CPU time" in message


@pytest.mark.parametrize("step", [" | list | sort | reverse | list", ".swapcase()"])
def test_one_expression_has_so_much_time(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is stopped on its way, before all of its steps are done."""
    calls: list[float] = []
    watched = limits.Budget.check

    def check(budget: limits.Budget) -> None:
        if budget.start is not None:
            calls.append(budget.start)
        watched(budget)

    monkeypatch.setattr(limits, "SECONDS", 0.01)
    monkeypatch.setattr(limits.Budget, "check", check)
    # Of a constant, Jinja would also evaluate each part of the expression.
    first = "(d0" + " | list | string" * 7 + ")"
    message, _ = refused(
        whole("own", f'{WORD}[messages]\nafter = "{{{{ {first}{step * 20} }}}}"\n')
    )
    assert "of CPU time" in message
    assert len(calls) < 30


def test_a_budget_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """By watches that overlap: the end of one ends no other, and their time counts once."""
    clock = iter(range(0, 100, 10))
    monkeypatch.setattr("time.process_time", lambda: next(clock))
    budget = limits.Budget()
    budget.renew(35)
    one, two = budget.watch(), budget.watch()
    one.__enter__()  # at 0
    two.__enter__()
    budget.check()  # at 10
    one.__exit__(None, None, None)  # at 20
    assert budget.start == 0
    two.__exit__(None, None, None)  # at 30, and ends at 40
    assert budget.start is None
    assert budget.spent == 40
    with pytest.raises(BoundError, match="more than 35 s"), budget.watch():
        pass


def test_a_pattern_that_takes_for_ever() -> None:
    """A regular expression that backtracks is ended, and named with its question."""
    manifest = '[questions.word]\ntype = "str"\nhelp = "h"\npattern = "(a+)+b"\ndefault = "ab"\n'
    message, _ = refused(whole("own", manifest), more=("--word", "a" * 60))
    assert "[questions.word] pattern" in message
    assert "takes more than 1 s of CPU time" in message


def test_a_manifest_of_any_length() -> None:
    """Nobody writes a megabyte of it."""
    own = template("own", f"{WHOLE}#{'a' * 2_000_000}\n")
    assert refused(own)[0] == "own/kscaffold.toml: more than 1000000 characters"


@pytest.mark.parametrize("value", ["[" * 50_000, "9" * 5_000, "{a=" * 5_000])
def test_a_manifest_of_any_depth(value: str) -> None:
    """TOML that its reader cannot take is an error of the template's."""
    own = template("own", f"{WHOLE}a = {value}\n")
    assert refused(own)[0].startswith("own/kscaffold.toml: ")


def test_a_large_template_is_no_attack() -> None:
    """A file of half a megabyte, and loops over what there is."""
    text = "a line of text, as there are many\n" * 15_000
    own = whole("own", text=f"{text}{{% for i in {TEN} %}}{{{{ i }}}}{{% endfor %}}")
    assert new("--template", str(own)).exit_code == 0
    assert Path("demo/out.txt").read_text() == f"{text}1234567890"


@pytest.mark.parametrize("value", ["a" * 1_000, ["a"] * 1_000, {"a": [1, 2.5, None, True]}, 10**9])
def test_usual_values_pass(value: object) -> None:
    """A value of usual size is none too large."""
    check_value(value)


def test_what_occurs_twice_counts_twice() -> None:
    """A list of itself, over and over, is small in memory and endless as text."""
    value: list[object] = ["a"]
    for _ in range(40):
        value = [value, value]
    with pytest.raises(BoundError, match="more than 100000 characters"):
        check_value(value)
