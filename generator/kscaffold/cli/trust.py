"""Decide which templates may run code: the built-in one, and sources that the user trusts."""

from __future__ import annotations

from kscaffold.config import Config
from kscaffold.template.git import without_password
from kscaffold.template.origins import BUILT_IN
from kscaffold.template.stack import Template


def is_trusted(template: Template, config: Config) -> bool:
    """Return whether every layer of a template is our own, or trusted by the configuration."""
    trusted = {as_recorded(source) for source in config.trusted}
    return all(
        origin.kind == BUILT_IN or as_recorded(origin.source) in trusted
        for origin in template.origins
    )


def as_recorded(source: str) -> str:
    """Return a source as a project's record has it, but for the `git+` in front of a URL."""
    return without_password(source).removeprefix("git+")
