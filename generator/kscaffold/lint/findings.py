"""What is found wrong with a template: the rules, and a finding with its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

ERROR = "error"
ADVICE = "advice"


class Rule(NamedTuple):
    """A rule of the lint.

    Attributes:
        description: what the rule finds, in one line.
        severity: an error makes the command fail, advice does not.
        own: whether only the templates that were named are held to it, and not what they extend:
            an overlay may well leave a part of the template below it unused.
    """

    description: str
    severity: str = ERROR
    own: bool = False


_RULES: dict[str, Rule] = {
    "bad-default": Rule("a default that the question itself refuses"),
    "bad-path": Rule("a target that must not or cannot be written on every system"),
    "block-overrides-nothing": Rule("a block that no template below has, so that nobody sees it"),
    "broken-manifest": Rule("what kscaffold.toml says cannot be"),
    "case-collision": Rule("two targets that are one file where case does not count"),
    "extends-itself": Rule("a file that extends itself in the end"),
    "extends-nothing": Rule("a file that extends, includes or imports one that is not there"),
    "missing-file": Rule("a file that the manifest names and that is not there"),
    "rule-impossible": Rule("a rule about an answer that its question never takes"),
    "shadowed-file": Rule("two files that are written to the same target"),
    "syntax": Rule("what Jinja cannot read"),
    "taken-name": Rule("a question with the name of an option of `kscaffold new`"),
    "undefined-name": Rule("a name that is no answer, no derived value and not set"),
    "unknown-filter": Rule("a filter that templates do not have"),
    "unknown-key": Rule("a key or table that kscaffold.toml does not have"),
    "unknown-test": Rule("a test (`is ...`) that templates do not have"),
    "unquoted-value": Rule("somebody's text in code or data that is not quoted, or twice"),
    "unreachable-file": Rule("a file of the template that nothing writes or includes", own=True),
    "unreadable-file": Rule("a template that is no text in UTF-8, or lies outside"),
    "unused-derived": Rule("a derived value that nothing uses", own=True),
    "unused-placeholder": Rule("a placeholder that is in no Python template", own=True),
    "unused-question": Rule("a question whose answer changes nothing", own=True),
    "condition-not-bare": Rule("a condition with logic in a template file", ADVICE, own=True),
    "inline-statement": Rule("a statement that is no line of its own", ADVICE, own=True),
    "many-conditions": Rule("more conditions than a reader can follow", ADVICE, own=True),
    "nested-condition": Rule("a condition inside another one", ADVICE, own=True),
    "python-syntax": Rule("a *.py.jinja that is no valid Python as it stands", ADVICE, own=True),
}
RULES: dict[str, str] = {name: rule.description for name, rule in _RULES.items()}


def severity_of(rule: str) -> str:
    """Return "error" or "advice"."""
    return _RULES[rule].severity


@dataclass(frozen=True)
class Spot:
    """A line of a file of a layer; layers and lines are numbered, layers from 0, lines from 1."""

    layer: int
    path: str
    line: int = 1


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: a name in `RULES`.
        file: the file as a person finds it: the layer's place and the path in it.
        message: what is wrong.
        fix: what to do about it.
        layer: the number of the layer.
    """

    rule: str
    file: str
    line: int
    message: str
    fix: str
    layer: int = 0

    @property
    def severity(self) -> str:
        """Return "error" or "advice"."""
        return severity_of(self.rule)

    @property
    def is_own(self) -> bool:
        """Whether it says nothing about a template that others extend."""
        return _RULES[self.rule].own
