"""Find answers that become code, by rendering a file again with harmless answers.

Templates should quote what people type. If one does not, an answer such as `x"; import os; "` is
more than text in the file. So each file is also rendered with a stand-in for each free text; both
versions must mean the same but for that text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import cycle

from kscaffold.errors import AnswerError, KscaffoldError
from kscaffold.project.structure import leaves, mean_the_same
from kscaffold.project.tree import Rendered
from kscaffold.template.manifest import Manifest, Question, Value

# Stand-ins are made of these letters: not words, and too long to occur elsewhere by chance.
_LETTERS = "zxjkvwbfghmnprst"
_SHORTEST = 8
# A text that must match a pattern is harmless if it has only these characters.
_WORD = re.compile(r"[\w.+-]+", re.ASCII)


def stand_ins(manifest: Manifest, values: Mapping[str, Value]) -> dict[str, str]:
    """Return a harmless text for each answer that may be any text and is not the default."""
    questions = manifest.questions
    free = [name for name, value in values.items() if _is_free(questions.get(name), value)]
    return {
        name: _stand_in(str(values[name]), number, questions[name].type)
        for number, name in enumerate(free)
    }


@dataclass(frozen=True)
class Guard:
    """A file of a project, to be compared with its versions for other answers.

    `render` renders a template file with other answers than `values`; `kind` is how the file's text
    is read, by `kind_of`.
    """

    manifest: Manifest
    values: Mapping[str, Value]
    stand_ins: Mapping[str, str]
    render: Callable[[str, Mapping[str, Value]], str]
    file: Rendered
    text: str
    kind: str

    def check(self) -> None:
        """Refuse an answer that changes the structure of the file; raises `AnswerError`."""
        if self._agrees(self.stand_ins) is not False or self._is_invalid_anyway():
            return
        fitting = {name: self._fitting(name) for name in self.stand_ins}
        guilty = [name for name, swap in fitting.items() if swap is None]
        joint = {name: swap for name, swap in fitting.items() if swap is not None}
        if not guilty and self._agrees(joint) is not False:
            return
        name = (guilty or [*joint])[0]
        place = f"{self.file.path}, line {self._line(name)}"
        raise AnswerError(
            f"the answer is more than text in {place}: it changes the structure of the file",
            key=self.manifest.questions[name].option,
            hint=f"have {self.file.template} quote it: {{{{ {name} | quote }}}}",
        )

    def _is_invalid_anyway(self) -> bool:
        """Return whether the template is to blame: its Python is invalid whatever is answered."""
        texts = (self.text, self._rendered(self.stand_ins) or "")
        # It is refused later, when black formats it.
        return self.file.is_formatted and all(leaves(text, self.kind) is None for text in texts)

    def _agrees(self, swaps: Mapping[str, str]) -> bool | None:
        """Return whether it means the same with other answers; None: it does not render."""
        other = self._rendered(swaps)
        return None if other is None else self._means(self.text, other, swaps)

    def _fitting(self, name: str) -> str | None:
        """Return a value that can replace an answer without changing the structure, or None.

        That is the stand-in or, if the template needs something else, such as a number, the
        default.
        """
        default = self.manifest.questions[name].default
        swaps = [self.stand_ins[name]]
        if isinstance(default, str) and default and "{{" not in default:
            swaps.append(default)
        found = {swap: self._agrees({name: swap}) for swap in swaps}
        if all(agrees is None for agrees in found.values()):
            return str(self.values[name])  # nothing renders, so nothing can be compared
        return next((swap for swap, agrees in found.items() if agrees), None)

    def _line(self, name: str) -> int:
        """Return the first line that alone changes the structure; else the first that differs."""
        swaps = {name: self.stand_ins[name]}
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
            return self.render(self.file.template, {**self.values, **swaps})
        except KscaffoldError:
            return None

    def _means(self, text: str, other: str, swaps: Mapping[str, str]) -> bool:
        answers = {swap: str(self.values[name]) for name, swap in swaps.items()}
        is_lenient = all(self.stand_ins[name] == swap for name, swap in swaps.items())
        return text == other or mean_the_same(
            text, other, self.kind, answers, is_lenient=is_lenient
        )


def _is_free(question: Question | None, value: Value) -> bool:
    if question is None or question.type not in ("str", "path") or not isinstance(value, str):
        return False
    is_bound = question.validate or (question.pattern and _WORD.fullmatch(value))
    return bool(value) and value != question.default and not is_bound


def _stand_in(answer: str, number: int, kind: str = "str") -> str:
    """Return letters as long as the answer, with its spaces and, for a path, its folders."""
    keeps = " /." if kind == "path" else " "
    # The letters between two "q" encode the number: no stand-in is a part of another.
    letters = cycle(f"q{_LETTERS[number % 16]}{_LETTERS[number // 16 % 16] * (number > 15)}")
    kept = [each if each in keeps else next(letters) for each in answer]
    cased = (new.upper() if old.isupper() else new for old, new in zip(answer, kept, strict=True))
    return "".join(cased) + "".join(next(letters) for _ in range(_SHORTEST - len(answer)))
