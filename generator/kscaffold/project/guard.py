"""Find answers that become code, by rendering a file again with harmless ones.

A template should quote what people type. Where one does not, an answer such as `x"; import os; "`
is more than a text to the file that it stands in. So a file is rendered with a stand-in for each
free text, too, and the two must mean the same but for that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import cycle
from pathlib import PurePosixPath

from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.project.structure import READERS, mean_the_same
from kscaffold.template.manifest import Manifest, Question, Value

# Of these stand-ins are made: no words, and long enough to stand nowhere else by chance.
_LETTERS = "zxjkvwbfghmnprst"
_SHORTEST = 8
# What a text that has to match a pattern may hold and still be no more than a word.
_WORD = re.compile(r"[\w.+-]+", re.ASCII)


@dataclass(frozen=True)
class Guard:
    """Checks the files of a project that is made of some answers.

    Attributes:
        manifest: what was asked.
        values: the answers.
        render: renders a file of the template with other answers; raises `KscaffoldError`.
    """

    manifest: Manifest
    values: Mapping[str, Value]
    render: Callable[[str, Mapping[str, Value]], str]

    @cached_property
    def stand_ins(self) -> dict[str, str]:
        """A harmless text for each answer that may be any text and is not the template's own."""
        questions = self.manifest.questions
        free = [name for name, value in self.values.items() if _is_free(questions.get(name), value)]
        return {
            name: _stand_in(str(self.values[name]), number, questions[name].type)
            for number, name in enumerate(free)
        }

    def check(self, template: str, path: str, text: str) -> None:
        """Refuse an answer that changes what a file means; raises `AnswerError`.

        Args:
            template: the file of the template.
            path: where it goes.
            text: what it renders to.
        """
        file = _Guarded(self, template, PurePosixPath(path).suffix, text)
        if file.suffix not in READERS or file.agrees(self.stand_ins) is not False:
            return
        fitting = {name: file.fitting(name) for name in self.stand_ins}
        guilty = [name for name, swap in fitting.items() if swap is None]
        joint = {name: swap for name, swap in fitting.items() if swap is not None}
        if not guilty and file.agrees(joint) is not False:
            return
        name = (guilty or [*joint])[0]
        place = f"{path}, line {file.line(name)}"
        raise AnswerError(
            f"the answer is more than a text in {place}: it changes what the file means",
            key=self.manifest.questions[name].option,
            hint=f"have {template} quote it: {{{{ {name} | quote }}}}",
        )


@dataclass(frozen=True)
class _Guarded:
    """A file of a project, to be compared with what it is with other answers."""

    guard: Guard
    template: str
    suffix: str
    text: str

    def agrees(self, swaps: Mapping[str, str]) -> bool | None:
        """Return whether it means the same with these answers; None: it does not render."""
        other = self._rendered(swaps)
        return None if other is None else self._means(self.text, other, swaps)

    def fitting(self, name: str) -> str | None:
        """Return a value that can replace an answer without a difference; None: there is none.

        That is the stand-in or, where the template takes no text but a number, the default.
        """
        default = self.guard.manifest.questions[name].default
        swaps = [self.guard.stand_ins[name]]
        if isinstance(default, str) and default and "{{" not in default:
            swaps.append(default)
        found = {swap: self.agrees({name: swap}) for swap in swaps}
        # If no other answer renders, there is nothing to compare.
        if all(agrees is None for agrees in found.values()):
            return str(self.guard.values[name])
        return next((swap for swap, agrees in found.items() if agrees), None)

    def line(self, name: str) -> int:
        """Return the first line that alone makes a difference; else the first that differs."""
        swaps = {name: self.guard.stand_ins[name]}
        lines, other = self.text.split("\n"), (self._rendered(swaps) or "").split("\n")
        pairs = enumerate(zip(lines, other, strict=False))
        differing = [number for number, (line, its) in pairs if line != its]
        for number in differing if len(lines) == len(other) else ():
            mixed = "\n".join([*other[:number], lines[number], *other[number + 1 :]])
            if not self._means(mixed, "\n".join(other), swaps):
                return number + 1
        return next(iter(differing), 0) + 1

    def _rendered(self, swaps: Mapping[str, str]) -> str | None:
        try:
            return self.guard.render(self.template, {**self.guard.values, **swaps})
        except KscaffoldError:
            return None

    def _means(self, text: str, other: str, swaps: Mapping[str, str]) -> bool:
        answers = {swap: str(self.guard.values[name]) for name, swap in swaps.items()}
        is_lenient = all(self.guard.stand_ins[name] == swap for name, swap in swaps.items())
        return text == other or mean_the_same(
            text, other, self.suffix, answers, is_lenient=is_lenient
        )


def _is_free(question: Question | None, value: Value) -> bool:
    if question is None or question.type not in ("str", "path") or not isinstance(value, str):
        return False
    is_bound = question.validate or (question.pattern and _WORD.fullmatch(value))
    return bool(value) and value != question.default and not is_bound


def _stand_in(answer: str, number: int, kind: str = "str") -> str:
    """Return a text of letters like an answer: as long, with the same spaces or folders."""
    keeps = " /." if kind == "path" else " "
    # The letters between two "q" count the answers, so that no stand-in is a part of another one.
    letters = cycle(f"q{_LETTERS[number % 16]}{_LETTERS[number // 16 % 16] * (number > 15)}")
    kept = [each if each in keeps else next(letters) for each in answer]
    cased = (new.upper() if old.isupper() else new for old, new in zip(answer, kept, strict=True))
    return "".join(cased) + "".join(next(letters) for _ in range(_SHORTEST - len(answer)))
