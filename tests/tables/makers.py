"""Small tables with one quirk each: three numbers, and a target that two of them decide."""

from __future__ import annotations

import gzip
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

_random = random.Random(1)
ROWS = [[round(_random.gauss(0, 1), 3) for _ in range(3)] for _ in range(120)]

Row = Sequence[Any]
Quirk = tuple[str, bytes]


def label(row: Row) -> str:
    """The target of a row."""
    return "yes" if row[0] + row[1] > 0 else "no"


def text(make: Callable[[int, Row], Row], header: str = "a,b,c,y") -> str:
    """A table as CSV."""
    lines = [",".join(map(str, make(number, row))) for number, row in enumerate(ROWS)]
    return "\n".join([header, *lines]) + "\n"


def target(value: Callable[[int, Row], object]) -> str:
    """A table with another target."""
    return text(lambda number, row: [*row, value(number, row)])


def feature(value: Callable[[int, Row], object]) -> str:
    """A table with another first column."""
    return text(lambda number, row: [value(number, row), *row[1:], label(row)])


PLAIN = target(lambda _, row: label(row))

# The same table, written in other ways.
SAME: dict[str, bytes] = {
    "plain.csv": PLAIN.encode(),
    "plain.csv.gz": gzip.compress(PLAIN.encode()),
    "semicolon.csv": PLAIN.replace(",", ";").encode(),
    "bar.csv": PLAIN.replace(",", "|").encode(),
    "tab.tsv": PLAIN.replace(",", "\t").encode(),
    "decimal_comma.csv": PLAIN.replace(",", ";").replace(".", ",").encode(),
    "utf16.csv": PLAIN.encode("utf-16"),
    "bom.csv": PLAIN.encode("utf-8-sig"),
    "crlf.csv": PLAIN.replace("\n", "\r\n").encode(),
    "blank_lines.csv": PLAIN.replace("\n", "\n\n").encode(),
    "comment.csv": f"# exported 2024\n{PLAIN}".encode(),
    "separator_line.csv": ("sep=;\n" + PLAIN.replace(",", ";")).encode(),
    "trailing_comma.csv": PLAIN.replace("\n", ",\n").encode(),
    "trailing_comma_in_rows.csv": PLAIN.replace("\n", ",\n").replace(",\n", "\n", 1).encode(),
    "spaces.csv": PLAIN.replace(",", " , ").encode(),
    "quoted.csv": "\n".join(
        ",".join(f'"{cell}"' for cell in line.split(",")) for line in PLAIN.split("\n")[:-1]
    ).encode(),
}

# Tables that train, each with its task and what must be said of it.
LEARNED: dict[str, tuple[str, str, str]] = {
    "odd_names.csv": (PLAIN.replace("a,b,c,y", '"a,1","b\n2","{{c}}",y'), "classification", ""),
    "names_of_ours.csv": (
        PLAIN.replace("a,b,c,y", "features,loss,predictions,class"),
        "classification",
        "",
    ),
    "no_header.csv": (PLAIN.split("\n", 1)[1], "classification", "--no-header"),
    "category.csv": (feature(lambda i, _: ["red", "blue"][i % 2]), "classification", ""),
    "boolean.csv": (feature(lambda i, _: [True, False][i % 2]), "classification", ""),
    "date.csv": (feature(lambda i, _: f"2024-01-{1 + i % 28:02}"), "classification", ""),
    "missing_number.csv": (
        feature(lambda i, r: ["NA", "", "?", r[0]][min(i, 3)]),
        "classification",
        "",
    ),
    "missing_target.csv": (
        target(lambda i, r: "" if i == 5 else r[0] * 2),
        "regression",
        "1 row without a target is left out",
    ),
    "na_target.csv": (
        "a,b,y\n1,2,1.5\n1,1,NA\n2,3,2.5\n2,4,2.25\n" + "3,1,2\n" * 60,
        "regression",
        "1 row without a target is left out",
    ),
    "inf_target.csv": (
        target(lambda i, r: "inf" if i == 5 else r[0] * 2),
        "regression",
        "column 'y', line 7: 'inf' is no number",
    ),
    "too_big.csv": (
        feature(lambda i, r: "1e39" if i == 3 else r[0]),
        "classification",
        "column 'a', line 5: '1e39' is no number",
    ),
    "underscore.csv": (
        feature(lambda i, r: "1_000" if i == 3 else r[0]),
        "classification",
        "column 'a', line 5: '1_000' is no number",
    ),
    "arabic.csv": (
        feature(lambda i, r: "٣" if i == 3 else r[0]),
        "classification",
        "column 'a', line 5: '٣' is no number",
    ),
    "unix_time.csv": (
        text(lambda i, r: [1700000000 + i, r[1], r[2], r[0] * 3 + r[1] + 1700000000]),
        "regression",
        "",
    ),
    "constant.csv": (feature(lambda _, __: 5), "classification", ""),
    "rare_flag.csv": (
        "x,rare,y\n"
        + "".join(
            f"{i / 10},{int(i == 105)},{3 * i / 10 + row[0] / 9}\n"
            for i, row in enumerate(ROWS * 2)
        ),
        "regression",
        "",
    ),
    "skewed.csv": (
        target(lambda _, r: 10 ** (2 * abs(r[0]) + r[1] / 9)),
        "regression",
        "",
    ),
    "large_target.csv": (
        target(lambda _, r: (r[0] + r[1]) * 1e6 + 5e7),
        "regression",
        "",
    ),
    "tiny_target.csv": (
        target(lambda _, r: (r[0] + r[1]) * 1e-9),
        "regression",
        "",
    ),
    "few_rows.csv": ("\n".join(PLAIN.split("\n")[:17]) + "\n", "classification", "16 rows are few"),
}

