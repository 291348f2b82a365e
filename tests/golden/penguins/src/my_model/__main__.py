"""The command line: `python -m my_model train | resume | evaluate | predict | runs`."""

from __future__ import annotations

import sys
from pathlib import Path

import tyro

from .config import Config
from .errors import UserError
from .evaluate import evaluate
from .predict import predict
from .runs.files import read_json
from .runs.finding import list_runs
from .train import resume, train

PROGRAM = "python -m my_model"


def read_defaults(config: Path | None = None) -> Config:
    """Return the configuration in a file, or that of `Config`."""
    return Config() if config is None else read_json(config, Config)


def main(arguments: list[str]) -> None:
    """Run the command that the arguments name."""
    # First of all, since these defaults are shown in the help.
    defaults, _ = tyro.cli(
        read_defaults, args=arguments, return_unknown_args=True, add_help=False
    )

    def train_command(
        fields: tyro.conf.OmitArgPrefixes[Config] = defaults,
        run_dir: Path | None = None,
        config: Path | None = None,
    ) -> None:
        """Train a model and leave a run directory.

        Args:
            fields: The fields of the configuration.
            run_dir: Directory of the run (None: a new one in runs/).
            config: Take the fields that are not given from this config.json.
        """
        train(fields, run_dir)

    tyro.extras.subcommand_cli_from_dict(
        {
            "train": train_command,
            "resume": resume,
            "evaluate": evaluate,
            "predict": predict,
            "runs": list_runs,
        },
        prog=PROGRAM,
        description="Train a model, and use it.",
        args=arguments,
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except (UserError, OSError) as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        sys.exit(130)
