"""Keep secret answers out of everything but the files that use them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from kscaffold.errors import KscaffoldError, TemplateError
from kscaffold.project.answers import Answers
from kscaffold.safety.escaping import quote
from kscaffold.template.manifest import Manifest


def public(manifest: Manifest, answers: Answers) -> Answers:
    """Return the answers without the secret ones."""
    values, chosen = (
        {name: value for name, value in each.items() if not manifest.questions[name].secret}
        for each in (answers.values, answers.chosen)
    )
    return replace(answers, values=values, chosen=chosen)


def masked(manifest: Manifest, answers: Answers) -> Answers:
    """Return the answers with "<NAME>" in place of each secret."""
    names = _secrets(manifest, answers.values)
    return replace(answers, values={**answers.values, **{name: f"<{name}>" for name in names}})


def redacted(text: str, manifest: Manifest, values: Mapping[str, object]) -> str:
    """Return a text with "<NAME>" in place of each secret, plain or quoted."""
    for name, secret in _secrets(manifest, values).items():
        for form in sorted((secret, quote(secret)[1:-1], repr(secret)[1:-1]), key=len)[::-1]:
            text = text.replace(form, f"<{name}>")
    return text


@contextmanager
def secrets_hidden(manifest: Manifest, given: Mapping[str, object]) -> Iterator[None]:
    """Remove the given secrets from an error from within."""
    try:
        yield
    except KscaffoldError as error:
        error.reason = redacted(error.reason, manifest, given)
        error.hint = redacted(error.hint, manifest, given)
        raise


@contextmanager
def answers_named(manifest: Manifest, answers: Answers) -> Iterator[None]:
    """Add the answers, without secrets, to a template error from within."""
    given = [
        name if value is True else f"{name}={value}"
        for name, value in public(manifest, answers).chosen.items()
    ]
    try:
        with secrets_hidden(manifest, answers.values):
            yield
    except TemplateError as error:
        error.reason += f" (with {', '.join(given) or 'the default answers'})"
        raise


def _secrets(manifest: Manifest, values: Mapping[str, object]) -> dict[str, str]:
    return {
        name: str(values[name])
        for name, question in manifest.questions.items()
        if question.secret and values.get(name)
    }
