"""Legal combinations of answers: all of them, or enough to have each pair of values."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, islice, product

from kscaffold.errors import AnswerError
from kscaffold.project.answers import Interview, Tools, resolve
from kscaffold.template.manifest import Manifest, Question, Value

# By default, up to this many legal combinations are all tried; of more, enough to have each pair.
ALL_UP_TO = 256
# The number of combinations to choose from, at most.
POOL = 4096
# How many of them are changed to get a pair of values, at most.
TRIES = 50
# A name with characters that are special in Python, TOML, YAML, HTML or a shell.
AWKWARD = 'D\'Arcy "Jo" \\n {x} {{ y }} $HOME #1 <é>'

Given = Mapping[str, Value]
Pair = frozenset[tuple[str, Value]]


@dataclass(frozen=True)
class Combinations:
    """Legal combinations of answers, the defaults first; `is_whole` is whether these are all."""

    pool: tuple[Given, ...]
    is_whole: bool

    def cover(self, strength: int) -> list[Given]:
        """Choose few combinations that have each possible group of `strength` values."""
        left = {group for given in self.pool for group in _groups(given, strength)}
        rest = [(given, _groups(given, strength)) for given in self.pool]
        chosen: list[Given] = []
        while left:
            # Of equally good ones, the first is nearest to the defaults.
            best = 0 if not chosen else max(range(len(rest)), key=lambda n: len(rest[n][1] & left))
            given, groups = rest[best]
            chosen.append(given)
            left -= groups
        return chosen


def find_combinations(manifest: Manifest, tools: Tools) -> Combinations:
    """Find the legal combinations; raises `TemplateError` for a broken expression.

    Numbers, paths, and texts that must have some form stay at their defaults. All other texts have
    their defaults, or all of them are awkward to quote.
    """
    everything = _Everything(manifest, tools)
    pool = tuple(islice(everything.all(), POOL + 1))
    if len(pool) <= POOL:
        return Combinations(pool or ({},), is_whole=True)
    drawn = {tuple(given.items()): given for given in everything.some(POOL)}
    few = [pool[0], *drawn.values()]
    return Combinations((*few, *everything.meetings(few)), is_whole=False)


class _Everything:
    """The values of a template's questions, and their legal combinations."""

    def __init__(self, manifest: Manifest, tools: Tools) -> None:
        self.manifest = manifest
        self.tools = tools
        self.questions = [q for q in manifest.questions.values() if _values(q)]
        self.texts = {q.name for q in manifest.questions.values() if _is_free(q)}

    def all(self) -> Iterator[Given]:
        """Yield each legal combination; the last questions change first."""
        for given in self._assigned({}, self.questions):
            yield from self._legal(given)
            if self.texts:
                yield from self._legal({**given, **self._texts()})

    def some(self, count: int) -> Iterator[Given]:
        """Yield legal combinations of random values, the same ones each time."""
        draw = random.Random(0)
        for _ in range(count):
            # Mostly no or mostly yes, for questions that depend on many equal answers.
            yes = draw.choice((0.05, 0.5, 0.95))
            given: dict[str, Value] = {}
            for question in self.questions:
                if self._applies(question, given):
                    values = _values(question)
                    drawn = draw.random() < yes if question.type == "bool" else draw.choice(values)
                    given[question.name] = drawn
            texts = self._texts() if draw.random() < 0.5 else {}
            yield from self._legal({**given, **texts})

    def meetings(self, known: Sequence[Given]) -> Iterator[Given]:
        """Yield combinations with the pairs of values that none of the known ones has."""
        met = {pair for given in known for pair in combinations(given.items(), 2)}
        having: dict[tuple[str, Value], list[Given]] = {}
        for given in known:
            for item in given.items():
                having.setdefault(item, []).append(given)
        for one, other in combinations(self.questions, 2):
            for pair in product(_items(one), _items(other)):
                if pair in met:
                    continue
                near = chain(*(islice(having.get(item, ()), TRIES) for item in pair))
                changed = ({**given, **dict(pair)} for given in near)
                yield from islice(chain(*map(self._legal, changed)), 1)

    def _assigned(self, given: Given, questions: Sequence[Question]) -> Iterator[Given]:
        if not questions:
            yield given
            return
        question, *rest = questions
        if not self._applies(question, given):
            yield from self._assigned(given, rest)
            return
        for value in _values(question):
            yield from self._assigned({**given, question.name: value}, rest)

    def _applies(self, question: Question, given: Given) -> bool:
        if question.when is None:
            return True
        try:
            interview = Interview(self.manifest, given, self.tools, until=question)
            return interview.applies(question)
        except AnswerError:
            return False

    def _texts(self) -> Given:
        return dict.fromkeys(sorted(self.texts), AWKWARD)

    def _legal(self, given: Given) -> Iterator[Given]:
        try:
            answers = resolve(self.manifest, given, self.tools)
        except AnswerError:
            return
        if all(answers.values[name] == value for name, value in given.items()):
            yield given


def _values(question: Question) -> tuple[Value, ...]:
    """Return the values to try, the default first; () if that is the only one."""
    if question.type == "bool":
        return question.default, not question.default
    if question.type == "choice":
        first = question.default
        known = first in question.choices
        return (first, *(c for c in question.choices if c != first)) if known else question.choices
    if question.type == "multi-choice":
        each = [(choice,) for choice in question.choices]
        default = question.default if isinstance(question.default, tuple) else ()
        return tuple(dict.fromkeys([default, question.choices, (), *each]))
    return ()


def _items(question: Question) -> list[tuple[str, Value]]:
    return [(question.name, value) for value in _values(question)]


def _is_free(question: Question) -> bool:
    bound = question.pattern or question.validate or question.inspect or question.when
    return question.type == "str" and not bound and question.max_length >= len(AWKWARD)


def _groups(given: Given, strength: int) -> set[Pair]:
    """Return the groups of up to so many answers; all awkward texts together count as one."""
    items = [item for item in given.items() if item[1] != AWKWARD]
    items.append(("texts", AWKWARD in given.values()))
    return {
        frozenset(group) for size in range(1, strength + 1) for group in combinations(items, size)
    }
