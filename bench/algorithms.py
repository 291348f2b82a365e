"""What the algorithms give that can be asked for: the figures of docs/gallery.md.

    make bench-algorithms

Each project is generated and trained on the digits with three seeds; the figures are means. It also
draws the pictures of the gallery, and fails where the figures are not what the gallery claims.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
from click.testing import CliRunner

from kscaffold.cli import main as kscaffold

ROOT = Path(__file__).parents[1]
SEEDS = (0, 1, 2)
# Few rows to learn from, so that what a method adds is seen.
EPOCHS = 60
FEW: dict[str, Any] = {"test_fraction": 0.5, "validation_fraction": 0.3}


# Those whose data are not the digits.
OWN_DATA = ("multitask", "pinn")


class Project:
    """A generated project, imported here."""

    def __init__(self, folder: Path, algorithm: str) -> None:
        self.folder = folder
        self.package = f"bench_{algorithm.replace('-', '_')}"
        given = ["--algorithm", algorithm, "--package", self.package]
        if algorithm not in OWN_DATA:
            given += ["--data", "digits"]
        made = CliRunner().invoke(
            kscaffold, ["new", str(folder), "--defaults", "--no-git", "-q", *given]
        )
        if made.exit_code:
            raise SystemExit(made.output)
        sys.path.insert(0, str(folder / "src"))

    def __getattr__(self, module: str) -> ModuleType:
        return importlib.import_module(f"{self.package}.{module}")

    def train(self, seed: int, **fields: Any) -> tuple[Any, Any, Path]:
        """Train a run; return the model, its data and the run's folder."""
        fields = {"seed": seed, "verbose": 0, **fields}
        config = self.config.Config(**fields)
        name = "-".join(f"{name}-{value}" for name, value in fields.items())
        run = self.train_module.train(config, self.folder / name)
        return self.evaluate.load_model(run), self.data.load_data(config), run.path

    def timed(self, seed: int) -> tuple[Any, Any, Path, float]:
        """Train a run; return what `train` does, and the seconds that it took."""
        start = time.perf_counter()
        return *self.train(seed), time.perf_counter() - start

    @property
    def train_module(self) -> ModuleType:
        """The module `train`, whose name the method has."""
        return importlib.import_module(f"{self.package}.train")


def loss_of(model: Any, x: Any, y: Any) -> Any:
    """Return the loss as a function of weights and images, as in evaluation."""
    others = [v.value for v in model.non_trainable_variables]
    per_row = keras.losses.sparse_categorical_crossentropy

    def loss(weights: Any, x: Any = x) -> Any:
        y_pred, _ = model.stateless_call(weights, others, x, training=False)
        return jax.numpy.mean(per_row(y, y_pred))

    return loss


def sharpness(model: Any, x: Any, y: Any, rho: float = 0.5) -> float:
    """Return how much the loss rises at the distance rho, up its gradient."""
    loss, weights = loss_of(model, x, y), [v.value for v in model.trainable_variables]
    gradients = jax.grad(loss)(weights)
    norm = sum(float(np.sum(np.square(g))) for g in gradients) ** 0.5
    higher = [w + rho * g / norm for w, g in zip(weights, gradients, strict=True)]
    return float(loss(higher) - loss(weights))


def attacked_accuracy(model: Any, x: Any, y: Any, epsilon: float = 1.0) -> float:
    """Return the accuracy on images that the fast gradient sign method has changed."""
    loss, weights = loss_of(model, x, y), [v.value for v in model.trainable_variables]
    slope = jax.grad(loss, argnums=1)(weights, jax.numpy.asarray(x))
    y_pred = model.predict(np.asarray(x + epsilon * np.sign(slope)), verbose=0)
    return float(np.mean(y_pred.argmax(axis=1) == y))


