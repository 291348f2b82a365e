"""Check a template without rendering it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kscaffold.lint import files, manifest, names, style
from kscaffold.lint.findings import ADVICE, ERROR, OVERALL, RULES, Finding
from kscaffold.lint.loading import load
from kscaffold.lint.view import View

__all__ = ["ADVICE", "ERROR", "RULES", "Finding", "lint"]

CHECKS: tuple[Callable[[View], Iterable[Finding]], ...] = (
    files.wrong_files,
    files.missing_files,
    files.unreachable_files,
    files.missing_references,
    files.circles,
    files.blocks_that_override_nothing,
    manifest.wrong_expressions,
    manifest.taken_names,
    manifest.bad_defaults,
    manifest.impossible_rules,
    manifest.bad_paths,
    manifest.same_targets,
    names.undefined_names,
    names.unused_names,
    names.unused_placeholders,
    style.unquoted_values,
    style.python_syntax,
    style.conditions,
    style.inline_statements,
)


def lint(
    sources: Sequence[str], base: Path, ref: str | None = None, taken: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Check templates (see `load_templates`) and return the findings by file and line.

    `taken` are names that no question can have, since `kscaffold new` has an option of that name.

    Raises:
        AnswerError: there is no such source.
        TemplateError: a template cannot be fetched, or a manifest is not TOML.
    """
    views, findings = load(sources, base, ref, taken)
    found = {*findings, *_agreed(views)}
    return tuple(sorted(found, key=lambda each: (-each.layer, each.file, each.line, each.rule)))


def _agreed(views: Sequence[View]) -> Iterator[Finding]:
    """Yield the findings of all views; those of rules in `OVERALL` must be in every view."""
    found = [(view, {each for check in CHECKS for each in check(view)}) for view in views]
    for each in {each for view, findings in found for each in findings if view.is_relevant(each)}:
        if each.rule not in OVERALL or all(
            each in findings for view, findings in found if view.shows(each.file)
        ):
            yield each
