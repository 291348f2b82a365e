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
    files.wrong_texts,
    files.missing_files,
    files.unreachable_files,
    files.missing_references,
    files.circles,
    files.blocks_that_override_nothing,
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
    Raises like `load_templates`, but for mistakes in a manifest that is TOML.
    """
    views, findings = load(sources, base, ref, taken)
    found = {*findings, *_agreed(views)}
    by_place = sorted(found, key=lambda each: (each.file, each.line, each.rule, each.message))
    return tuple(sorted(by_place, key=lambda each: -each.layer))


def _agreed(views: Sequence[View]) -> Iterator[Finding]:
    """Yield the findings of all views; those of rules in `OVERALL` must be in every view.

    There the fix may differ, since it names what is there with other choices; the first is told.
    """
    found = [(view, {each for check in CHECKS for each in check(view)}) for view in views]
    places = [(view, {each.fault for each in findings}) for view, findings in found]
    told: set[tuple[str, str, int, str]] = set()
    for view, findings in found:
        for each in findings:
            if each.only_in_named and each.layer not in view.named:
                continue
            if each.rule not in OVERALL:
                yield each
            elif each.fault not in told and all(
                each.fault in there for other, there in places if each.file in other.places
            ):
                told.add(each.fault)
                yield each
