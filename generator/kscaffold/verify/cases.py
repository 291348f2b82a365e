"""The cases of `cases.toml`, and their code."""

from __future__ import annotations

import ast
import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from kscaffold.errors import AnswerError
from kscaffold.hints import near, near_or_all

Problem = Literal["regression", "binary", "multiclass"]
Verdict = Literal["exact", "within tolerance", "refuses", "differs", "crashes", "not applicable"]

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
class Setup:
    """The last layer and the targets of a problem, as code."""

    units: str
    activation: str
    targets: str


SETUPS: dict[Problem, Setup] = {
    "regression": Setup("1", "None", "x[:, :1] - x[:, 1:2] ** 2"),
    "binary": Setup("1", "'sigmoid'", "np.arange(30) % 2"),
    "multiclass": Setup("3", "'softmax'", "np.arange(30) % 3"),
}


@dataclass(frozen=True)
class Declared:
    """The loss and metrics, as code, of `keras.Model` and, unless `manual`, of the class."""

    problem: Problem = "regression"
    manual: bool = False  # whether loss and metrics are built in, so that compile() takes none
    loss: str = "'mse'"
    metrics: str = "['mae']"
    weighted_metrics: str = "['mae']"


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
        """The full name: family and case."""
        return f"{self.family}: {self.name}"

    @property
    def suits_manual(self) -> bool:
        """Whether it applies to classes with built-in loss and metrics."""
        own = self.loss or self.metrics or self.weighted_metrics
        return not own if self.manual is None else self.manual

    def with_steps(self, steps: int) -> Case:
        """Return the case with this many steps per execution, unless it is about that itself."""
        if "steps_per_execution" in self.compile + self.run:
            return self
        option = f"steps_per_execution={steps}"
        return replace(self, compile=", ".join(filter(None, [self.compile, option])))

    def build_code(self, declared: Declared) -> str:
        """Return the code that defines the data, and `model`."""
        setup = SETUPS[declared.problem]
        network = self.model or (LAYERED.format(layer=self.layer) if self.layer else NETWORK)
        parts = (DATA.format(targets=setup.targets), self.data, self.setup, network)
        code = "\n".join(part.strip("\n") for part in parts if part)
        return code.replace("HEAD.units", setup.units).replace("HEAD.activation", setup.activation)

    def compile_code(self, declared: Declared, *, manual: bool) -> str:
        """Return the arguments of compile; `manual` leaves loss and metrics to the class."""
        parts = [f"optimizer={self.optimizer}"]
        if not manual:
            parts += [
                f"{name}={getattr(self, name) or getattr(declared, name)}"
                for name in ("loss", "metrics", "weighted_metrics")
            ]
        return ", ".join(filter(None, [*parts, self.compile]))

    def run_code(self) -> str:
        """Return the code that trains `model` and sets `history` or `result`."""
        if self.run:
            return self.run.strip("\n")
        call = ast.parse(f"f({self.fit})", mode="eval").body
        assert isinstance(call, ast.Call)
        given = {keyword.arg for keyword in call.keywords}
        frame = [f"{name}={value}" for name, value in FIT.items() if name not in given]
        arguments = ", ".join(["x", "y", *([self.fit] if self.fit else []), *frame])
        return f"history = model.fit({arguments})"


@dataclass(frozen=True)
class Outcome:
    """The outcome of a case.

    `detail` is the first difference, or the error; `snippet` reproduces a case that does not hold.
    """

    case: Case
    verdict: Verdict
    detail: str = ""
    snippet: str = ""

    @property
    def holds(self) -> bool:
        """Whether the promise is kept, or openly refused."""
        return self.verdict in ("exact", "refuses", "not applicable")


@functools.cache
def all_cases() -> tuple[Case, ...]:
    """Return all cases, family by family."""
    text = Path(__file__).with_name("cases.toml").read_text(encoding="utf-8")
    return tuple(
        Case(family=family["name"], cause=family["cause"], **case)
        for family in tomllib.loads(text)["family"]
        for case in family["case"]
    )


def choose(families: Sequence[str], names: Sequence[str], *, quick: bool) -> tuple[Case, ...]:
    """Return the cases of these families and names (default: all); raises `AnswerError`.

    With `quick`, only one case of each family.
    """
    chosen = all_cases()
    known = [*dict.fromkeys(case.family for case in chosen)]
    for family in families:
        if family not in known:
            hint = near_or_all(family, known)
            raise AnswerError(f"no family {family!r}", key="--family", hint=hint)
    chosen = tuple(case for case in chosen if not families or case.family in families)
    for name in names:
        if not any(name in (case.id, case.name) for case in chosen):
            hint = near(name, [case.id for case in chosen]) or "--list lists them"
            raise AnswerError(f"no case {name!r}", key="--case", hint=hint)
    chosen = tuple(case for case in chosen if not names or {case.id, case.name} & {*names})
    return tuple(case for case in chosen if case.quick or not quick)
