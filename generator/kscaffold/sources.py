"""Where templates come from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from kscaffold.errors import TemplateError
from kscaffold.manifest import Manifest, parse_manifest


@dataclass(frozen=True)
class Template:
    """A template: its folder, and what its manifest says."""

    root: Path
    manifest: Manifest


def template_root() -> Path:
    """Return the folder of the built-in template: installed with the package, or the checkout's."""
    package = Path(__file__).parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parents[1] / "templates"


def load_template(root: Path | None = None) -> Template:
    """Load the template in a folder; without one, the built-in template.

    Raises:
        TemplateError: there is no manifest, or it is broken.
    """
    root = root or template_root()
    try:
        text = (root / "kscaffold.toml").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TemplateError(f"{root}: no readable kscaffold.toml: {error}") from None
    return Template(root, parse_manifest(text))