def classifier(project: Project, seed: int, wrong: float, fields: dict[str, Any]) -> Any:
    """Train a classifier on rows of which some have a wrong label; return it and the data."""
    config = project.config.Config(seed=seed, verbose=0, **FEW, **fields)
    data = project.data.load_data(config)
    keras.utils.set_random_seed(seed)
    model = project.train_module.compile_model(project.model.build_model(config, data), config)
    random, y = np.random.default_rng(seed), data.train.y.copy()
    rows = random.random(len(y)) < wrong
    y[rows] = random.integers(0, 10, rows.sum())
    batches = project.data.Batches(data.train._replace(y=y), config)
    model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0)
    return model, data


def supervised_figures(project: Project, seed: int, fields: dict[str, Any]) -> dict[str, float]:
    """Train classifiers; return what they do on test rows, and how sharp the minimum is."""
    model, data = classifier(project, seed, 0.0, fields)
    x, y = data.test.x, data.test.y
    misled, _ = classifier(project, seed, 0.4, fields)
    return {
        "accuracy": model.evaluate(x, y, verbose=0, return_dict=True)["accuracy"],
        "accuracy, 40% of labels random": misled.evaluate(x, y, verbose=0, return_dict=True)[
            "accuracy"
        ],
        "rise of the loss nearby": sharpness(model, *data.train[:2]),
        "accuracy under attack": attacked_accuracy(model, x, y),
    }


FIELDS: dict[str, dict[str, Any]] = {
    "supervised": {},
    "sam": {"rho": 0.2},
    "mixup": {"alpha": 1.0},
    "adversarial": {"epsilon": 1.0, "attack_steps": 3},
}


# Noise, in units of the clip.
NOISES = (0.0, 1.0, 2.0, 4.0)


def private_figures(project: Project, seed: int) -> dict[str, float]:
    """Train classifiers with more and more noise; return accuracy and privacy of each."""
    figures: dict[str, float] = {}
    for noise in NOISES:
        fields = {"epochs": 20, "batch_size": 128, "learning_rate": 1e-2}
        config = project.config.Config(noise=noise, seed=seed, verbose=0, **fields)
        data = project.data.load_data(config)
        keras.utils.set_random_seed(seed)
        model = project.train_module.compile_model(project.model.build_model(config, data), config)
        model.fit(project.data.Batches(data.train, config), epochs=20, shuffle=False, verbose=0)
        logs = model.evaluate(data.test.x, data.test.y, verbose=0, return_dict=True)
        accounting = importlib.import_module(f"{project.package}.privacy.accounting")
        privacy = accounting.privacy_of(20, data.train.num_rows, config)
        figures |= {
            f"accuracy, noise {noise}": logs["accuracy"],
            f"epsilon, noise {noise}": privacy.epsilon,
            f"epsilon if sampled, noise {noise}": privacy.epsilon_if_sampled,
        }
    return figures


def multitask_figures(project: Project, seed: int) -> dict[str, float]:
    """Train with weights that are learned, and without; return the reports on test rows."""
    figures: dict[str, float] = {}
    for name, learned in (("learned", True), ("all the same", False)):
        model, data, _ = project.train(seed, learn_weights=learned)
        report = project.evaluate.make_report(model, data)
        figures |= {f"{key}, {name}": value for key, value in report.test.items()}
    return figures


def solution_figures(project: Project, seed: int) -> dict[str, float]:
    """Solve the equation; return the report, and the seconds that it took."""
    model, data, path, seconds = project.timed(seed)
    if seed == SEEDS[0]:
        command = importlib.import_module(f"{project.package}.solution").solution
        command(output=path / "gallery-pinn.csv", run_dir=path)
        shutil.copy(path / "gallery-pinn.png", ROOT / "docs" / "gallery-pinn.png")
    return {**project.evaluate.make_report(model, data).test, "seconds": seconds}


