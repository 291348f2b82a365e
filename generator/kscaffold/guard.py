"""Answers that become code: found by rendering a file once more with harmless ones.

A template should quote what people type. Where one does not, an answer such as `x"; import os; "`
is more than a text to the file that it stands in. So a file is rendered with a stand-in for each
free text, too, and the two must mean the same but for that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle
from pathlib import PurePosixPath

from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.manifest import Manifest, Question, Value
from kscaffold.structure import READERS, leaves, lines_of_yaml

# Of these stand-ins are made: no words, and long enough to stand nowhere else by chance.
_LETTERS = "zxjkvwbfghmnprst"
_SHORTEST = 8
# What a text that has to match a pattern may hold and still be no more than a word.
_WORD = re.compile(r"[\w.+-]+", re.ASCII)

Swaps = Mapping[str, str]


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

    def check(self, template: str, path: str, text: str) -> None:
        """Refuse an answer that is more than a text to a file; raises `AnswerError`.

        Args:
            template: the file of the template.
            path: where it goes.
            text: what it renders to.
        """
        suffix = PurePosixPath(path).suffix
        free = self._free()
        if suffix not in READERS or not free:
            return
        swaps = {
            name: _stand_in(str(self.values[name]), number, self.manifest.questions[name].type)
            for number, name in enumerate(free)
        }
        if self._agrees(template, text, suffix, swaps) is not False:
            return
        fitting = {name: self._fitting(template, text, suffix, name, swaps[name]) for name in free}
        guilty = [name for name, swap in fitting.items() if swap is None]
        joint = {name: swap for name, swap in fitting.items() if swap is not None}
        if guilty or self._agrees(template, text, suffix, joint) is False:
            name = (guilty or free)[0]
            line = self._line(template, text, suffix, {name: swaps[name]})
            raise AnswerError(
                f"the answer is more than a text in {path}, line {line}: it changes what the file"
                " means",
                key=self.manifest.questions[name].option,
                hint=f"have {template} quote it: {{{{ {name} | quote }}}}",
            )

    def _free(self) -> list[str]:
        """Return the questions whose answer may be any text, and is not the template's own."""
        questions = self.manifest.questions
        return [name for name, value in self.values.items() if _is_free(questions.get(name), value)]

    def _fitting(
        self, template: str, text: str, suffix: str, name: str, stand_in: str
    ) -> str | None:
        """Return what can take an answer's place without a difference; None: nothing can."""
        default = self.manifest.questions[name].default
        tried = [stand_in, *([default] if isinstance(default, str) and "{{" not in default else [])]
        found = [(swap, self._agrees(template, text, suffix, {name: swap})) for swap in tried]
        fitting = next((swap for swap, agrees in found if agrees), None)
        # What no other answer renders with cannot be compared.
        compared = any(agrees is not None for _, agrees in found)
        return fitting if compared else str(self.values[name])

    def _agrees(self, template: str, text: str, suffix: str, swaps: Swaps) -> bool | None:
        """Return whether a file means the same with stand-ins; None: it renders with none."""
        other = self._rendered(template, swaps)
        if other is None:
            return None
        names = {swap: str(self.values[name]) for name, swap in swaps.items()}
        return other == text or _mean_the_same(text, other, suffix, names)

    def _rendered(self, template: str, swaps: Swaps) -> str | None:
        try:
            return self.render(template, {**self.values, **swaps})
        except KscaffoldError:
            return None

    def _line(self, template: str, text: str, suffix: str, swaps: Swaps) -> int:
        """Return the first line that alone makes a difference; else the first that differs."""
        other = (self._rendered(template, swaps) or "").split("\n")
        lines = text.split("\n")
        names = {swap: str(self.values[name]) for name, swap in swaps.items()}
        pairs = zip(lines, other, strict=False)
        differing = [number for number, (line, its) in enumerate(pairs) if line != its]
        for number in differing if len(lines) == len(other) else ():
            mixed = "\n".join([*other[:number], lines[number], *other[number + 1 :]])
            if not _mean_the_same(mixed, "\n".join(other), suffix, names):
                return number + 1
        return next(iter(differing), 0) + 1


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


def _mean_the_same(text: str, other: str, suffix: str, swaps: Swaps) -> bool:
    one, two = leaves(text, suffix), leaves(other, suffix)
    if one is None and two is None:
        # Neither is what its name says. Python is refused later; of others, lines can be compared.
        if suffix in (".py", ".pyi"):
            return True
        one, two = tuple(lines_of_yaml(text)), tuple(lines_of_yaml(other))
    if one is None or two is None or len(one) != len(two):
        return False
    return all(
        first.kind == second.kind and _says(first.text, second.text, text, swaps)
        for first, second in zip(one, two, strict=True)
    )


def _says(said: str, other: str, source: str, swaps: Swaps) -> bool:
    r"""Return whether a text says the answer, where the other one says the stand-in.

    Only an answer that stands in the source as it was typed can be misread, as a "\n" in quotes.
    """
    expected = other
    for stand_in, answer in swaps.items():
        expected = expected.replace(stand_in, answer)
    typed = [answer for stand_in, answer in swaps.items() if stand_in in other]
    return said == expected or not any(answer in source for answer in typed)
