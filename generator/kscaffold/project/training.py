"""The short training that a template describes under [test]."""

from __future__ import annotations

from importlib.util import find_spec

from kscaffold.errors import place_named
from kscaffold.project.answers import Answers
from kscaffold.project.pipeline import Scaffold, choose, derived_values
from kscaffold.template.manifest import Manifest


def training_arguments(scaffold: Scaffold, answers: Answers, scratch: str) -> list[str]:
    """Return the arguments to Python that train a project; raises `TemplateError`.

    Args:
        scaffold: the template.
        answers: the project's.
        scratch: a folder that is not there yet, for what the training leaves.
    """
    scaffold = choose(scaffold, answers)
    values = {**derived_values(scaffold, answers), "scratch": scratch}
    with place_named("[test] train"):
        return [
            scaffold.renderer.text(word, values) for word in scaffold.template.manifest.test.train
        ]


def missing_modules(manifest: Manifest) -> list[str]:
    """Return the modules that the projects need and that are not installed here."""
    # To look for a module within another one would import that.
    return [name for name in manifest.test.needs if not find_spec(name.partition(".")[0])]
