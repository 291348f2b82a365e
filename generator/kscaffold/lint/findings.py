"""The rules, and the findings of what breaks them."""

from __future__ import annotations

from dataclasses import dataclass, replace

ERROR = "error"
ADVICE = "advice"
# Each rule, and what it finds.
RULES: dict[str, str] = {
    "bad-default": "a default that its own question refuses",
    "bad-path": "a target that cannot be written on every system",
    "block-overrides-nothing": "a block that overrides nothing below, so it has no effect",
    "broken-manifest": "an invalid kscaffold.toml",
    "case-collision": "two targets that are one file on systems that ignore case",
    "extends-itself": "a file that extends or imports itself, directly or through others",
    "extends-nothing": "a file that extends, includes or imports a missing one",
    "missing-file": "a file that the manifest names and that is missing",
    "rule-impossible": "a rule about an answer that its question refuses",
    "shadowed-file": "two files that are written to the same target",
    "syntax": "a syntax error of Jinja",
    "taken-name": "a question with the name of an option of `kscaffold new`",
    "undefined-name": "a name that is not an answer, a derived value or set in the file",
    "unknown-filter": "a filter that templates do not have",
    "unknown-key": "an unknown key or table in kscaffold.toml",
    "unknown-test": "a test (`is ...`) that templates do not have",
    "unquoted-value": "free text in code or data that is not quoted, or quoted twice",
    "unreachable-file": "a file of the template that nothing writes or includes",
    "unreadable-file": "a template that is not UTF-8, or outside its folder",
    "unused-derived": "a derived value that nothing uses",
    "unused-placeholder": "a placeholder that no Python template contains",
    "unused-question": "a question whose answer changes nothing",
    "condition-not-bare": "a condition with logic in a template file",
    "inline-statement": "a statement that shares its line with text",
    "many-conditions": "more conditions than a reader can follow",
    "nested-condition": "a condition inside another one",
    "python-syntax": "a *.py.jinja file that is not valid Python",
}
# Only errors make the command fail.
_CONDITIONS = {"condition-not-bare", "many-conditions", "nested-condition"}
_ADVICE = frozenset({*_CONDITIONS, "inline-statement", "python-syntax"})
_UNUSED = frozenset({"unreachable-file", "unused-derived", "unused-placeholder", "unused-question"})
# Rules that must be broken with all choices, since another choice may use or define a name.
OVERALL = _UNUSED | {"undefined-name", "missing-file", "block-overrides-nothing"}


def severity_of(rule: str) -> str:
    """Return "error" or "advice"."""
    return ADVICE if rule in _ADVICE else ERROR


@dataclass(frozen=True)
class Finding:
    """Something that breaks a rule; `file` has the layer's place, and lines count from 1."""

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
    def fault(self) -> tuple[str, str, int, str]:
        """What is wrong and where, without the fix."""
        return self.rule, self.file, self.line, self.message

    @property
    def only_in_named(self) -> bool:
        """Whether it only counts in named templates, not in those that they extend.

        An overlay may leave parts of the template below it unused.
        """
        return self.rule in _ADVICE | _UNUSED


@dataclass(frozen=True)
class Location:
    """A line of a file, which has this path in the layer of this index."""

    file: str
    path: str
    layer: int
    line: int = 1

    def at(self, line: int) -> Location:
        """Return a line, counted from 1, of the text that begins here."""
        return replace(self, line=self.line + line - 1)

    def finding(self, rule: str, message: str, fix: str) -> Finding:
        """Return a finding at this location."""
        return Finding(rule, self.file, self.line, message, fix, self.layer)
