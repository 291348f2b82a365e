"""Code that reproduces a case."""

from __future__ import annotations

import re
import textwrap

from kscaffold.verify.cases import Case, Declared
from kscaffold.verify.subjects import Subject


def snippet(case: Case, subject: Subject, declared: Declared) -> str:
    """Return code that runs a case with both classes, and needs only Keras and JAX."""
    module, _, name = subject.target.partition(":")
    imported, own = (f"{name} as Own", "Own") if name == "Model" else (name, name)
    build, run = case.build_code(declared), case.run_code()
    # Define weights only if they are used.
    if "w" not in re.findall(r"\w+", build.partition("\nw =")[2].partition("\n")[2] + run):
        build = "\n".join(line for line in build.splitlines() if not line.startswith("w ="))
    shown = {"history.history": "history =", "result": "result ="}
    printed = ", ".join(value for value, where in shown.items() if where in run)
    body = [
        "keras.utils.set_random_seed(0)",
        build,
        *_compiling(case, declared, defines="compile_model" in run),
        run,
        f"print(Model.__name__, {printed})",
    ]
    lines = [
        "import os, sys",
        'os.environ["KERAS_BACKEND"] = "jax"',
        f"sys.path.insert(0, {subject.folder!r})" if subject.folder else "",
        f"import {'jax, ' if 'jax.' in build else ''}keras, numpy as np",
        f"from {module} import {imported}",
        'folder = "."' if "folder" in run else "",
        f"keras.config.set_dtype_policy({case.policy!r})" if case.policy else "",
        f"for Model in (keras.Model, {own}):",
        textwrap.indent("\n".join(body), "    "),
    ]
    return "\n".join(filter(None, lines))


def _compiling(case: Case, declared: Declared, *, defines: bool) -> list[str]:
    """Return the lines that compile `model`, by a function if that is done again."""
    stock = case.compile_code(declared, manual=False)
    own = case.compile_code(declared, manual=declared.manual)
    if not defines and own == stock:
        return [f"model.compile({stock})"]
    choice = [f"arguments = dict({stock})"]
    if own != stock:
        choice.append(f"if Model is not keras.Model: arguments = dict({own})")
    if not defines:
        return [*choice, "model.compile(**arguments)"]
    return [
        "def compile_model(model, **new):",
        *(f"    {line}" for line in choice),
        "    model.compile(**{**arguments, **new})",
        "compile_model(model)",
    ]
