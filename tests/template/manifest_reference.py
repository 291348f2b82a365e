"""The tables of keys in docs/templates.md, which `make reference` writes from the types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kscaffold.template.manifest.schema import manifest_schema
from tests.projects import ROOT

PAGE = ROOT / "docs" / "templates.md"
BEGIN, END = "<!-- keys: written by `make reference` -->\n", "<!-- end of keys -->\n"


def reference() -> str:
    """Return a table of keys for kscaffold.toml, and for each table in it."""
    schema = manifest_schema()
    parts = ["".join(_rows(schema, is_top=True))]
    for name, part in schema["properties"].items():
        table = _table_in(part)
        if "properties" in table:
            parts.append(
                f"`{_header(name, part)}`: {table['description']}\n\n{''.join(_rows(table))}"
            )
    return "\n".join(parts)


def _rows(table: dict[str, Any], *, is_top: bool = False) -> Iterator[str]:
    yield "| key | what it says |\n|---|---|\n"
    for name, part in table["properties"].items():
        header = _header(name, part) if is_top else name
        yield f"| `{header}` | {part['description']}{_default(part)} |\n"


def _table_in(part: dict[str, Any]) -> dict[str, Any]:
    """Return the table that a key is, or the tables of which it has several."""
    inner: dict[str, Any] = part.get("items") or part.get("additionalProperties") or part
    return inner


def _header(name: str, part: dict[str, Any]) -> str:
    """Return a key of the manifest as TOML has it, such as "[[files]]"."""
    if part["type"] == "array" and "properties" in part["items"]:
        return f"[[{name}]]"
    if part["type"] != "object":
        return name
    return f"[{name}.NAME]" if "properties" in (part["additionalProperties"] or {}) else f"[{name}]"


def _default(part: dict[str, Any]) -> str:
    default = part.get("default")
    is_told = isinstance(default, (int, str)) and not isinstance(default, bool) and default
    return f"; by default {default}" if is_told else ""


def written(page: str) -> str:
    """Return the page with the tables as they should be."""
    before, _, rest = page.partition(BEGIN)
    return f"{before}{BEGIN}\n{reference()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
