"""The cases, `cases.toml`, and the code that each stands for."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kscaffold.errors import AnswerError
from kscaffold.hints import near, near_or_all

Problem = Literal["regression", "binary", "multiclass"]
Counting = Literal["rows", "weights", "both"]

DATA = """
random = np.random.default_rng(0)
x = random.normal(size=(30, 4)).astype("float32")
y = {targets}
w = random.uniform(0.5, 2, 30).astype("float32")
"""
NETWORK = """
inputs = keras.Input((4,))
hidden = keras.layers.Dense(8, activation="relu")(inputs)
model = Model(inputs, keras.layers.Dense(HEAD.units, activation=HEAD.activation)(hidden))
"""
LAYERED = NETWORK.replace("\nmodel", "\nhidden = {layer}(hidden)\nmodel")
FIT = {"batch_size": "8", "epochs": "2", "shuffle": "False", "verbose": "0"}
OPTIMIZER = "keras.optimizers.Adam(0.01)"


@dataclass(frozen=True)
class Head:
    """The last layer, the targets, the loss and the metric of a problem, as code."""

    units: str
    activation: str
    targets: str
    loss: str
    metric: str


HEADS: dict[Problem, Head] = {
    "regression": Head("1", "None", "x[:, :1] - x[:, 1:2] ** 2", "'mse'", "'mae'"),
    "binary": Head("1", "'sigmoid'", "np.arange(30) % 2", "'binary_crossentropy'", "'accuracy'"),
    "multiclass": Head(
        "3", "'softmax'", "np.arange(30) % 3", "'sparse_categorical_crossentropy'", "'accuracy'"
    ),
}


@dataclass(frozen=True)
class Declared:
    """What a class brings along of what is usually said to `compile()`.

    Attributes:
        problem: what its loss and its metric are for.
        manual: whether loss and metrics are built in, so that `compile()` takes none.
        counting: whether its metric counts rows, weights, or there is one for each.
    """

    problem: Problem = "regression"
    manual: bool = False
    counting: Counting = "both"


@dataclass(frozen=True)
class Case:
    """One promise of Keras, as code; see `cases.toml` for the fields."""

    family: str
    name: str
    cause: str
    quick: bool = False
    weights: bool = False
    manual: bool | None = None
    policy: str | None = None
    requires: str = "True"
    data: str = ""
    setup: str = ""
    model: str = ""
    layer: str = ""
    optimizer: str = OPTIMIZER
    loss: str = ""
    metrics: str = ""
    weighted_metrics: str = ""
    compile: str = ""
    fit: str = ""
    run: str = ""

    @property
    def id(self) -> str:
        """The name by which it is chosen: family and case."""
        return f"{self.family}: {self.name}"

    @property
    def suits_manual(self) -> bool:
        """Whether it applies to a class that has its loss and metrics built in."""
        own = self.loss or self.metrics or self.weighted_metrics
        return not own if self.manual is None else self.manual

    def with_steps(self, steps: int) -> Case:
        """Return the case with so many steps per execution, unless it is about that itself."""
        if "steps_per_execution" in self.compile + self.run:
            return self
        option = f"steps_per_execution={steps}"
        return replace(self, compile=", ".join(filter(None, [self.compile, option])))

    def build_code(self, declared: Declared) -> str:
        """Return the code that defines the data, and `model`."""
        head = HEADS[declared.problem]
        network = self.model or (LAYERED.format(layer=self.layer) if self.layer else NETWORK)
        parts = (DATA.format(targets=head.targets), self.data, self.setup, network)
        code = "\n".join(part.strip("\n") for part in parts if part)
        return code.replace("HEAD.units", head.units).replace("HEAD.activation", head.activation)

    def compile_code(self, declared: Declared, *, manual: bool) -> str:
        """Return the arguments of compile; `manual` leaves loss and metrics to the class."""
        head = HEADS[declared.problem]
        parts = [f"optimizer={self.optimizer}"]
        if not manual:
            plain = "None" if declared.counting == "weights" else f"[{head.metric}]"
            weighted = "None" if declared.counting == "rows" else f"[{head.metric}]"
            parts += [
                f"loss={self.loss or head.loss}",
                f"metrics={self.metrics or plain}",
                f"weighted_metrics={self.weighted_metrics or weighted}",
            ]
        return ", ".join([*parts, *([self.compile] if self.compile else [])])

    def run_code(self) -> str:
        """Return the code that trains `model`, and sets `history` or `result`."""
        if self.run:
            return self.run.strip("\n")
        call = ast.parse(f"f({self.fit})", mode="eval").body
        assert isinstance(call, ast.Call)
        given = {keyword.arg for keyword in call.keywords}
        frame = [f"{name}={value}" for name, value in FIT.items() if name not in given]
        arguments = ", ".join(["x", "y", *([self.fit] if self.fit else []), *frame])
        return f"history = model.fit({arguments})"


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """Return every case, family by family."""
    text = Path(__file__).with_name("cases.toml").read_text(encoding="utf-8")
    return tuple(
        Case(**{"family": family["name"], "cause": family["cause"], **case})
        for family in tomllib.loads(text)["family"]
        for case in family["case"]
    )


def choose(families: Iterable[str], names: Iterable[str], *, quick: bool) -> tuple[Case, ...]:
    """Return the cases of some families, or of some names, or all; the quick ones if so wished.

    Args:
        families: names of families.
        names: names of cases, with or without "family: " in front.
        quick: one case of each family, among those chosen.

    Raises:
        AnswerError: there is no such family or case.
    """
    chosen = all_cases()
    if families := tuple(families):
        known = list(dict.fromkeys(case.family for case in chosen))
        for family in families:
            if family not in known:
                hint = near_or_all(family, known)
                raise AnswerError(f"no family {family!r}", key="--family", hint=hint)
        chosen = tuple(case for case in chosen if case.family in families)
    if names := tuple(names):
        known = [case.id for case in chosen]
        for name in names:
            if not any(name in (case.id, case.name) for case in chosen):
                hint = near(name, known) or "--list lists them"
                raise AnswerError(f"no case {name!r}", key="--case", hint=hint)
        chosen = tuple(case for case in chosen if {case.id, case.name} & set(names))
    return tuple(case for case in chosen if case.quick) if quick else chosen