def generator_figures(project: Project, seed: int) -> dict[str, float]:
    """Train a generator; return its report, beside that of the baseline."""
    model, data, path = project.train(seed)
    report = project.evaluate.make_report(model, data)
    if seed == SEEDS[0]:
        command = importlib.import_module(f"{project.package}.drawing.sample").sample
        picture = ROOT / f"docs/gallery-{project.folder.name}.png"
        command(output=picture, run_dir=path)
    figures = dict(report.test)
    figures |= {f"{name} of the baseline": value for name, value in report.baseline.items()}
    real = project.evaluate.scores(data.test.x, data.train)
    figures |= {f"{name} of real images": value for name, value in real.items()}
    return figures


def accuracy(model: Any, data: Any) -> float:
    """Return the accuracy on test rows."""
    return float(np.mean(model.predict(data.test.x, verbose=0).argmax(axis=1) == data.test.y))


def distillation_figures(project: Project, seed: int) -> dict[str, float]:
    """Let students learn from 50 rows, with and without a teacher that knows all of them."""
    fields = {"seed": seed, "verbose": 0, "test_fraction": 0.5, "validation_fraction": 0.1}
    figures: dict[str, float] = {}
    teacher: Any = None
    for name, alpha in (("alone", 0.0), ("with the teacher", 0.9)):
        config = project.config.Config(alpha=alpha, **fields)
        data = project.data.load_data(config)
        keras.utils.set_random_seed(seed)
        model = project.train_module.compile_model(project.model.build_model(config, data), config)
        if teacher is None:
            project.train_module.train_teacher(model, config, data)
            teacher = model.teacher.get_weights()
        model.teacher.set_weights(teacher)
        few = project.data.Split(*(part[:50] for part in data.train))
        batches = project.data.Batches(few, config)
        model.fit(batches, epochs=200, shuffle=False, verbose=0)
        figures[f"accuracy, {name}"] = accuracy(model, data)
        figures["accuracy of the teacher"] = accuracy(model.teacher, data)
        figures["rows of the teacher"] = data.train.num_rows
        figures["weights of the teacher, by those of the student"] = (
            model.teacher.count_params() / (model.count_params() - model.teacher.count_params())
        )
    return figures


def mean_teacher_figures(project: Project, seed: int) -> dict[str, float]:
    """Learn from 50 labels: those rows alone, and with all other rows."""
    fields = {"seed": seed, "verbose": 0, "test_fraction": 0.5, "validation_fraction": 0.1}
    config = project.config.Config(labelled=50, dropout=0.5, **fields)
    data = project.data.load_data(config)
    hidden = project.labels.hide_labels(data, config).train
    keras.utils.set_random_seed(seed)
    model = project.train_module.compile_model(project.model.build_model(config, data), config)
    alone = keras.models.clone_model(model.student)
    alone.set_weights(model.student.get_weights())
    alone.compile(keras.optimizers.Adam(config.learning_rate), "sparse_categorical_crossentropy")
    labelled = np.flatnonzero(hidden.y >= 0)
    # As many steps as with all rows.
    again = np.resize(labelled, hidden.num_rows)
    few = project.data.Split(*(part[again] for part in hidden))
    for each, rows in ((alone, few), (model, hidden)):
        batches = project.data.Batches(rows, config)
        each.fit(batches, epochs=config.epochs, shuffle=False, verbose=0)
    return {
        "accuracy of 50 rows alone": accuracy(alone, data),
        "accuracy of the mean teacher": accuracy(model, data),
        "rows without a label": float((hidden.y < 0).sum()),
    }


def embedding_figures(project: Project, seed: int) -> dict[str, float]:
    """Learn embeddings; return its report beside that of pixels, and the seconds that it took."""
    model, data, path, seconds = project.timed(seed)
    if seed == SEEDS[0]:
        command = importlib.import_module(f"{project.package}.embeddings.picture").embeddings
        command(output=ROOT / "docs" / "gallery-simclr.png", run_dir=path)
    report = project.evaluate.make_report(model, data)
    figures = {**report.test, "seconds": seconds}
    return figures | {f"{name} of pixels": value for name, value in report.baseline.items()}


DRAWING = ("vae", "gan", "wgan-gp", "diffusion")
OWN: dict[str, Any] = {
    "distillation": distillation_figures,
    "mean-teacher": mean_teacher_figures,
    "dp-sgd": private_figures,
    "multitask": multitask_figures,
    "pinn": solution_figures,
    "simclr": embedding_figures,
}