# Tables that are refused, and what the message says.
REFUSED: dict[str, tuple[bytes, str]] = {
    "duplicate_names.csv": (
        PLAIN.replace("a,b,c,y", "a,a,c,y").encode(),
        "two columns are called 'a'; rename",
    ),
    "ragged.csv": (
        PLAIN.replace("\n", ",1\n", 3).replace(",1\n", "\n", 2).encode(),
        "line 3 has 5 cells, the header 4; quote",
    ),
    "open_quote.csv": (
        PLAIN.replace("yes", '"yes', 1).encode(),
        "a quoted cell is never closed; write",
    ),
    "nul.csv": (PLAIN.replace("\n", "\n\0", 1).encode(), "line 2: a NUL byte, .*; export"),
    "header_only.csv": (b"a,b,y\n", "no rows below its header; a header line"),
    "empty.csv": (b"", "is empty; a header line"),
    "identifier_target.csv": (
        target(lambda i, _: f"id{i}").encode(),
        "target 'y' has another value in nearly every row, .*; name another",
    ),
    "constant_target.csv": (target(lambda _, __: 1).encode(), "target 'y': always '1'; name"),
    "one_column.csv": (b"a b y\n1 2 3\n", "is the only column, .*; cells are separated by"),
    "binary.csv": (bytes(range(256)) * 9, "a NUL byte, so this is no text file; export"),
    "excel.csv": (b"\xd0\xcf\x11\xe0" + bytes(99), "is an Excel workbook: save it as CSV"),
    "large_cell.csv": (
        b"a,b\n1," + b"x" * 10_000_000 + b"\n",
        "line 2: more than 4000000 characters; is this",
    ),
    "long_cell.csv": (
        b"a,b\n1," + b"x" * 1_000_000 + b"\n",
        "line 2: a cell has more than 131072 characters; drop",
    ),
    "many_columns.csv": (
        ",".join(f"c{n}" for n in range(10_001)).encode() + b"\n",
        "10001 columns, more than 10000; keep",
    ),
    "many_classes.csv": (
        ("x,y\n" + "".join(f"{n % 7},label {n % 3000}\n" for n in range(9000))).encode(),
        "target 'y' has 3000 classes, more than 1000; name another",
    ),
    "misnamed.csv.gz": (PLAIN.encode(), r"is no \.gz file by its content; rename it"),
    "unnamed.csv": (gzip.compress(PLAIN.encode()), r"is a \.gz file by its content; name it"),
    "torn.csv.gz": (gzip.compress(PLAIN.encode())[:-20], "is not a readable CSV file"),
    "texts.csv": (
        ("t,y\n" + "".join(f"a long story about number {n},{n % 2}\n" for n in range(50))).encode(),
        "has no feature that says anything: 't' .*; --keep COLUMN",
    ),
}


def write(folder: Path, name: str, content: str | bytes) -> Path:
    """Write a table."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path
