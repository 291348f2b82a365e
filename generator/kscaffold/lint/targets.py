"""Where files are written: names that cannot be, and two files with one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from kscaffold.lint.findings import Finding
from kscaffold.lint.subject import Subject
from kscaffold.safety.paths import path_problem
from kscaffold.template.manifest import File

_EXPRESSION = re.compile(r"{{.*?}}")


def bad_paths(subject: Subject) -> Iterator[Finding]:
    """Find targets that leave the project, or are no names on every system."""
    for file in subject.manifest.files:
        if problem := path_problem(_EXPRESSION.sub("x", file.target)):
            message = f"it is written to {file.target!r}: {problem}"
            spot = subject.spot_of(file, "target")
            yield subject.finding("bad-path", spot, message, "give another target")


def same_targets(subject: Subject) -> Iterator[Finding]:
    """Find files that are written to one target by the same answers."""
    seen: dict[tuple[str, str | None], File] = {}
    for file in subject.manifest.files:
        key = unicodedata.normalize("NFC", file.target).casefold()
        # What is always written meets every other one; two conditions may exclude each other.
        others = [seen.get((key, when)) for when in {file.when, None}]
        if file.when is None:
            others += [each for (other, _), each in seen.items() if other == key]
        for other in {id(each): each for each in others if each}.values():
            same = other.target == file.target
            rule = "shadowed-file" if same else "case-collision"
            how = "" if same else ", one file where case does not count"
            message = f"both {other.target!r} and {file.target!r} are written{how}"
            fix = "give one of them another target, or each a `when` of its own"
            yield subject.finding(rule, subject.spot_of(file, "target"), message, fix)
        seen.setdefault((key, file.when), file)