def figures_of(algorithm: str, project: Project) -> Iterator[dict[str, float]]:
    """Yield the figures of each seed."""
    for seed in SEEDS:
        if algorithm in FIELDS:
            yield supervised_figures(project, seed, FIELDS[algorithm])
        elif algorithm in OWN:
            yield OWN[algorithm](project, seed)
        else:
            yield generator_figures(project, seed)


RISE, ATTACKED = "rise of the loss nearby", "accuracy under attack"
Figures = dict[str, dict[str, float]]
# What docs/gallery.md claims, by the algorithms whose figures it is about. The margins leave room
# for the rounding of other processors.
CLAIMS: dict[tuple[str, ...], dict[str, Callable[..., bool]]] = {
    ("sam", "supervised"): {
        "the minimum is flatter": lambda own, other: own[RISE] < other[RISE] / 2,
    },
    ("adversarial", "supervised"): {
        "the attack misleads it less": lambda own, other: own[ATTACKED] > other[ATTACKED] + 0.05,
    },
    ("dp-sgd",): {
        "noise costs accuracy": lambda f: f["accuracy, noise 0.0"] > f["accuracy, noise 4.0"],
        "noise gives privacy": lambda f: f["epsilon, noise 1.0"] > 2 * f["epsilon, noise 4.0"],
    },
    ("distillation",): {
        "the teacher helps": lambda f: (
            f["accuracy, with the teacher"] > f["accuracy, alone"] + 0.02
        ),
    },
    ("mean-teacher",): {
        "rows without labels help": lambda f: (
            f["accuracy of the mean teacher"] > f["accuracy of 50 rows alone"] + 0.02
        ),
    },
    ("vae",): {
        "the bound is below 24 nats": lambda f: f["loss"] < 24 < f["loss of the baseline"],
    },
    ("gan",): {"a third is recognised": lambda f: f["recognised"] > 1 / 3},
    ("wgan-gp",): {"a fifth is recognised": lambda f: f["recognised"] > 1 / 5},
    ("diffusion",): {"a third is recognised": lambda f: f["recognised"] > 1 / 3},
    ("multitask",): {
        "both targets are learned": lambda f: (
            min(f["progression_r2, learned"], f["glucose_r2, learned"]) > 0.25
        ),
        "weights that are learned fit better": lambda f: (
            f["loss, learned"] < f["loss, all the same"]
        ),
    },
    ("pinn",): {"the error is below 1%": lambda f: f["relative_error"] < 1e-2},
    ("simclr",): {
        "embeddings tell more than pixels": lambda f: (
            f["probe_accuracy"] > f["probe_accuracy of pixels"] + 0.02
        ),
    },
}


def broken_claims(found: Figures) -> Iterator[str]:
    """Yield each claim about the algorithms that were trained which does not hold."""
    for algorithms, claims in CLAIMS.items():
        if found.keys() >= set(algorithms):
            for text, holds in claims.items():
                if not holds(*(found[algorithm] for algorithm in algorithms)):
                    yield f"{algorithms[0]}: {text}"


def main() -> None:
    """Print the figures, algorithm by algorithm; exit with what does not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("algorithms", nargs="*", default=[*FIELDS, *OWN, *DRAWING])
    means: Figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for algorithm in parser.parse_args().algorithms:
            project = Project(Path(folder, algorithm), algorithm)
            found = list(figures_of(algorithm, project))
            means[algorithm] = {n: statistics.mean(f[n] for f in found) for n in found[0]}
            print(f"\n{algorithm}")
            for name, value in means[algorithm].items():
                print(f"  {name:<32} {value:.4g}", flush=True)
    if broken := list(broken_claims(means)):
        raise SystemExit("\nThese claims of docs/gallery.md do not hold:\n" + "\n".join(broken))


if __name__ == "__main__":
    main()
