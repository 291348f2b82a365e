"""What can be known of a template without rendering it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from kscaffold.lint import files, manifest, names, quoted, readable, references, targets
from kscaffold.lint.findings import ADVICE, ERROR, RULES, Finding
from kscaffold.lint.loading import load
from kscaffold.lint.subject import Subject

__all__ = ["ADVICE", "ERROR", "RULES", "Finding", "lint"]

Check = Callable[[Subject], Iterable[Finding]]
CHECKS: tuple[Check, ...] = (
    names.faults,
    names.taken_names,
    names.undefined_names,
    names.unused_questions,
    names.unused_derived,
    names.unused_placeholders,
    files.missing_files,
    files.unreachable_files,
    files.python_syntax,
    references.missing_references,
    references.circles,
    references.blocks_that_override_nothing,
    targets.bad_paths,
    targets.same_targets,
    manifest.bad_defaults,
    manifest.impossible_rules,
    quoted.unquoted_values,
    readable.conditions,
    readable.inline_statements,
)
# Rules that must be broken with every choice: another choice may use or define the name.
OVERALL = frozenset(
    {
        *("unused-question", "unused-derived", "unused-placeholder", "unreachable-file"),
        *("undefined-name", "missing-file"),
    }
)


def lint(
    sources: Sequence[str],
    base: Path,
    ref: str | None = None,
    taken: frozenset[str] = frozenset(),
) -> tuple[Finding, ...]:
    """Check templates on top of each other, the first one at the bottom.

    Args:
        sources: as for `load_templates`; none: the built-in template.
        base: the folder that relative paths start from.
        ref: the branch, tag or commit of the one git repository among them.
        taken: names that no question can have, since `kscaffold new` has an option of that name.

    Returns:
        The findings, by file and line.

    Raises:
        AnswerError: there is no such source.
        TemplateError: a template cannot be fetched or its manifest cannot be read at all.
    """
    loaded = load(sources, base, ref, taken)
    found = [
        (subject, {each for check in CHECKS for each in check(subject)})
        for subject in loaded.subjects
    ]
    findings = {*loaded.findings, *_agreed(found)}
    kept = [each for each in findings if not each.is_own or each.layer in loaded.named]
    return tuple(sorted(kept, key=lambda each: (-each.layer, each.file, each.line, each.rule)))


def _agreed(found: Sequence[tuple[Subject, set[Finding]]]) -> Iterator[Finding]:
    """Yield the findings; those in `OVERALL` only if they hold whatever is chosen."""
    for each in {each for _, findings in found for each in findings}:
        if each.rule not in OVERALL or all(
            each in findings for subject, findings in found if subject.shows(each.file)
        ):
            yield each
