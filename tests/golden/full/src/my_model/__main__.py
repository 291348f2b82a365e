"""The command line: `python -m my_model train | evaluate | predict`."""

from __future__ import annotations

import argparse
import dataclasses
import gc
import sys
from pathlib import Path
from typing import Annotated

import tyro

from .config import Config, KnobError
from .predict import predict
from .report import print_report
from .runs import RunError, old_run, read_config
from .table import DataError
from .train import resume, train


@dataclasses.dataclass(frozen=True)
class Train:
    """Train a model and leave a run folder."""

    knobs: tyro.conf.OmitArgPrefixes[Config]
    run_dir: Path | None = None
    """Folder of the run; by default a new one in runs/, named by the time."""
    config: Path | None = None
    """Take the knobs that are not given here from the config.json of a run."""
    resume: bool = False
    """Go on with the run in --run-dir, or else with the latest run, with its knobs."""

    def __call__(self) -> None:
        """Run the command."""
        if self.resume:
            resume(self.run_dir)
        else:
            train(self.knobs, self.run_dir)


@dataclasses.dataclass(frozen=True)
class Evaluate:
    """Print a trained model's test metrics beside the baseline's."""

    run_dir: Path | None = None
    """Folder of the run; by default the latest."""

    def __call__(self) -> None:
        """Run the command."""
        run = old_run(self.run_dir)
        print_report(run.load_model(), run.load_data())


@dataclasses.dataclass(frozen=True)
class Predict:
    """Predict new rows with a trained model."""

    rows: tyro.conf.Positional[Path]
    """A CSV table with a column for each feature, or an .npz file with an array x."""
    output: Path = Path("predictions.csv")
    """The CSV file to write."""
    run_dir: Path | None = None
    """Folder of the run; by default the latest."""

    def __call__(self) -> None:
        """Run the command."""
        predict(old_run(self.run_dir), self.rows, self.output)


def main(arguments: list[str]) -> None:
    """Run the command that the arguments name."""
    # The defaults of the knobs come from --config, so it is looked at first.
    program = "python -m my_model"
    parser = argparse.ArgumentParser(
        program, usage=argparse.SUPPRESS, add_help=False, allow_abbrev=False
    )
    parser.add_argument("--config", type=Path)
    parser.add_argument("--run-dir", "--run_dir")
    parser.add_argument("--resume", action="store_true")
    given, others = parser.parse_known_args(arguments)
    knobs = read_config(given.config) if given.config else Config()

    train_command = Annotated[
        Train, tyro.conf.subcommand("train", default=Train(knobs))
    ]
    evaluate_command = Annotated[Evaluate, tyro.conf.subcommand("evaluate")]
    predict_command = Annotated[Predict, tyro.conf.subcommand("predict")]
    command: Train | Evaluate | Predict = tyro.cli(
        train_command | evaluate_command | predict_command,
        prog=program,
        description=__doc__,
        args=arguments,
    )
    if given.resume and (given.config or others != ["train"]):
        raise RunError("--resume takes all knobs from the run: give no others")
    try:
        command()
    except KeyboardInterrupt:
        if isinstance(command, Train) and command.knobs.resumable:
            print("`train --resume` goes on after the last epoch", file=sys.stderr)
        raise


if __name__ == "__main__":
    # What is imported stays: garbage is faster found without going through it.
    gc.freeze()
    try:
        main(sys.argv[1:])
    except (DataError, KnobError, RunError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
